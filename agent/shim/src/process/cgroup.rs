//! Groups of processes that the kernel keeps: cgroup v2. Who is in one stays in it with all its descendants, whatever sessions and
//! parents they leave, and all of it can be killed at once.
//!
//! The shim makes the group of its job, forks into it, and enters one of its own; the agent kills what a lost shim left behind. For that the
//! interface of the hierarchy itself is enough: a mount beside version 1 (hybrid) is as good as any. Controllers only bound what a job takes.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};
use windlass_core::model::Limits;

/// The directory of a group. It need not exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cgroup(PathBuf);

/// Processes of a job that asks for nothing: more are a mistake of it.
const PIDS: u32 = 4096;

/// Time over which a share of a processor is counted, in microseconds.
const PERIOD_US: u64 = 100_000;

/// The controllers that bound a job.
pub const CONTROLLERS: [&str; 3] = ["memory", "cpu", "pids"];

impl Cgroup {
    /// The one with this directory.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Where this process is; none where no cgroup2 file system shows it.
    pub fn own() -> Option<Self> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        own_directory(&mounts, &own).map(Self)
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A group in it.
    pub fn child(&self, name: &str) -> Self {
        Self(self.0.join(name))
    }

    /// The names of the groups in it.
    pub fn children(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        Ok(names)
    }

    /// Makes it and those above it; one that is there is fine.
    pub fn make(&self) -> io::Result<()> {
        fs::create_dir_all(&self.0)
    }

    /// Bounds what a job may take, as far as this hierarchy can.
    pub(crate) fn limit(&self, limits: &Limits) {
        let Limits { memory_bytes, cpu_milli, pids } = *limits;
        let pids = if pids == 0 { PIDS } else { pids };
        let cpu = (cpu_milli > 0).then(|| format!("{} {PERIOD_US}", u64::from(cpu_milli) * PERIOD_US / 1_000));
        let memory = (memory_bytes > 0).then(|| memory_bytes.to_string());
        let files = [
            ("pids.max", Some(pids.to_string())),
            ("memory.oom.group", Some("1".to_owned())),
            // What may be swapped would not be bounded.
            ("memory.swap.max", memory.as_ref().map(|_| "0".to_owned())),
            ("memory.max", memory),
            ("cpu.max", cpu),
        ];
        for (file, value) in files {
            // A controller that is not here limits nothing.
            _ = value.map(|value| self.write(file, &value));
        }
    }

    /// Lets the groups in it be bounded, as far as those above allow. Of each controller by itself: one that is not here takes no other along.
    pub fn bound_children(&self) {
        for controller in CONTROLLERS {
            _ = self.write("cgroup.subtree_control", &format!("+{controller}"));
        }
    }

    /// Whether it is the root of the hierarchy, in which processes may be beside bounded groups.
    pub fn is_root(&self) -> bool {
        self.0.join("cgroup.procs").exists() && !self.0.join("cgroup.type").exists()
    }

    /// Which of [`CONTROLLERS`] bound the groups in it.
    pub fn bounds(&self) -> Vec<&'static str> {
        self.controllers("cgroup.subtree_control")
    }

    /// Which of [`CONTROLLERS`] are there to bound the groups in it.
    pub fn could_bound(&self) -> Vec<&'static str> {
        self.controllers("cgroup.controllers")
    }

    fn controllers(&self, file: &str) -> Vec<&'static str> {
        let there = fs::read_to_string(self.0.join(file)).unwrap_or_default();
        CONTROLLERS.into_iter().filter(|name| there.split_whitespace().any(|word| word == *name)).collect()
    }

    /// Moves this process into it, with all its threads. Takes the kernel some ten milliseconds.
    pub fn enter(&self) -> io::Result<()> {
        self.write("cgroup.procs", "0")
    }

    /// Moves a child that is not reaped into it.
    pub(crate) fn take(&self, child: Pid) -> io::Result<()> {
        self.write("cgroup.procs", &child.as_raw_nonzero().to_string())
    }

    /// Its directory, to be forked into.
    pub(crate) fn open(&self) -> io::Result<OwnedFd> {
        Ok(fs::File::open(&self.0)?.into())
    }

    /// Whether nobody lives in it or below it. One that is not there is empty.
    pub fn is_empty(&self) -> io::Result<bool> {
        match fs::read_to_string(self.0.join("cgroup.events")) {
            Ok(events) => Ok(events.lines().any(|line| line == "populated 0")),
            Err(error) if is_gone(&error) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Ends all that is in it and below it. Who is stuck in the kernel outlives this for a while: ask [`Self::is_empty`].
    pub fn kill(&self) -> io::Result<()> {
        match self.write("cgroup.kill", "1") {
            Err(error) if error.kind() == ErrorKind::NotFound && self.0.exists() => self.kill_each(),
            Err(error) if is_gone(&error) => Ok(()),
            killed => killed,
        }
    }

    /// Before kernel 5.14: nobody forks while each is killed.
    fn kill_each(&self) -> io::Result<()> {
        self.write("cgroup.freeze", "1")?;
        let killed = self.each_is_killed();
        self.write("cgroup.freeze", "0")?;
        killed
    }

    fn each_is_killed(&self) -> io::Result<()> {
        for child in self.children()? {
            self.child(&child).each_is_killed()?;
        }
        for pid in self.pids()? {
            let pidfd = match pidfd_open(pid, PidfdFlags::empty()) {
                Err(Errno::SRCH) => continue,
                opened => opened?,
            };
            // The number was looked up before; only if it is a member after, the descriptor is of a member.
            if self.pids()?.contains(&pid) {
                match pidfd_send_signal(pidfd, Signal::KILL) {
                    Err(Errno::SRCH) => {}
                    sent => sent?,
                }
            }
        }
        Ok(())
    }

    fn pids(&self) -> io::Result<Vec<Pid>> {
        let text = fs::read_to_string(self.0.join("cgroup.procs"))?;
        Ok(text.lines().filter_map(|line| line.parse().ok().and_then(Pid::from_raw)).collect())
    }

    /// Removes it and those in it, which must be empty. One that is not there is fine.
    pub fn remove(&self) -> io::Result<()> {
        let children = match self.children() {
            Err(error) if is_gone(&error) => return Ok(()),
            children => children?,
        };
        for child in children {
            self.child(&child).remove()?;
        }
        match fs::remove_dir(&self.0) {
            Err(error) if is_gone(&error) => Ok(()),
            removed => removed,
        }
    }

    /// Removes it if no group and no process is in it, and leaves it alone otherwise.
    pub fn remove_childless(&self) -> io::Result<()> {
        match fs::remove_dir(&self.0) {
            Err(error) if is_gone(&error) => Ok(()),
            Err(error) if matches!(error.kind(), ErrorKind::ResourceBusy | ErrorKind::DirectoryNotEmpty) => Ok(()),
            removed => removed,
        }
    }

    fn write(&self, file: &str, text: &str) -> io::Result<()> {
        // Never made: a directory that is no cgroup must not look like one.
        let mut options = fs::OpenOptions::new();
        io::Write::write_all(&mut options.write(true).open(self.0.join(file))?, text.as_bytes())
    }
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(libc::ENODEV)
}

/// From `/proc/self/mountinfo` and `/proc/self/cgroup`: the directory of this process's group in the first mount that shows it.
fn own_directory(mounts: &str, own: &str) -> Option<PathBuf> {
    let own = Path::new(own.lines().find_map(|line| line.strip_prefix("0::"))?);
    mounts.lines().find_map(|line| {
        let (mount, system) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        let below = own.strip_prefix(root).ok()?;
        // Joined with nothing, a path gets a slash at its end.
        let joined = if below.as_os_str().is_empty() { PathBuf::from(point) } else { Path::new(point).join(below) };
        system.starts_with("cgroup2 ").then_some(joined)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_group_is_found_in_whatever_shows_it() {
        let v1 = "34 30 0:30 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n";
        let hybrid = format!("{v1}42 30 0:27 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw\n");
        let contained = "42 30 0:27 /docker/ab /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
        let table = [
            (hybrid.as_str(), "4:memory:/x\n0::/\n", Some("/sys/fs/cgroup/unified")),
            (hybrid.as_str(), "0::/system.slice/a.service\n", Some("/sys/fs/cgroup/unified/system.slice/a.service")),
            (contained, "0::/docker/ab/sub\n", Some("/sys/fs/cgroup/sub")),
            (contained, "0::/docker/other\n", None),
            (v1, "0::/\n", None),
            (hybrid.as_str(), "4:memory:/x\n", None),
        ];
        for (mounts, own, expected) in table {
            assert_eq!(own_directory(mounts, own), expected.map(PathBuf::from), "{own} in {mounts}");
        }
    }

    /// Removed with the test.
    struct Made(Cgroup);

    impl Drop for Made {
        fn drop(&mut self) {
            _ = self.0.kill();
            _ = self.0.remove();
        }
    }

    #[test]
    fn where_the_kernel_cannot_kill_a_group_each_in_it_is_killed() {
        let made = Cgroup::own().map(|own| own.child(&format!("windlass-test-each-{}", std::process::id())));
        let Some(made) = made.filter(|group| group.child("inner").make().is_ok()).map(Made) else {
            assert!(std::env::var_os("CI").is_none(), "a cgroup2 mount must be writable in CI");
            return;
        };
        let groups = [made.0.clone(), made.0.child("inner")];
        let mut sleepers = groups.clone().map(|group| {
            let sleeper = std::process::Command::new("sleep").arg("1000").spawn().expect("spawned");
            group.take(Pid::from_child(&sleeper)).expect("ours");
            sleeper
        });
        assert!(!made.0.is_empty().expect("it is there"));
        made.0.kill_each().expect("killed");
        for sleeper in &mut sleepers {
            sleeper.wait().expect("our child");
        }
        assert!(made.0.is_empty().expect("it is there"));
    }

    #[test]
    fn a_job_is_bounded_by_what_is_asked_for_and_by_nothing_that_is_not_here() {
        let folder = tempfile::tempdir().expect("a directory");
        let read = |file: &str| fs::read_to_string(folder.path().join(file)).unwrap_or_else(|_| "none".to_owned());
        let group = Cgroup::new(folder.path());
        for file in ["pids.max", "memory.max", "cpu.max"] {
            fs::write(folder.path().join(file), "").expect("made");
        }
        group.limit(&Limits::default());
        assert_eq!([read("pids.max"), read("memory.max"), read("cpu.max")], ["4096", "", ""]);
        group.limit(&Limits { memory_bytes: 1 << 20, cpu_milli: 1_500, pids: 12 });
        assert!(read("pids.max").starts_with("12"), "a kernel's file is replaced, this one is overwritten");
        assert_eq!([read("memory.max"), read("cpu.max")], ["1048576", "150000 100000"]);
        assert_eq!(read("memory.oom.group"), "none", "no file is made");
    }

    /// A group below ours whose children can be bounded by this controller; none where there is none.
    fn bounded_by(controller: &str) -> Option<Made> {
        let name = format!("windlass-test-{controller}-{}", std::process::id());
        let Some(own) = Cgroup::own() else {
            assert!(std::env::var_os("CI").is_none(), "a cgroup2 mount must be there in CI");
            return None;
        };
        own.bound_children();
        let made = Made(own.child(&name));
        made.0.make().ok()?;
        made.0.bound_children();
        made.0.bounds().contains(&controller).then_some(made)
    }

    /// Says what is not proven, also where the output of tests that pass is captured.
    fn skipped(controller: &str) {
        use std::io::Write;
        let text = format!("skipped: the cgroup2 hierarchy has no controller {controller} here\n");
        std::io::stderr().write_all(text.as_bytes()).expect("somebody reads");
    }

    #[test]
    fn a_job_that_forks_beyond_its_limit_is_refused_by_the_kernel() {
        let Some(made) = bounded_by("pids") else { return skipped("pids") };
        let group = made.0.child("job");
        group.make().expect("ours");
        group.limit(&Limits { pids: 3, ..Limits::default() });
        let script =
            format!("echo 0 > {}/cgroup.procs; sleep 1 & sleep 1 & sleep 1 & sleep 1 & wait", group.path().display());
        let shell = std::process::Command::new("sh").args(["-c", &script]).output().expect("sh runs");
        assert!(!shell.status.success() || String::from_utf8_lossy(&shell.stderr).contains("fork"), "{shell:?}");
    }

    #[test]
    fn a_job_that_takes_more_memory_than_its_limit_is_ended_by_the_kernel() {
        let Some(made) = bounded_by("memory") else { return skipped("memory") };
        let group = made.0.child("job");
        group.make().expect("ours");
        group.limit(&Limits { memory_bytes: 16 << 20, ..Limits::default() });
        let script = format!(
            "echo 0 > {}/cgroup.procs; x=$(head -c 100000000 /dev/zero | tr '\\0' x); exit 0",
            group.path().display()
        );
        let shell = std::process::Command::new("sh").args(["-c", &script]).output().expect("sh runs");
        assert!(!shell.status.success(), "{shell:?}");
    }

    #[test]
    fn a_directory_that_is_no_cgroup_is_never_taken_for_one() {
        let folder = tempfile::tempdir().expect("a directory");
        let group = Cgroup::new(folder.path());
        group.enter().expect_err("no such file");
        group.kill().expect_err("no such file");
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 0, "nothing was made");
        assert!(group.child("none").is_empty().expect("what is not there is empty"));
        group.child("none").kill().expect("nobody to kill");
        group.child("none").remove().expect("nothing to remove");
    }
}
