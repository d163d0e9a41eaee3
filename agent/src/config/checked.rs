//! What the agent goes by.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use windlass_core::model::{AgentName, Limits, limits};

use super::error::Error;
use super::policy::{Policy, Wrong};
use super::written::{Number, Written, WrittenKill, WrittenLimits};
use crate::release::place::LocalServices;

/// Room for a hundred thousand lines, when nothing else is left.
const BALLAST_MIB: u32 = 16;

/// By what all processes of a job are ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kill {
    /// By cgroup where one is writable, else by process group.
    Auto,
    /// By cgroup, or the agent does not start.
    Cgroup,
    /// By process group.
    Group,
}

/// The checked configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where the master listens for agents: `host:port`.
    pub master: String,
    /// What the operator calls this host; the master goes by its own register.
    pub name: Option<AgentName>,
    /// Jobs at once.
    pub slots: u32,
    /// Offered beyond what the register says.
    pub labels: BTreeMap<String, String>,
    /// What is taken.
    pub policy: Policy,
    /// Where workspaces are.
    pub work_dir: PathBuf,
    /// Room that is kept for evidence.
    pub ballast_bytes: u64,
    /// How jobs are ended.
    pub kill: Kill,
    /// Where services live on this host.
    pub services: LocalServices,
}

impl Config {
    /// Reads and checks a file; `state_dir` gives the default of `work.dir`.
    pub fn load(file: &Path, state_dir: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(file);
        let text = text.map_err(|why| Error::Unreadable { file: file.to_owned(), why })?;
        super::files::nobody_else_writes(file)?;
        Self::parse(&text, file, state_dir)
    }

    /// Checks a text; `file` is named in errors.
    pub fn parse(text: &str, file: &Path, state_dir: &Path) -> Result<Self, Error> {
        let written: Written = toml::from_str(text).map_err(|error| {
            let before = error.span().map_or(0, |span| span.start);
            let line = text[..before.min(text.len())].matches('\n').count() + 1;
            Error::Line { file: file.to_owned(), line, why: error.message().to_owned() }
        })?;
        let wrong = |key: &str, why: String| Error::Value { file: file.to_owned(), key: key.to_owned(), why };
        if !is_host_and_port(&written.master) {
            let why = format!("{:?} is not host:port, as \"windlass.example.com:8471\"", written.master);
            return Err(wrong("master", why));
        }
        if written.slots > 1_000 {
            return Err(wrong("slots", format!("{} is more than 1000", written.slots)));
        }
        for name in written.labels.keys() {
            if name.is_empty() || name.contains('=') {
                return Err(wrong("labels", format!("{name:?} is not the name of a label")));
            }
        }
        let limits = limits(&written.limits).map_err(|(key, why)| wrong(&format!("limits.{key}"), why))?;
        let policy = Policy::check(written.policy).map_err(|(key, why)| wrong(&format!("policy.{key}"), why))?;
        let policy = Policy { limits, ..policy };
        let work_dir = written.work.dir.unwrap_or_else(|| beside(state_dir));
        if !work_dir.is_absolute() || work_dir.components().any(|part| part == Component::ParentDir) {
            return Err(wrong("work.dir", format!("{work_dir:?} is not an absolute path without `..`")));
        }
        if work_dir.starts_with(state_dir) {
            return Err(wrong("work.dir", "it lies in the state directory, which no step may reach".to_owned()));
        }
        Ok(Self {
            master: written.master,
            name: written.name,
            slots: written.slots,
            labels: written.labels,
            policy,
            work_dir,
            ballast_bytes: u64::from(written.disk.ballast_mib.unwrap_or(BALLAST_MIB)) * 1024 * 1024,
            kill: match written.process.kill {
                WrittenKill::Auto => Kill::Auto,
                WrittenKill::Cgroup => Kill::Cgroup,
                WrittenKill::Group => Kill::Group,
            },
            services: written.services,
        })
    }
}

/// What one job may have at most, whatever it asks for.
fn limits(written: &WrittenLimits) -> Result<Limits, Wrong> {
    let memory = written.memory.as_ref().map(|text| {
        limits::memory(text).ok_or(("memory", format!("{text:?} is not a size: write \"512MiB\" or \"2GiB\"")))
    });
    let cpu = written.cpu.as_ref().map(|number| {
        let text = match number {
            Number::Whole(whole) => whole.to_string(),
            Number::Float(float) => float.to_string(),
        };
        limits::cpu(&text).ok_or(("cpu", format!("{text} is not a number of processors: write 2 or 0.5")))
    });
    let pids = written.pids.map(|pids| {
        limits::PIDS.contains(&pids).then_some(pids).ok_or(("pids", format!("{pids} is not from 1 to 4194304")))
    });
    Ok(Limits {
        memory_bytes: memory.transpose()?.unwrap_or_default(),
        cpu_milli: cpu.transpose()?.unwrap_or_default(),
        pids: pids.transpose()?.unwrap_or_default(),
    })
}

fn is_host_and_port(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let is_plain = host.bytes().all(|b| b.is_ascii_graphic() && !b"/@?#".contains(&b));
    !host.is_empty() && is_plain && port.parse::<u16>().is_ok_and(|port| port > 0)
}

fn beside(state_dir: &Path) -> PathBuf {
    state_dir.parent().unwrap_or(Path::new("/")).join("windlass-work")
}
