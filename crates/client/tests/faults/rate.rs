//! No setting, and no server, makes a source send more than ten requests a second.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sse_wire_client::{Activity, Event, EventSource, Reconnect, Responses};
use tokio::time::{sleep, timeout};

use crate::server::{Server, nowhere};
use crate::{client, next, source};

/// How long each test counts.
const TIME: Duration = Duration::from_millis(900);
/// How many requests may begin in that time.
const MOST: usize = 10;

/// A server that answers each connection with this, and counts them.
fn answers(answer: &'static str) -> Server<usize> {
    Server::start(move |server| {
        let mut requests = 0;
        while let Some(mut connection) = server.accept_within(Duration::from_millis(300)) {
            connection.send(answer);
            requests += 1;
        }
        requests
    })
}

const ONE_EVENT: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n\
                         retry: 0\ndata: x\n\n";

/// Every time is zero.
fn hurried(source: EventSource) -> EventSource {
    let zero = Duration::ZERO;
    let reconnect = Reconnect::new().with_time(zero).with_floor(zero).with_ceiling(zero).with_backoff(zero);
    source
        .with_reconnect(reconnect.with_jitter(0).with_good_after(zero))
        .with_responses(Responses::new().with_retry_of_temporary())
}

/// The same source, and how many requests it has begun.
fn counted(source: EventSource) -> (EventSource, Arc<AtomicUsize>) {
    let begun = Arc::new(AtomicUsize::new(0));
    let count = begun.clone();
    let source = source.with_hook(move |activity| {
        if let Activity::Connecting { .. } = activity {
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    (source, begun)
}

/// Polls a source for some time, and calls this after each item. Returns how many requests it has begun.
async fn requests(source: EventSource, mut after: impl FnMut(&mut EventSource)) -> usize {
    let (mut source, begun) = counted(source);
    let _ = timeout(TIME, async {
        while next(&mut source).await.is_some() {
            after(&mut source);
        }
    })
    .await;
    begun.load(Ordering::Relaxed)
}

/// Not more than the source may, and not so few that the test would show nothing.
fn is_bounded(requests: usize) {
    assert!((MOST / 2..=MOST).contains(&requests), "{requests} requests in {TIME:?}");
}

#[tokio::test]
async fn no_setting_lifts_the_bound() {
    let server = answers(ONE_EVENT);
    let begun = requests(hurried(source(&server.url)), |_| {}).await;
    is_bounded(begun);
    assert_eq!(server.end().await, begun);
}

#[tokio::test]
async fn a_policy_does_not_lift_the_bound() {
    let server = answers(ONE_EVENT);
    let begun = requests(hurried(source(&server.url)).with_retry_policy(|_, _| Some(Duration::ZERO)), |_| {}).await;
    is_bounded(begun);
    assert_eq!(server.end().await, begun);
}

#[tokio::test]
async fn responses_that_are_refused_do_not_lift_the_bound() {
    let answer = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 0\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let server = answers(answer);
    let begun = requests(hurried(source(&server.url)), |_| {}).await;
    is_bounded(begun);
    assert_eq!(server.end().await, begun);
}

#[tokio::test]
async fn connections_that_fail_do_not_lift_the_bound() {
    is_bounded(requests(hurried(source(&nowhere())), |_| {}).await);
    let fails = EventSource::from_fn(|_| async { Err::<reqwest::RequestBuilder, _>("no token") });
    is_bounded(requests(hurried(fails), |_| {}).await);
}

#[tokio::test]
async fn reconnect_in_a_loop_does_not_lift_the_bound() {
    let server = answers(ONE_EVENT);
    let begun = requests(hurried(source(&server.url)), |source| (0..100).for_each(|_| source.reconnect())).await;
    is_bounded(begun);
    assert_eq!(server.end().await, begun);

    // Also if it is called all the time, while the source waits, and while it has sent its request.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (mut source, begun) = counted(hurried(source(&format!("http://{}/", listener.local_addr().unwrap()))));
    let until = Instant::now() + TIME;
    while Instant::now() < until {
        source.reconnect();
        let _ = timeout(Duration::from_millis(1), source.next()).await;
    }
    is_bounded(begun.load(Ordering::Relaxed));
}

/// The time counts from when a request is sent, not from when the function for it is called.
#[tokio::test]
async fn a_function_that_is_slow_at_times_does_not_lift_the_bound() {
    let server = Server::start(|server| {
        let mut last: Option<Instant> = None;
        let mut shortest = Duration::MAX;
        for _ in 0..6 {
            let connection = server.accept();
            let now = Instant::now();
            shortest = shortest.min(last.replace(now).map_or(Duration::MAX, |last| now - last));
            connection.stream("data: x\n\n");
        }
        shortest
    });
    let (client, url) = (client(), server.url.clone());
    let mut is_slow = false;
    let made = EventSource::from_fn(move |_| {
        is_slow = !is_slow;
        let (request, takes) = (client.get(&url), if is_slow { 150 } else { 0 });
        async move {
            sleep(Duration::from_millis(takes)).await;
            Ok::<_, &str>(request)
        }
    });
    let mut source = hurried(made);
    let mut events = 0;
    while events < 6 {
        events += usize::from(matches!(next(&mut source).await, Some(Ok(Event::Message(_)))));
    }
    let shortest = server.end().await;
    assert!(shortest >= Duration::from_millis(80), "{shortest:?}");
}
