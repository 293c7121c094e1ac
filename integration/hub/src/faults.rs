//! What goes wrong, in an order that depends on the seed.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use local_redis::{Proxy, Server};
use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, RedisError, cmd};
use tokio::task::block_in_place;
use tokio::time::{Instant, sleep};

use crate::driver::{NODES, Place};
use crate::files::{Files, Id, now};
use crate::partition;
use crate::process::Node;

/// What Redis does not lose when it is killed.
const WITH_LOG: &[&str] = &["--appendonly", "yes", "--appendfsync", "always", "--repl-diskless-sync-delay", "0"];
const WITHOUT_LOG: &[&str] = &["--appendonly", "no", "--appendfsync", "always", "--repl-diskless-sync-delay", "0"];

/// How long Redis may take for something.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug)]
enum Kind {
    ConnectionsKilled,
    RedisKilled,
    RedisLost,
    Failover,
    Partition,
    NodeKilled,
    NodePaused,
    NodeShutDown,
}

const KINDS: [Kind; 8] = [
    Kind::ConnectionsKilled,
    Kind::RedisKilled,
    Kind::RedisLost,
    Kind::Failover,
    Kind::Partition,
    Kind::NodeKilled,
    Kind::NodePaused,
    Kind::NodeShutDown,
];

/// Redis, the proxy to it, and the nodes.
#[derive(Debug)]
pub struct Faults {
    redis: Server,
    proxy: Proxy,
    nodes: Vec<Node>,
    topics: Vec<String>,
    files: Files,
    chance: Rng,
}

impl Faults {
    pub async fn start(files: Files, topics: Vec<String>, chance: Rng) -> io::Result<Faults> {
        let redis = block_in_place(|| Server::start(WITH_LOG))?;
        let proxy = Proxy::to(redis.port()).await?;
        let url = format!("redis://127.0.0.1:{}/", proxy.port());
        let mut nodes = Vec::new();
        for _ in 0..NODES {
            nodes.push(Node::start(&url).await?);
        }
        Ok(Faults { redis, proxy, nodes, topics, files, chance })
    }

    pub fn ports(&self) -> Arc<[u16]> {
        self.nodes.iter().map(Node::port).collect()
    }

    /// Lets faults happen until this time, and each at least once.
    pub async fn happen(&mut self, place: &Place, until: Instant) -> io::Result<()> {
        let mut is_first_round = true;
        loop {
            let mut kinds = KINDS;
            self.chance.shuffle(&mut kinds);
            for kind in kinds {
                if !is_first_round && Instant::now() > until {
                    return Ok(());
                }
                self.happens(kind, place).await?;
                self.wait(500..2500).await;
            }
            is_first_round = false;
        }
    }

    async fn happens(&mut self, kind: Kind, place: &Place) -> io::Result<()> {
        match kind {
            Kind::ConnectionsKilled => {
                self.files.driver("connections-killed", "");
                for _ in 0..self.chance.u32(1..5) {
                    let _: i64 = self.ask(&self.redis, &["CLIENT", "KILL", "TYPE", "normal"]).await?;
                    self.wait(0..300).await;
                }
                Ok(())
            }
            Kind::RedisKilled => self.redis_is_killed().await,
            Kind::RedisLost => self.redis_is_lost().await,
            Kind::Failover => self.failover().await,
            Kind::Partition => {
                self.files.driver("partition", "");
                partition::happens(&self.proxy, place, &self.files, &mut self.chance).await;
                Ok(())
            }
            Kind::NodeKilled => {
                let node = self.chance.usize(..NODES);
                self.files.driver("node-killed", &format!("node {node}"));
                self.nodes[node].kill().await?;
                self.wait(0..3000).await;
                self.nodes[node].restart().await
            }
            // For long enough that the topics which keep few events no longer have what it must read next.
            Kind::NodePaused => {
                let (node, time) = (self.chance.usize(..NODES), Duration::from_millis(self.chance.u64(3500..5000)));
                self.files.driver("node-paused", &format!("node {node}, {time:?}"));
                *place.paused() = Some(node);
                self.wait(200..300).await;
                self.nodes[node].pause(time).await?;
                *place.paused() = None;
                Ok(())
            }
            Kind::NodeShutDown => {
                let node = self.chance.usize(..NODES);
                self.files.driver("node-shut-down", &format!("node {node}"));
                self.nodes[node].shut_down().await?;
                self.wait(0..1000).await;
                self.nodes[node].restart().await
            }
        }
    }

    /// Killed and started again, with the append-only file: nothing is lost.
    async fn redis_is_killed(&mut self) -> io::Result<()> {
        let _: String = self.ask(&self.redis, &["CONFIG", "SET", "appendonly", "yes"]).await?;
        let begin = Instant::now();
        loop {
            let info: String = self.ask(&self.redis, &["INFO", "persistence"]).await?;
            let is_written = ["aof_enabled:1", "aof_rewrite_in_progress:0", "aof_rewrite_scheduled:0"];
            if is_written.iter().all(|line| info.contains(line)) {
                break;
            }
            wait_since(begin, "the append-only file").await?;
        }
        self.files.driver("redis-killed", "with its append-only file");
        block_in_place(|| self.redis.kill());
        self.wait(0..1500).await;
        block_in_place(|| self.redis.restart_with(WITH_LOG));
        Ok(())
    }

    /// Killed and started again, without the append-only file: everything is lost.
    async fn redis_is_lost(&mut self) -> io::Result<()> {
        self.files.driver("redis-lost", "killed without an append-only file");
        block_in_place(|| self.redis.kill());
        self.proxy.stop();
        self.wait(0..1500).await;
        block_in_place(|| self.redis.restart_with(WITHOUT_LOG));
        self.write_breaks().await?;
        // What the proxy holds is of before.
        self.proxy.cut();
        self.proxy.go_on();
        Ok(())
    }

    /// A replica is promoted that has not seen the last writes.
    async fn failover(&mut self) -> io::Result<()> {
        let link = Proxy::to(self.redis.port()).await?;
        let port = link.port().to_string();
        let replica = [WITH_LOG, &["--replicaof", "127.0.0.1", &port]].concat();
        let replica = block_in_place(|| Server::start(&replica))?;
        let begin = Instant::now();
        loop {
            let info: String = self.ask(&replica, &["INFO", "replication"]).await?;
            if info.contains("master_link_status:up") {
                break;
            }
            wait_since(begin, "the replica").await?;
        }
        self.wait(0..500).await;
        link.stop();
        self.wait(500..2000).await;
        let is_silent = self.chance.bool();
        if is_silent {
            self.proxy.stop();
            self.wait(0..1000).await;
        }
        let mut lost = 0;
        for topic in &self.topics {
            let copied = self.last(&replica, topic).await?;
            let range = ["XRANGE".into(), key(topic), format!("({copied}"), "+".into()];
            let after: Vec<redis::Value> = self.ask(&self.redis, &range.each_ref().map(String::as_str)).await?;
            lost += after.len();
        }
        let how = if is_silent { "was silent first" } else { "was heard to its end" };
        self.files.driver("failover", &format!("loses {lost} events or more; the lost server {how}"));
        block_in_place(|| self.redis.kill());
        let _: String = self.ask(&replica, &["REPLICAOF", "NO", "ONE"]).await?;
        self.redis = replica;
        self.wait(0..1000).await;
        self.write_breaks().await?;
        self.proxy.lead_to(self.redis.port());
        self.proxy.go_on();
        Ok(())
    }

    /// Writes down what has survived. No node can write meanwhile.
    async fn write_breaks(&self) -> io::Result<()> {
        let time = now();
        for topic in &self.topics {
            let last = self.last(&self.redis, topic).await?;
            self.files.broken(time, topic, last)?;
        }
        // So that no later entry has a time as early as this.
        sleep(Duration::from_millis(5)).await;
        Ok(())
    }

    /// The id of the last entry of a topic.
    async fn last(&self, redis: &Server, topic: &str) -> io::Result<Id> {
        let range = ["XREVRANGE", &key(topic), "+", "-", "COUNT", "1"];
        let last: Vec<(String, redis::Value)> = self.ask(redis, &range).await?;
        last.first().map_or(Ok(Id::START), |(id, _)| id.parse().map_err(io::Error::other))
    }

    /// Asks Redis itself, and not the proxy.
    async fn ask<T: FromRedisValue>(&self, redis: &Server, words: &[&str]) -> io::Result<T> {
        let begin = Instant::now();
        loop {
            let asked = async {
                let client = redis::Client::open(redis.url())?;
                let mut connection: MultiplexedConnection = client.get_multiplexed_async_connection().await?;
                cmd(words[0]).arg(&words[1..]).query_async(&mut connection).await
            };
            let error: RedisError = match asked.await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            // It may be loading, or have killed this connection too.
            wait_since(begin, &format!("{}: {error}", words[0])).await?;
        }
    }

    async fn wait(&mut self, milliseconds: std::ops::Range<u64>) {
        sleep(Duration::from_millis(self.chance.u64(milliseconds))).await;
    }
}

fn key(topic: &str) -> String {
    format!("sse:{{{topic}}}")
}

/// Waits a moment, unless it has been long.
async fn wait_since(begin: Instant, what: &str) -> io::Result<()> {
    if begin.elapsed() > PATIENCE {
        return Err(io::Error::other(format!("Redis takes too long: {what}")));
    }
    sleep(Duration::from_millis(50)).await;
    Ok(())
}
