//! The client half of the report: subscriptions that map names of events to actions.
//!
//! It teaches to drive an [`EventSource`], which decides, with an HTTP client, which does: what to send, whether the
//! response opens the stream, how long to wait before the next try, and when it is over.

use std::collections::HashMap;
use std::error::Error;
use std::time::{Duration, Instant};

use sse_wire::Event;
use sse_wire::client::{Closed, EventSource, Reconnect};
use tokio::task::JoinHandle;

/// After how many tries in a row it is over.
pub const MAX_TRIES: u32 = 5;

/// What is done about an event.
pub type Action = Box<dyn FnMut(&Event) + Send>;

/// What is done about which event, by its name. Events of other names are left out.
pub type Actions = HashMap<&'static str, Action>;

/// Prints the progress of a report.
#[must_use]
pub fn printed() -> Actions {
    let status: Action = Box::new(|event| println!("{} {}", event.last_event_id(), event.data()));
    let end: Action = Box::new(|_| println!("the end"));
    HashMap::from([("EXCEL_STATUS", status), ("EXCEL_STATUS_END", end)])
}

/// Has one subscription at a time.
#[derive(Debug, Default)]
pub struct Subscriber {
    client: reqwest::Client,
    current: Option<JoinHandle<Closed>>,
}

impl Subscriber {
    /// Without a subscription.
    #[must_use]
    pub fn new() -> Subscriber {
        Subscriber::default()
    }

    /// Subscribes, until the end event. Closes the subscription that there is. Must be called within a tokio runtime.
    ///
    /// After a connection that ended, or could not be made, it is tried again, at most [`MAX_TRIES`] times in a row.
    pub fn subscribe(&mut self, url: String, token: String, actions: Actions) {
        self.close();
        self.current = Some(tokio::spawn(follow(self.client.clone(), url, token, actions)));
    }

    /// Ends the subscription, if there is one: no action runs after this.
    pub fn close(&mut self) {
        if let Some(current) = self.current.take() {
            current.abort();
        }
    }

    /// Waits until the subscription is over. `None`: there is none, or one of its actions panicked.
    pub async fn closed(&mut self) -> Option<Closed> {
        let closed = self.current.as_mut()?.await;
        self.current = None;
        closed.ok()
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.close();
    }
}

/// One subscription, over as many connections as it takes.
async fn follow(client: reqwest::Client, url: String, token: String, mut actions: Actions) -> Closed {
    // A connection that lasts less than a second is no better than one that fails, so that these are counted too.
    let reconnect = Reconnect::new()
        .time(Duration::from_millis(200))
        .backoff(Duration::from_secs(5))
        .max_tries(MAX_TRIES)
        .good_after(Duration::from_secs(1))
        .retry_temporary_statuses();
    let mut source = EventSource::builder().reconnect(reconnect).end_name("EXCEL_STATUS_END").build();
    loop {
        let mut request = client.get(&url).bearer_auth(&token);
        for (name, value) in source.request_headers() {
            request = request.header(name, value);
        }
        let mut opened = None;
        if let Err(error) = receive(request, &mut source, &mut actions, &mut opened).await {
            eprintln!("{error}");
        }
        let open_for = opened.map_or(Duration::ZERO, |opened: Instant| opened.elapsed());
        match source.disconnected(open_for, fastrand::u32(..)) {
            Ok(wait) => tokio::time::sleep(wait).await,
            Err(why) => return why,
        }
    }
}

/// One connection.
async fn receive(
    request: reqwest::RequestBuilder,
    source: &mut EventSource,
    actions: &mut Actions,
    opened: &mut Option<Instant>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut response = request.send().await?;
    let content_type = response.headers().get("content-type").map_or(&b""[..], |value| value.as_bytes());
    source.response(response.status().as_u16(), content_type)?;
    *opened = Some(Instant::now());
    while let Some(mut chunk) = response.chunk().await? {
        while let Some(event) = source.next_event_shared(&mut chunk)? {
            if let Some(action) = actions.get_mut(event.name()) {
                action(&event);
            }
        }
        if source.closed().is_some() {
            break;
        }
    }
    Ok(())
}
