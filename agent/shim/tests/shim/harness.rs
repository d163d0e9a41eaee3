//! The agent's part: a directory with ACCEPTED, the locked record, a shim on it, and what can be seen afterwards.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Program, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration as Span, Instant};

use tempfile::TempDir;
use windlass_core::attempt::{Line, LineBody, LogEnd};
use windlass_core::model::{
    Action, Attempt, Command, Duration, Envelope, Fence, Outcome, RunIf, Step, StepOutcome, Workspace,
};
use windlass_disk::log::{Kind, LogReader};
use windlass_disk::real::RealFile;
use windlass_disk::record::{RecordEnd, RecordWriter, read_record};
use windlass_disk::{DiskFile, RealDisk};
use windlass_shim::{Cgroup, Cgroups, Place};

use crate::IN_CGROUPS;

pub(crate) const FENCE: Fence = Fence(4711);

/// Nothing here takes so long unless it hangs.
const PATIENCE: Span = Span::from_secs(120);

/// A step that is a shell script.
pub(crate) fn sh(script: &str) -> Step {
    let argv = ["/bin/sh", "-e"].map(str::to_owned).to_vec();
    step(Action::Command(Command { argv, script: Some(script.to_owned()) }))
}

/// A step that is a command without a shell.
pub(crate) fn command(argv: &[&str]) -> Step {
    let argv = argv.iter().map(|&word| word.to_owned()).collect();
    step(Action::Command(Command { argv, script: None }))
}

pub(crate) fn step(action: Action) -> Step {
    Step {
        name: "one".to_owned(),
        run_if: RunIf::Success,
        timeout: Duration::from_ms(0),
        dir: String::new(),
        env: BTreeMap::new(),
        secrets: Default::default(),
        secret_files: Default::default(),
        tolerate: false,
        action,
    }
}

pub(crate) fn always(step: Step) -> Step {
    Step { run_if: RunIf::Always, ..step }
}

pub(crate) fn envelope(steps: &[Step]) -> Envelope {
    Envelope {
        run: "shop#42".parse().expect("a run"),
        job: "build".parse().expect("a job"),
        attempt: Attempt(1),
        env: BTreeMap::new(),
        steps: steps.to_vec(),
        timeout: Duration::from_secs(60),
        silent_timeout: Duration::from_ms(0),
        grace: Duration::from_secs(20),
        cleanup: Duration::from_secs(20),
        log_quota_bytes: 64 * 1024 * 1024,
        slots: 1,
        limits: Default::default(),
        workspace: Workspace::Warm,
        lane: None,
    }
}

/// Runs these steps to their end.
pub(crate) fn run(steps: &[Step]) -> Ended {
    Host::new(envelope(steps)).start().end()
}

/// A host with an accepted attempt that nobody carries out yet.
pub(crate) struct Host {
    root: TempDir,
    groups: Option<TestGroups>,
}

/// Groups of one test, removed with it.
struct TestGroups(Cgroup);

impl TestGroups {
    /// In our own group, if the kernel lets us.
    fn make() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let made = Cgroup::own().map(|own| own.child(&format!("windlass-test-{}-{number}", std::process::id())));
        let made = made.filter(|group| group.make().is_ok());
        assert!(made.is_some() || std::env::var_os("CI").is_none(), "a cgroup2 mount must be writable in CI");
        if made.is_none() {
            note("not proven here: no cgroup2 mount is writable, so process groups are used");
        }
        made.map(Self)
    }

    fn of_attempt(&self) -> Cgroups {
        Cgroups { job: self.0.child("job"), shim: self.0.child("shim") }
    }
}

impl Drop for TestGroups {
    fn drop(&mut self) {
        let killed = self.0.kill();
        until("the groups of the test are gone", || self.0.remove().ok());
        killed.expect("killed");
    }
}

impl Host {
    pub(crate) fn new(envelope: Envelope) -> Self {
        let groups = if IN_CGROUPS { TestGroups::make() } else { None };
        let host = Self { root: tempfile::tempdir().expect("a directory"), groups };
        fs::create_dir(host.dir()).expect("made");
        fs::create_dir(host.workspace()).expect("made");
        host.place(&host.workspace());
        let boot_id = "a-boot".to_owned();
        host.append(1, LineBody::Accepted { fence: FENCE, envelope: Box::new(envelope), boot_id });
        host
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.root.path().join("attempt")
    }

    pub(crate) fn workspace(&self) -> PathBuf {
        self.root.path().join("workspace")
    }

    /// The two groups of the attempt, where there are any.
    pub(crate) fn groups(&self) -> Option<Cgroups> {
        self.groups.as_ref().map(TestGroups::of_attempt)
    }

    /// Where secrets are files; this one is on a tmpfs.
    pub(crate) fn secrets(&self) -> PathBuf {
        let name = self.root.path().file_name().expect("a temporary directory has a name").to_string_lossy();
        Path::new("/dev/shm").join(format!("windlass-test-{name}"))
    }

    /// The program that stands for the agent's own in built-in steps.
    pub(crate) fn builtins(&self) -> PathBuf {
        self.root.path().join("builtins")
    }

    pub(crate) fn place(&self, workspace: &Path) {
        let place = Place {
            limits: Default::default(),
            workspace: workspace.to_owned(),
            path: "/usr/local/bin:/usr/bin:/bin".to_owned(),
            home: "/home/ci".to_owned(),
            user: "ci".to_owned(),
            agent: "web-1".to_owned(),
            socket: self.root.path().join("agent.sock"),
            secrets: self.secrets(),
            exe: self.builtins(),
            cgroups: self.groups.as_ref().map(TestGroups::of_attempt),
        };
        let json = serde_json::to_vec(&place).expect("JSON");
        fs::write(Place::path_in(&self.dir()), json).expect("written");
    }

    /// Appends a line as another writer would.
    pub(crate) fn append(&self, index: u32, body: LineBody) {
        let line = Line { format: 1, index, boottime_ns: 0, wall_ms: 0, body };
        let mut writer = RecordWriter::from_file(self.open_record()).expect("the record");
        writer.append(&serde_json::to_vec(&line).expect("JSON")).expect("appended");
    }

    /// Opens the record, which has no lock of its own then.
    pub(crate) fn open_record(&self) -> File {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).mode(0o600);
        options.open(self.dir().join("record")).expect("the record")
    }

    pub(crate) fn ask(&self, file: &str) {
        fs::write(self.dir().join(file), b"{}").expect("written");
    }

    pub(crate) fn start(self) -> Running {
        self.start_by("exec 3<&0 </dev/null; exec \"$0\" \"$1\"")
    }

    /// Starts the shim by a shell script, which finds the locked record as its standard input.
    pub(crate) fn start_by(self, script: &str) -> Running {
        let record = self.open_record();
        let locked = RealFile::new(record.try_clone().expect("a descriptor"), Path::new("record"));
        assert!(locked.try_flock().expect("flock"), "nobody else has the lock");
        self.start_with(record, script)
    }

    pub(crate) fn start_with(self, record: File, script: &str) -> Running {
        let mut program = Program::new("/bin/sh");
        program.args(["-c", script, env!("CARGO_BIN_EXE_windlass-shim")]).arg(self.dir());
        program.env("SECRET_OF_THE_AGENT", "1").stdin(Stdio::from(record)).stderr(Stdio::null());
        Running { shim: program.spawn().expect("spawned"), host: self }
    }
}

/// A shim at work.
pub(crate) struct Running {
    pub(crate) shim: Child,
    pub(crate) host: Host,
}

impl Running {
    /// Waits until a step has made this file in the workspace, and gives what it holds.
    pub(crate) fn made(&self, name: &str) -> String {
        let path = self.host.workspace().join(name);
        until(name, || fs::read_to_string(&path).ok().filter(|text| text.ends_with('\n')))
    }

    /// Waits for a line of the record.
    pub(crate) fn said(&self, is_it: impl Fn(&LineBody) -> bool) {
        until("a line of the record", || lines(&self.host.dir()).iter().any(&is_it).then_some(()));
    }

    /// Waits until the program has left.
    pub(crate) fn end(mut self) -> Ended {
        let status = until("the end of the shim", || self.shim.try_wait().expect("our child"));
        Ended { code: status.code(), host: self.host }
    }
}

/// What a shim has left.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) host: Host,
}

/// The last line.
#[derive(Debug)]
pub(crate) struct Exit {
    pub(crate) outcome: Outcome,
    pub(crate) logs: Vec<Option<LogEnd>>,
    pub(crate) cancel_too_late: bool,
}

impl Ended {
    /// The last line, which must be EXIT, in a record that says what a record may say, and that nobody locks.
    pub(crate) fn exit(&self) -> Exit {
        assert_eq!(self.code, Some(0));
        self.wait_for_free_lock();
        let is_gone = |groups: Cgroups| !groups.job.path().exists();
        assert!(self.host.groups().is_none_or(is_gone), "nobody of the job was left");
        let lines = lines(&self.host.dir());
        assert!(matches!(lines[..2], [LineBody::Accepted { .. }, LineBody::Go]), "{lines:?}");
        match lines.last() {
            Some(LineBody::Exit { outcome, logs, cancel_too_late }) => {
                Exit { outcome: outcome.clone(), logs: logs.clone(), cancel_too_late: *cancel_too_late }
            }
            last => panic!("the record ends with {last:?}"),
        }
    }

    pub(crate) fn outcome(&self) -> Outcome {
        self.exit().outcome
    }

    /// The last line, which must be VOID.
    pub(crate) fn void(&self) -> Outcome {
        assert_eq!(self.code, Some(0));
        match &lines(&self.host.dir())[..] {
            [LineBody::Accepted { .. }, LineBody::Void { outcome }] => outcome.clone(),
            lines => panic!("no VOID: {lines:?}"),
        }
    }

    /// How the steps ended.
    pub(crate) fn steps(&self) -> Vec<StepOutcome> {
        let ended = |body| if let LineBody::StepEnded { outcome, .. } = body { Some(outcome) } else { None };
        lines(&self.host.dir()).into_iter().filter_map(ended).collect()
    }

    /// The outputs of the last step that had any.
    pub(crate) fn outputs(&self) -> BTreeMap<String, String> {
        let outputs = |body| if let LineBody::StepEnded { outputs, .. } = body { Some(outputs) } else { None };
        lines(&self.host.dir()).into_iter().filter_map(outputs).rfind(|found| !found.is_empty()).unwrap_or_default()
    }

    /// All bytes of a step's log.
    pub(crate) fn log(&self, step: u32) -> String {
        let path = self.host.dir().join(format!("step-{step:02}.log"));
        String::from_utf8(fs::read(path).expect("a log")).expect("text")
    }

    /// The bytes of one stream, put together by the index.
    pub(crate) fn stream(&self, step: u32, kind: Kind) -> Vec<u8> {
        let log = self.reader(step);
        let entries = log.entries(0, u64::MAX).expect("whole");
        let of_kind = entries.iter().filter(|entry| entry.kind == kind);
        of_kind.flat_map(|entry| log.read(entry.offset, entry.len as usize).expect("there")).collect()
    }

    pub(crate) fn reader(&self, step: u32) -> LogReader {
        LogReader::open(&RealDisk, &self.host.dir().join(format!("step-{step:02}"))).expect("a log")
    }

    /// Waits until nobody holds the lock: until it is executed, a child of another test has a copy of the descriptor that we gave the shim.
    pub(crate) fn wait_for_free_lock(&self) {
        let record = RealFile::new(self.host.open_record(), Path::new("record"));
        until("a free lock", || record.try_flock().expect("flock").then_some(()));
    }
}

/// All whole lines of the record; their indexes have no hole.
pub(crate) fn lines(dir: &Path) -> Vec<LineBody> {
    let read = read_record(&fs::read(dir.join("record")).expect("the record"));
    assert!(!matches!(read.end, RecordEnd::Damaged(_)));
    let lines: Vec<Line> = read.lines.iter().map(|line| serde_json::from_slice(line).expect("a line")).collect();
    assert!(lines.iter().zip(1..).all(|(line, index)| line.index == index));
    lines.into_iter().map(|line| line.body).collect()
}

/// Whether a process is there and not only waits to be reaped.
pub(crate) fn is_alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    stat.is_ok_and(|stat| !stat.rsplit(") ").next().unwrap_or_default().starts_with('Z'))
}

pub(crate) fn signal(pid: u32, name: &str) {
    let sent = Program::new("/bin/kill").args([format!("-{name}"), pid.to_string()]).status().expect("kill");
    assert!(sent.success());
}

/// Says something, also where the output of tests that pass is captured.
pub(crate) fn note(text: &str) {
    writeln!(std::io::stderr(), "{text}").expect("somebody reads");
}

/// Asks again and again until there is an answer.
pub(crate) fn until<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    let give_up = Instant::now() + PATIENCE;
    let mut ask = ask;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < give_up, "waited too long for {what}");
        std::thread::sleep(Span::from_millis(5));
    }
}
