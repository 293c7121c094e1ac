//! The engine on Redis Streams, with a server of its own.

#![cfg(feature = "redis")]

use std::time::Duration;

use futures_util::StreamExt;
use local_redis::{Proxy, Server};
use redis::AsyncCommands;
use sse_wire::{Event, EventName, Parser};
use sse_wire_hub::{Ended, Hub, Limits, PublishError, Start, SubscribeError, Subscription};
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(10);

async fn hub(server: &Server, limits: Limits) -> Hub {
    Hub::redis(&server.url(), limits).await.unwrap()
}

/// The next event: its name, its id and its data.
async fn next(events: &mut Subscription) -> (String, String, String) {
    let mut parser = Parser::new();
    loop {
        let bytes = timeout(SOON, events.next()).await.expect("an event").expect("it goes on");
        let event = parser.feed_bytes(&bytes).next();
        if let Some(event) = event {
            let event = event.unwrap();
            return (event.name().into(), event.last_event_id().into(), event.data().into());
        }
    }
}

async fn raw(server: &Server) -> redis::aio::MultiplexedConnection {
    redis::Client::open(server.url()).unwrap().get_multiplexed_async_connection().await.unwrap()
}

#[tokio::test]
async fn an_event_reaches_the_subscribers_of_every_node_and_a_client_goes_on_at_any() {
    let Some(server) = Server::for_test(&[]) else { return };
    let nodes = [hub(&server, Limits::default()).await, hub(&server, Limits::default()).await];
    let mut live = nodes[1].subscribe("a", Start::Live).await.unwrap();
    let price = EventName::from_static("price");
    let first = nodes[0].publish("a", Event::new("one\ntwo").with_name(price).with_retry(SOON)).await.unwrap();
    assert_eq!(next(&mut live).await, ("price".into(), first.to_string(), "one\ntwo".into()));
    let second = nodes[1].publish("a", Event::new("three")).await.unwrap();
    nodes[0].publish("b", Event::new("of another topic")).await.unwrap();
    assert_eq!(next(&mut live).await.1, second.to_string());
    // Also where nobody was subscribed meanwhile.
    let mut after = nodes[0].subscribe("a", Start::After(first.as_str())).await.unwrap();
    assert_eq!(next(&mut after).await, ("message".into(), second.to_string(), "three".into()));
    let mut kept = nodes[0].subscribe("a", Start::Kept).await.unwrap();
    assert_eq!((next(&mut kept).await.1, next(&mut kept).await.1), (first.to_string(), second.to_string()));
    let third = nodes[0].publish("a", Event::new("")).await.unwrap();
    for events in [&mut live, &mut after, &mut kept] {
        assert_eq!(next(events).await.1, third.to_string());
    }
    assert_eq!((nodes[0].subscribers("a"), nodes[1].subscribers("a")), (2, 1));
}

#[tokio::test]
async fn many_topics_are_read_by_several_connections() {
    let Some(server) = Server::for_test(&[]) else { return };
    let hub = hub(&server, Limits::default()).await;
    let mut all = Vec::new();
    for topic in 0..300 {
        all.push(hub.subscribe(&topic.to_string(), Start::Kept).await.unwrap());
    }
    for round in 0..2 {
        for topic in (0..300).rev() {
            hub.publish(&topic.to_string(), Event::new(&format!("{topic} {round}"))).await.unwrap();
        }
        for (topic, events) in all.iter_mut().enumerate() {
            assert_eq!(next(events).await.2, format!("{topic} {round}"));
        }
    }
    let clients: String = redis::cmd("CLIENT").arg("LIST").query_async(&mut raw(&server).await).await.unwrap();
    let waiting = clients.lines().filter(|client| client.contains("cmd=xread")).count();
    assert_eq!(waiting, 3, "{clients}");
    // Their places are taken by others.
    all.truncate(10);
    for topic in 300..400 {
        all.push(hub.subscribe(&topic.to_string(), Start::Kept).await.unwrap());
        hub.publish(&topic.to_string(), Event::new("x")).await.unwrap();
        assert_eq!(next(all.last_mut().unwrap()).await.2, "x");
    }
    assert_eq!(hub.stats().topics, 110);
}

#[tokio::test]
async fn ids_that_were_trimmed_never_given_or_are_no_ids_are_unknown_and_one_more_than_promised_is_kept() {
    let Some(server) = Server::for_test(&[]) else { return };
    let mut limits = Limits::default();
    limits.kept.events = 3;
    let hub = hub(&server, limits).await;
    let mut ids = Vec::new();
    for number in 0..10 {
        ids.push(hub.publish("a", Event::new(&number.to_string())).await.unwrap());
    }
    for (at, id) in ids.iter().enumerate() {
        match hub.subscribe("a", Start::After(id.as_str())).await {
            // Of 10, the last 4 are held.
            Ok(mut events) if at >= 6 => {
                for expected in &ids[at + 1..] {
                    assert_eq!(next(&mut events).await.1, expected.to_string());
                }
            }
            Err(SubscribeError::Unknown { newest }) if at < 6 => assert_eq!(newest, ids[9]),
            other => panic!("{at}: {other:?}"),
        }
    }
    let last = ids[9].to_string();
    for id in
        ["0-0", "1-1", "", "$", "*", "99999999999999-0", &format!("0{last}"), &format!("{last} "), "x\r\nFLUSHALL"]
    {
        let unknown = hub.subscribe("a", Start::After(id)).await;
        assert!(matches!(unknown, Err(SubscribeError::Unknown { .. })), "{id:?}");
    }
}

#[tokio::test]
async fn bytes_and_age_bound_what_is_kept() {
    let Some(server) = Server::for_test(&[]) else { return };
    let mut limits = Limits::default();
    limits.kept.bytes = 1000;
    let bytes = hub(&server, limits.clone()).await;
    let data = "x".repeat(290);
    for _ in 0..9 {
        bytes.publish("bytes", Event::new(&data)).await.unwrap();
    }
    // Each block has 298 bytes. One more is kept.
    assert_eq!(raw(&server).await.xlen::<_, usize>("sse:{bytes}").await.unwrap(), 4);
    bytes.publish("bytes", Event::new(&"x".repeat(900))).await.unwrap();
    assert_eq!(raw(&server).await.xlen::<_, usize>("sse:{bytes}").await.unwrap(), 2);
    let too_large = bytes.publish("bytes", Event::new(&"x".repeat(1000))).await.unwrap_err();
    assert!(matches!(too_large, PublishError::TooLarge { bytes: 1008, most: 1000 }), "{too_large:?}");

    limits.kept.age = Some(Duration::from_millis(100));
    let age = hub(&server, limits).await;
    let first = age.publish("age", Event::new("old")).await.unwrap();
    let last = age.publish("age", Event::new("the last old one")).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    age.publish("age", Event::new("new")).await.unwrap();
    assert_eq!(next(&mut age.subscribe("age", Start::After(last.as_str())).await.unwrap()).await.2, "new");
    assert!(matches!(age.subscribe("age", Start::After(first.as_str())).await, Err(SubscribeError::Unknown { .. })));
}

#[tokio::test]
async fn a_subscriber_that_misses_nothing_is_not_gone_whatever_is_dropped() {
    let Some(server) = Server::for_test(&[]) else { return };
    for (change, data, pause) in [
        ((|limits| limits.kept.age = Some(Duration::from_millis(100))) as fn(&mut Limits), 10, 250),
        (|limits| limits.kept.bytes = 1000, 900, 0),
        (|limits| limits.kept.events = 0, 10, 0),
    ] {
        let mut limits = Limits::default();
        change(&mut limits);
        for hub in [hub(&server, limits.clone()).await, Hub::in_memory(limits.clone())] {
            let mut live = hub.subscribe("a", Start::Live).await.unwrap();
            for _ in 0..5 {
                let id = hub.publish("a", Event::new(&"x".repeat(data))).await.unwrap();
                assert_eq!(next(&mut live).await.1, id.to_string(), "{limits:?}");
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
        }
    }
}

#[tokio::test]
async fn a_client_that_waits_for_the_first_event_costs_nothing() {
    let Some(server) = Server::for_test(&[]) else { return };
    for hub in [hub(&server, Limits::default()).await, Hub::in_memory(Limits::default())] {
        let mut events = hub.subscribe("empty", Start::Kept).await.unwrap();
        for _ in 0..20 {
            assert!(timeout(Duration::from_millis(20), events.next()).await.is_err());
        }
        assert_eq!(hub.stats().pages, 1);
        let first = hub.publish("empty", Event::new("1")).await.unwrap();
        assert_eq!(next(&mut events).await.1, first.to_string());
    }
}

#[tokio::test]
async fn a_topic_to_which_nothing_is_published_is_dropped_if_that_is_set() {
    let Some(server) = Server::for_test(&[]) else { return };
    let mut limits = Limits::default();
    limits.kept.idle = Some(Duration::from_millis(400));
    let hub = hub(&server, limits).await;
    let mut last = None;
    for _ in 0..4 {
        last = Some(hub.publish("a", Event::new("x")).await.unwrap());
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(raw(&server).await.keys::<_, Vec<String>>("*").await.unwrap().len(), 2);
    }
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(raw(&server).await.keys::<_, Vec<String>>("*").await.unwrap().len(), 0);
    let after = Start::After(last.as_ref().unwrap().as_str());
    assert!(matches!(hub.subscribe("a", after).await, Err(SubscribeError::Unknown { .. })));
}

/// What a client whose topic has no event gets first.
async fn first_id(hub: &Hub, topic: &str) -> String {
    let bytes = hub.subscribe(topic, Start::Live).await.unwrap().next().await.unwrap();
    std::str::from_utf8(&bytes).unwrap().trim_end().strip_prefix("id: ").unwrap().to_owned()
}

#[tokio::test]
async fn a_client_of_an_empty_topic_can_come_back_unless_events_may_have_been_dropped_since() {
    let Some(server) = Server::for_test(&[]) else { return };
    let forever = hub(&server, Limits::default()).await;
    let id = first_id(&forever, "a").await;
    forever.publish("a", Event::new("1")).await.unwrap();
    assert_eq!(next(&mut forever.subscribe("a", Start::After(&id)).await.unwrap()).await.2, "1");

    let mut limits = Limits::default();
    limits.kept.idle = Some(Duration::from_millis(800));
    let hub = hub(&server, limits).await;
    let (id, quiet) = (first_id(&hub, "b").await, first_id(&hub, "c").await);
    // Nothing was published yet.
    drop(hub.subscribe("b", Start::After(&id)).await.unwrap());
    hub.publish("b", Event::new("1")).await.unwrap();
    assert_eq!(next(&mut hub.subscribe("b", Start::After(&id)).await.unwrap()).await.2, "1");
    tokio::time::sleep(Duration::from_millis(900)).await;
    // The event is dropped, and the topic is as if there had never been one.
    let Err(SubscribeError::Unknown { newest }) = hub.subscribe("b", Start::After(&id)).await else { panic!() };
    let mut events = hub.subscribe("b", Start::After(newest.as_str())).await.unwrap();
    hub.publish("b", Event::new("2")).await.unwrap();
    assert_eq!(next(&mut events).await.2, "2");
    assert!(matches!(hub.subscribe("c", Start::After(&quiet)).await, Err(SubscribeError::Unknown { .. })));
    assert!(matches!(hub.subscribe("c", Start::After("0-0")).await, Err(SubscribeError::Unknown { .. })));
}

#[tokio::test]
async fn an_event_that_is_published_once_is_published_once() {
    let Some(server) = Server::for_test(&[]) else { return };
    let nodes = [hub(&server, Limits::default()).await, hub(&server, Limits::default()).await];
    let first = nodes[0].publish_once("a", Event::new("1"), "order 7").await.unwrap();
    assert_eq!(nodes[1].publish_once("a", Event::new("1"), "order 7").await.unwrap(), first);
    assert_ne!(nodes[1].publish_once("a", Event::new("2"), "order 8").await.unwrap(), first);
    nodes[1].publish_once("b", Event::new("1"), "order 7").await.unwrap();
    assert_eq!(raw(&server).await.xlen::<_, usize>("sse:{a}").await.unwrap(), 2);
    assert_eq!(raw(&server).await.xlen::<_, usize>("sse:{b}").await.unwrap(), 1);
}

#[tokio::test]
async fn subscribers_are_counted_on_all_nodes_until_a_node_is_silent() {
    let Some(server) = Server::for_test(&[]) else { return };
    let mut limits = Limits::default();
    limits.announce = Some(Duration::from_millis(200));
    let (here, there) = (hub(&server, limits.clone()).await, hub(&server, limits).await);
    let silent = hub(&server, Limits::default()).await;
    let subscribe = async |hub: &Hub| hub.subscribe("a", Start::Live).await.unwrap();
    let mut seats = vec![subscribe(&here).await, subscribe(&there).await, subscribe(&there).await];
    seats.push(subscribe(&silent).await);
    let expect = async |expected: &[(&Hub, usize)], on: &Hub| {
        let expected = expected.iter().map(|(hub, count)| (hub.node().to_owned(), *count)).collect();
        let mut tries = 0;
        loop {
            let presence = on.presence("a").await.unwrap();
            if presence == expected {
                break;
            }
            tries += 1;
            assert!(tries < 100, "{presence:?} in place of {expected:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    expect(&[(&here, 1), (&there, 2)], &here).await;
    expect(&[(&here, 1), (&there, 2), (&silent, 1)], &silent).await;
    seats.truncate(1);
    expect(&[(&here, 1)], &there).await;
    assert_eq!(there.presence("b").await.unwrap().len(), 0);
    // A node that is gone tells nothing any more.
    drop((here, seats));
    expect(&[], &there).await;
    let keys: Vec<String> = raw(&server).await.keys("*").await.unwrap();
    assert!(keys.is_empty(), "{keys:?}");
}

#[tokio::test]
async fn a_topic_cannot_reach_other_keys() {
    let Some(server) = Server::for_test(&[]) else { return };
    let hub = hub(&server, Limits::default()).await;
    for topic in ["a}:size", "{a", "a%7D", "*", "a b\r\nc", "\u{1f680}"] {
        hub.publish(topic, Event::new("x")).await.unwrap();
        assert_eq!(next(&mut hub.subscribe(topic, Start::Kept).await.unwrap()).await.2, "x", "{topic:?}");
    }
    hub.publish("a", Event::new("y")).await.unwrap();
    let keys: Vec<String> = raw(&server).await.keys("*").await.unwrap();
    assert_eq!(keys.len(), 2 * 7, "{keys:?}");
    for topic in [String::new(), "x".repeat(257)] {
        assert!(matches!(hub.publish(&topic, Event::new("x")).await, Err(PublishError::Name)));
        assert!(matches!(hub.subscribe(&topic, Start::Live).await, Err(SubscribeError::Name)));
    }
}

#[tokio::test]
async fn a_key_of_another_type_is_an_error_that_says_so_and_touches_no_other_topic() {
    let Some(server) = Server::for_test(&[]) else { return };
    let hub = hub(&server, Limits::default()).await;
    let mut other = hub.subscribe("b", Start::Kept).await.unwrap();
    let mut later = hub.subscribe("c", Start::Kept).await.unwrap();
    let () = raw(&server).await.set("sse:{a}", "text").await.unwrap();
    let error = hub.publish("a", Event::new("x")).await.unwrap_err();
    assert!(error.to_string().contains("WRONGTYPE"), "{error}");
    let refused = hub.subscribe("a", Start::Live);
    let Err(SubscribeError::Engine(error)) = timeout(Duration::from_secs(2), refused).await.unwrap() else { panic!() };
    assert!(error.is_refusal() && error.to_string().contains("WRONGTYPE"), "{error}");
    hub.publish("b", Event::new("1")).await.unwrap();
    assert_eq!(next(&mut other).await.2, "1");

    // A topic that is followed already.
    hub.publish("c", Event::new("1")).await.unwrap();
    assert_eq!(next(&mut later).await.2, "1");
    let mut raw = raw(&server).await;
    let () = raw.del("sse:{c}").await.unwrap();
    let () = raw.set("sse:{c}", "text").await.unwrap();
    for number in 2..10 {
        hub.publish("b", Event::new(&number.to_string())).await.unwrap();
        assert_eq!(next(&mut other).await.2, number.to_string());
    }
    // Once it is a stream again, which is another one.
    let () = raw.del("sse:{c}").await.unwrap();
    hub.publish("c", Event::new("2")).await.unwrap();
    assert_eq!(next(&mut later).await.0, "gone");
}

#[tokio::test]
async fn what_redis_refuses_is_an_error_that_names_the_topic_and_the_cause() {
    let (Some(server), Some(master)) = (Server::for_test(&[]), Server::for_test(&[])) else { return };
    let hub = hub(&server, Limits::default()).await;
    let mut raw = raw(&server).await;
    let mut redis = async |command: &str| {
        let mut parts = command.split(' ');
        let mut asked = redis::cmd(parts.next().unwrap());
        let _: redis::Value = asked.arg(parts.collect::<Vec<_>>()).query_async(&mut raw).await.unwrap();
    };
    let mut events = hub.subscribe("a", Start::Kept).await.unwrap();
    let port = master.port();
    for (number, (set, unset, cause, is_refusal)) in [
        ("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0", "OOM", false),
        ("ACL SETUSER default -xadd", "ACL SETUSER default +xadd", "CAN'T RUN THIS COMMAND", true),
        ("ACL SETUSER default -@scripting", "ACL SETUSER default +@scripting", "NOPERM", true),
        ("CONFIG SET min-replicas-to-write 1", "CONFIG SET min-replicas-to-write 0", "NOREPLICAS", false),
    ]
    .into_iter()
    .enumerate()
    {
        redis(set).await;
        let PublishError::Engine(error) = hub.publish("a", Event::new("x")).await.unwrap_err() else { panic!("{set}") };
        let text = error.to_string();
        assert!(text.contains("\"a\"") && text.to_uppercase().contains(cause), "{set}: {text}");
        assert_eq!(error.is_refusal(), is_refusal, "{set}: {text}");
        redis(unset).await;
        hub.publish("a", Event::new(&number.to_string())).await.unwrap();
        assert_eq!(next(&mut events).await.2, number.to_string(), "{set}");
    }
    redis(&format!("REPLICAOF 127.0.0.1 {port}")).await;
    let error = hub.publish("a", Event::new("x")).await.unwrap_err();
    let is_passing = matches!(&error, PublishError::Engine(error) if !error.is_refusal());
    assert!(is_passing && error.to_string().contains("read only replica"), "{error}");
}

#[tokio::test]
async fn nobody_waits_long_for_a_server_that_is_silent() {
    let Some(server) = Server::for_test(&[]) else { return };
    let proxy = Proxy::to(server.port()).await.unwrap();
    let hub = Hub::redis(&format!("redis://127.0.0.1:{}/", proxy.port()), Limits::default()).await.unwrap();
    let mut events = hub.subscribe("a", Start::Live).await.unwrap();
    proxy.stop();
    let start = std::time::Instant::now();
    let publish = |number: usize| {
        let hub = hub.clone();
        tokio::spawn(async move { hub.publish("a", Event::new(&number.to_string())).await })
    };
    let publishers: Vec<_> = (0..50).map(publish).collect();
    for publisher in publishers {
        assert!(publisher.await.unwrap().is_err());
    }
    assert!(hub.subscribe("new", Start::Live).await.is_err());
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    proxy.go_on();
    while hub.publish_once("a", Event::new("end"), "end").await.is_err() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    while next(&mut events).await.2 != "end" {}
}

#[tokio::test]
async fn a_server_that_was_killed_and_has_lost_its_logs_ends_the_streams_with_gone() {
    let Some(mut server) = Server::for_test(&["--appendonly", "no"]) else { return };
    let hub = hub(&server, Limits::default()).await;
    let mut events = hub.subscribe("a", Start::Live).await.unwrap();
    let first = hub.publish("a", Event::new("1")).await.unwrap();
    assert_eq!(next(&mut events).await.1, first.to_string());
    server.kill();
    let error = hub.publish("a", Event::new("2")).await.unwrap_err();
    assert!(matches!(error, PublishError::Engine(error) if !error.is_refusal()));
    server.restart();
    let (name, ..) = next(&mut events).await;
    assert_eq!((name.as_str(), events.next().await), ("gone", None));
    assert_eq!(events.ended(), Some(Ended::Gone));
    assert!(matches!(hub.subscribe("a", Start::After(first.as_str())).await, Err(SubscribeError::Unknown { .. })));
}

#[tokio::test]
async fn after_a_loss_only_those_are_gone_who_have_seen_what_was_lost() {
    let Some(server) = Server::for_test(&[]) else { return };
    let hub = hub(&server, Limits::default()).await;
    let mut has_seen = hub.subscribe("a", Start::Live).await.unwrap();
    let mut has_not = hub.subscribe("a", Start::Live).await.unwrap();
    let first = hub.publish("a", Event::new("1")).await.unwrap().to_string();
    assert_eq!((next(&mut has_seen).await.1, next(&mut has_not).await.1), (first.clone(), first));
    // As a replica that is promoted without the second event.
    let mut raw = raw(&server).await;
    let dump: Vec<u8> = redis::cmd("DUMP").arg("sse:{a}").query_async(&mut raw).await.unwrap();
    hub.publish("a", Event::new("2")).await.unwrap();
    assert_eq!(next(&mut has_seen).await.2, "2");
    let () = redis::cmd("RESTORE").arg("sse:{a}").arg(0).arg(dump).arg("REPLACE").query_async(&mut raw).await.unwrap();
    hub.publish("a", Event::new("3")).await.unwrap();
    assert_eq!(next(&mut has_seen).await.0, "gone");
    assert_eq!(next(&mut has_not).await.2, "3");
    assert_eq!(hub.stats().gone, 1);
}

#[tokio::test]
async fn a_server_that_was_killed_and_has_kept_its_logs_goes_on() {
    let Some(mut server) = Server::for_test(&["--appendonly", "yes", "--appendfsync", "always"]) else { return };
    let hub = hub(&server, Limits::default()).await;
    let mut events = hub.subscribe("a", Start::Live).await.unwrap();
    let first = hub.publish("a", Event::new("1")).await.unwrap();
    assert_eq!(next(&mut events).await.1, first.to_string());
    server.kill();
    server.restart();
    let mut tries = 0;
    let second = loop {
        match hub.publish_once("a", Event::new("2"), "two").await {
            Ok(id) => break id,
            Err(error) => {
                tries += 1;
                assert!(tries < 20, "{error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    };
    assert_eq!(next(&mut events).await, ("message".into(), second.to_string(), "2".into()));
}

#[tokio::test]
async fn connections_that_are_killed_lose_and_double_nothing() {
    let Some(server) = Server::for_test(&[]) else { return };
    let hub = hub(&server, Limits::default()).await;
    let mut events = hub.subscribe("a", Start::Live).await.unwrap();
    let mut killer = raw(&server).await;
    for number in 0..60 {
        if number % 10 == 5 {
            let _: redis::Value = redis::cmd("CLIENT")
                .arg("KILL")
                .arg("SKIPME")
                .arg("yes")
                .arg("TYPE")
                .arg("normal")
                .query_async(&mut killer)
                .await
                .unwrap();
        }
        let data = number.to_string();
        while hub.publish_once("a", Event::new(&data), &data).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    for number in 0..60 {
        assert_eq!(next(&mut events).await.2, number.to_string());
    }
}
