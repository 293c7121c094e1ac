//! All parts of the demo, and what the buttons do to them.

use std::sync::Arc;
use std::time::Duration;

use demos::sse::Failure;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::board::Board;
use crate::node::Node;
use crate::store::Store;
use crate::{bind, publisher};

/// How long a node is down after it was killed.
const DOWN: Duration = Duration::from_secs(3);

/// How long Redis is cut off.
const CUT: Duration = Duration::from_secs(3);

/// How long the master goes on alone before it is lost, with all that was written meanwhile.
const ALONE: Duration = Duration::from_secs(1);

/// How long to wait before a node is started again, if that fails.
const AGAIN: Duration = Duration::from_millis(200);

pub(crate) struct System {
    pub(crate) store: Store,
    pub(crate) nodes: [Node; 2],
    pub(crate) board: Board,
    /// The newest number of the log. Nothing is published while this is locked.
    pub(crate) newest: Mutex<u64>,
    /// Locked while something is done to Redis.
    redis_is_busy: Arc<Mutex<()>>,
    pub(crate) stop: CancellationToken,
}

/// What can be done to Redis.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RedisAction {
    /// Its connections are silent for a while, as when the network is partitioned.
    Cut,
    /// The replica takes the place of the master, and has all that was written.
    Promote,
    /// The same, but the replica has never seen what was written last.
    Lose,
}

impl System {
    /// Starts the nodes, and to publish. All of it ends when `stop` is cancelled.
    pub(crate) async fn start(store: Store, stop: &CancellationToken) -> Result<Arc<System>, Failure> {
        let listeners = [bind(0).await?, bind(0).await?];
        let nodes = [Node::new(1, listeners[0].local_addr()?), Node::new(2, listeners[1].local_addr()?)];
        let system = Arc::new(System {
            board: Board::new(&store),
            store,
            nodes,
            newest: Mutex::default(),
            redis_is_busy: Arc::default(),
            stop: stop.clone(),
        });
        for (node, listener) in system.nodes.iter().zip(listeners) {
            node.run(listener, system.store.hub().await?, stop);
        }
        system.spawn(publisher::publish(Arc::clone(&system)));
        Ok(system)
    }

    /// Runs a task until the demo ends.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(self.stop.clone().run_until_cancelled_owned(task));
    }

    /// The nodes, in the order in which to try them: the first is another one at each turn.
    pub(crate) fn in_turn(&self, turn: u64) -> [&Node; 2] {
        let [first, second] = &self.nodes;
        if turn.is_multiple_of(2) { [first, second] } else { [second, first] }
    }

    /// Kills a node, which is started again after some seconds. The error says why it is not killed.
    pub(crate) fn kill(self: &Arc<Self>, number: usize) -> Result<(), &'static str> {
        let at = self.nodes.iter().position(|node| node.number() == number).ok_or("There is no such node.")?;
        if !self.nodes[at].kill() {
            return Err("This node is down already. Wait until it is back.");
        }
        self.board.tell(format!("Node {number} was killed. Its streams break, and come back at the other node."));
        let system = Arc::clone(self);
        self.spawn(async move {
            sleep(DOWN).await;
            while system.start_again(&system.nodes[at]).await.is_err() {
                sleep(AGAIN).await;
            }
            system.board.tell(format!("Node {number} is back."));
        });
        Ok(())
    }

    /// Starts a node that was killed, at the same address. Fails while Redis cannot be reached.
    async fn start_again(&self, node: &Node) -> Result<(), Failure> {
        let hub = self.store.hub().await?;
        node.run(TcpListener::bind(node.address()).await?, hub, &self.stop);
        Ok(())
    }

    /// Begins to do something to Redis. The error says why not.
    pub(crate) fn begin(self: &Arc<Self>, action: RedisAction) -> Result<(), &'static str> {
        if self.store.redis().is_none() {
            return Err("There is no Redis.");
        }
        let Ok(is_busy) = Arc::clone(&self.redis_is_busy).try_lock_owned() else {
            return Err("Something is being done to Redis already. Wait until it is done.");
        };
        let system = Arc::clone(self);
        self.spawn(async move {
            if let Err(error) = system.act(action).await {
                system.board.tell(format!("It failed: {error}."));
            }
            drop(is_busy);
        });
        Ok(())
    }

    async fn act(&self, action: RedisAction) -> Result<(), Failure> {
        let Some(redis) = self.store.redis() else { return Ok(()) };
        let alone = match action {
            RedisAction::Cut => {
                self.board.tell("Redis is cut off for 3 seconds. Streams wait, and nothing can be published.");
                redis.stop();
                sleep(CUT).await;
                redis.go_on();
                self.board.tell("Redis is reached again.");
                return Ok(());
            }
            RedisAction::Promote => None,
            RedisAction::Lose => {
                self.board.tell("The replica is cut off. For 1 second, only the master gets what is published.");
                Some(ALONE)
            }
        };
        let lost = redis.promote(&self.newest, alone).await?;
        self.board.tell(match lost {
            0 => "The replica was promoted. It has all that was published.".to_owned(),
            lost => {
                format!("The replica was promoted. Redis has lost {lost} numbers. Whoever has seen them gets gone.")
            }
        });
        redis.replace_replica().await?;
        self.board.tell("A new replica follows.");
        Ok(())
    }
}
