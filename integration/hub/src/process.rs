//! The processes of nodes, and how many files a process may have open.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How long a node may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// Stops the process $1 for $2 seconds, and has it go on even if the driver ends meanwhile.
const PAUSE: &str = r#"trap "" HUP INT TERM; kill -STOP "$1"; sleep "$2"; kill -CONT "$1""#;

/// A node. It ends with the driver, whose end closes its standard input.
#[derive(Debug)]
pub struct Node {
    process: Child,
    redis: String,
    port: u16,
}

impl Node {
    /// Starts a node on a free port, and waits for it.
    pub async fn start(redis: &str) -> io::Result<Node> {
        let (process, port) = spawn(redis, 0).await?;
        Ok(Node { process, redis: redis.into(), port })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends it at once, as `kill -9` does.
    pub async fn kill(&mut self) -> io::Result<()> {
        self.process.kill().await
    }

    /// Stops it for so long, as a system does that has no time for it.
    pub async fn pause(&self, time: Duration) -> io::Result<()> {
        let id = self.process.id().ok_or_else(|| io::Error::other("a node has ended"))?;
        let seconds = time.as_secs_f64().to_string();
        let paused = Command::new("sh").args(["-c", PAUSE, "sh", &id.to_string(), &seconds]).status().await?;
        if paused.success() { Ok(()) } else { Err(io::Error::other("a node cannot be paused")) }
    }

    /// Lets it shut down, and waits for its end.
    pub async fn shut_down(&mut self) -> io::Result<()> {
        drop(self.process.stdin.take());
        let ended = timeout(PATIENCE, self.process.wait()).await??;
        if ended.success() { Ok(()) } else { Err(io::Error::other(format!("a node ended with {ended}"))) }
    }

    /// Starts it again on the same port.
    pub async fn restart(&mut self) -> io::Result<()> {
        (self.process, _) = spawn(&self.redis, self.port).await?;
        Ok(())
    }
}

async fn spawn(redis: &str, port: u16) -> io::Result<(Child, u16)> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["node", "--redis", redis, "--port", &port.to_string()]);
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let stdout = process.stdout.take().ok_or_else(|| io::Error::other("no standard output"))?;
    let mut line = String::new();
    timeout(PATIENCE, BufReader::new(stdout).read_line(&mut line)).await??;
    let port = line.trim().parse().map_err(|_| io::Error::other("a node does not start"))?;
    Ok((process, port))
}

/// Lets this process, and those that it starts, have so many files open, if the system permits it.
pub fn allow_files(files: u64) -> io::Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= files) {
        return Ok(());
    }
    limit.current = Some(files);
    setrlimit(Resource::Nofile, limit).map_err(|error| io::Error::other(format!("{files} open files: {error}")))
}
