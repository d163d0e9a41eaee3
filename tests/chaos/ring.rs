//! Playing rounds in several worlds side by side, until there were enough.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use windlass_tests::harness::Windlass;

use crate::args::Mode;
use crate::dice::Dice;
use crate::findings::Findings;
use crate::stage::{Stage, reap_shims};
use crate::tell;

/// A kind of fault.
pub(crate) trait Ring: Sync {
    /// How it is called in what is printed.
    fn name(&self) -> String;
    /// What this machine lacks for it, if anything.
    fn lacks(&self) -> Option<String> {
        None
    }
    /// The world of this number that it is played in.
    fn windlass(&self, windlass: Windlass, world: u64) -> Windlass;
    /// One fault, and everything that is compared afterwards.
    fn round(&self, stage: &mut Stage, round: u64, dice: &mut Dice, findings: &mut Findings);
}

/// How often and where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) rounds: u64,
    pub(crate) worlds: u64,
    pub(crate) seed: u64,
    pub(crate) mode: Mode,
    /// No round begins later.
    pub(crate) until: Option<Instant>,
}

/// Plays a ring, prints what it found, and says whether nothing was violated.
pub(crate) fn play(ring: &dyn Ring, size: Size) -> bool {
    if let Some(lack) = ring.lacks() {
        tell(&format!("{}: not proven here: {lack}\n", ring.name()));
        // Where everything has to be proven, this is a failure.
        return std::env::var_os("CI").is_none();
    }
    let begun = Instant::now();
    let next = AtomicU64::new(0);
    let all = Mutex::new(Findings::default());
    std::thread::scope(|scope| {
        for world in 0..size.worlds.min(size.rounds) {
            let (next, all) = (&next, &all);
            scope.spawn(move || in_one_world(ring, size, world, next, all));
        }
    });
    let findings = all.into_inner().expect("no thread panicked with it");
    tell(&findings.summary(&ring.name(), size.seed, begun.elapsed().as_secs()));
    findings.violations.is_empty()
}

fn in_one_world(ring: &dyn Ring, size: Size, world: u64, next: &AtomicU64, all: &Mutex<Findings>) {
    let mut stage = None;
    loop {
        let round = next.fetch_add(1, Ordering::Relaxed);
        if round >= size.rounds || size.until.is_some_and(|until| Instant::now() > until) {
            return;
        }
        let mut findings = Findings { rounds: 1, ..Findings::default() };
        // What cannot come to rest, or does not start again, panics with what it waited for: that is a violation like any other.
        let played = catch_unwind(AssertUnwindSafe(|| {
            let stage = stage.get_or_insert_with(|| set(ring, size, world, round));
            let mut dice = Dice::of(size.seed, &format!("{} {round}", ring.name()));
            ring.round(stage, round, &mut dice, &mut findings);
        }));
        if let Err(panic) = played {
            findings.violation(said(&*panic));
        }
        if !findings.violations.is_empty() {
            let said = stage.as_ref().map(|stage| stage.world.said()).unwrap_or_default();
            tell(&format!("round {round}, seed {}: {:#?}\n{said}\n", size.seed, findings.violations));
            stage = None;
        }
        reap_shims();
        all.lock().expect("no thread panicked with it").add(findings);
    }
}

fn set(ring: &dyn Ring, size: Size, world: u64, round: u64) -> Stage {
    let exe = std::env::current_exe().expect("Linux knows what we are");
    let windlass = ring.windlass(Windlass::new(&exe.display().to_string()), world).kill(size.mode.word(world));
    Stage::set(windlass, size.seed, format!("{}-{world}.{round}", size.seed))
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}
