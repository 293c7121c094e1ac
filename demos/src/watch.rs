//! The client of the report: subscriptions with an action for each name of events.
//!
//! It shows an [`EventSource`] with a token, an end event, and a limit to the tries.

use std::collections::HashMap;
use std::time::Duration;

use sse_wire::Event;
use sse_wire_client::{CloseReason, EventSource, Reconnect, RequestBuilderExt, RequestError, Responses};
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
    current: Option<JoinHandle<Option<CloseReason>>>,
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
    ///
    /// # Errors
    ///
    /// If the URL or the token cannot be sent.
    pub fn subscribe(&mut self, url: &str, token: &str, actions: Actions) -> Result<(), RequestError> {
        self.close();
        let reconnect = Reconnect::new()
            .with_time(Duration::from_millis(200))
            .with_floor(Duration::from_millis(200))
            .with_backoff(Duration::from_secs(5))
            .with_max_tries(MAX_TRIES)
            .with_good_after(Duration::from_secs(1));
        let source = self.client.get(url).bearer_auth(token).eventsource()?;
        let source = source
            .with_reconnect(reconnect)
            .with_responses(Responses::new().with_retry_of_temporary())
            .with_end_name("EXCEL_STATUS_END");
        self.current = Some(tokio::spawn(follow(source, actions)));
        Ok(())
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
        reason.ok().flatten()
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.close();
    }
}

/// One subscription, over all of its connections.
async fn follow(mut source: EventSource, mut actions: Actions) -> Option<CloseReason> {
    while let Some(item) = source.next().await {
        match item {
            Ok(sse_wire_client::Event::Message(event)) => {
                if let Some(action) = actions.get_mut(event.name()) {
                    action(event.as_event());
                }
            }
            Ok(_) => {}
            Err(error) => eprintln!("{error}"),
        }
    }
    source.close_reason().cloned()
}
