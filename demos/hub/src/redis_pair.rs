//! A master and a replica of Redis, with proxies before both, and the failover from one to the other.

use std::mem;
use std::time::Duration;

use demos::sse::Failure;
use local_redis::{Proxy, Server};
use redis::aio::MultiplexedConnection;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

pub(crate) struct RedisPair {
    servers: Mutex<Servers>,
    /// From the nodes to the master.
    to_master: Proxy,
    /// From the replica to the master.
    to_replicate: Proxy,
}

struct Servers {
    master: Server,
    replica: Server,
}

impl RedisPair {
    /// Starts both, and waits until the replica follows.
    pub(crate) async fn start() -> Result<RedisPair, Failure> {
        let (master, replica) = (server().await?, server().await?);
        let (to_master, to_replicate) = (Proxy::to(master.port()).await?, Proxy::to(master.port()).await?);
        follow(&replica, &to_replicate).await?;
        is_followed(&master).await?;
        Ok(RedisPair { servers: Mutex::new(Servers { master, replica }), to_master, to_replicate })
    }

    /// The URL for the nodes. It leads to whichever is the master.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.to_master.port())
    }

    /// The nodes no longer reach the master, as when the network is partitioned.
    pub(crate) fn stop(&self) {
        self.to_master.stop();
    }

    /// The nodes reach the master again.
    pub(crate) fn go_on(&self) {
        self.to_master.go_on();
    }

    /// Lets the replica take the place of the master, which then nobody uses any more. With `alone`, the replica gets nothing of
    /// what is written to the master in this time, so it is lost. `newest` is the newest number of the log; nothing is published
    /// while it is locked. Returns how many numbers were lost.
    pub(crate) async fn promote(&self, newest: &Mutex<u64>, alone: Option<Duration>) -> Result<u64, Failure> {
        let mut servers = self.servers.lock().await;
        let mut locked = newest.lock().await;
        is_followed(&servers.master).await?;
        let survives = *locked;
        if let Some(alone) = alone {
            self.to_replicate.stop();
            drop(locked);
            sleep(alone).await;
            locked = newest.lock().await;
        }
        let _: () =
            redis::cmd("REPLICAOF").arg("NO").arg("ONE").query_async(&mut connect(&servers.replica).await?).await?;
        let lost = *locked - survives;
        *locked = survives;
        self.to_master.lead_to(servers.replica.port());
        let Servers { master, replica } = &mut *servers;
        mem::swap(master, replica);
        Ok(lost)
    }

    /// Starts a new replica in place of the old master, and waits until it follows.
    pub(crate) async fn replace_replica(&self) -> Result<(), Failure> {
        let mut servers = self.servers.lock().await;
        servers.replica = server().await?;
        self.to_replicate.lead_to(servers.master.port());
        self.to_replicate.go_on();
        follow(&servers.replica, &self.to_replicate).await?;
        is_followed(&servers.master).await
    }
}

/// A server that, as a master, sends a new replica its data at once.
async fn server() -> Result<Server, Failure> {
    Ok(spawn_blocking(|| Server::start(&["--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0"])).await??)
}

async fn connect(server: &Server) -> Result<MultiplexedConnection, Failure> {
    Ok(redis::Client::open(server.url())?.get_multiplexed_async_connection().await?)
}

/// Makes this server a replica of the master that the proxy leads to.
async fn follow(replica: &Server, master: &Proxy) -> Result<(), Failure> {
    let mut connection = connect(replica).await?;
    let _: () = redis::cmd("REPLICAOF").arg("127.0.0.1").arg(master.port()).query_async(&mut connection).await?;
    Ok(())
}

/// Waits until the replica has all that was written to the master so far.
async fn is_followed(master: &Server) -> Result<(), Failure> {
    let mut connection = connect(master).await?;
    for _ in 0..100 {
        // `WAIT` waits for what its own connection has written, and so for all that was written before.
        let _: () = redis::cmd("SET").arg("hub-demo:written").arg(1).query_async(&mut connection).await?;
        let replicas: u64 = redis::cmd("WAIT").arg(1).arg(100).query_async(&mut connection).await?;
        if replicas == 1 {
            return Ok(());
        }
    }
    Err("the replica does not follow the master".into())
}
