//! Connections of this machine only, which can be reset.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// The pause before a reset, which may discard what the client has not read.
const RESET_PAUSE: Duration = Duration::from_millis(100);

/// Listens at 127.0.0.1.
pub struct Loopback(TcpListener);

impl Loopback {
    pub async fn bind(port: u16) -> io::Result<Loopback> {
        Ok(Loopback(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?))
    }
}

impl Listener for Loopback {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        // Each chunk is sent at once, so that clients receive it as a chunk.
        let _ = stream.set_nodelay(true);
        (Connection { stream, reset: Reset::default() }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// Makes its connection end with a reset, once it is dropped.
#[derive(Clone, Default)]
pub struct Reset(Arc<AtomicBool>);

impl Reset {
    /// Returns the error with which the body must end, so that the connection is dropped.
    pub async fn arm(&self) -> io::Error {
        tokio::time::sleep(RESET_PAUSE).await;
        self.0.store(true, Ordering::Relaxed);
        io::ErrorKind::ConnectionReset.into()
    }
}

impl Connected<IncomingStream<'_, Loopback>> for Reset {
    fn connect_info(stream: IncomingStream<'_, Loopback>) -> Reset {
        stream.io().reset.clone()
    }
}

pub struct Connection {
    stream: TcpStream,
    reset: Reset,
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.reset.0.load(Ordering::Relaxed) {
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
