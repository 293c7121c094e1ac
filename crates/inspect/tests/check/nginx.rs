//! A proxy that holds events back: nginx. Skipped where it is not installed, unless `DEMOS_REQUIRE` is set.

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use crate::foreign::skip;
use crate::support::{answer, check, serve};

/// An nginx of our own. It ends when this is dropped.
struct Nginx {
    child: Child,
    folder: PathBuf,
}

impl Nginx {
    /// A proxy of `upstream` for each of these settings, and their URLs.
    fn start(upstream: &str, settings: &[&str]) -> Option<(Nginx, Vec<String>)> {
        if Command::new("nginx").arg("-v").stderr(Stdio::null()).status().is_err() {
            return skip("nginx");
        }
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("nginx-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let listeners: Vec<_> = settings.iter().map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let ports: Vec<_> = listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
        drop(listeners);
        let servers = ports
            .iter()
            .zip(settings)
            .map(|(port, settings)| {
                format!("server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass {upstream}; {settings} }} }}\n")
            })
            .collect::<Vec<_>>()
            .concat();
        let temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {name};\n"))
            .concat();
        let config = format!(
            "daemon off;\nmaster_process off;\nerror_log stderr crit;\npid nginx.pid;\nevents {{}}\n\
             http {{\naccess_log off;\n{temp}gzip_types text/event-stream;\ngzip_proxied any;\n{servers}}}\n"
        );
        fs::write(folder.join("nginx.conf"), config).unwrap();
        let child = Command::new("nginx").arg("-p").arg(&folder).args(["-c", "nginx.conf"]).spawn().unwrap();
        let nginx = Nginx { child, folder };
        let is_open = |port: &u16| TcpStream::connect(("127.0.0.1", *port)).is_ok();
        for _ in 0..100 {
            if ports.iter().all(is_open) {
                return Some((nginx, ports.iter().map(|port| format!("http://127.0.0.1:{port}/")).collect()));
            }
            sleep(Duration::from_millis(50));
        }
        panic!("nginx does not start");
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Events that say when they were made, 30 a second, each larger than 300 bytes.
fn serve_live() -> String {
    // Not X-Accel-Buffering, with which nginx would not hold anything back.
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\nconnection: close\r\n\r\n";
    serve(move |request, stream| {
        answer(request, stream, head, |stream| {
            let first = request.last().map_or(1, |last| last + 1);
            for id in first..first + 400 {
                let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
                let text = "x".repeat(300);
                write!(stream, "id: {id}\ndata: {{\"at\": {now}, \"text\": \"{text}\"}}\n\n")?;
                sleep(Duration::from_millis(33));
            }
            Ok(())
        })
    })
}

#[test]
fn the_buffering_of_nginx_is_found_and_nothing_without_it() {
    let settings = [
        "proxy_buffering off;",
        "proxy_buffering on; proxy_buffer_size 4k; proxy_buffers 8 4k;",
        "proxy_buffering off; gzip on;",
        "proxy_buffering on; proxy_buffer_size 1k; proxy_buffers 8 1k; proxy_busy_buffers_size 2k; gzip on;",
    ];
    let Some((_nginx, urls)) = Nginx::start(&serve_live(), &settings) else { return };
    let verdicts: Vec<_> = std::thread::scope(|scope| {
        let runs: Vec<_> = urls.iter().map(|url| scope.spawn(move || check(url, &["--for", "2"]))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    for flushed in [&verdicts[0], &verdicts[2]] {
        assert_eq!((flushed.status, flushed.rows("fault")), (0, String::new()));
        flushed.is("buffering", "ok", "first event");
        flushed.is("x-accel-buffering", "not_checked", "nginx");
    }
    verdicts[2].is("compression", "ok", "holds no event back");
    assert_eq!(verdicts[1].status, 1);
    verdicts[1].is("buffering", "fault", "");
    verdicts[3].is("compression", "fault", "gzip");
}
