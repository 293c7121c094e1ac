//! What a client that reconnects is sent: the rules one by one, any history against a plain list, and concurrent writers and
//! subscribers.

use std::error::Error;
use std::fmt::Debug;
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::Duration;

use allocation_counter::measure;
use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use sse_wire::server::{CountedIds, OwnIds, Replay, ReplayBuffer, ReplayError, UnknownId};
use sse_wire::{Event, EventId, EventName, Head, KEEP_ALIVE, Parser};

use crate::properties::config;

fn event<'a>(id: &'a str, data: &'a str) -> Event<'a> {
    Event::new(data).with_id(EventId::new(id).unwrap())
}

/// The buffer after events with these ids were published, with the id as data.
fn published(replay: ReplayBuffer, ids: &[&str]) -> ReplayBuffer {
    let mut replay = replay;
    for id in ids {
        replay.publish(event(id, id)).unwrap();
    }
    replay
}

/// The ids of the events, as a client sees them.
fn ids<'a>(events: impl IntoIterator<Item = &'a Bytes>) -> Vec<String> {
    let mut ids = Vec::new();
    for bytes in events {
        let mut parser = Parser::new();
        let mut events = parser.feed(bytes);
        let event = events.next_event().unwrap().expect("a whole event");
        ids.push(event.id().expect("an event with an id").to_owned());
    }
    ids
}

fn since<const N: usize>(replay: &ReplayBuffer, id: &str, expected: [&str; N]) {
    assert_eq!(replay.since(id).map(ids), Ok(expected.map(str::to_owned).to_vec()), "after {id:?}");
}

fn unknown(replay: &ReplayBuffer, id: &str) {
    assert_eq!(replay.since(id).unwrap_err(), UnknownId, "{id:?}");
}

#[test]
fn the_types_keep_their_promises() {
    const fn thread_safe<T: Send + Sync + Debug + 'static>() {}
    const fn error<T: Error + Copy + Eq + Send + Sync + 'static>() {}
    const fn iterator<T: ExactSizeIterator + DoubleEndedIterator + Clone + Send + Sync>() {}
    const {
        thread_safe::<ReplayBuffer>();
        thread_safe::<ReplayBuffer<OwnIds>>();
        thread_safe::<ReplayBuffer<CountedIds>>();
        thread_safe::<CountedIds>();
        error::<ReplayError>();
        error::<UnknownId>();
        iterator::<Replay<'static>>();
    }
}

#[test]
fn a_new_buffer_takes_no_memory() {
    assert_eq!(measure(|| drop(ReplayBuffer::new())).count_total, 0);
}

#[test]
fn what_is_published_is_what_is_replayed() {
    let event = Event::new("one\r\ntwo").with_name(EventName::from_static("n")).with_retry(Duration::from_millis(5));
    let mut own = ReplayBuffer::new();
    let bytes = own.publish(event.with_id(EventId::from_static("7"))).unwrap();
    assert_eq!(bytes, "event: n\nid: 7\nretry: 5\ndata: one\ndata: two\n\n");
    assert!(own.all().eq([&bytes]));
    let mut counted = ReplayBuffer::counted(7).unwrap();
    let bytes = counted.publish(event);
    assert_eq!(bytes, "event: n\nid: 7-1\nretry: 5\ndata: one\ndata: two\n\n");
    assert!(counted.all().eq([&bytes]));
}

#[test]
fn a_client_gets_the_events_after_its_own_in_order() {
    let replay = published(ReplayBuffer::new(), &["a", "c", "b"]);
    since(&replay, "a", ["c", "b"]);
    since(&replay, "c", ["b"]);
    assert_eq!(ids(replay.since("a").unwrap().rev()), ["b", "c"]);
    assert_eq!(replay.since("a").unwrap().len(), 2);
}

#[test]
fn a_client_with_the_newest_id_is_up_to_date() {
    let replay = published(ReplayBuffer::new(), &["a", "b"]);
    since(&replay, "b", []);
    assert_eq!(replay.last_event_id().unwrap(), "b");
}

#[test]
fn the_id_may_be_text_or_bytes() {
    let replay = published(ReplayBuffer::new(), &["\u{e9}", "b"]);
    assert_eq!(replay.since(String::from("\u{e9}")).unwrap().len(), 1);
    assert_eq!(replay.since(b"\xc3\xa9").unwrap().len(), 1);
    assert_eq!(replay.since(b"\xe9").unwrap_err(), UnknownId);
}

#[test]
fn an_id_that_was_never_issued_is_unknown() {
    unknown(&ReplayBuffer::new(), "a");
    let replay = published(ReplayBuffer::new(), &["a", "ab"]);
    for id in ["b", "A", "a ", " a", "abc", "a\0", "1", "\u{feff}a"] {
        unknown(&replay, id);
    }
}

#[test]
fn an_empty_id_is_unknown() {
    let replay = ReplayBuffer::new();
    assert_eq!(replay.last_event_id(), None);
    unknown(&replay, "");
    unknown(&published(replay, &["a"]), "");
    let mut counted = ReplayBuffer::counted("").unwrap();
    assert_eq!(counted.last_event_id().unwrap(), "-0");
    assert_eq!(counted.since("").unwrap_err(), UnknownId);
    counted.publish(Event::new("x"));
    assert_eq!(counted.since("").unwrap_err(), UnknownId);
}

#[test]
fn the_id_of_the_event_pushed_out_last_is_known_and_those_before_it_are_not() {
    let replay = published(ReplayBuffer::new().with_max_events(2), &["a", "b", "c", "d"]);
    unknown(&replay, "a");
    since(&replay, "b", ["c", "d"]);
    since(&replay, "c", ["d"]);
    assert_eq!(ids(replay.all()), ["c", "d"]);
}

#[test]
fn an_event_counts_with_its_encoded_bytes_and_an_id_of_its_own_once_more() {
    let size = "id: a\ndata: a\n\n".len();
    for (max_bytes, held) in [(3 * (size + 1), 3), (3 * (size + 1) - 1, 2)] {
        let replay = published(ReplayBuffer::new().with_max_bytes(max_bytes), &["a", "b", "c", "d", "e", "f"]);
        assert_eq!(replay.all().len(), held);
    }
    let size = "id: e-1\ndata: x\n\n".len();
    for (max_bytes, held) in [(3 * size, 3), (3 * size - 1, 2)] {
        let mut replay = ReplayBuffer::counted("e").unwrap().with_max_bytes(max_bytes);
        for _ in 0..6 {
            replay.publish(Event::new("x"));
        }
        assert_eq!(replay.all().len(), held);
    }
}

/// Counted by the allocator, however large the events are: see "Bounds" in the documentation of the buffer.
#[test]
fn the_memory_that_is_held_goes_with_what_counts() {
    /// After so many events, most of which are pushed out again.
    fn held_after(events: usize, publish: impl FnMut(usize)) -> usize {
        let cost = measure(|| (0..events).for_each(publish));
        cost.bytes_current.try_into().expect("nothing is freed that was not allocated")
    }
    fn at_most(events: Replay<'_>, ids: usize) -> usize {
        330 * events.len() + events.map(Bytes::len).sum::<usize>() + ids + 4 * 1024
    }
    let (small, large, lines) = ("x".repeat(100), "x".repeat(9000), "\n".repeat(1200));
    let (larger, largest) = ("x".repeat(235 * 1024), "x".repeat(300 * 1024));
    let burst: Vec<_> = std::iter::repeat_n("", 2999).chain([&*largest]).collect();
    let burst_and_rest: Vec<_> = std::iter::repeat_n("", 2999).chain([&*larger]).collect();
    let mixes: [(usize, &[&str]); 9] = [
        (3000, &[""]),
        (3000, &[&small]),
        (600, &[&"x".repeat(4200)]),
        (300, &[&large]),
        (300, &[&"\n".repeat(3000)]),
        // Lines that are encoded to seven times their length.
        (600, &["", &lines]),
        (600, &[&small, &lines, &large]),
        // Many small ones, and then one that pushes them all out.
        (3000, &burst),
        // Or leaves so few that the lists are nearly four times too long, and not shrunk yet.
        (3000, &burst_and_rest),
    ];
    for (events, mix) in mixes {
        let data = |number: usize| mix[number % mix.len()];
        let shown: Vec<_> = mix.iter().take(3).map(|data| data.len()).collect();
        let mut own = ReplayBuffer::new().with_max_events(3000).with_max_bytes(256 * 1024);
        let held = held_after(events, |number| drop(own.publish(event(&number.to_string(), data(number))).unwrap()));
        let bound = at_most(own.all(), ids(own.all()).iter().map(String::len).sum());
        assert!(held <= bound, "{held} and not {bound} for {} events of {shown:?} bytes", own.all().len());

        let mut counted = ReplayBuffer::counted("e").unwrap().with_max_events(3000).with_max_bytes(256 * 1024);
        let held = held_after(events, |number| drop(counted.publish(Event::new(data(number)))));
        let bound = at_most(counted.all(), 0);
        assert!(held <= bound, "{held} and not {bound} for {} events of {shown:?} bytes", counted.all().len());
    }
}

#[test]
fn a_burst_that_is_pushed_out_costs_a_few_allocations_and_no_more() {
    let mut replay = ReplayBuffer::new().with_max_events(3000).with_max_bytes(256 * 1024);
    for number in 0..3000 {
        replay.publish(event(&number.to_string(), "")).unwrap();
    }
    let large = "x".repeat(300 * 1024);
    let cost = measure(|| drop(replay.publish(event("large", &large)).unwrap()));
    assert_eq!(replay.all().len(), 0);
    // Bytes, ids, and each list is shrunk a few times.
    assert!(cost.count_total < 30, "{cost:?}");
}

#[test]
fn a_slow_subscriber_keeps_the_bytes_of_its_events_alive_and_nothing_else() {
    let mut kept = Bytes::new();
    let cost = measure(|| {
        let mut replay = ReplayBuffer::counted("e").unwrap();
        for number in 0..100 {
            let bytes = replay.publish(Event::new("x"));
            if number == 50 {
                kept = bytes;
            }
        }
    });
    assert_eq!(kept, "id: e-51\ndata: x\n\n");
    // With the reference count.
    let most = kept.len() + 3 * size_of::<usize>();
    assert!(usize::try_from(cost.bytes_current).unwrap() <= most, "{cost:?}");
}

#[test]
fn an_event_larger_than_the_bound_is_published_and_leaves_no_gap() {
    let mut replay = published(ReplayBuffer::new().with_max_bytes(100), &["a", "b"]);
    let bytes = replay.publish(event("large", &"x".repeat(100))).unwrap();
    assert_eq!(ids([&bytes]), ["large"]);
    assert_eq!(replay.all().len(), 0);
    assert_eq!(replay.last_event_id().unwrap(), "large");
    since(&replay, "large", []);
    unknown(&replay, "a");
    unknown(&replay, "b");
    let replay = published(replay, &["c"]);
    unknown(&replay, "b");
    since(&replay, "large", ["c"]);
}

#[test]
fn a_buffer_that_holds_nothing_still_knows_the_newest_id() {
    for replay in [ReplayBuffer::new().with_max_events(0), ReplayBuffer::new().with_max_bytes(0)] {
        let replay = published(replay, &["a", "b"]);
        unknown(&replay, "a");
        since(&replay, "b", []);
        assert_eq!(replay.all().len(), 0);
    }
}

#[test]
fn a_smaller_bound_pushes_out_at_once_and_a_larger_one_restores_nothing() {
    let replay = published(ReplayBuffer::new(), &["a", "b", "c", "d"]).with_max_events(2);
    assert_eq!(ids(replay.all()), ["c", "d"]);
    let replay = replay.with_max_bytes(20);
    assert_eq!(ids(replay.all()), ["d"]);
    let replay = published(replay.with_max_events(9).with_max_bytes(999), &["e"]);
    unknown(&replay, "b");
    since(&replay, "c", ["d", "e"]);
}

#[test]
fn the_bounds_of_a_live_buffer_can_be_set() {
    let mut replay = published(ReplayBuffer::new(), &["a", "b", "c", "d"]);
    replay.set_max_events(3);
    assert_eq!(ids(replay.all()), ["b", "c", "d"]);
    replay.set_max_bytes(2 * "id: c\ndata: c\n\nc".len());
    assert_eq!(ids(replay.all()), ["c", "d"]);
    replay.advance(Duration::from_secs(5));
    let mut replay = published(replay, &["e"]);
    assert_eq!(ids(replay.all()), ["d", "e"]);
    replay.set_max_age(Duration::from_secs(4));
    assert_eq!(ids(replay.all()), ["e"]);
    // Larger ones restore nothing.
    replay.set_max_events(9);
    replay.set_max_bytes(999);
    replay.set_max_age(Duration::MAX);
    replay.advance(Duration::from_secs(500));
    let replay = published(replay, &["f", "g"]);
    assert_eq!(ids(replay.all()), ["e", "f", "g"]);
    unknown(&replay, "c");
    since(&replay, "d", ["e", "f", "g"]);
}

/// A minute and this.
const fn after_a_minute(more: Duration) -> Duration {
    Duration::from_secs(60).saturating_add(more)
}

#[test]
fn what_is_older_than_the_greatest_age_is_pushed_out() {
    let mut replay = published(ReplayBuffer::new().with_max_age(Duration::from_secs(60)), &["a"]);
    replay.advance(Duration::from_nanos(1));
    let mut replay = published(replay, &["b"]);
    replay.advance(after_a_minute(Duration::ZERO));
    since(&replay, "a", ["b"]);
    assert_eq!(ids(replay.all()), ["a", "b"]);
    replay.advance(after_a_minute(Duration::from_nanos(1)));
    assert_eq!(ids(replay.all()), ["b"]);
    since(&replay, "a", ["b"]);
    replay.advance(after_a_minute(Duration::from_nanos(2)));
    assert_eq!(replay.all().len(), 0);
    unknown(&replay, "a");
    since(&replay, "b", []);
    assert_eq!(replay.last_event_id().unwrap(), "b");
    // What is published now has this time.
    let mut replay = published(replay, &["c"]);
    replay.advance(Duration::from_secs(119));
    since(&replay, "b", ["c"]);
}

#[test]
fn a_clock_that_goes_back_pushes_nothing_out() {
    let mut replay = ReplayBuffer::new().with_max_age(Duration::from_secs(60));
    replay.advance(Duration::from_secs(1000));
    let mut replay = published(replay, &["a"]);
    for now in [Duration::ZERO, Duration::from_secs(999)] {
        replay.advance(now);
        replay = published(replay, &[&format!("{now:?}")]);
    }
    assert_eq!(replay.all().len(), 3);
    // All of them have the time at which the clock went back.
    replay.advance(Duration::from_secs(1060));
    assert_eq!(replay.all().len(), 3);
    replay.advance(Duration::from_secs(1061));
    assert_eq!(replay.all().len(), 0);
}

#[test]
fn no_time_is_too_late_and_no_age_too_great() {
    for max_age in [Duration::ZERO, Duration::from_secs(60), Duration::MAX] {
        let mut replay = published(ReplayBuffer::new().with_max_age(max_age), &["a"]);
        assert_eq!(replay.all().len(), 1, "nothing is too old at its own time");
        replay.advance(Duration::MAX);
        assert_eq!(replay.all().len(), usize::from(max_age == Duration::MAX), "{max_age:?}");
        let mut replay = published(replay, &["b"]);
        replay.advance(Duration::MAX);
        since(&replay, "a", ["b"]);
    }
}

#[test]
fn every_event_of_a_replay_comes_with_its_id_which_is_not_copied() {
    let names = [None, Some(""), Some("n"), Some("id: 9"), Some("message")];
    let events = names.map(|name| {
        let name = name.map(EventName::from_static);
        Event::new("id: 7\n\nid: 8").with_optional_name(name).with_retry(Duration::from_secs(1))
    });
    let (mut own, mut counted) = (ReplayBuffer::new(), ReplayBuffer::counted("\u{e9}").unwrap());
    let own_ids = ["id: 1", ":", "\u{65e5}\u{672c}", "data: x", "event: y"];
    for (event, id) in events.into_iter().zip(own_ids) {
        own.publish(event.with_id(EventId::new(id).unwrap())).unwrap();
        assert_eq!(own.last_event_id().unwrap(), id);
        counted.publish(event);
    }
    let cost = measure(|| {
        for (replay, first) in [(own.all(), "id: 1"), (counted.all(), "\u{e9}-1")] {
            let mut pairs = replay.clone().with_ids();
            assert_eq!(pairs.len(), names.len());
            assert_eq!(pairs.next().unwrap().0, first);
            for (id, bytes) in replay.with_ids() {
                assert!(bytes.as_ptr_range().contains(&id.as_str().as_ptr()));
            }
        }
    });
    assert_eq!(cost.count_total, 0);
    assert!(own.all().with_ids().map(|(id, _)| id.to_string()).eq(own_ids));
    assert_eq!(
        counted.since("\u{e9}-3").unwrap().with_ids().map(|(id, _)| id).collect::<Vec<_>>(),
        [EventId::from_static("\u{e9}-4"), EventId::from_static("\u{e9}-5")]
    );
    assert!(own.all().with_ids().map(|(_, bytes)| bytes).eq(own.all()));
}

#[test]
fn a_client_that_is_not_sent_an_event_is_up_to_date_after_its_id() {
    let mut replay = ReplayBuffer::counted("e").unwrap().with_max_events(1);
    let mut parser = Parser::new();
    for number in 0..4 {
        let bytes = replay.publish(Event::new("x"));
        let (id, replayed) = replay.all().with_ids().next_back().unwrap();
        assert_eq!((replay.last_event_id(), &bytes), (Some(id), replayed));
        // Only the first is for this client.
        let sent = if number == 0 { bytes } else { Head::from(id).encode() };
        let mut events = parser.feed(&sent);
        assert_eq!(events.next_event().unwrap().is_some(), number == 0);
    }
    assert_eq!(replay.since(parser.last_event_id()).unwrap().len(), 0);
    assert_eq!(replay.since("e-1").unwrap_err(), UnknownId);
}

#[test]
fn a_thousand_and_twenty_four_events_and_a_mebibyte_of_any_age_are_held_unless_set() {
    let mut replay = ReplayBuffer::counted("e").unwrap();
    for second in 0..1025 {
        replay.advance(Duration::from_secs(second * 86400));
        replay.publish(Event::new(""));
    }
    assert_eq!(replay.all().len(), 1024);
    let overhead = "id: e-1\ndata: \n\n".len();
    for (size, held) in [(1024 * 1024, 1), (1024 * 1024 + 1, 0)] {
        let mut replay = ReplayBuffer::counted("e").unwrap();
        replay.publish(Event::new(&"x".repeat(size - overhead)));
        assert_eq!(replay.all().len(), held);
    }
}

#[test]
fn an_event_without_an_id_is_refused_and_changes_nothing() {
    let mut replay = published(ReplayBuffer::new(), &["a", "b"]);
    assert_eq!(replay.publish(Event::new("x")), Err(ReplayError::MissingId));
    assert_eq!(replay.publish(event("", "x")), Err(ReplayError::MissingId));
    // The id of the stream is not one of the event.
    let mut parser = Parser::new().with_last_event_id("c");
    let mut events = parser.feed(b"data: x\n\n");
    let parsed = events.next_event().unwrap().unwrap();
    assert_eq!((parsed.last_event_id(), replay.publish(parsed)), ("c", Err(ReplayError::MissingId)));
    let parsed = parsed.into_owned();
    assert_eq!(replay.publish(&parsed), Err(ReplayError::MissingId));
    since(&replay, "a", ["b"]);
    since(&replay, "b", []);
}

#[test]
fn an_id_that_is_still_known_is_refused_and_changes_nothing() {
    let mut replay = published(ReplayBuffer::new().with_max_events(2), &["a", "b", "c", "d"]);
    for id in ["b", "c", "d"] {
        assert_eq!(replay.publish(event(id, "x")), Err(ReplayError::DuplicateId), "{id}");
    }
    since(&replay, "b", ["c", "d"]);
    // An id that is no longer known may be used again.
    since(&published(replay, &["a"]), "c", ["d", "a"]);
}

#[test]
fn counted_ids_start_at_one_and_replace_an_id_of_the_event() {
    let mut replay = ReplayBuffer::counted("e").unwrap();
    replay.publish(Event::new("x"));
    replay.publish(event("own", "x"));
    assert_eq!(ids(replay.all()), ["e-1", "e-2"]);
    assert_eq!(replay.last_event_id().unwrap(), "e-2");
    assert_eq!(replay.since("own").unwrap_err(), UnknownId);
}

#[test]
fn counted_ids_by_themselves_are_those_of_a_buffer_with_the_same_epoch() {
    let mut counted = CountedIds::new("e").unwrap();
    let mut replay = ReplayBuffer::counted("e").unwrap();
    for number in 1..=11 {
        let event = Event::new("x").with_id(counted.next_id());
        assert_eq!(event.id(), Some(&*format!("e-{number}")));
        assert_eq!(event.encode(), replay.publish(Event::new("x")));
    }
    // A copy counts on its own.
    let mut copy = counted.clone();
    assert_eq!(copy.next_id(), "e-12");
    assert_eq!(counted.next_id(), "e-12");
}

#[test]
fn only_a_counted_id_as_it_was_written_is_known() {
    let mut replay = ReplayBuffer::counted("e").unwrap();
    for _ in 0..10 {
        replay.publish(Event::new("x"));
    }
    assert_eq!(replay.since("e-1").unwrap().len(), 9);
    assert_eq!(replay.since("e-10").unwrap().len(), 0);
    assert_eq!(replay.since("e-0").unwrap().len(), 10);
    for id in [
        "e-00",
        "e-11",
        "e-",
        "e",
        "e-01",
        "e-+1",
        "e--1",
        "e-1 ",
        "e- 1",
        "1",
        "-1",
        "E-1",
        "e-1-1",
        "e-\u{661}",
        "e-18446744073709551615",
        "e-18446744073709551617",
    ] {
        assert_eq!(replay.since(id).unwrap_err(), UnknownId, "{id:?}");
    }
}

/// What a header does not bring back as it is.
const UNFIT: [&str; 9] = ["a\nb", "a\rb", "a\0b", "a\u{1}b", "a\u{7f}", " a", "\ta", " ", "\u{1b}"];

#[test]
fn an_epoch_that_no_header_brings_back_is_refused() {
    for epoch in UNFIT {
        assert_eq!(ReplayBuffer::counted(epoch).unwrap_err(), ReplayError::UnfitId, "{epoch:?}");
        assert_eq!(CountedIds::new(epoch).unwrap_err(), ReplayError::UnfitId, "{epoch:?}");
    }
    for epoch in ["a b", "a\tb", "a ", "a\t", "\u{e9}", "\u{a0}"] {
        assert!(CountedIds::new(epoch).is_ok(), "{epoch:?}");
    }
}

#[test]
fn an_id_that_no_header_brings_back_is_refused_and_changes_nothing() {
    let mut replay = published(ReplayBuffer::new(), &["a"]);
    for id in UNFIT.into_iter().chain(["a ", "a\t"]).filter(|id| EventId::new(id).is_ok()) {
        assert_eq!(replay.publish(event(id, "x")), Err(ReplayError::UnfitId), "{id:?}");
        assert_eq!((replay.last_event_id().unwrap(), replay.all().len()), (EventId::from_static("a"), 1));
    }
    since(&published(replay, &["b c", "b\tc"]), "a", ["b c", "b\tc"]);
}

#[test]
fn the_place_before_the_first_event_is_known_as_long_as_that_event_is_held() {
    let mut replay = ReplayBuffer::counted("e").unwrap().with_max_events(2);
    let cursor = replay.last_event_id().unwrap().to_string();
    assert_eq!(replay.since(&cursor).unwrap().len(), 0);
    for missed in [Ok(1), Ok(2), Err(UnknownId), Err(UnknownId)] {
        replay.publish(Event::new("x"));
        assert_eq!(replay.since(&cursor).map(|missed| missed.len()), missed);
    }
    assert_eq!(ReplayBuffer::counted("f").unwrap().since(&cursor).unwrap_err(), UnknownId);
}

#[test]
fn ids_of_one_buffer_are_unknown_to_another() {
    let epochs = ["", "1", "-", "1-", "1-1", "1-1-", "11", "a", "a-1", "A"];
    let mut buffers = epochs.map(|epoch| ReplayBuffer::counted(epoch).unwrap());
    for buffer in &mut buffers {
        for _ in 0..12 {
            buffer.publish(Event::new("x"));
        }
    }
    for (one, from) in buffers.iter().enumerate() {
        for id in ids(from.all()) {
            for (other, to) in buffers.iter().enumerate() {
                assert_eq!(to.since(&id).is_ok(), one == other, "{id:?} in {:?}", epochs[other]);
            }
        }
    }
}

/// All that was ever published, and what of it must still be held.
struct Model {
    /// The ids, the bytes, and the times.
    published: Vec<(String, Bytes, u64)>,
    now: u64,
    max_events: usize,
    max_bytes: usize,
    max_age: u64,
    own_ids: bool,
}

impl Model {
    /// The index of the first event that is held: the longest run up to the newest within the bounds.
    fn start(&self) -> usize {
        let mut size = 0;
        let held = self.published.iter().rev().take(self.max_events).take_while(|(id, bytes, time)| {
            size += bytes.len() + if self.own_ids { id.len() } else { 0 };
            size <= self.max_bytes && self.now - time <= self.max_age
        });
        self.published.len() - held.count()
    }

    /// What a client with this id missed, if that is known.
    fn since(&self, id: &str) -> Option<Vec<&Bytes>> {
        let start = self.start();
        if !self.own_ids && id == "e-0" && start == 0 {
            return Some(self.all());
        }
        let known = start.saturating_sub(1);
        let place = self.published[known..].iter().position(|(published, ..)| published == id)?;
        Some(self.published[known + place + 1..].iter().map(|(_, bytes, _)| bytes).collect())
    }

    fn all(&self) -> Vec<&Bytes> {
        self.published[self.start()..].iter().map(|(_, bytes, _)| bytes).collect()
    }
}

fn bounds() -> impl Strategy<Value = (usize, usize, u64)> {
    let max_events = prop_oneof![0..4_usize, Just(1024)];
    let max_bytes = prop_oneof![0..200_usize, Just(0), Just(1), Just(1 << 20)];
    (max_events, max_bytes, prop_oneof![0..4_u64, Just(1 << 20)])
}

/// The id, the size of the data, and by how much the clock goes on, or back, before the event.
fn histories(id: &'static str) -> impl Strategy<Value = Vec<(Option<String>, usize, i64)>> {
    let size = prop_oneof![9 => 0..30_usize, 1 => 100..300_usize];
    vec((prop::option::weighted(0.9, id), size, prop_oneof![3 => Just(0), 2 => -3..4_i64]), 0..40)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn own_ids_are_what_a_plain_list_says((max_events, max_bytes, max_age) in bounds(), history in histories("[a-e]{0,2}")) {
        let mut replay = ReplayBuffer::new()
            .with_max_events(max_events)
            .with_max_bytes(max_bytes)
            .with_max_age(Duration::from_secs(max_age));
        let mut model = Model { published: Vec::new(), now: 0, max_events, max_bytes, max_age, own_ids: true };
        for (id, size, step) in &history {
            let clock = model.now.saturating_add_signed(*step);
            model.now = model.now.max(clock);
            replay.advance(Duration::from_secs(clock));
            let data = "x".repeat(*size);
            let event = match id {
                Some(id) => event(id, &data),
                None => Event::new(&data),
            };
            let expected = match id {
                None => Some(ReplayError::MissingId),
                Some(id) if id.is_empty() => Some(ReplayError::MissingId),
                Some(id) => model.since(id).map(|_| ReplayError::DuplicateId),
            };
            let result = replay.publish(event);
            prop_assert_eq!(result.as_ref().err(), expected.as_ref());
            if let (Ok(bytes), Some(id)) = (result, id) {
                prop_assert_eq!(ids([&bytes]), std::slice::from_ref(id));
                model.published.push((id.clone(), bytes, model.now));
            }
            let newest = model.published.last().map(|(id, ..)| &**id);
            prop_assert_eq!(replay.last_event_id().map(EventId::as_str), newest);
            prop_assert_eq!(replay.all().collect::<Vec<_>>(), model.all());
            let held = model.published[model.start()..].iter().map(|(id, bytes, _)| (&**id, bytes));
            prop_assert!(replay.all().with_ids().map(|(id, bytes)| (id.as_str(), bytes)).eq(held));
            let asked = history.iter().filter_map(|(id, ..)| id.as_deref());
            for id in asked.chain(["", "f", "aaa"]) {
                prop_assert_eq!(replay.since(id).ok().map(Iterator::collect), model.since(id), "after {:?}", id);
            }
        }
    }

    #[test]
    fn counted_ids_are_what_a_plain_list_says((max_events, max_bytes, max_age) in bounds(), history in histories("e-[0-9]")) {
        let mut replay = ReplayBuffer::counted("e")
            .unwrap()
            .with_max_events(max_events)
            .with_max_bytes(max_bytes)
            .with_max_age(Duration::from_secs(max_age));
        let mut model = Model { published: Vec::new(), now: 0, max_events, max_bytes, max_age, own_ids: false };
        for (id, size, step) in &history {
            let clock = model.now.saturating_add_signed(*step);
            model.now = model.now.max(clock);
            replay.advance(Duration::from_secs(clock));
            let data = "x".repeat(*size);
            let bytes = match id {
                Some(id) => replay.publish(event(id, &data)),
                None => replay.publish(Event::new(&data)),
            };
            let id = format!("e-{}", model.published.len() + 1);
            prop_assert_eq!(ids([&bytes]), std::slice::from_ref(&id));
            model.published.push((id, bytes, model.now));
            prop_assert_eq!(replay.all().collect::<Vec<_>>(), model.all());
            for number in 0..history.len() + 2 {
                let id = format!("e-{number}");
                prop_assert_eq!(replay.since(&id).ok().map(Iterator::collect), model.since(&id), "after {:?}", id);
            }
            for id in ["", "e", "e-", "f-1", "e-01"] {
                prop_assert_eq!(replay.since(id).err(), Some(UnknownId));
            }
        }
    }
}

/// A stream with many writers and readers, as in the documentation of `server`.
struct Feed {
    replay: ReplayBuffer<CountedIds>,
    live: Vec<mpsc::Sender<Bytes>>,
}

fn publish(feed: &Mutex<Feed>) {
    let mut feed = feed.lock().unwrap();
    let bytes = feed.replay.publish(Event::new("x"));
    feed.live.retain(|subscriber| subscriber.send(bytes.clone()).is_ok());
}

fn subscribe(feed: &Mutex<Feed>, last_event_id: &str) -> (Vec<Bytes>, mpsc::Receiver<Bytes>) {
    let mut feed = feed.lock().unwrap();
    let missed = if last_event_id.is_empty() { Ok(feed.replay.all()) } else { feed.replay.since(last_event_id) };
    let missed = missed.expect("nothing is pushed out").cloned().collect();
    let (sender, receiver) = mpsc::channel();
    feed.live.push(sender);
    (missed, receiver)
}

/// A client whose connection breaks after every `patience` events, until it has seen `total`.
fn watch(feed: &Mutex<Feed>, patience: usize, total: usize) {
    let mut parser = Parser::new();
    let mut seen = 0;
    while seen < total {
        let (missed, live) = subscribe(feed, parser.last_event_id());
        parser.reset();
        let live =
            std::iter::from_fn(|| Some(live.recv_timeout(Duration::from_secs(30)).expect("an event is missing")));
        for bytes in missed.into_iter().chain(live).take(patience.min(total - seen)) {
            for chunk in [KEEP_ALIVE, &*bytes] {
                let mut events = parser.feed(chunk);
                while let Some(event) = events.next_event().unwrap() {
                    seen += 1;
                    assert_eq!(event.id(), Some(&*format!("e-{seen}")));
                }
            }
        }
    }
}

#[test]
fn every_subscriber_gets_every_event_once_and_in_order_in_any_interleaving() {
    const WRITERS: usize = 2;
    const EVENTS: usize = 12;
    for round in 0..2000 {
        let replay = ReplayBuffer::counted("e").unwrap();
        let feed = &Mutex::new(Feed { replay, live: Vec::new() });
        thread::scope(|scope| {
            for _ in 0..WRITERS {
                scope.spawn(|| {
                    for _ in 0..EVENTS {
                        publish(feed);
                        thread::yield_now();
                    }
                });
            }
            for patience in [1 + round % 5, WRITERS * EVENTS] {
                scope.spawn(move || watch(feed, patience, WRITERS * EVENTS));
            }
        });
    }
}
