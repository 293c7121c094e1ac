//! The client of the report: subscriptions with an action for each name of events.
//!
//! It shows how to use an [`EventSource`] with an HTTP client. The source decides what to send, whether the response opens
//! the stream, how long to wait before the next try, and when to stop; the HTTP client does the I/O.

use std::collections::HashMap;
use std::error::Error;
use std::time::{Duration, Instant};

use sse_wire::Event;
use sse_wire::client::{CloseReason, EventSource, Reconnect, Responses};
use tokio::task::JoinHandle;

/// How many tries in a row to connect again.
pub const MAX_TRIES: u32 = 5;

/// Called with each event of a name.
pub type Action = Box<dyn FnMut(Event<'_>) + Send>;

/// An action for each name of events. Events of other names are ignored.
pub type Actions = HashMap<&'static str, Action>;

/// Prints the progress of a report.
#[must_use]
pub fn printed() -> Actions {
    let status: Action = Box::new(|event| println!("{} {}", event.last_event_id(), event.data()));
    let end: Action = Box::new(|_| println!("the end"));
    HashMap::from([("EXCEL_STATUS", status), ("EXCEL_STATUS_END", end)])
}

/// A client with one subscription at a time.
#[derive(Debug, Default)]
pub struct Subscriber {
    client: reqwest::Client,
    current: Option<JoinHandle<CloseReason>>,
}

impl Subscriber {
    /// A client without a subscription.
    #[must_use]
    pub fn new() -> Subscriber {
        Subscriber::default()
    }

    /// Closes the current subscription, and subscribes until the end event. Must be called within a tokio runtime.
    ///
    /// If a connection ends or cannot be made, it tries again, at most [`MAX_TRIES`] times in a row.
    pub fn subscribe(&mut self, url: String, token: String, actions: Actions) {
        self.close();
        self.current = Some(tokio::spawn(follow(self.client.clone(), url, token, actions)));
    }

    /// Ends the subscription, if there is one.
    pub fn close(&mut self) {
        if let Some(current) = self.current.take() {
            current.abort();
        }
    }

    /// Waits until the subscription ends. `None` if there is none, or if one of its actions panicked.
    pub async fn closed(&mut self) -> Option<CloseReason> {
        let reason = self.current.as_mut()?.await;
        self.current = None;
        reason.ok()
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.close();
    }
}

/// One subscription, over all of its connections.
async fn follow(client: reqwest::Client, url: String, token: String, mut actions: Actions) -> CloseReason {
    // A connection that lasts less than a second, and brings no event, counts as one that failed.
    let reconnect = Reconnect::new()
        .with_time(Duration::from_millis(200))
        .with_floor(Duration::from_millis(200))
        .with_backoff(Duration::from_secs(5))
        .with_max_tries(MAX_TRIES)
        .with_good_after(Duration::from_secs(1));
    let responses = Responses::new().with_retry_of_temporary();
    let mut source = EventSource::new().with_reconnect(reconnect).with_responses(responses);
    source = source.with_end_name("EXCEL_STATUS_END");
    let clock = Instant::now();
    loop {
        let mut request = client.get(&url).bearer_auth(&token);
        for (name, value) in source.request_headers() {
            request = request.header(name, value);
        }
        if let Err(error) = receive(request, &mut source, &mut actions, clock).await
            && source.close_reason().is_none()
        {
            eprintln!("{error}");
        }
        match source.disconnected(clock.elapsed()) {
            Ok(next) => tokio::time::sleep(next.wait(fastrand::u32(..))).await,
            Err(reason) => return reason,
        }
    }
}

/// One connection. An error that closes the source, as the end event does, is its [`EventSource::close_reason`].
async fn receive(
    request: reqwest::RequestBuilder,
    source: &mut EventSource,
    actions: &mut Actions,
    clock: Instant,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut response = request.send().await?;
    let content_type = response.headers().get("content-type").map_or(&b""[..], |value| value.as_bytes());
    source.response(response.status().as_u16(), content_type, clock.elapsed())?;
    while let Some(chunk) = response.chunk().await? {
        let mut events = source.feed(&chunk);
        while let Some(event) = events.next_event()? {
            if let Some(action) = actions.get_mut(event.name()) {
                action(event);
            }
        }
    }
    Ok(())
}
