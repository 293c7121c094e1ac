//! Plays a recording: which bytes are sent when, and how the connection ends.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, sleep_until};

use super::blocks::blocks;
use super::listener::Reset;
use super::options::{Fault, FaultKind, Speed};
use crate::args;
use crate::record::{Chunk, End, Head, Recording};

/// The pause at a cut, so that the client receives what is before it by itself.
const CUT_PAUSE: Duration = Duration::from_millis(20);

/// What is sent to each client.
pub struct Show {
    pub head: Head,
    chunks: Vec<Chunk>,
    end_at: Duration,
    end: Option<End>,
    speed: Speed,
    /// In rising order.
    cuts: Vec<u64>,
    fault: Option<Fault>,
    /// How often the stream is sent in one response; `None`: without end.
    times: Option<u64>,
    /// Each id with the position after the first block that sets it, to go on from there.
    resume: Option<Vec<(String, u64)>>,
    length: u64,
}

/// Where a response begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    At(u64),
    /// The client has everything.
    Nothing,
}

impl Show {
    /// Fails, with a message, if the options do not fit the stream.
    pub fn new(recording: Recording, args: &args::Serve) -> Result<Show, String> {
        let bytes = Bytes::from(recording.stream());
        let length = bytes.len() as u64;
        let times = if args.r#loop { None } else { Some(args.times) };
        if times.is_none() && length == 0 {
            return Err("there is nothing to loop".to_owned());
        }
        let total = times.map_or(u64::MAX, |times| length.saturating_mul(times));
        let mut cuts = args.cuts.clone();
        cuts.sort_unstable();
        if let Some(byte) = cuts.iter().copied().chain(args.fault.map(|fault| fault.at)).find(|at| *at > total) {
            return Err(format!("byte {byte} is after the end: the stream has {total} bytes"));
        }
        let resume = args
            .resume
            .then(|| blocks(&bytes).into_iter().filter_map(|block| Some((block.id?, block.end as u64))).collect());
        let Recording { head, chunks, end_at, end } = recording;
        let mut show =
            Show { head, chunks, end_at, end, speed: args.speed, cuts, fault: args.fault, times, resume, length };
        if let Some(rate) = args.rate {
            show.send_events(&bytes, rate)?;
        }
        Ok(show)
    }

    /// Replaces timing and chunks: an event at a time, so many a second.
    fn send_events(&mut self, bytes: &Bytes, rate: f64) -> Result<(), String> {
        let pause = Duration::try_from_secs_f64(rate.recip()).map_err(|error| error.to_string())?;
        self.chunks.clear();
        let (mut sent, mut at) = (0, Duration::ZERO);
        for block in blocks(bytes) {
            // What has no event comes with the next one.
            if block.has_event || block.end == bytes.len() {
                self.chunks.push(Chunk { at, bytes: bytes.slice(sent..block.end) });
                sent = block.end;
                at = at.saturating_add(pause);
            }
        }
        self.end_at = at;
        Ok(())
    }

    /// Where to begin for a client with this last event ID: at the start if the stream does not have the id.
    pub fn start(&self, last_event_id: Option<&[u8]>) -> Start {
        let (Some(ids), Some(last)) = (&self.resume, last_event_id) else { return Start::At(0) };
        match ids.iter().find(|(id, _)| !id.is_empty() && id.as_bytes() == last) {
            Some((_, end)) if *end == self.length => Start::Nothing,
            Some((_, end)) => Start::At(*end),
            None => Start::At(0),
        }
    }

    /// The body of a response.
    pub fn body(self: Arc<Self>, start: u64, reset: Reset) -> impl Stream<Item = io::Result<Bytes>> + use<> {
        stream::unfold(Playback::new(self, start, reset), |mut playback| async {
            let item = playback.next().await?;
            Some((item, playback))
        })
    }
}

struct Playback {
    show: Arc<Show>,
    reset: Reset,
    /// The next chunk.
    index: usize,
    /// What is still to be sent of the chunk before.
    rest: Bytes,
    /// The next byte, counted from the start of the first time.
    position: u64,
    /// How many times are over.
    over: u64,
    /// When this time began.
    began: Instant,
    /// A client that went on has met the fault already.
    fault: Option<Fault>,
    at_cut: bool,
    has_failed: bool,
}

impl Playback {
    fn new(show: Arc<Show>, start: u64, reset: Reset) -> Playback {
        let fault = show.fault.filter(|_| start == 0);
        let mut playback = Playback {
            show,
            reset,
            index: 0,
            rest: Bytes::new(),
            position: 0,
            over: 0,
            began: Instant::now(),
            fault,
            at_cut: false,
            has_failed: false,
        };
        playback.skip(start);
        playback
    }

    /// Begins at this position, and at the time of its chunk.
    fn skip(&mut self, start: u64) {
        let mut at = Duration::ZERO;
        while self.position < start
            && let Some(chunk) = self.show.chunks.get(self.index)
        {
            let skipped = usize::try_from(start - self.position).unwrap_or(usize::MAX).min(chunk.bytes.len());
            self.rest = chunk.bytes.slice(skipped..);
            self.position += skipped as u64;
            self.index += 1;
            at = chunk.at;
        }
        if let Some(began) = self.began.checked_sub(self.scaled(at)) {
            self.began = began;
        }
    }

    /// A time of the recording, at the speed of this playback.
    fn scaled(&self, time: Duration) -> Duration {
        match self.show.speed {
            Speed::Times(speed) => Duration::try_from_secs_f64(time.as_secs_f64() / speed).unwrap_or(Duration::MAX),
            Speed::Max => Duration::ZERO,
        }
    }

    /// The next bytes to send; `None` at the end of the response.
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        if self.has_failed {
            return None;
        }
        loop {
            if let Some(fault) = self.fault.filter(|fault| fault.at == self.position) {
                match fault.kind {
                    FaultKind::Reset => return Some(Err(self.fail().await)),
                    FaultKind::Stall => std::future::pending().await,
                    FaultKind::Half => return None,
                }
            }
            if !self.rest.is_empty() {
                return Some(Ok(self.piece().await));
            }
            if let Some(chunk) = self.show.chunks.get(self.index) {
                let (at, bytes) = (chunk.at, chunk.bytes.clone());
                self.wait(at).await;
                self.rest = bytes;
                self.index += 1;
                continue;
            }
            self.wait(self.show.end_at).await;
            self.over += 1;
            if self.show.times.is_none_or(|times| self.over < times) {
                self.index = 0;
                self.began = Instant::now();
            } else {
                return match self.show.end {
                    // The stream was open when the recording was stopped.
                    None => std::future::pending().await,
                    Some(End::Finished) => None,
                    Some(End::Broken(_)) => Some(Err(self.fail().await)),
                };
            }
        }
    }

    /// The chunk up to the next cut or fault.
    async fn piece(&mut self) -> Bytes {
        if std::mem::take(&mut self.at_cut) {
            sleep(CUT_PAUSE).await;
        } else if self.show.speed != Speed::Max {
            // The server sends a chunk when there is no other to add to it.
            yield_now().await;
        }
        let cuts = &self.show.cuts;
        let next_cut = cuts.get(cuts.partition_point(|cut| *cut <= self.position)).copied();
        let fault = self.fault.map(|fault| fault.at).filter(|at| *at > self.position);
        let next = next_cut.into_iter().chain(fault).min().map_or(u64::MAX, |next| next - self.position);
        let piece = self.rest.split_to(usize::try_from(next).unwrap_or(usize::MAX).min(self.rest.len()));
        self.position += piece.len() as u64;
        self.at_cut = next_cut == Some(self.position);
        piece
    }

    async fn wait(&self, at: Duration) {
        if self.show.speed != Speed::Max {
            match self.began.checked_add(self.scaled(at)) {
                Some(time) => sleep_until(time).await,
                None => std::future::pending().await,
            }
        }
    }

    async fn fail(&mut self) -> io::Error {
        self.has_failed = true;
        self.reset.arm().await
    }
}
