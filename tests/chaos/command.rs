//! What the steps execute. `work`: a command that counts its own starts outside of everything that is cut, writes bytes that its name decides,
//! and ends with a code that its name decides. `talk`: a command that writes a line now and then, and says how long a write took at most.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

use crate::dice::Dice;

/// What a step does, by its name alone.
#[derive(Debug)]
pub(crate) struct Part {
    pieces: Vec<(Vec<u8>, Duration)>,
    /// How it ends.
    pub(crate) code: u8,
}

impl Part {
    /// The part of a step of a job of a run.
    pub(crate) fn of(seed: u64, run: &str, job: &str, step: &str) -> Self {
        let mut dice = Dice::of(seed, &format!("{run} {job} {step}"));
        let pieces = (0..2 + dice.below(10)).map(|_| piece(&mut dice)).collect();
        // A first step that fails leaves the second one out.
        let fails = if step == "one" { dice.below(8) == 0 } else { dice.coin() };
        let code = if fails { u8::try_from(1 + dice.below(255)).expect("it is a byte") } else { 0 };
        Self { pieces, code }
    }

    /// Every byte it writes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.pieces.iter().flat_map(|(bytes, _)| bytes.iter().copied()).collect()
    }
}

/// Some bytes of any value, and the pause behind them.
fn piece(dice: &mut Dice) -> (Vec<u8>, Duration) {
    let len = dice.small_or_large(15);
    let bytes = (0..len.div_ceil(8)).flat_map(|_| dice.next().to_le_bytes()).collect();
    let pause = if dice.coin() { Duration::ZERO } else { dice.within(Duration::from_millis(30)) };
    (bytes, pause)
}

/// `work TRUTH SEED`: the part of this step.
pub(crate) fn work(truth: &Path, seed: u64) -> ExitCode {
    let name = |what: &str| std::env::var(format!("WINDLASS_{what}")).expect("a step has it");
    let (run, job, step) = (name("RUN"), name("JOB"), name("STEP"));
    let line = |what: &str| format!("{what} {} {run} {job} {step}\n", name("FENCE"));
    // One write of a line with O_APPEND is whole, and O_DSYNC makes it last.
    let flags = OFlags::DSYNC.bits().cast_signed();
    let file = File::options().append(true).create(true).custom_flags(flags).open(truth);
    let mut file = file.expect("the truth can be written");
    file.write_all(line("start").as_bytes()).expect("the truth can be written");
    let part = Part::of(seed, &run, &job, &step);
    let mut out = std::io::stdout().lock();
    for (bytes, pause) in &part.pieces {
        // Nobody reads any more: the shim is dead, and what was written is lost.
        if out.write_all(bytes).and_then(|()| out.flush()).is_err() {
            return ExitCode::from(99);
        }
        std::thread::sleep(*pause);
    }
    file.write_all(line(&format!("end-{}", part.code)).as_bytes()).expect("the truth can be written");
    ExitCode::from(part.code)
}

/// So many lines are written by a step that talks, and so often.
pub(crate) const TALK: (u32, Duration) = (800, Duration::from_millis(20));

/// `talk FILE`: counts, and appends to the file how many microseconds its slowest write took.
pub(crate) fn talk(file: &Path) -> ExitCode {
    let mut out = std::io::stdout().lock();
    let mut slowest = Duration::ZERO;
    for n in 1..=TALK.0 {
        let begun = Instant::now();
        if writeln!(out, "{n}").and_then(|()| out.flush()).is_err() {
            return ExitCode::from(99);
        }
        slowest = slowest.max(begun.elapsed());
        std::thread::sleep(TALK.1);
    }
    let file = File::options().append(true).create(true).open(file);
    let line = format!("{}\n", slowest.as_micros());
    file.and_then(|mut file| file.write_all(line.as_bytes())).expect("the world's folder can be written");
    ExitCode::SUCCESS
}
