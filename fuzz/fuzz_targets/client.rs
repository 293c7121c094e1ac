//! Any sequence of responses, bytes and endings: the client does what a model does.
#![no_main]

use std::time::Duration;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sse_wire::ParseErrorKind::Unread;
use sse_wire::client::{
    Answer, CloseReason, EventSource, ReadyState, ReceiveError, Reconnect, Rejection, Repeat, Responses,
};
use sse_wire::{Block, Event, OwnedBlock, OwnedEvent, ParseError, Parser};
use sse_wire_fuzz::drive::{Method, plain_block, plain_event};
use sse_wire_fuzz::oracle::Item;
use sse_wire_fuzz::steps::{ClientStep as Step, Steps};
use sse_wire_fuzz::turns::Turn;

const FLOOR: Duration = Duration::from_millis(10);
const BACKOFF: Duration = Duration::from_secs(20);
const GOOD_AFTER: Duration = Duration::from_secs(9);
const MAX_TRIES: u32 = 5;

/// The expected state of the source.
struct Model {
    state: ReadyState,
    reason: Option<CloseReason>,
    tries: u32,
    retry_after: Duration,
    /// Whether the connection has brought an event.
    brought_event: bool,
    closes_on_too_large: bool,
    is_unrepeatable: bool,
    /// Whether the last response was one after which the request is sent again in any case.
    is_refused: bool,
    /// A parser that reads the same bytes.
    parser: Parser,
}

fn rejection(status: u16, right_type: bool) -> Option<Rejection> {
    match status {
        200 if right_type => None,
        200 => Some(Rejection::ContentType { content_type: "text/plain".into() }),
        204 => Some(Rejection::NoContent),
        301 | 302 | 303 | 307 | 308 => Some(Rejection::Redirect { status }),
        _ => Some(Rejection::Status { status }),
    }
}

fn is_end(event: Option<Event<'_>>) -> bool {
    event.is_some_and(|event| event.data() == "end" || event.name() == "bye")
}

/// The next result of a reader, and whether it is an end event.
type Read<E> = Result<Option<(Item, bool)>, E>;

fn event_of<E>(read: Result<Option<Event<'_>>, E>) -> Read<E> {
    read.map(|event| event.map(|event| (Item::Event(plain_event(&event)), is_end(Some(event)))))
}

fn block_of<E>(read: Result<Option<Block<'_>>, E>) -> Read<E> {
    read.map(|block| block.map(|block| (Item::Block(plain_block(&block)), is_end(block.event()))))
}

fn owned_of<E>(read: Option<Result<OwnedEvent, E>>) -> Read<E> {
    event_of(Ok(read.transpose()?.as_ref().map(OwnedEvent::as_event)))
}

fn owned_block_of<E>(read: Option<Result<OwnedBlock, E>>) -> Read<E> {
    block_of(Ok(read.transpose()?.as_ref().map(OwnedBlock::as_block)))
}

impl Model {
    fn close(&mut self, reason: CloseReason) {
        (self.state, self.reason) = (ReadyState::Closed, Some(reason));
    }

    /// The expected result of the source for this result of the parser.
    fn expect(&mut self, read: Read<ParseError>) -> Read<ReceiveError> {
        match &read {
            Ok(Some((_, true))) => self.close(CloseReason::EndEvent),
            Err(error) if self.closes_on_too_large && error.limit().is_some() => {
                self.close(CloseReason::TooLarge(error.clone()));
            }
            _ => {}
        }
        self.brought_event |= match &read {
            Ok(Some((Item::Block(block), _))) => block.event.is_some(),
            Ok(Some(_)) => true,
            _ => false,
        };
        read.map_err(ReceiveError::Parse)
    }

    /// The expected error of the source if it is not open.
    fn not_open(&self) -> Option<ReceiveError> {
        match (self.state, &self.reason) {
            (ReadyState::Open, None) => None,
            (ReadyState::Connecting, None) => Some(ReceiveError::NotOpen),
            (ReadyState::Closed, Some(reason)) => Some(ReceiveError::Closed(reason.clone())),
            other => panic!("{other:?}"),
        }
    }

    /// Reads a chunk, or the rest of one, by the source and by the parser. Returns what is left, and whether more of it is to
    /// be read.
    fn read(&mut self, source: &mut EventSource, chunk: &Bytes, turn: Turn) -> (Bytes, bool) {
        let was_open = self.state == ReadyState::Open;
        let taken = if was_open { chunk.clone() } else { Bytes::new() };
        let mut parser = self.parser.clone();
        let before = parser.position();
        let mut goes_on = true;
        /// Reads by both, and compares.
        macro_rules! read {
            ($source:expr, $parser:expr, $next:ident, $seen:ident, $is_iterator:literal) => {{
                let (mut source, mut parser) = ($source, $parser);
                let mut left = turn.most;
                while left > 0 {
                    let read = $seen(source.$next());
                    if let Some(error) = self.not_open() {
                        assert_eq!(read, Err(error.clone()));
                        // An iterator yields it once.
                        assert_eq!($seen(source.$next()), if $is_iterator { Ok(None) } else { Err(error) });
                        goes_on = false;
                        break;
                    }
                    let expected = self.expect($seen(parser.$next()));
                    assert_eq!(read, expected);
                    if expected == Ok(None) {
                        goes_on = false;
                        break;
                    }
                    // The error about the reader before does not count.
                    left -= usize::from(!matches!(&expected, Err(ReceiveError::Parse(error)) if error.kind() == Unread));
                }
                assert_eq!(source.last_event_id(), parser.parser().last_event_id());
                assert_eq!(source.reconnection_time(), parser.parser().reconnection_time());
                (!turn.is_dropped).then(|| (source.into_rest().len(), parser.into_rest().len()))
            }};
        }
        let said = match turn.method {
            Method::Borrowed | Method::Found | Method::IntoNext => {
                read!(source.feed(chunk), parser.feed(&taken), next_event, event_of, false)
            }
            Method::Blocks => read!(source.feed(chunk), parser.feed(&taken), next_block, block_of, false),
            Method::Owned => read!(source.feed(chunk).owned(), parser.feed(&taken).owned(), next, owned_of, true),
            Method::OwnedBlocks => {
                let (source, parser) = (source.feed(chunk).owned_blocks(), parser.feed(&taken).owned_blocks());
                read!(source, parser, next, owned_block_of, true)
            }
            Method::Shared => read!(source.feed_bytes(chunk), parser.feed_bytes(&taken), next, owned_of, true),
        };
        let rest = chunk.slice(usize::try_from(parser.position() - before).expect("it is part of the chunk")..);
        if let Some((of_source, of_parser)) = said {
            assert_eq!(of_source, if was_open { of_parser } else { chunk.len() });
            assert_eq!(of_source, rest.len());
        }
        self.parser = parser;
        (rest, goes_on)
    }

    fn response(&mut self, rejection: Option<Rejection>) -> Result<Answer, Rejection> {
        if self.state == ReadyState::Closed {
            return Err(Rejection::Closed);
        }
        self.retry_after = Duration::ZERO;
        self.brought_event = false;
        self.parser.reset();
        self.is_refused = false;
        let Some(rejection) = rejection else {
            self.state = ReadyState::Open;
            return Ok(Answer::EventStream);
        };
        if rejection.is_temporary() {
            self.state = ReadyState::Connecting;
            self.is_refused = true;
        } else {
            self.close(CloseReason::Rejected(rejection.clone()));
        }
        Err(rejection)
    }

    fn finish(&mut self) -> Option<OwnedBlock> {
        if self.state != ReadyState::Open {
            return None;
        }
        let block = self.parser.finish().map(Block::into_owned);
        if is_end(block.as_ref().and_then(OwnedBlock::event)) {
            self.close(CloseReason::EndEvent);
        }
        block
    }

    /// The least and the longest wait.
    fn disconnected(&mut self, open_for: Duration) -> Result<[Duration; 2], CloseReason> {
        self.parser.reset();
        if let Some(reason) = &self.reason {
            return Err(reason.clone());
        }
        if self.state == ReadyState::Open && (self.brought_event || open_for >= GOOD_AFTER) {
            self.tries = 0;
        }
        let is_refused = std::mem::take(&mut self.is_refused);
        let reason = if self.is_unrepeatable && !is_refused {
            Some(CloseReason::UnrepeatableRequest)
        } else {
            (self.tries == MAX_TRIES).then_some(CloseReason::OutOfTries { tries: MAX_TRIES })
        };
        if let Some(reason) = reason {
            self.close(reason.clone());
            return Err(reason);
        }
        self.tries += 1;
        self.state = ReadyState::Connecting;
        let time = self.parser.reconnection_time().unwrap_or(Duration::from_secs(3)).max(FLOOR);
        let retry_after = std::mem::take(&mut self.retry_after);
        // With a quarter of it as jitter.
        let longest = BACKOFF.max(time).max(retry_after) * 5 / 4;
        Ok([time.max(retry_after), longest])
    }
}

fn parser() -> Parser {
    Parser::new().with_max_event_size(100)
}

fuzz_target!(|steps: Steps<Step<'_>>| {
    let reconnect = Reconnect::new().with_floor(FLOOR).with_ceiling(Duration::MAX).with_backoff(BACKOFF);
    let reconnect = reconnect.with_max_tries(MAX_TRIES).with_good_after(GOOD_AFTER);
    let mut source = EventSource::new().with_parser(parser()).with_reconnect(reconnect);
    source = source.with_responses(Responses::new().with_retry_of_temporary());
    source = source.with_end_data("end").with_end_name("bye");
    let mut model = Model {
        state: ReadyState::Connecting,
        reason: None,
        tries: 0,
        retry_after: Duration::ZERO,
        brought_event: false,
        closes_on_too_large: false,
        is_unrepeatable: false,
        is_refused: false,
        parser: parser(),
    };
    let mut turn = Turn::from(0);
    for step in steps.0 {
        let was_closed = model.state == ReadyState::Closed;
        match step {
            Step::Response { status, right_type } => {
                let content_type = if right_type { "text/event-stream" } else { "text/plain" };
                let expected = model.response(rejection(status, right_type));
                assert_eq!(source.response(status, content_type, Duration::ZERO), expected);
            }
            Step::RetryAfter { seconds } => {
                model.retry_after = Duration::from_secs(seconds.into());
                source.set_retry_after(model.retry_after);
            }
            Step::Bytes(bytes) => {
                let (mut rest, mut goes_on) = (Bytes::copy_from_slice(bytes), true);
                while goes_on {
                    (rest, goes_on) = model.read(&mut source, &rest, turn);
                }
            }
            Step::Finish => assert_eq!(source.finish().map(Block::into_owned), model.finish()),
            Step::Disconnected { open_for, random } => {
                let open_for = Duration::from_secs(open_for.into());
                match (source.disconnected(open_for), model.disconnected(open_for)) {
                    (Ok(next), Ok([least, longest])) => assert!((least..=longest).contains(&next.wait(random))),
                    (next, expected) => assert_eq!(next.err(), expected.err()),
                }
            }
            Step::Close => {
                source.close();
                if !was_closed {
                    model.close(CloseReason::ByCaller);
                    model.parser.reset();
                }
            }
            Step::ReadBy(next) => turn = next,
            Step::BlockLimit(limit) => {
                model.parser = parser().with_max_block_size(limit.into()).with_last_event_id(source.last_event_id());
                source = source.with_parser(model.parser.clone());
            }
            Step::CloseOnTooLarge => {
                model.closes_on_too_large = true;
                source = source.with_close_on_too_large();
            }
            Step::Unrepeatable => {
                model.is_unrepeatable = true;
                source = source.with_repeat(Repeat::Never);
            }
        }
        assert!(!was_closed || model.state == ReadyState::Closed);
        assert_eq!((source.ready_state(), source.close_reason()), (model.state, model.reason.as_ref()));
        assert_eq!(source.last_event_id(), model.parser.last_event_id());
        assert_eq!(source.reconnection_time(), model.parser.reconnection_time());
    }
});
