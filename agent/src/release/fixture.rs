//! What tests of this room share: a folder, a change, artifacts, and a service that answers as it is told.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use windlass_core::model::{Change, Digest, Duration, Gate, Hook, HookCommand, Probe, ServiceSpec, WayBack};

use super::Layout;
use super::command::Env;
use super::log::Log;

/// The release before.
pub(crate) const OLD: &str = "r1-00000001";
/// The release of [`change`].
pub(crate) const NEW: &str = "r2-00000002";

/// A new folder of a service.
pub(crate) fn layout() -> (TempDir, Layout) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let layout = Layout::new(&dir.path().join("shop"));
    layout.create().expect("a new folder");
    (dir, layout)
}

/// A gate that knows in a moment.
pub(crate) fn fast_gate(probe: Probe) -> Gate {
    let ms = Duration::from_ms;
    Gate {
        probe,
        every: ms(10),
        timeout: ms(2_000),
        steady: ms(30),
        fall: 3,
        flaps: 3,
        grace: ms(0),
        deadline: ms(5_000),
    }
}

/// A service without hooks, whose identity is what `current` holds.
pub(crate) fn spec(layout: &Layout) -> ServiceSpec {
    let file = layout.current().join("WINDLASS_RELEASE");
    let identity = Probe::Command(vec!["cat".to_owned(), file.display().to_string()]);
    let gate = fast_gate(Probe::Command(vec!["true".to_owned()]));
    ServiceSpec {
        artifact: "shop.tar".to_owned(),
        root: layout.root().display().to_string(),
        settings: [("LOG_LEVEL".to_owned(), "info".to_owned())].into(),
        hooks: Default::default(),
        gates: [("up".to_owned(), gate)].into(),
        identity,
        keep: 5,
    }
}

/// To [`NEW`] from nothing, at generation 7.
pub(crate) fn change(layout: &Layout) -> Change {
    let deployment = "shop/production#3".parse().expect("a deployment");
    Change {
        service: "shop".parse().expect("a name"),
        environment: "production".parse().expect("a name"),
        target: "web1".parse().expect("a name"),
        deployment,
        generation: 7,
        release: NEW.to_owned(),
        artifact: Digest::of(b""),
        artifact_bytes: 0,
        spec: spec(layout),
        way_back: WayBack::Absent,
        bake: Duration::from_secs(60),
        skips_self_test: false,
        stays_drained: false,
        lets_go: false,
    }
}

/// The same change, away from [`OLD`].
pub(crate) fn from_old(change: Change) -> Change {
    Change { way_back: WayBack::Release(OLD.to_owned()), ..change }
}

/// A hook that runs this script.
pub(crate) fn hook(script: &str) -> HookCommand {
    let argv = ["/bin/sh", "-ec", script].map(str::to_owned).to_vec();
    HookCommand { argv, timeout: Duration::from_secs(20) }
}

/// Every hook writes its name and the release that it leads to into a file.
pub(crate) fn telling_hooks(spec: &mut ServiceSpec, file: &Path) {
    for place in [Hook::Preflight, Hook::Drain, Hook::Stop, Hook::Start, Hook::Undrain] {
        let script = format!("echo {} $WINDLASS_RELEASE >> '{}'", place.word(), file.display());
        spec.hooks.insert(place, hook(&script));
    }
}

/// A tar with these files.
pub(crate) fn tar_of(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append_data(&mut header, path, text.as_bytes()).expect("a tar in memory");
    }
    builder.into_inner().expect("a tar in memory")
}

/// Puts an artifact beside the folder of the service and makes the change speak of it.
pub(crate) fn artifact(dir: &TempDir, change: &mut Change, bytes: &[u8]) -> PathBuf {
    change.artifact = Digest::of(bytes);
    let path = dir.path().join(change.artifact.to_string());
    std::fs::write(&path, bytes).expect("an artifact");
    change.artifact_bytes = bytes.len() as u64;
    path
}

/// Unpacks the release of a change and, where `linked`, points `current` to it.
pub(crate) fn install(dir: &TempDir, layout: &Layout, mut change: Change, release: &str, linked: bool) {
    change.release = release.to_owned();
    change.way_back = WayBack::Absent;
    let bytes = tar_of(&[("bin/shop", release)]);
    let path = artifact(dir, &mut change, &bytes);
    let log = Log::new(std::io::sink());
    let target = super::Target::of(&change, &Default::default(), env(), &log).expect("a plain change");
    super::install::install(&target, &path).expect("a good artifact");
    if linked {
        layout.link(release).expect("linked");
    }
}

/// What hooks begin with.
pub(crate) fn env() -> Env {
    Env::from([("PATH".into(), "/usr/bin:/bin".into())])
}

/// A log that can be read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<Vec<u8>>>);

impl Heard {
    pub(crate) fn log(&self) -> Log {
        Log::new(self.clone())
    }

    /// What went well; otherwise the test ends with what was said.
    pub(crate) fn expect<T, E: std::fmt::Display>(&self, result: Result<T, E>) -> T {
        result.unwrap_or_else(|error| panic!("{error}; it said:\n{}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("nobody panicked")).into_owned()
    }
}

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panicked").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A service over HTTP: asks `answer` for status and body, with the number of the request from 0.
pub(crate) fn serve(answer: impl Fn(usize, &str) -> (u16, String) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().map_while(Result::ok).enumerate() {
            // A client that has gone away is the client's business.
            let _gone = reply(stream, |path| answer(number, path));
        }
    });
    address
}

fn reply(stream: TcpStream, answer: impl Fn(&str) -> (u16, String)) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let (status, body) = answer(request.split(' ').nth(1).unwrap_or(""));
    let mut stream = stream;
    write!(stream, "HTTP/1.1 {status} x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}
