//! A Redis server of the tests' own.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A Redis server on a free port of 127.0.0.1, which is killed when this is dropped.
pub struct Server {
    process: Child,
    pub port: u16,
    folder: PathBuf,
    options: Vec<String>,
}

impl Server {
    /// `None` if Redis is not installed, unless the environment says that it is required.
    pub fn start(options: &[&str]) -> Option<Server> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = std::env::temp_dir().join(format!("sse-hub-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let options: Vec<String> = options.iter().map(ToString::to_string).collect();
        match spawn(port, &folder, &options) {
            Ok(process) => {
                let server = Server { process, port, folder, options };
                server.wait();
                Some(server)
            }
            Err(error) if std::env::var_os("REDIS_REQUIRE").is_none() => {
                eprintln!("not tested: redis-server: {error}");
                None
            }
            Err(error) => panic!("redis-server: {error}"),
        }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// As `kill -9`.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub fn restart(&mut self) {
        self.process = spawn(self.port, &self.folder, &self.options).unwrap();
        self.wait();
    }

    fn wait(&self) {
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(start.elapsed() < Duration::from_secs(10), "Redis does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn spawn(port: u16, folder: &PathBuf, options: &[String]) -> std::io::Result<Child> {
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"]).arg(folder);
    command.args(options).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
