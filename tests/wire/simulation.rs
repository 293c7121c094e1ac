//! A server with a replay buffer and a thousand clients in virtual time, with connections that are cut anywhere.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::RngCore;
use proptest::test_runner::{RngAlgorithm, TestRng};
use sse_wire::client::{EventSource, ReadyState, Reconnect};
use sse_wire::server::{CountedIds, ReplayBuffer};
use sse_wire::{Event, EventName};

const CLIENTS: usize = 1000;
const EVENTS: u32 = 150;
const GONE: EventName<'_> = EventName::from_static("gone");

/// What happens, and at which millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Action {
    Publish(u32),
    Restart,
    Connect(usize),
}

struct Server {
    replay: ReplayBuffer<CountedIds>,
    /// Tells a client that events are gone.
    gone: Bytes,
}

impl Server {
    fn started(epoch: u32) -> Server {
        let replay = ReplayBuffer::counted(epoch).unwrap().with_max_events(30);
        let gone = Event::new("").with_name(GONE).encode();
        Server { replay, gone }
    }

    /// The start of the body for a client with this `Last-Event-ID`, if it sends one.
    fn answer(&self, last_event_id: Option<&[u8]>) -> Vec<u8> {
        let Some(id) = last_event_id else {
            return self.replay.all().flatten().copied().collect();
        };
        match self.replay.since(id) {
            Ok(missed) => missed.flatten().copied().collect(),
            Err(_) => [&self.gone].into_iter().chain(self.replay.all()).flatten().copied().collect(),
        }
    }
}

struct Client {
    source: EventSource,
    /// The number of the last event.
    last: u32,
    /// Whether it was told that events are gone, and nothing since.
    told: bool,
    times_told: usize,
}

impl Client {
    /// Every event is the one after the last, unless it was told that some are gone.
    fn receive(&mut self, chunk: &[u8]) {
        let mut events = self.source.feed(chunk);
        while let Some(event) = events.next_event().unwrap() {
            if event.event_name() == Some(GONE) {
                self.told = true;
                self.times_told += 1;
                continue;
            }
            let number: u32 = event.data().lines().next().unwrap().parse().unwrap();
            let follows = number == self.last + 1 || (self.told && number > self.last);
            assert!(follows, "event {number} after {}, told: {}", self.last, self.told);
            (self.last, self.told) = (number, false);
        }
    }
}

struct Simulation {
    random: TestRng,
    now: u64,
    actions: BinaryHeap<Reverse<(u64, Action)>>,
    server: Server,
    clients: Vec<Client>,
    /// One of this many deliveries ends in a cut.
    cut_every: u32,
    connects: Vec<u64>,
}

impl Simulation {
    fn new(reconnect: &Reconnect, cut_every: u32) -> Simulation {
        let client = |_| {
            let source = EventSource::new().with_reconnect(reconnect.clone());
            Client { source, last: 0, told: false, times_told: 0 }
        };
        let mut simulation = Simulation {
            random: TestRng::deterministic_rng(RngAlgorithm::ChaCha),
            now: 0,
            actions: BinaryHeap::new(),
            server: Server::started(0),
            clients: (0..CLIENTS).map(client).collect(),
            cut_every,
            connects: Vec::new(),
        };
        for client in 0..CLIENTS {
            simulation.at(0, Action::Connect(client));
        }
        simulation
    }

    fn at(&mut self, time: u64, action: Action) {
        self.actions.push(Reverse((time, action)));
    }

    fn run(&mut self) {
        while let Some(Reverse((now, action))) = self.actions.pop() {
            self.now = now;
            match action {
                Action::Publish(number) => {
                    let text = format!("{number}\nwith a second line \u{1f680}");
                    let bytes = self.server.replay.publish(Event::new(&text));
                    for client in 0..CLIENTS {
                        if self.clients[client].source.ready_state() == ReadyState::Open {
                            self.deliver(client, &bytes);
                        }
                    }
                }
                Action::Restart => {
                    let epoch = u32::try_from(now).unwrap();
                    self.server = Server::started(epoch);
                    self.connects.clear();
                    for client in 0..CLIENTS {
                        if self.clients[client].source.ready_state() == ReadyState::Open {
                            self.disconnect(client);
                        }
                    }
                }
                Action::Connect(client) => {
                    self.connects.push(now);
                    let source = &mut self.clients[client].source;
                    let id =
                        source.request_headers().find(|(name, _)| *name == "last-event-id").map(|(_, id)| id.to_vec());
                    source.response(200, "text/event-stream", Duration::from_millis(now)).unwrap();
                    let body = self.server.answer(id.as_deref());
                    self.deliver(client, &body);
                }
            }
        }
    }

    /// Delivers in two chunks, or a part of it, and then the connection breaks.
    fn deliver(&mut self, client: usize, bytes: &[u8]) {
        let cut = self.random.next_u32() as usize % (bytes.len() + 1);
        let breaks = self.cut_every > 0 && self.random.next_u32().is_multiple_of(self.cut_every);
        self.clients[client].receive(&bytes[..cut]);
        if breaks {
            self.disconnect(client);
        } else {
            self.clients[client].receive(&bytes[cut..]);
        }
    }

    fn disconnect(&mut self, client: usize) {
        let (now, random) = (self.now, self.random.next_u32());
        let wait = self.clients[client].source.disconnected(Duration::from_millis(now)).unwrap().wait(random);
        self.at(now + u64::try_from(wait.as_millis()).unwrap(), Action::Connect(client));
    }
}

#[test]
fn every_client_gets_every_event_once_in_order_or_is_told_that_some_are_gone() {
    let reconnect = Reconnect::new().with_time(Duration::from_millis(700)).with_backoff(Duration::from_secs(5));
    let mut simulation = Simulation::new(&reconnect.with_good_after(Duration::from_secs(2)), 40);
    for number in 1..=EVENTS {
        simulation.at(u64::from(number) * 100, Action::Publish(number));
    }
    simulation.at(8050, Action::Restart);
    simulation.run();

    // From here on no connection breaks: all clients catch up.
    simulation.cut_every = 0;
    simulation.at(simulation.now + 1, Action::Publish(EVENTS + 1));
    simulation.run();
    for client in &simulation.clients {
        assert_eq!(client.source.ready_state(), ReadyState::Open);
        assert_eq!((client.last, client.told), (EVENTS + 1, false));
    }
    // The restart lost events for all clients that had received any, and some were disconnected for too long besides.
    let told: usize = simulation.clients.iter().map(|client| client.times_told).sum();
    assert!(told > CLIENTS * 9 / 10, "{told} times");
    assert!(simulation.connects.len() > CLIENTS, "{} connections since the restart", simulation.connects.len());
}

#[test]
fn after_a_restart_of_the_server_clients_reconnect_spread_over_time() {
    let mut simulation = Simulation::new(&Reconnect::new().with_time(Duration::from_secs(2)).with_jitter(100), 0);
    simulation.at(1000, Action::Publish(1));
    simulation.at(10_000, Action::Restart);
    simulation.run();
    // Twenty tenths of a second, and about 50 clients in each.
    let mut spread = BTreeMap::new();
    for connect in &simulation.connects {
        *spread.entry((connect - 10_000) / 100).or_insert(0_usize) += 1;
    }
    println!("connections in each tenth of a second after the restart: {spread:?}");
    assert_eq!(simulation.connects.len(), CLIENTS);
    assert_eq!(spread.keys().copied().collect::<Vec<_>>(), (20..40).collect::<Vec<_>>());
    assert!(spread.values().all(|count| (20..100).contains(count)), "{spread:?}");
}
