//! A proxy that can stop, break its connections, and lead elsewhere.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A TCP proxy on a free port of 127.0.0.1. It ends when this is dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    state: watch::Sender<State>,
    accepting: JoinHandle<()>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    /// The port that new connections lead to.
    target: u16,
    is_stopped: bool,
    /// How often all connections were broken.
    cuts: u64,
}

impl Proxy {
    /// A proxy to this port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// If no port is free.
    pub async fn to(target: u16) -> io::Result<Proxy> {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let port = listener.local_addr()?.port();
        let (state, watched) = watch::channel(State { target, is_stopped: false, cuts: 0 });
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, watched.clone()));
            }
        });
        Ok(Proxy { port, state, accepting })
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Passes on nothing any more, as a network that is partitioned: connections stay, and are accepted, but are silent.
    pub fn stop(&self) {
        self.state.send_modify(|state| state.is_stopped = true);
    }

    /// Passes on again, what came meanwhile first.
    pub fn go_on(&self) {
        self.state.send_modify(|state| state.is_stopped = false);
    }

    /// Breaks all connections.
    pub fn cut(&self) {
        self.state.send_modify(|state| state.cuts += 1);
    }

    /// Breaks all connections; new ones lead to this port.
    pub fn lead_to(&self, target: u16) {
        self.state.send_modify(|state| {
            state.target = target;
            state.cuts += 1;
        });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Waits until the proxy passes on. `None` if the proxy is gone, or if all connections were broken.
async fn passes_on(state: &mut watch::Receiver<State>, cuts: u64) -> Option<()> {
    let state = state.wait_for(|state| !state.is_stopped || state.cuts != cuts).await.ok()?;
    (state.cuts == cuts).then_some(())
}

/// Ends once all connections are broken, or the proxy is gone.
async fn cut(mut state: watch::Receiver<State>, cuts: u64) {
    let _ = state.wait_for(|state| state.cuts != cuts).await;
}

async fn forward(client: TcpStream, mut state: watch::Receiver<State>) {
    let cuts = state.borrow().cuts;
    if passes_on(&mut state, cuts).await.is_none() {
        return;
    }
    let target = state.borrow().target;
    let Ok(server) = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], target))).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    tokio::select! {
        () = cut(state.clone(), cuts) => {}
        () = one_way(from_client, to_server, state.clone(), cuts) => {}
        () = one_way(from_server, to_client, state, cuts) => {}
    }
}

async fn one_way(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut state: watch::Receiver<State>, cuts: u64) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if passes_on(&mut state, cuts).await.is_none() || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Answers each byte with the same.
    async fn echo() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    while let Ok(byte) = stream.read_u8().await {
                        if stream.write_u8(byte).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        port
    }

    #[tokio::test]
    async fn it_passes_on_stops_goes_on_and_breaks() {
        let (first, second) = (echo().await, echo().await);
        let proxy = Proxy::to(first).await.unwrap();
        let mut client = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
        client.write_u8(1).await.unwrap();
        assert_eq!(client.read_u8().await.unwrap(), 1);
        proxy.stop();
        client.write_u8(2).await.unwrap();
        let silence = tokio::time::timeout(Duration::from_millis(100), client.read_u8()).await;
        assert!(silence.is_err());
        proxy.go_on();
        assert_eq!(client.read_u8().await.unwrap(), 2);
        proxy.lead_to(second);
        assert!(client.read_u8().await.is_err());
        let mut client = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
        client.write_u8(3).await.unwrap();
        assert_eq!(client.read_u8().await.unwrap(), 3);
        proxy.stop();
        client.write_u8(4).await.unwrap();
        proxy.cut();
        assert!(client.read_u8().await.is_err(), "also what is stopped is broken");
    }
}
