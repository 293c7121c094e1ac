//! Redis servers on 127.0.0.1 for tests and demos, and a [`Proxy`] to them that can stop.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

mod proxy;

pub use proxy::Proxy;

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(10);

/// Starts a server, and kills it once standard input is closed: also if the process that wanted it is killed.
const SCRIPT: &str = r#"redis-server "$@" & cat; kill -9 $!; wait $!"#;

/// A Redis server on a free port of 127.0.0.1, with a folder of its own. It is killed when this is dropped, and when this process
/// ends in any way.
#[derive(Debug)]
pub struct Server {
    /// The shell of the script.
    process: Child,
    port: u16,
    folder: TempDir,
    options: Vec<String>,
}

impl Server {
    /// Starts `redis-server` with these options of its command line, and waits until it answers.
    ///
    /// # Errors
    ///
    /// If the program is not installed.
    pub fn start(options: &[&str]) -> io::Result<Server> {
        // The shell of the script would start in any case.
        Command::new("redis-server").arg("--version").output()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let folder = tempfile::tempdir()?;
        let options: Vec<String> = options.iter().map(ToString::to_string).collect();
        let process = spawn(port, &folder, &options)?;
        let server = Server { process, port, folder, options };
        server.wait();
        Ok(server)
    }

    /// As [`start`](Server::start), for tests: `None` if the program is not installed, unless `REDIS_REQUIRE` is set.
    #[must_use]
    pub fn for_test(options: &[&str]) -> Option<Server> {
        match Server::start(options) {
            Ok(server) => Some(server),
            Err(error) if std::env::var_os("REDIS_REQUIRE").is_none() => {
                eprintln!("not tested: redis-server: {error}");
                None
            }
            Err(error) => panic!("redis-server: {error}"),
        }
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Kills it, as `kill -9` does.
    pub fn kill(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }

    /// Starts it again after [`kill`](Server::kill), on the same port, in the same folder.
    pub fn restart(&mut self) {
        self.process = spawn(self.port, &self.folder, &self.options).expect("it has started before");
        self.wait();
    }

    /// As [`restart`](Server::restart), with these options in place of those before.
    pub fn restart_with(&mut self, options: &[&str]) {
        self.options = options.iter().map(ToString::to_string).collect();
        self.restart();
    }

    fn wait(&self) {
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(start.elapsed() < PATIENCE, "Redis does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn spawn(port: u16, folder: &TempDir, options: &[String]) -> io::Result<Child> {
    let mut command = Command::new("sh");
    command.args(["-c", SCRIPT, "redis-server"]);
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"]).arg(folder.path());
    command.args(options).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
