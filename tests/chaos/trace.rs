//! Faults at the k-th system call, with strace: a kill, or a call that fails.

use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use windlass_disk::lock::{LOCK_FILE, is_locked};
use windlass_tests::harness::{Windlass, World, children_of, until_within, words_of};

use crate::check::Allowed;
use crate::dice::Dice;
use crate::findings::Findings;
use crate::kill::restart_agents;
use crate::ring::Ring;
use crate::stage::{REST, Seen, Stage};

/// Runs that are started while the fault strikes.
const RUNS: u64 = 2;
/// What a fault did not end lives so long at least.
const LIFE: Duration = Duration::from_millis(1_500);
/// Where the call was not made for so long, it will not be made in this round,
const IDLE: Duration = Duration::from_millis(700);
/// nor after that.
const PATIENCE: Duration = Duration::from_secs(8);

/// A system call, and how often the busiest thread of a master and of an agent makes it at least, from the start through the load of a round:
/// the tracer counts by thread, and k is at most that, so that most rounds strike. A leading slash makes a name a pattern.
#[derive(Debug, Clone, Copy)]
struct Call {
    name: &'static str,
    by_master: u64,
    by_agent: u64,
}

const fn call(name: &'static str, by_master: u64, by_agent: u64) -> Call {
    Call { name, by_master, by_agent }
}

/// Calls that a failing disk fails.
const FAILED_AT: [Call; 7] = [
    call("write", 10, 20),
    call("pwrite64", 20, 16),
    call("fdatasync", 10, 16),
    call("fsync", 12, 40),
    call("/^rename", 1, 12),
    call("/^mkdir", 6, 10),
    call("flock", 1, 8),
];

/// Calls at which a process is killed besides.
const KILLED_AT: [Call; 4] = [
    call("openat", 25, 90),
    call("close", 50, 90),
    call("/^unlink", 1, 24),
    call("/^(vfork|fork|clone|clone3)$", 8, 5),
];

/// Who is traced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Traced {
    Master,
    Agent,
    /// The agent, and every shim and step that it starts.
    Host,
}

/// What strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blow {
    /// `kill -9`.
    Kill,
    /// The call fails with EIO or ENOSPC.
    Fail,
}

/// Faults at system calls.
#[derive(Debug)]
pub(crate) struct Trace(pub(crate) Blow);

impl Ring for Trace {
    fn name(&self) -> String {
        match self.0 {
            Blow::Kill => "kill -9 at the k-th system call".to_owned(),
            Blow::Fail => "the k-th system call fails".to_owned(),
        }
    }

    fn lacks(&self) -> Option<String> {
        let found = Command::new("strace").arg("--version").output().is_ok_and(|output| output.status.success());
        (!found).then(|| "strace is not installed".to_owned())
    }

    fn windlass(&self, windlass: Windlass, _world: u64) -> Windlass {
        windlass.builder("b1").slots(4)
    }

    fn round(&self, stage: &mut Stage, round: u64, dice: &mut Dice, findings: &mut Findings) {
        let (traced, call, error) = self.fault(dice);
        let most = if traced == Traced::Master { call.by_master } else { call.by_agent };
        let told = stage.world.folder().join("strace");
        let words = strace(traced, call.name, error, 1 + dice.below(most), &told);
        let what = format!("{} under {}", traced.word(), words.join(" "));
        let said_before = traced.said(&stage.world).len();
        let (runs, (code, old)) = stage.under_load(round, RUNS, findings, |world| match traced {
            Traced::Master => (self.under_master(world, &words, &told), None),
            Traced::Agent | Traced::Host => self.under_agent(world, &words, &told),
        });
        findings.struck += u64::from(code != Ended::Missed);
        let is_wake = || traced.said(&stage.world)[said_before..].contains(WAKE);
        if let Ended::Code(code) = code
            && !(self.0 == Blow::Fail && (HONEST.contains(&code) || call.name == "write" && code == PANIC && is_wake()))
        {
            findings.violation(format!("{what} ended with exit code {code}"));
        }
        stage.rest(&runs);
        if let Some(mut old) = old {
            until_within(REST, "the tracer has nothing left to trace", || old.try_wait().ok()?);
        }
        if traced == Traced::Master {
            // A session that does not live for 20 s makes an agent wait longer each time.
            restart_agents(&mut stage.world);
        }
        stage.check(&runs, self.allowed(traced), &Seen::default(), findings);
        if !findings.violations.is_empty() {
            findings.violation(what);
        }
    }
}

/// How a program ends whose disk fails: what is on it is unknown, or it could not begin.
pub(crate) const HONEST: [i32; 2] = [74, 1];

/// Where a thread wakes another by a write that fails, the runtime panics. No disk does that.
const PANIC: i32 = 101;
/// What it says then.
const WAKE: &str = "failed to wake I/O driver";

impl Traced {
    fn word(self) -> &'static str {
        match self {
            Self::Master => "the master",
            Self::Agent => "the agent",
            Self::Host => "a host",
        }
    }

    /// What it logged until now.
    fn said(self, world: &World) -> String {
        match self {
            Self::Master => world.master.said(),
            Self::Agent | Self::Host => world.agents[0].said(),
        }
    }
}

impl Trace {
    fn fault(&self, dice: &mut Dice) -> (Traced, Call, &'static str) {
        match self.0 {
            Blow::Kill => {
                let traced = *dice.pick(&[Traced::Master, Traced::Agent, Traced::Host]);
                (traced, *dice.pick(&[&FAILED_AT[..], &KILLED_AT].concat()), "signal=KILL")
            }
            Blow::Fail => {
                let traced = *dice.pick(&[Traced::Master, Traced::Agent]);
                (traced, *dice.pick(&FAILED_AT), *dice.pick(&["error=EIO", "error=ENOSPC"]))
            }
        }
    }

    fn allowed(&self, traced: Traced) -> Allowed {
        let on_host = traced == Traced::Host;
        Allowed { unknown: on_host, killed_steps: on_host, not_started: traced != Traced::Master, gaps: false }
    }
}

/// How the traced program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// The call was not made; we ended it.
    Missed,
    /// The fault struck, and it lived on, or a process of its host did; we ended it.
    Outlived,
    /// By a signal.
    Killed,
    /// By itself.
    Code(i32),
}

/// The tracer's words. Only a host is followed through its exec calls: what agents and masters start is not meant otherwise.
fn strace(traced: Traced, call: &str, fault: &str, k: u64, told: &Path) -> Vec<String> {
    let mut words = ["strace", "-f", "--seccomp-bpf", "-q", "-o"].map(str::to_owned).to_vec();
    words.push(told.display().to_string());
    if traced != Traced::Host {
        words.push("--detach-on=execve".to_owned());
    }
    words.push(format!("--trace={call}"));
    words.push(format!("--inject={call}:{fault}:when={k}"));
    words
}

/// Waits for the fault by what the tracer writes down.
struct Watch<'a> {
    told: &'a Path,
    blow: Blow,
    begun: Instant,
    bytes: u64,
    grown: Instant,
}

impl<'a> Watch<'a> {
    fn begin(blow: Blow, told: &'a Path) -> Self {
        // Of the round before, if it is there.
        let _ = std::fs::remove_file(told);
        Self { told, blow, begun: Instant::now(), bytes: 0, grown: Instant::now() }
    }

    /// How what still runs is to be ended by us: the fault struck and it went on, or nothing is called any more.
    fn is_over(&mut self) -> Option<Ended> {
        let bytes = std::fs::metadata(self.told).map_or(0, |told| told.len());
        if bytes != self.bytes {
            (self.bytes, self.grown) = (bytes, Instant::now());
        }
        if self.begun.elapsed() < LIFE {
            return None;
        }
        let text = std::fs::read_to_string(self.told).unwrap_or_default();
        let has_struck = match self.blow {
            // Nobody is cancelled in these rounds, so nobody else kills.
            Blow::Kill => text.contains("killed by SIGKILL"),
            Blow::Fail => text.contains("(INJECTED)"),
        };
        let is_idle = self.grown.elapsed() > IDLE || self.begun.elapsed() > PATIENCE;
        if has_struck { Some(Ended::Outlived) } else { is_idle.then_some(Ended::Missed) }
    }
}

impl Trace {
    fn under_master(&self, world: &mut World, words: &[String], told: &Path) -> Ended {
        world.master.stop();
        let mut watch = Watch::begin(self.0, told);
        world.master.spawn_under(words);
        let ended = loop {
            match world.master.ended() {
                Some(Some(code)) => break Ended::Code(code),
                Some(None) => break Ended::Killed,
                None => {}
            }
            if let Some(ended) = watch.is_over() {
                world.master.kill_below();
                break ended;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        world.master.start();
        ended
    }

    /// Also the tracer, if it still has somebody to trace.
    fn under_agent(&self, world: &mut World, words: &[String], told: &Path) -> (Ended, Option<Child>) {
        let agent = &mut world.agents[0];
        agent.stop();
        let mut watch = Watch::begin(self.0, told);
        agent.spawn_under(words);
        let mut is_there = false;
        let ended = loop {
            match agent.ended() {
                Some(Some(code)) => break (Ended::Code(code), None),
                Some(None) => break (Ended::Killed, None),
                None => {}
            }
            let tracer = agent.pid().expect("it did not end");
            if let Some(ended) = watch.is_over() {
                agent.kill_tracee();
                // Its lock goes with it.
                until_within(REST, "the traced agent is gone", || children_of(tracer).is_empty().then_some(()));
                break (ended, Some(agent.hand_over()));
            }
            // Until the tracer has started it there is nobody either, or a child by which the tracer finds out what the kernel can do.
            let children = children_of(tracer);
            is_there |=
                children.iter().any(|pid| words_of(*pid).first().is_some_and(|word| word.ends_with("/windlass-agent")));
            if is_there && children.is_empty() {
                break (Ended::Killed, Some(agent.hand_over()));
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        // A child that was forked for a shim has a copy of the lock until it is executed, and the tracer may hold it up there.
        let state_dir = agent.state_dir();
        until_within(REST, "the state directory is free", || {
            (!is_locked(&state_dir.join(LOCK_FILE)).unwrap_or(true)).then_some(())
        });
        agent.spawn();
        ended
    }
}
