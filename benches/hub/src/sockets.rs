//! A server in a process of its own, with subscribers over HTTP/1.1 and loopback.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::{get, post};
use sse_wire::Event;
use sse_wire_hub::http::Endpoint;
use sse_wire_hub::{Hub, Limits};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use crate::{DATA, Failure, Size, processor_time};

/// How many events all of them get.
const EVENTS: u64 = 100;

/// The server: one node in memory. `POST /publish` publishes one event. Ends with its standard input.
pub(crate) async fn serve() -> Result<(), Failure> {
    let hub = Hub::in_memory(Limits::default());
    let publisher = hub.clone();
    let router = Router::new().route("/topics/{topic}", get(Endpoint::new(hub))).route(
        "/publish",
        post(async move || publisher.publish("a", Event::new(DATA)).await.map(|id| id.to_string()).unwrap_or_default()),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut end = String::new();
    tokio::io::stdin().read_to_string(&mut end).await?;
    Ok(())
}

pub(crate) async fn measure(size: Size) -> Result<(), Failure> {
    let mut server = Command::new(std::env::current_exe()?)
        .arg("serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let process = server.id().ok_or("the server has ended")?.to_string();
    let port = port(&mut server).await?;
    let (before, subscribers) = (resident(&process)?, u64::try_from(size.most)?);
    let received = Arc::new(AtomicU64::new(0));
    for _ in 0..size.most {
        subscribe(port, Arc::clone(&received)).await?;
    }
    let memory = (resident(&process)? - before) / subscribers;
    let idle = processor_time(&process)?;
    tokio::time::sleep(size.idle).await;
    let idle = processor_time(&process)?.saturating_sub(idle);

    let (start, busy, bytes) = (Instant::now(), processor_time(&process)?, received.load(Relaxed));
    for _ in 0..EVENTS {
        publish(port).await?;
    }
    // Each event has its id, and the chunked coding around it.
    let least = bytes + EVENTS * (DATA.len() as u64 + 20) * subscribers;
    while received.load(Relaxed) < least {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (time, busy) = (start.elapsed(), processor_time(&process)?.saturating_sub(busy));
    let delivered = u32::try_from(EVENTS * subscribers)?;
    let idle = idle / u32::try_from(subscribers * size.idle.as_secs())?;
    println!("| {subscribers} subscribers | |\n|---|---:|");
    println!("| memory of the server for one | {memory} bytes |");
    println!("| processor of the server for one that is idle, with a comment each 15 s | {idle:.1?} a second |");
    println!(
        "| events delivered a second, to clients on the same machine | {:.0} |",
        f64::from(delivered) / time.as_secs_f64()
    );
    println!("| processor of the server for an event to one | {:.1?} |", busy / delivered);
    Ok(())
}

async fn port(server: &mut Child) -> Result<u16, Failure> {
    let output = server.stdout.take().ok_or("no output")?;
    let line = BufReader::new(output).lines().next_line().await?.ok_or("the server has ended")?;
    Ok(line.parse()?)
}

/// The memory that a process has, in bytes.
fn resident(process: &str) -> Result<u64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}

/// Connects, waits for the first event, which is only an id, and counts from then on what comes.
async fn subscribe(port: u16, received: Arc<AtomicU64>) -> Result<(), Failure> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(b"GET /topics/a HTTP/1.1\r\nhost: a\r\naccept: text/event-stream\r\n\r\n").await?;
    let mut buffer = vec![0; 4096];
    let mut head = Vec::new();
    while !head.ends_with(b"\n\n\r\n") {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Err(String::from_utf8_lossy(&head).into_owned().into());
        }
        head.extend(&buffer[..read]);
    }
    tokio::spawn(async move {
        while let Ok(read @ 1..) = stream.read(&mut buffer).await {
            received.fetch_add(read as u64, Relaxed);
        }
    });
    Ok(())
}

async fn publish(port: u16) -> Result<(), Failure> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(b"POST /publish HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await?;
    stream.read_to_end(&mut Vec::new()).await?;
    Ok(())
}
