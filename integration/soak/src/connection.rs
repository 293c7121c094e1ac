//! One connection of a client: the request, and the chunks of the response, cut and delayed by the client's habits.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use futures_util::{Stream, stream};
use reqwest::{RequestBuilder, Response, Version};

use crate::failure::Failure;
use crate::habits::Habits;
use crate::report::ClientCounts;
use crate::run::Run;

/// How long the server, which sends a keep-alive every 250 ms, may be silent before it counts as stuck.
pub const SILENCE: Duration = Duration::from_secs(30);

/// The HTTP client. Each request has a connection of its own.
pub fn http() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).read_timeout(SILENCE).build()
}

/// How a client connects, and what it counts.
#[derive(Debug)]
pub struct Connector {
    pub http: reqwest::Client,
    pub url: String,
    pub habits: Habits,
    pub counts: Arc<ClientCounts>,
    pub run: Arc<Run>,
}

impl Connector {
    /// A response. `None`: the connection was cut before there was one.
    pub async fn request<'a>(
        &self,
        headers: impl Iterator<Item = (&'static str, &'a [u8])>,
    ) -> Result<Option<Response>, Failure> {
        let request = headers.fold(self.get(), |request, (name, value)| request.header(name, value));
        match request.send().await {
            Ok(response) => {
                self.counts.connections.add(1);
                Ok(Some(response))
            }
            Err(error) => self.unanswered(&error).map(|()| None),
        }
    }

    /// A request, without the headers that a client of event streams sends.
    pub fn get(&self) -> RequestBuilder {
        let version = if self.habits.old_http { Version::HTTP_10 } else { Version::HTTP_11 };
        self.http.get(&self.url).version(version)
    }

    /// There is no response: by a cut, or else it is a failure.
    pub fn unanswered(&self, error: &reqwest::Error) -> Result<(), Failure> {
        if error.is_timeout() || error.is_builder() {
            return Err(Failure::error("a request", error));
        }
        self.counts.unanswered.add(1);
        Ok(())
    }

    /// The chunks of a response.
    pub fn chunks(&self, response: Response, chance: Rng) -> Chunks {
        let (counts, run) = (Arc::clone(&self.counts), Arc::clone(&self.run));
        Chunks { response, habits: self.habits, rest: Bytes::new(), chance, counts, run }
    }
}

/// The chunks of one response, until it ends.
#[derive(Debug)]
pub struct Chunks {
    response: Response,
    habits: Habits,
    /// What was read and not yet returned.
    rest: Bytes,
    chance: Rng,
    counts: Arc<ClientCounts>,
    run: Arc<Run>,
}

impl Chunks {
    /// The next chunk; `None` at the end, by a cut or not.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        if self.rest.is_empty() {
            let Some(chunk) = self.read().await? else { return Ok(None) };
            self.rest = chunk;
        }
        if !self.habits.recuts {
            return Ok(Some(std::mem::take(&mut self.rest)));
        }
        let most = if self.chance.bool() { self.rest.len().min(64) } else { self.rest.len() };
        // Sometimes an empty chunk, which the parser must accept too.
        let size = if self.chance.u32(..64) == 0 { 0 } else { self.chance.usize(..=most).max(1).min(most) };
        Ok(Some(self.rest.split_to(size)))
    }

    /// The same as a stream.
    pub fn stream(self) -> impl Stream<Item = Result<Bytes, Failure>> {
        stream::try_unfold(self, async |mut chunks| Ok(chunks.next().await?.map(|chunk| (chunk, chunks))))
    }

    async fn read(&mut self) -> Result<Option<Bytes>, Failure> {
        if self.habits.slow {
            self.run.sleep(Duration::from_millis(self.chance.u64(..60))).await;
        }
        match self.response.chunk().await {
            Ok(Some(chunk)) => {
                self.counts.bytes.add(u64::try_from(chunk.len()).unwrap_or_default());
                Ok(Some(chunk))
            }
            Ok(None) => Ok(None),
            Err(error) if is_cut(&error) => Ok(None),
            Err(error) => Err(Failure::error("the body of a response", &error)),
        }
    }
}

/// Whether the error is that of a cut, and not of changed bytes or a silent server.
pub fn is_cut(error: &reqwest::Error) -> bool {
    let mut causes = std::iter::successors(Some(error as &dyn std::error::Error), |&error| error.source());
    let is_end = |kind| matches!(kind, io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof);
    causes.any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|error| is_end(error.kind())))
}
