//! One step: what is executed, in what surroundings, and what its end means.

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::OFlags;
use rustix::pipe::{PipeFlags, pipe_with};
use windlass_core::attempt::{Surroundings, environment};
use windlass_core::mask::Needles;
use windlass_core::model::{Action, Builtin, Command, Envelope, Failure, Fence, Outcome, Secrets, Step, StepOutcome};
use zeroize::Zeroizing;

use crate::outputs;
use crate::place::Place;
use crate::process::{Cgroup, Ended, Launch, Report, Streams, Waiting, spawn};
use crate::secrets::Folder;

/// A step that waits at its gate.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) waiting: Waiting,
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
}

/// A step that cannot be brought to its gate.
#[derive(Debug)]
pub(crate) enum Unfit {
    /// It names nothing that could be executed: its own fault.
    Exec(String),
    /// Its place could not be prepared.
    Setup(String),
}

/// What all steps of an attempt share.
#[derive(Debug)]
pub(crate) struct Workplace {
    pub(crate) dir: PathBuf,
    pub(crate) fence: Fence,
    pub(crate) place: Place,
    /// None: they were cut short, and nothing is started.
    pub(crate) secrets: Option<Secrets>,
    pub(crate) folder: Folder,
}

impl Workplace {
    /// Writes the step's files, and forks a child that waits, in this cgroup. `so_far` is how the job would end now.
    pub(crate) fn prepare(
        &mut self,
        envelope: &Envelope,
        number: u32,
        step: &Step,
        so_far: &Outcome,
        group: Option<&Cgroup>,
    ) -> Result<Ready, Unfit> {
        let dir = self.inside_workspace(&step.dir)?;
        fs::create_dir_all(self.tmp()).map_err(setup("tmp"))?;
        write_new(&self.output(number), b"", 0o600).map_err(setup("the file for outputs"))?;
        let env = self.environment(envelope, number, step, so_far);
        let secrets = self.secrets.as_ref().ok_or_else(|| Unfit::Setup("the secrets were cut short".to_owned()))?;
        let secrets = self.folder.variables(secrets, step).map_err(Unfit::Setup)?;
        let (argv, programs) = match &step.action {
            Action::Command(command) => self.command(command, number, env.get("PATH"))?,
            Action::Builtin(builtin) => self.builtin(builtin),
        };
        let stdin = self.stdin(&step.action, number).map_err(setup("standard input"))?;
        let secret = |name: &String| step.declared_secrets().any(|secret| secret.as_str() == name);
        let plain = env.iter().filter(|(name, _)| !secret(name));
        let pairs = texts(plain.map(|(name, value)| format!("{name}={value}").into()))?;
        let launch = Launch {
            programs: texts(programs)?,
            argv: texts(argv)?,
            env: pairs.into_iter().map(Zeroizing::new).chain(secrets).collect(),
            dir: text(dir.into_os_string())?,
        };
        start(&launch, stdin, group)
    }

    /// What the step's end means, with its outputs.
    pub(crate) fn judge(
        &self,
        number: u32,
        step: &Step,
        ended: Ended,
        report: &Report,
        needles: &Needles,
    ) -> (StepOutcome, BTreeMap<String, String>) {
        let failed = |how| (StepOutcome::Failed { how }, BTreeMap::new());
        if let Some(error) = report.exec_error() {
            return failed(Failure::Exec(format!("{}: {error}", program_name(&step.action))));
        }
        match ended {
            Ended::Code(0) => match outputs::read(&self.output(number), needles) {
                Ok(outputs) => (StepOutcome::Succeeded, outputs),
                Err(why) => failed(Failure::Broken(why)),
            },
            Ended::Code(code) => failed(Failure::Code(u8::try_from(code).unwrap_or(u8::MAX))),
            Ended::Signal(signal) => failed(Failure::Signal(signal)),
        }
    }

    /// What a step with secrets wrote for us may hold one, also if it failed: it does not stay on the disk.
    pub(crate) fn clear_output(&self, number: u32) {
        if self.secrets.as_ref().is_some_and(|secrets| !secrets.is_empty()) {
            _ = fs::remove_file(self.output(number));
        }
    }

    /// The folder for temporary files of the job.
    pub(crate) fn tmp(&self) -> PathBuf {
        self.dir.join("tmp")
    }

    fn output(&self, number: u32) -> PathBuf {
        self.dir.join(format!("output-{number:02}"))
    }

    fn inside_workspace(&self, dir: &str) -> Result<PathBuf, Unfit> {
        let plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
        if Path::new(dir).components().all(plain) {
            Ok(self.place.workspace.join(dir))
        } else {
            Err(Unfit::Setup(format!("dir {dir:?} leaves the workspace")))
        }
    }

    fn environment(&self, envelope: &Envelope, number: u32, step: &Step, so_far: &Outcome) -> BTreeMap<String, String> {
        let [workspace, output, tmp, socket, dir] =
            [&self.place.workspace, &self.output(number), &self.tmp(), &self.place.socket, &self.dir]
                .map(|path| path.to_string_lossy().into_owned());
        let place = &self.place;
        let around = Surroundings {
            path: &place.path,
            home: &place.home,
            user: &place.user,
            agent: &place.agent,
            workspace: &workspace,
            output: &output,
            tmp: &tmp,
        };
        let mut env = environment(self.fence, envelope, step, so_far, around);
        if let Action::Builtin(_) = step.action {
            env.insert("WINDLASS_AGENT_SOCKET".to_owned(), socket);
            env.insert("WINDLASS_ATTEMPT_DIR".to_owned(), dir);
        }
        env
    }

    fn command(
        &self,
        command: &Command,
        number: u32,
        path: Option<&String>,
    ) -> Result<(Vec<OsString>, Vec<OsString>), Unfit> {
        let mut argv: Vec<OsString> = command.argv.iter().map(OsString::from).collect();
        if let Some(script) = &command.script {
            let file = self.dir.join(format!("script-{number:02}"));
            write_new(&file, script.as_bytes(), 0o700).map_err(setup("the script"))?;
            argv.push(file.into_os_string());
        }
        let Some(program) = argv.first().filter(|program| !program.is_empty()) else {
            return Err(Unfit::Exec("the command is empty".to_owned()));
        };
        let programs = candidates(program, path.map_or("", String::as_str));
        Ok((argv, programs))
    }

    fn builtin(&self, builtin: &Builtin) -> (Vec<OsString>, Vec<OsString>) {
        let argv = ["windlass-agent", "step", builtin.name()].map(OsString::from).to_vec();
        (argv, vec![self.place.exe.clone().into_os_string()])
    }

    fn stdin(&self, action: &Action, number: u32) -> io::Result<OwnedFd> {
        let file = match action {
            Action::Command(_) => File::open("/dev/null")?,
            Action::Builtin(builtin) => {
                let path = self.dir.join(format!("input-{number:02}"));
                write_new(&path, &serde_json::to_vec(builtin)?, 0o600)?;
                File::open(path)?
            }
        };
        Ok(file.into())
    }
}

/// Where a failure or time-out of this step is tolerated, it is that.
pub fn tolerated(step: &Step, outcome: StepOutcome) -> StepOutcome {
    match outcome {
        StepOutcome::Failed { how } if step.tolerate => StepOutcome::Tolerated { how: Some(how) },
        StepOutcome::TimedOut if step.tolerate => StepOutcome::Tolerated { how: None },
        StepOutcome::Succeeded
        | StepOutcome::Failed { .. }
        | StepOutcome::TimedOut
        | StepOutcome::Cancelled
        | StepOutcome::Skipped
        | StepOutcome::Tolerated { .. } => outcome,
    }
}

fn start(launch: &Launch, stdin: OwnedFd, group: Option<&Cgroup>) -> Result<Ready, Unfit> {
    let pipe = || pipe_with(PipeFlags::CLOEXEC).map_err(|errno| setup("pipe")(errno.into()));
    let ((stdout, stdout_child), (stderr, stderr_child)) = (pipe()?, pipe()?);
    for ours in [&stdout, &stderr] {
        rustix::fs::fcntl_setfl(ours, OFlags::NONBLOCK).map_err(|errno| setup("pipe")(errno.into()))?;
    }
    let streams = Streams { stdin, stdout: stdout_child, stderr: stderr_child };
    let waiting = spawn(launch, streams, group).map_err(|error| Unfit::Setup(error.to_string()))?;
    Ok(Ready { waiting, stdout, stderr })
}

/// The paths that a search for the program along `PATH` tries; one with a slash is not searched for.
fn candidates(program: &OsStr, path: &str) -> Vec<OsString> {
    if program.as_bytes().contains(&b'/') {
        return vec![program.to_owned()];
    }
    let folders = path.split(':').filter(|folder| folder.starts_with('/'));
    folders.map(|folder| Path::new(folder).join(program).into_os_string()).collect()
}

fn program_name(action: &Action) -> String {
    match action {
        Action::Command(command) => command.argv.first().cloned().unwrap_or_else(|| "the script".to_owned()),
        Action::Builtin(builtin) => builtin.name().to_owned(),
    }
}

/// A file of our own; one that is left from nobody knows when is replaced, never written through.
fn write_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?.write_all(bytes)
}

fn texts(texts: impl IntoIterator<Item = OsString>) -> Result<Vec<CString>, Unfit> {
    texts.into_iter().map(text).collect()
}

fn text(text: OsString) -> Result<CString, Unfit> {
    let zero_byte = |_| Unfit::Exec("an argument, a variable or the directory has a zero byte".to_owned());
    CString::new(text.into_encoded_bytes()).map_err(zero_byte)
}

fn setup(what: &'static str) -> impl FnOnce(io::Error) -> Unfit {
    move |error| Unfit::Setup(format!("{what}: {error}"))
}
