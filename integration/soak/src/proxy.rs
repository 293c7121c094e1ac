//! The proxy between clients and the server: it forwards bytes in random pieces, with random pauses, and breaks connections
//! at random places, within events too.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::failure::Failure;
use crate::run::Run;

/// The largest piece.
const PIECE: usize = 16 * 1024;

/// The most bytes of a response that are forwarded before the connection is cut.
const LONGEST: u64 = 6 * 1024 * 1024;

/// A proxy to this server.
#[derive(Clone, Copy, Debug)]
pub struct Proxy {
    pub server: SocketAddr,
    /// Whether it breaks connections.
    pub cuts: bool,
    /// For its random numbers.
    pub seed: u64,
}

impl Proxy {
    /// Forwards until it is dropped.
    pub async fn serve(self, listener: TcpListener, run: Arc<Run>) -> Result<(), Failure> {
        let mut chance = Rng::with_seed(self.seed);
        let mut connections = JoinSet::new();
        loop {
            let accepted = listener.accept().await;
            let (client, _) = accepted.map_err(|error| Failure::error("the proxy", &error))?;
            let mut chance = chance.fork();
            let cut_after = self.cuts.then(|| cut_after(&mut chance));
            connections.spawn(connection(client, self.server, Arc::clone(&run), cut_after, chance));
            // Why a connection ended does not matter here: the client checks what it received.
            while connections.try_join_next().is_some() {}
        }
    }
}

/// After how many bytes of the response: some within its head, some after a few events, most after many.
fn cut_after(chance: &mut Rng) -> u64 {
    match chance.u32(..16) {
        0 => chance.u64(..512),
        1..5 => chance.u64(..64 * 1024),
        _ => chance.u64(..LONGEST),
    }
}

async fn connection(
    mut client: TcpStream,
    server: SocketAddr,
    run: Arc<Run>,
    cut_after: Option<u64>,
    mut chance: Rng,
) -> io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    let reset = chance.bool();
    let is_cut = {
        let (mut from_client, mut to_client) = client.split();
        let (mut from_server, mut to_server) = server.split();
        tokio::select! {
            // The client has closed its connection.
            sent = copy(&mut from_client, &mut to_server) => sent.map(|_| false),
            is_cut = forward(&mut from_server, &mut to_client, &run, cut_after, chance) => is_cut,
        }?
    };
    if is_cut {
        run.counts.cuts.add(1);
        if reset {
            client.set_zero_linger()?;
        }
    }
    Ok(())
}

/// Forwards until the end, or until it is time for the cut. Returns whether it was the cut.
async fn forward(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    run: &Run,
    mut cut_after: Option<u64>,
    mut chance: Rng,
) -> io::Result<bool> {
    let mut buffer = vec![0; PIECE];
    loop {
        let piece = if chance.u32(..4) == 0 { chance.usize(1..=64) } else { chance.usize(1..=PIECE) };
        let read = from.read(&mut buffer[..piece]).await?;
        if read == 0 {
            return Ok(false);
        }
        let mut bytes = &buffer[..read];
        if let Some(left) = cut_after.as_mut().filter(|_| !run.is_ending()) {
            let first = usize::try_from(*left).map_or(bytes.len(), |left| bytes.len().min(left));
            bytes = &bytes[..first];
            *left -= u64::try_from(first).unwrap_or(*left);
            if *left == 0 {
                to.write_all(bytes).await?;
                return Ok(true);
            }
        }
        to.write_all(bytes).await?;
        match chance.u32(..4096) {
            0 => run.sleep(Duration::from_millis(chance.u64(100..500))).await,
            1..64 => run.sleep(Duration::from_millis(chance.u64(1..5))).await,
            _ => {}
        }
    }
}
