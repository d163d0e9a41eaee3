//! A master in a folder of its own, and a client so plain that it can say what no library would.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::app::{self, Listeners};
use crate::args::Place;
use crate::config::{self, Config, Scalars};
use crate::exit::Failure;
use crate::init;

/// The key of the hook of project `shop`.
pub(super) const HOOK_KEY: &str = "0123456789abcdef0123456789abcdef";

/// The pipeline of project `shop`, for which no agent exists.
pub(super) const PIPELINE: &str = "jobs:\n  build:\n    run: make\n  test:\n    needs: [build]\n    run: make test\n";

/// A running master.
pub(super) struct Master {
    pub(super) token: String,
    pub(super) revision: String,
    dir: tempfile::TempDir,
    address: SocketAddr,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

/// What it answered.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

impl Response {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The code of problem details, after a look at what all of them have in common.
    pub(super) fn problem(&self) -> String {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{}", self.text());
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        assert_eq!(problem["type"], format!("/problems/{}", problem["code"].as_str().expect("a code")));
        assert_eq!(problem["request_id"], self.headers["x-request-id"]);
        assert!(problem["instance"].is_string() && problem["title"].is_string() && problem["detail"].is_string());
        problem["code"].as_str().expect("a code").to_owned()
    }
}

impl Master {
    /// A master with the project `shop`, whose repository has one commit, and the environment `production`.
    pub(super) fn start() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let revision = repository(&dir.path().join("shop"), PIPELINE);
        let hook = dir.path().join("shop.hook");
        let mut options = std::fs::File::options();
        let mut file = options.write(true).create_new(true).mode(0o600).open(&hook).expect("a file");
        file.write_all(HOOK_KEY.as_bytes()).expect("a key");
        let (data, token_file) = (dir.path().join("data"), dir.path().join("token"));
        let place = Place { config: None, data_dir: Some(data.clone()) };
        init::init(place, Some(token_file.clone())).expect("a new master");
        let text = format!(
            "[secrets]\nkey_file = {:?}\n[projects.shop]\ngit = {:?}\nhook = {{ secret_file = {:?} }}\n[projects.docs]\ngit = \"https://docs.invalid/x\"\n\
             [environments.production]\ntargets = {{ role = \"web\" }}\nprojects = [\"shop\"]\ndeployers = [\"people\"]\n",
            dir.path().join("data.secret.key").display().to_string(),
            dir.path().join("shop").display().to_string(),
            hook.display().to_string(),
        );
        let above = Scalars {
            data_dir: Some(data),
            http_listen: Some("127.0.0.1:0".to_owned()),
            agents_listen: Some("127.0.0.1:0".to_owned()),
            ..Scalars::default()
        };
        let config = config::parse(&dir.path().join("master.toml"), &text, above).expect("a configuration");
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let stop = CancellationToken::new();
        let (stopped, (addresses, began)) = (stop.clone(), mpsc::channel());
        let thread = std::thread::spawn(move || runtime.block_on(serve(&config, &addresses, &stopped)));
        let token = std::fs::read_to_string(token_file).expect("the first token").trim().to_owned();
        let address = began.recv().expect("free ports");
        let mut master = Self { token, revision, dir, address, stop, thread: Some(thread) };
        let ask = b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        let begun = Instant::now();
        while master.try_raw(ask).is_none_or(|response| response.status != 200) {
            assert!(begun.elapsed() < Duration::from_secs(90), "it never became ready");
            master.address = began.try_recv().unwrap_or(master.address);
        }
        master
    }

    /// The working folder of project `shop`.
    pub(super) fn repository(&self) -> PathBuf {
        self.dir.path().join("shop")
    }

    /// Signed in.
    pub(super) fn get(&self, path: &str) -> Response {
        self.ask("GET", path, &[], b"")
    }

    /// Signed in, with a body of JSON.
    pub(super) fn post(&self, path: &str, body: &Value) -> Response {
        self.ask("POST", path, &[("content-type", "application/json")], body.to_string().as_bytes())
    }

    /// Signed in.
    pub(super) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        let bearer = format!("Bearer {}", self.token);
        let headers: Vec<_> = headers.iter().copied().chain([("authorization", bearer.as_str())]).collect();
        self.send(method, path, &headers, body)
    }

    /// Exactly this, and what comes back.
    pub(super) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.address);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        self.raw(&[head.as_bytes(), body].concat())
    }

    /// Signed in; reads a stream that has no end until it says `last`.
    pub(super) fn follow(&self, path: &str, header: (&str, &str), last: &str) -> String {
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(90))).expect("a socket");
        let (token, (name, value)) = (&self.token, header);
        let head =
            format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n{name}: {value}\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("it listens");
        let (mut text, mut buffer) = (String::new(), [0; 4096]);
        while !text.contains(last) {
            let read = stream.read(&mut buffer).unwrap_or_else(|error| panic!("{error} after {text}"));
            assert!(read > 0, "the stream ended: {text}");
            text.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
        text
    }

    /// Exactly these bytes, and what comes back.
    pub(super) fn raw(&self, request: &[u8]) -> Response {
        self.try_raw(request).expect("an answer")
    }

    fn try_raw(&self, request: &[u8]) -> Option<Response> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(90))).expect("a socket");
        // A master that refuses a request may close before it has read all of it.
        let _ = stream.write_all(request);
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        parse(&bytes)
    }
}

/// Runs the master, and tells where it listens. While `git` is started by another test, its child holds a copy of every lock of this
/// process until it is executed, also of the one that `init` has just let go; then the start is tried again.
async fn serve(config: &Config, addresses: &mpsc::Sender<SocketAddr>, stop: &CancellationToken) {
    loop {
        let listeners = Listeners::bind(config).await.expect("free ports");
        addresses.send(listeners.http.local_addr().expect("it is bound")).expect("the test waits");
        match app::run(config.clone(), listeners, stop.clone()).await {
            Err(Failure::Locked(_)) => {}
            ended => return ended.expect("it ends in good order"),
        }
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        self.stop.cancel();
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || matches!(ended, Some(Ok(()))), "the master ended badly");
    }
}

fn parse(bytes: &[u8]) -> Option<Response> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status =
        lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|word| word.parse().ok()).expect("a status");
    let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    let headers: BTreeMap<String, String> = lines.filter_map(header).collect();
    let body = &bytes[end + 4..];
    let chunked = headers.get("transfer-encoding").is_some_and(|value| value == "chunked");
    Some(Response { status, headers, body: if chunked { unchunked(body) } else { body.to_owned() } })
}

fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&bytes[..end]).ok().and_then(|hex| usize::from_str_radix(hex, 16).ok());
        let Some(size) = size.filter(|size| *size > 0 && bytes.len() >= end + 2 + size) else { break };
        out.extend_from_slice(&bytes[end + 2..end + 2 + size]);
        bytes = &bytes[(end + 4 + size).min(bytes.len())..];
    }
    out
}

/// A repository with this pipeline on `main`; the id of its commit.
fn repository(folder: &std::path::Path, pipeline: &str) -> String {
    std::fs::create_dir(folder).expect("a folder");
    std::fs::write(folder.join("windlass.yaml"), pipeline).expect("a file");
    git(folder, &["init", "--quiet", "--initial-branch=main"]);
    commit(folder, "Begin")
}

/// Commits everything; the id of the commit.
pub(super) fn commit(folder: &std::path::Path, title: &str) -> String {
    git(folder, &["add", "--all"]);
    git(folder, &["commit", "--quiet", "--allow-empty", "--message", title]);
    git(folder, &["rev-parse", "HEAD"])
}

fn git(folder: &std::path::Path, args: &[&str]) -> String {
    let out = Command::new("git")
        .args(["-c", "user.name=Mara", "-c", "user.email=mara@example.org"])
        .args(args)
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .expect("git is installed");
    assert!(out.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).trim().to_owned()
}
