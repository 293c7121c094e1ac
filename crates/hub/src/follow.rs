//! The tasks that follow the ends of topics.

use std::sync::{Arc, Weak};

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::engine::{After, BoxFuture};
use crate::live::State;
use crate::node::Node;
use crate::tail::{Ask, Next, Tail, Told};
use crate::trace;

impl Node {
    /// Tells the tail which topics came and went, and the topics what the tail was told, if it still stands.
    fn settle(&self, follower: usize, tail: &mut Tail, told: Vec<Told>) {
        let mut topics = self.topics();
        let (removed, added) = topics.followers[follower].news();
        // One that went and came again begins anew: its subscribers wait for that.
        for topic in removed {
            tail.remove(&topic);
        }
        for topic in added {
            if topics.live.contains_key(&topic) {
                tail.add(&topic);
            }
        }
        for told in told.into_iter().filter(|told| tail.is_current(told)) {
            let (Told::Opened(topic, _) | Told::Entries(topic, _) | Told::Gone(topic) | Told::Refused(topic, _)) =
                &told;
            let Some(live) = topics.live.get(topic) else { continue };
            match told {
                Told::Opened(topic, newest) => {
                    trace::opened(&topic, &newest);
                    live.change(|state| state.open(newest));
                }
                Told::Entries(_, entries) => live.change(|state| state.push(entries, &self.limits)),
                Told::Gone(topic) => {
                    trace::gone(&topic);
                    live.change(State::gone);
                }
                Told::Refused(topic, error) => {
                    trace::refused(&topic, &error);
                    live.change(|state| state.refusal = Some(error));
                }
            }
        }
    }
}

/// Follows the ends of topics until the hub is dropped.
pub(crate) async fn follow(hub: Weak<Node>, follower: usize, changed: Arc<Notify>) {
    let (mut tail, start) = (Tail::default(), Instant::now());
    loop {
        let Some(node) = hub.upgrade() else { return };
        node.settle(follower, &mut tail, Vec::new());
        let asked = match tail.next(start.elapsed()) {
            Next::Ask(asked) => asked,
            wait => {
                drop(node);
                let changed = changed.notified();
                match wait {
                    Next::Wait(until) => drop(tokio::time::timeout_at(start + until, changed).await),
                    _ => changed.await,
                }
                continue;
            }
        };
        // So that the hub can be dropped meanwhile.
        let engine = Arc::clone(&node.engine);
        drop(node);
        let told = match asked {
            Ask::Newest(topic) => match engine.newest(&topic).await {
                Ok(id) => Ok(tail.newest(topic, id).into_iter().collect()),
                Err(error) => Err((Some(topic), error)),
            },
            Ask::Check(topic, id) => match engine.page(&topic, After::Id(id.as_str()), 0).await {
                Ok(page) => Ok(tail.checked(topic, &page).into_iter().collect()),
                Err(error) => Err((Some(topic), error)),
            },
            Ask::Read => {
                let interrupt: BoxFuture<'_, ()> = Box::pin(changed.notified());
                match engine.read(tail.cursors(), interrupt).await {
                    Ok(read) => Ok(tail.read(read)),
                    Err(error) => Err((None, error)),
                }
            }
        };
        let Some(node) = hub.upgrade() else { return };
        node.note(told.as_ref().err().map(|(_, error)| error.clone()));
        let told = told.unwrap_or_else(|(topic, error)| match topic {
            Some(topic) if error.is_refusal() => vec![tail.refused(topic, error, start.elapsed())],
            _ => {
                trace::failed(&error);
                tail.failed(start.elapsed());
                Vec::new()
            }
        });
        node.settle(follower, &mut tail, told);
        drop(node);
        // The subscribers have their turn before there is more.
        tokio::task::yield_now().await;
    }
}
