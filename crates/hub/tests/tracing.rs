//! What operators are told.
#![cfg(feature = "tracing")]

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use sse_wire::Event;
use sse_wire_hub::engine::{After, BoxFuture, Cursors, Engine, EngineError, Id, Page, Read};
use sse_wire_hub::{Hub, Limits, Memory, Start};

#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<u8>>>);

impl Write for Told {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Logs in memory, whose next read fails if that is set, and which then knows no id.
struct Failing {
    memory: Memory,
    fails: Arc<Mutex<bool>>,
}

impl Engine for Failing {
    fn append<'a>(
        &'a self,
        topic: &'a str,
        event: Event<'a>,
        once: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Id, EngineError>> {
        if topic == "refused" {
            return Box::pin(async { Err(EngineError::refused("a test", "refused")) });
        }
        self.memory.append(topic, event, once)
    }

    fn newest<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<Id, EngineError>> {
        if topic == "refused" {
            return Box::pin(async { Err(EngineError::refused("a test", "refused")) });
        }
        self.memory.newest(topic)
    }

    fn page<'a>(&'a self, _: &'a str, _: After<'a>, _: usize) -> BoxFuture<'a, Result<Page, EngineError>> {
        Box::pin(async { Ok(Page::Unknown) })
    }

    fn read<'a>(
        &'a self,
        cursors: &'a Cursors,
        interrupt: BoxFuture<'a, ()>,
    ) -> BoxFuture<'a, Result<Read, EngineError>> {
        Box::pin(async move {
            let read = self.memory.read(cursors, interrupt).await;
            let fails = std::mem::take(&mut *self.fails.lock().unwrap());
            if fails { Err(EngineError::unreachable("a test", "unreachable")) } else { read }
        })
    }
}

#[tokio::test(start_paused = true)]
async fn failures_refusals_gone_topics_and_shutdown_are_told() {
    let told = Told::default();
    let writer = told.clone();
    let subscriber = tracing_subscriber::fmt().without_time().with_ansi(false);
    let subscriber = subscriber.with_writer(move || writer.clone()).with_max_level(tracing::Level::DEBUG).finish();
    let _default = tracing::subscriber::set_default(subscriber);

    let fails = Arc::new(Mutex::new(false));
    let engine = Failing { memory: Memory::new(Limits::default().kept), fails: Arc::clone(&fails) };
    let hub = Hub::with_engine(engine, Limits::default());
    let mut events = hub.subscribe("a", Start::Live).await.unwrap();
    assert!(hub.subscribe("refused", Start::Live).await.is_err());
    *fails.lock().unwrap() = true;
    hub.publish("a", Event::new("1")).await.unwrap();
    while events.next().await.is_some() {}
    drop(events);
    let _seat = hub.subscribe("a", Start::Live).await.unwrap();
    hub.shutdown(Duration::ZERO);

    let told = String::from_utf8(told.0.lock().unwrap().clone()).unwrap();
    let expected = [
        "DEBUG sse_wire_hub: a topic is followed topic=\"a\"",
        "WARN sse_wire_hub: the engine refuses a topic topic=\"refused\" error=a test: refused",
        "WARN sse_wire_hub: the engine has failed error=a test: unreachable",
        "INFO sse_wire_hub: the engine answers again",
        "WARN sse_wire_hub: what the subscribers of a topic have seen is gone topic=\"a\"",
        "INFO sse_wire_hub: the hub shuts down subscribers=1",
    ];
    let mut rest = &told[..];
    for line in expected {
        let at = rest.find(line).unwrap_or_else(|| panic!("{line:?} is missing or out of order in\n{told}"));
        rest = &rest[at + line.len()..];
    }
}
