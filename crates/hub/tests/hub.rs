//! A hub in memory.

use std::time::Duration;

use futures_util::StreamExt;
use sse_wire::{Event, EventName, Parser};
use sse_wire_hub::{Ended, Hub, Limits, PublishError, Slow, Start, SubscribeError, Subscription, gone_event};
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(10);

async fn bytes(events: &mut Subscription) -> Option<bytes::Bytes> {
    timeout(SOON, events.next()).await.expect("it is not silent")
}

/// The data of the next event.
async fn data(events: &mut Subscription) -> String {
    let mut parser = Parser::new();
    loop {
        let bytes = bytes(events).await.expect("it goes on");
        if let Some(event) = parser.feed_bytes(&bytes).next() {
            return event.unwrap().data().to_owned();
        }
    }
}

async fn publish(hub: &Hub, topic: &str, data: &str) -> String {
    hub.publish(topic, Event::new(data)).await.unwrap().to_string()
}

#[tokio::test]
async fn a_new_client_gets_what_is_published_or_all_that_is_kept_and_can_come_back() {
    let hub = Hub::in_memory(Limits::default());
    let first = publish(&hub, "a", "1").await;
    let mut live = hub.subscribe("a", Start::Live).await.unwrap();
    let mut kept = hub.subscribe("a", Start::Kept).await.unwrap();
    // The id alone, since nothing has been published yet.
    assert_eq!(bytes(&mut live).await.unwrap(), format!("id: {first}\n\n"));
    assert_eq!(data(&mut kept).await, "1");
    publish(&hub, "a", "2").await;
    publish(&hub, "b", "of another topic").await;
    assert_eq!((data(&mut live).await, data(&mut kept).await), ("2".into(), "2".into()));
    let mut back = hub.subscribe("a", Start::After(&first)).await.unwrap();
    assert_eq!(data(&mut back).await, "2");
    assert_eq!((hub.subscribers("a"), hub.subscribers("b")), (3, 0));
    drop((live, kept));
    assert_eq!((hub.subscribers("a"), hub.stats().topics), (1, 1));
    drop(back);
    assert_eq!((hub.stats().subscribers, hub.stats().topics, hub.stats().delivered), (0, 0, 4));
}

#[tokio::test]
async fn a_client_of_a_topic_without_an_event_can_come_back() {
    let hub = Hub::in_memory(Limits::default());
    let mut live = hub.subscribe("a", Start::Live).await.unwrap();
    let head = bytes(&mut live).await.unwrap();
    let id = std::str::from_utf8(&head).unwrap().strip_prefix("id: ").unwrap().trim_end();
    drop(live);
    publish(&hub, "a", "1").await;
    assert_eq!(data(&mut hub.subscribe("a", Start::After(id)).await.unwrap()).await, "1");
}

#[tokio::test]
async fn an_id_that_is_not_known_is_an_error_and_the_event_for_it_says_where_to_go_on() {
    let mut limits = Limits::default();
    limits.kept.events = 2;
    let hub = Hub::in_memory(limits);
    let first = publish(&hub, "a", "1").await;
    for number in 2..6 {
        publish(&hub, "a", &number.to_string()).await;
    }
    for id in [first.as_str(), "", "x", "1-1"] {
        let Err(SubscribeError::Unknown { newest }) = hub.subscribe("a", Start::After(id)).await else {
            panic!("{id}")
        };
        assert_eq!(gone_event(&newest), format!("event: gone\nid: {newest}\ndata: \n\n"));
        let mut events = hub.subscribe("a", Start::After(newest.as_str())).await.unwrap();
        assert!(timeout(Duration::from_millis(20), events.next()).await.is_err());
    }
    // One topic's id is none of another.
    publish(&hub, "b", "1").await;
    let other = publish(&hub, "b", "2").await;
    assert!(matches!(hub.subscribe("a", Start::After(&other)).await, Err(SubscribeError::Unknown { .. })));
}

#[tokio::test]
async fn a_slow_subscriber_catches_up_or_is_cut_and_slows_no_other() {
    for slow in [Slow::CatchesUp, Slow::IsCut] {
        let mut limits = Limits::default();
        limits.live_events = 4;
        limits.page = 7;
        limits.slow = slow;
        let hub = Hub::in_memory(limits);
        let mut quick = hub.subscribe("a", Start::Live).await.unwrap();
        let mut behind = hub.subscribe("a", Start::Live).await.unwrap();
        for number in 0..100 {
            publish(&hub, "a", &number.to_string()).await;
            assert_eq!(data(&mut quick).await, number.to_string());
        }
        if slow == Slow::CatchesUp {
            for number in 0..100 {
                assert_eq!(data(&mut behind).await, number.to_string());
            }
            assert!(hub.stats().pages >= 13 && hub.stats().lagged >= 1, "{:?}", hub.stats());
        } else {
            bytes(&mut behind).await.expect("the id alone");
            assert_eq!(bytes(&mut behind).await, None);
            assert_eq!(behind.ended(), Some(Ended::Slow));
        }
    }
}

#[tokio::test]
async fn a_subscriber_that_the_log_has_left_behind_is_told_that_events_are_gone() {
    let mut limits = Limits::default();
    limits.live_events = 4;
    limits.kept.events = 10;
    let hub = Hub::in_memory(limits);
    let mut behind = hub.subscribe("a", Start::Live).await.unwrap();
    let mut quick = hub.subscribe("a", Start::Live).await.unwrap();
    let mut last = String::new();
    for number in 0..30 {
        last = publish(&hub, "a", &number.to_string()).await;
        data(&mut quick).await;
    }
    bytes(&mut behind).await.expect("the id alone");
    assert_eq!(bytes(&mut behind).await.unwrap(), format!("event: gone\nid: {last}\ndata: \n\n"));
    assert_eq!((bytes(&mut behind).await, behind.ended()), (None, Some(Ended::Gone)));
    assert_eq!(hub.stats().gone, 1);
}

#[tokio::test]
async fn an_event_that_is_published_once_is_published_once_and_its_own_id_is_replaced() {
    let hub = Hub::in_memory(Limits::default());
    let name = EventName::from_static("price");
    let event = Event::new("1").with_name(name).with_id(sse_wire::EventId::new("own").unwrap());
    let first = hub.publish_once("a", event, "x").await.unwrap();
    assert_eq!(hub.publish_once("a", event, "x").await.unwrap(), first);
    let second = hub.publish_once("a", event, "y").await.unwrap();
    let mut events = hub.subscribe("a", Start::Kept).await.unwrap();
    for id in [first, second] {
        assert_eq!(bytes(&mut events).await.unwrap(), format!("event: price\nid: {id}\ndata: 1\n\n"));
    }
    assert!(timeout(Duration::from_millis(20), events.next()).await.is_err());
}

#[tokio::test]
async fn what_is_too_much_is_refused() {
    let mut limits = Limits::default();
    limits.topics = 2;
    limits.subscribers = 3;
    let hub = Hub::in_memory(limits);
    let _first = hub.subscribe("a", Start::Live).await.unwrap();
    let second = hub.subscribe("b", Start::Live).await.unwrap();
    assert!(matches!(hub.subscribe("c", Start::Live).await, Err(SubscribeError::TooMany("topics"))));
    let _third = hub.subscribe("a", Start::Live).await.unwrap();
    assert!(matches!(hub.subscribe("a", Start::Live).await, Err(SubscribeError::TooMany("subscribers"))));
    drop(second);
    drop(hub.subscribe("c", Start::Live).await.unwrap());
    assert!(matches!(hub.subscribe("", Start::Live).await, Err(SubscribeError::Name)));
    assert!(matches!(hub.subscribe(&"x".repeat(257), Start::Live).await, Err(SubscribeError::Name)));
}

#[tokio::test]
async fn topics_that_were_not_used_for_longest_are_dropped_from_memory() {
    let mut limits = Limits::default();
    limits.kept.topics = 2;
    let hub = Hub::in_memory(limits);
    let first = publish(&hub, "a", "1").await;
    publish(&hub, "b", "1").await;
    publish(&hub, "c", "1").await;
    assert!(matches!(hub.subscribe("a", Start::After(&first)).await, Err(SubscribeError::Unknown { .. })));
}

#[tokio::test]
async fn shutdown_ends_every_stream_with_a_reconnection_time_of_its_own() {
    let hub = Hub::in_memory(Limits::default());
    let mut streams = Vec::new();
    for _ in 0..50 {
        let mut events = hub.subscribe("a", Start::Live).await.unwrap();
        bytes(&mut events).await.unwrap();
        streams.push(events);
    }
    let waiting = tokio::spawn(async move {
        let mut times = Vec::new();
        for events in &mut streams {
            let mut parser = Parser::new();
            while let Some(bytes) = bytes(events).await {
                assert_eq!(parser.feed(&bytes).next_event(), Ok(None));
            }
            assert_eq!(events.ended(), Some(Ended::Shutdown));
            times.push(parser.reconnection_time().unwrap());
        }
        times
    });
    tokio::task::yield_now().await;
    hub.shutdown(Duration::from_secs(10));
    let mut times = waiting.await.unwrap();
    assert!(times.iter().all(|time| *time <= Duration::from_secs(10)));
    times.sort();
    times.dedup();
    assert!(times.len() > 40, "{times:?}");
    assert!(matches!(hub.subscribe("a", Start::Live).await, Err(SubscribeError::Shutdown)));
}

#[tokio::test]
async fn a_hub_that_is_dropped_stops_to_follow_its_engine() {
    let hub = Hub::in_memory(Limits::default());
    let events = hub.subscribe("a", Start::Live).await.unwrap();
    let metrics = tokio::runtime::Handle::current().metrics();
    assert_eq!(metrics.num_alive_tasks(), 1);
    drop((hub, events));
    for _ in 0..100 {
        if metrics.num_alive_tasks() == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it goes on");
}

#[tokio::test]
async fn a_burst_reaches_every_subscriber() {
    let hub = Hub::in_memory(Limits::default());
    let mut all = Vec::new();
    for _ in 0..50 {
        let mut events = hub.subscribe("a", Start::Live).await.unwrap();
        all.push(tokio::spawn(async move {
            let mut seen = 0;
            while seen < 5000 && data(&mut events).await == seen.to_string() {
                seen += 1;
            }
            seen
        }));
    }
    for number in 0..5000 {
        publish(&hub, "a", &number.to_string()).await;
    }
    for seen in all {
        assert_eq!(seen.await.unwrap(), 5000);
    }
    assert_eq!(hub.stats().gone, 0);
}

#[tokio::test]
async fn a_stream_whose_topic_was_dropped_while_it_was_silent_ends_with_gone() {
    let mut limits = Limits::default();
    limits.kept.idle = Some(Duration::from_millis(100));
    let hub = Hub::in_memory(limits);
    let mut events = hub.subscribe("a", Start::Live).await.unwrap();
    bytes(&mut events).await;
    publish(&hub, "a", "1").await;
    assert_eq!(data(&mut events).await, "1");
    tokio::time::sleep(Duration::from_millis(300)).await;
    publish(&hub, "a", "2").await;
    assert!(bytes(&mut events).await.unwrap().starts_with(b"event: gone\n"));
}

#[tokio::test]
async fn what_is_too_large_to_be_kept_or_has_a_wrong_name_is_not_published() {
    let hub = Hub::in_memory(Limits::default());
    let large = "x".repeat(Limits::default().kept.bytes);
    assert!(matches!(hub.publish("a", Event::new(&large)).await, Err(PublishError::TooLarge { .. })));
    let largest = &large[..large.len() - "data: \n\n".len()];
    let mut events = hub.subscribe("a", Start::Kept).await.unwrap();
    for _ in 0..3 {
        hub.publish("a", Event::new(largest)).await.unwrap();
        assert_eq!(data(&mut events).await, largest);
    }
    for name in ["", &large] {
        let error = hub.publish_once("a", Event::new("x"), name).await.unwrap_err();
        assert!(matches!(error, PublishError::Name) && !error.is_passing());
    }
}

#[tokio::test]
async fn limits_of_nothing_stop_no_stream() {
    let mut limits = Limits::default();
    (limits.page, limits.pages, limits.live_events, limits.live_bytes, limits.taken_bytes) = (0, 0, 0, 0, 0);
    (limits.kept.topics, limits.kept.events) = (0, 0);
    let hub = Hub::in_memory(limits);
    let mut events = hub.subscribe("a", Start::Live).await.unwrap();
    for number in 0..5 {
        publish(&hub, "a", &number.to_string()).await;
        assert_eq!(data(&mut events).await, number.to_string());
    }
}
