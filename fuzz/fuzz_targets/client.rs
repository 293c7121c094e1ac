//! Any sequence of responses, bytes and endings: the client's state machine keeps its promises.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use sse_wire::Parser;
use sse_wire::client::{EventSource, ReadyState, ReceiveError, Reconnect};
use sse_wire_fuzz::steps::{ClientStep as Step, Steps};

const FLOOR: Duration = Duration::from_millis(10);

fuzz_target!(|steps: Steps<Step<'_>>| {
    let reconnect = Reconnect::new().floor(FLOOR).max_tries(5).good_after(Duration::from_secs(9));
    let reconnect = reconnect.retry_temporary_statuses();
    let mut source = EventSource::builder().reconnect(reconnect).end_data("end").max_event_size(100).build();
    // What the parser alone makes of the bytes of the connection.
    let mut parser = Parser::builder().max_event_size(100).build();
    for step in steps.0 {
        let before = source.ready_state();
        match step {
            Step::Response { status, right_type } => {
                let content_type = if right_type { "text/event-stream" } else { "text/plain" };
                let opened = source.response(status, content_type).is_ok();
                assert_eq!(opened, before != ReadyState::Closed && status == 200 && right_type);
                assert_eq!(opened, source.ready_state() == ReadyState::Open);
                parser.reset();
            }
            Step::RetryAfter { seconds } => source.retry_after(Duration::from_secs(seconds.into())),
            Step::Bytes(bytes) => {
                let (mut chunk, mut same) = (bytes, bytes);
                loop {
                    match source.next_event(&mut chunk) {
                        Err(ReceiveError::NotOpen) => {
                            assert_eq!(before, ReadyState::Connecting);
                            break;
                        }
                        Err(ReceiveError::Closed(_)) => {
                            assert_eq!(source.ready_state(), ReadyState::Closed);
                            break;
                        }
                        Err(ReceiveError::Parse(error)) => assert_eq!(parser.next_event(&mut same), Err(error)),
                        Err(error) => panic!("{error}"),
                        Ok(event) => {
                            let (event, ended) = (event.map(|event| event.to_shared()), source.closed().is_some());
                            let expected = parser.next_event(&mut same).expect("it is not too large");
                            assert_eq!(event, expected.map(|event| event.to_shared()));
                            let Some(event) = event else { break };
                            assert_eq!(ended, event.data() == "end");
                        }
                    }
                }
            }
            Step::Finish => {
                let open = before == ReadyState::Open;
                let finished = source.finish().map(|event| event.to_shared());
                assert!(open || finished.is_none());
                if open {
                    assert_eq!(finished, parser.finish().map(|event| event.to_shared()));
                }
            }
            Step::Disconnected { open_for, random } => {
                let wait = source.disconnected(Duration::from_secs(open_for.into()), random);
                parser.reset();
                let time = source.reconnection_time().unwrap_or_default();
                assert!(wait.as_ref().map_or(true, |wait| *wait >= FLOOR && *wait >= time));
                assert_eq!(wait.is_err(), source.ready_state() == ReadyState::Closed);
            }
            Step::Close => {
                source.close();
                assert_eq!(source.ready_state(), ReadyState::Closed);
            }
        }
        assert!(before != ReadyState::Closed || source.ready_state() == ReadyState::Closed);
        assert_eq!(source.closed().is_some(), source.ready_state() == ReadyState::Closed);
        if source.ready_state() != ReadyState::Closed {
            assert_eq!(source.last_event_id(), parser.last_event_id());
            assert_eq!(source.reconnection_time(), parser.reconnection_time());
        }
    }
});
