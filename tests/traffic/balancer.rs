//! The load balancer: a real HAProxy. Hooks ask it by its own socket, and write down when a target left and came back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

use windlass_tests::harness::until;

const SOCKET: &str = "haproxy.sock";
/// Which target left and which came back, in order.
const MOVES: &str = "moves";
/// A line for each request that it answered.
const ACCESS: &str = "access.log";

/// HAProxy in front of the targets, until it is dropped.
#[derive(Debug)]
pub struct Balancer {
    child: Child,
    folder: PathBuf,
    port: u16,
}

/// Makes sure that there is an HAProxy, or says why not.
pub fn install() -> Result<(), String> {
    let is_there = || Command::new("haproxy").arg("-v").stdout(Stdio::null()).status().is_ok();
    if is_there() {
        return Ok(());
    }
    let apt = |words: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let words = ["install", "--yes", "--quiet", "haproxy"];
    if (apt(&words) || (apt(&["update", "--quiet"]) && apt(&words))) && is_there() {
        return Ok(());
    }
    Err("there is no haproxy, and it could not be installed (Debian: apt-get install haproxy, as root)".to_owned())
}

/// A port that nobody listens on now.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("the loopback interface has a free port");
    listener.local_addr().expect("it is bound").port()
}

impl Balancer {
    /// In front of these targets, by name and port. Nothing is tried again behind the back of who asks. One thread: of two that write a
    /// line of the access log at once, HAProxy drops one.
    pub fn start(folder: &Path, targets: &[(&str, u16)]) -> Self {
        fs::create_dir_all(folder).expect("a temporary folder can be written");
        let port = free_port();
        let servers: String =
            targets.iter().map(|(name, port)| format!("  server {name} 127.0.0.1:{port}\n")).collect();
        let config = format!(
            "global\n  nbthread 1\n  stats socket {socket} mode 600 level admin\n  log stdout format raw local0\ndefaults\n  mode http\n  log global\n  \
             log-format \"request %s %ST\"\n  option http-server-close\n  retries 0\n  timeout connect 2s\n  timeout client 10s\n  timeout server 10s\n\
             frontend visitors\n  bind 127.0.0.1:{port}\n  default_backend shop\nbackend shop\n  balance roundrobin\n{servers}",
            socket = folder.join(SOCKET).display()
        );
        let file = folder.join("haproxy.cfg");
        fs::write(&file, config).expect("a temporary folder can be written");
        let log = File::create(folder.join(ACCESS)).expect("a temporary folder can be written");
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(&file).stdin(Stdio::null()).stdout(log).stderr(Stdio::null());
        let child = command.spawn().expect("haproxy starts");
        let balancer = Self { child, folder: folder.to_owned(), port };
        until("haproxy answers", || ask(&balancer.folder, "show info").ok());
        balancer
    }

    /// Where visitors ask.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/release", self.port)
    }

    /// Lines of its access log so far, by what they say: target and status.
    pub fn logged(&self) -> BTreeMap<String, u64> {
        let mut logged = BTreeMap::new();
        // It writes down there what becomes of its servers too.
        let text = fs::read_to_string(self.folder.join(ACCESS)).unwrap_or_default();
        for request in text.lines().filter_map(|line| line.strip_prefix("request ")) {
            *logged.entry(request.trim().to_owned()).or_default() += 1;
        }
        logged
    }

    /// Targets that left and came back so far, in order.
    pub fn moves(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.join(MOVES)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        // It is our child: it can be killed, and is gone afterwards.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The most targets that were out at once.
pub fn most_out(moves: &[String]) -> usize {
    let (mut out, mut most) = (BTreeSet::new(), 0);
    for line in moves {
        match line.split_once(' ') {
            Some(("drain", name)) => _ = out.insert(name),
            Some(("ready", name)) => _ = out.remove(name),
            Some(_) | None => {}
        }
        most = most.max(out.len());
    }
    most
}

/// A hook of the service: exit code 0 once it is in effect.
pub fn hook(verb: &str, folder: &Path) -> ExitCode {
    let Ok(target) = std::env::var("WINDLASS_TARGET") else { return ExitCode::FAILURE };
    let done = match verb {
        "drain" => note(folder, "drain", &target).and_then(|()| drain(folder, &target)),
        _ => ask(folder, &format!("set server shop/{target} state ready")).and_then(|_| note(folder, "ready", &target)),
    };
    if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// It counts as out from before it leaves until after it is back.
fn note(folder: &Path, verb: &str, target: &str) -> std::io::Result<()> {
    let mut file = File::options().append(true).create(true).open(folder.join(MOVES))?;
    file.write_all(format!("{verb} {target}\n").as_bytes())
}

/// New requests go elsewhere at once; it is out when the last one is answered.
fn drain(folder: &Path, target: &str) -> std::io::Result<()> {
    ask(folder, &format!("set server shop/{target} state drain"))?;
    until("the last request is answered", || (sessions(&ask(folder, "show stat").ok()?, target)? == 0).then_some(()));
    Ok(())
}

/// Requests that a server is answering, by the table of `show stat`.
fn sessions(table: &str, target: &str) -> Option<u64> {
    let mut lines = table.lines();
    let column = lines.next()?.split(',').position(|name| name == "scur")?;
    let row = lines.find(|line| line.starts_with(&format!("shop,{target},")))?;
    row.split(',').nth(column)?.parse().ok()
}

fn ask(folder: &Path, command: &str) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(folder.join(SOCKET))?;
    writeln!(stream, "{command}")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_counted_from_leaving_to_coming_back() {
        let moves = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(most_out(&moves("drain a\nready a\ndrain b\nready b")), 1);
        assert_eq!(most_out(&moves("drain a\ndrain b\nready a\nready b")), 2);
        assert_eq!(most_out(&moves("drain a\ndrain a\nready a")), 1, "the way back of a drained one drains it again");
        assert_eq!(most_out(&[]), 0);
    }

    #[test]
    fn sessions_are_read_by_the_name_of_their_column() {
        let table = "# pxname,svname,qcur,qmax,scur,smax\nshop,web1,0,0,3,9\nshop,web2,0,0,0,7\n";
        assert_eq!(
            (sessions(table, "web1"), sessions(table, "web2"), sessions(table, "web3")),
            (Some(3), Some(0), None)
        );
    }
}
