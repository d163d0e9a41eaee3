//! Faults at the k-th system call, with strace: a kill, or a call that fails.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use windlass_tests::harness::{Windlass, World, children_of, until_within};

use crate::check::Allowed;
use crate::dice::Dice;
use crate::findings::Findings;
use crate::ring::Ring;
use crate::stage::{REST, Seen, Stage};

/// Runs that are started while the fault strikes.
const RUNS: u64 = 2;
/// A call that was not made by then will not be made in this round.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// k is at most about 2^7.
const BITS: u64 = 7;

/// Calls at which a process is killed. A leading slash makes a name a pattern.
const KILLED_AT: [&str; 12] = [
    "write",
    "pwrite64",
    "fdatasync",
    "fsync",
    "openat",
    "/^rename",
    "/^mkdir",
    "flock",
    "/^unlink",
    "close",
    "sendto",
    "/^(vfork|fork|clone|clone3)$",
];

/// Calls that a failing disk fails.
const FAILED_AT: [&str; 9] =
    ["write", "pwrite64", "pwritev", "fdatasync", "fsync", "/^rename", "/^mkdir", "flock", "fallocate"];

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

    fn windlass(&self, windlass: Windlass) -> Windlass {
        windlass.builder("b1").slots(4)
    }

    fn round(&self, stage: &mut Stage, round: u64, dice: &mut Dice, findings: &mut Findings) {
        let (traced, call, error) = self.fault(dice);
        let k = dice.small_or_large(BITS);
        let words = strace(traced, call, error, k);
        let what = format!("{} under {}", traced.word(), words.join(" "));
        let (runs, (code, old)) = stage.under_load(round, RUNS, findings, |world| match traced {
            Traced::Master => (under_master(world, &words), None),
            Traced::Agent | Traced::Host => under_agent(world, &words),
        });
        findings.struck += u64::from(code != Ended::ByUs);
        if let Ended::Code(code) = code
            && !(self.0 == Blow::Fail && HONEST.contains(&code))
        {
            findings.violation(format!("{what} ended with exit code {code}"));
        }
        stage.rest(&runs);
        if let Some(mut old) = old {
            until_within(REST, "the tracer has nothing left to trace", || old.try_wait().ok()?);
        }
        stage.check(&runs, self.allowed(traced), &Seen::default(), findings);
        if !findings.violations.is_empty() {
            findings.violation(what);
        }
    }
}

/// How a program ends whose disk fails: what is on it is unknown, or it could not begin.
const HONEST: [i32; 2] = [74, 1];

impl Traced {
    fn word(self) -> &'static str {
        match self {
            Self::Master => "the master",
            Self::Agent => "the agent",
            Self::Host => "a host",
        }
    }
}

impl Trace {
    fn fault(&self, dice: &mut Dice) -> (Traced, &'static str, &'static str) {
        match self.0 {
            Blow::Kill => {
                let traced = *dice.pick(&[Traced::Master, Traced::Agent, Traced::Host]);
                (traced, *dice.pick(&KILLED_AT), "signal=KILL")
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
    ByUs,
    /// By a signal.
    Killed,
    /// By itself.
    Code(i32),
}

/// The tracer's words. Only a host is followed through its exec calls: what agents and masters start is not meant otherwise.
fn strace(traced: Traced, call: &str, fault: &str, k: u64) -> Vec<String> {
    let mut words =
        vec!["strace".to_owned(), "-f".to_owned(), "-qq".to_owned(), "-o".to_owned(), "/dev/null".to_owned()];
    if traced != Traced::Host {
        words.push("--detach-on=execve".to_owned());
    }
    words.push(format!("--trace={call}"));
    words.push(format!("--inject={call}:{fault}:when={k}"));
    words
}

fn under_master(world: &mut World, words: &[String]) -> Ended {
    world.master.stop();
    world.master.spawn_under(words);
    let begun = Instant::now();
    let ended = loop {
        match world.master.ended() {
            Some(Some(code)) => break Ended::Code(code),
            Some(None) => break Ended::Killed,
            None if begun.elapsed() > PATIENCE => {
                world.master.kill_below();
                break Ended::ByUs;
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    world.master.start();
    ended
}

/// Also the tracer, if it still has somebody to trace.
fn under_agent(world: &mut World, words: &[String]) -> (Ended, Option<Child>) {
    let agent = &mut world.agents[0];
    agent.stop();
    agent.spawn_under(words);
    let begun = Instant::now();
    let ended = loop {
        match agent.ended() {
            Some(Some(code)) => break (Ended::Code(code), None),
            Some(None) => break (Ended::Killed, None),
            None => {}
        }
        let tracer = agent.pid().expect("it did not end");
        if begun.elapsed() > PATIENCE {
            agent.kill_tracee();
            // Its lock goes with it.
            until_within(REST, "the traced agent is gone", || children_of(tracer).is_empty().then_some(()));
            break (Ended::ByUs, Some(agent.hand_over()));
        }
        if begun.elapsed() > PATIENCE / 10 && children_of(tracer).is_empty() {
            break (Ended::Killed, Some(agent.hand_over()));
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    agent.spawn();
    ended
}
