//! A full disk: somebody else fills the volume of the master or of a host to the last blocks, for a while.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FallocateFlags, fallocate, statvfs};
use windlass_tests::harness::{Windlass, World};

use crate::args::{On, Where};
use crate::check::Allowed;
use crate::dice::Dice;
use crate::findings::Findings;
use crate::kill::restart_agents;
use crate::ring::Ring;
use crate::stage::{Stage, pause};
use crate::trace::HONEST;

/// Runs that are started while there is no room.
const RUNS: u64 = 3;
/// Until it is full.
const LIFE: Duration = Duration::from_millis(300);
/// For so long it is, at most.
const FULL: Duration = Duration::from_secs(2);
/// Whom it breaks has ended so long after there is room again.
const AFTERMATH: Duration = Duration::from_secs(3);
/// Less cannot be given away.
const BLOCK: u64 = 4096;

/// Full disks.
#[derive(Debug)]
pub(crate) struct FullDisk(pub(crate) Where, pub(crate) On);

impl Ring for FullDisk {
    fn name(&self) -> String {
        format!("full disk of the {}", self.0.word())
    }

    fn lacks(&self) -> Option<String> {
        self.1.lacks()
    }

    fn windlass(&self, windlass: Windlass, world: u64) -> Windlass {
        self.0.on_volumes(windlass, self.1.file_system(world))
    }

    fn round(&self, stage: &mut Stage, round: u64, dice: &mut Dice, findings: &mut Findings) {
        let reading = (self.0 == Where::Master).then(|| stage.read_events());
        let (runs, (seen, code)) = stage.under_load(round, RUNS, findings, |world| {
            pause(dice, LIFE);
            let seen = Stage::look(world);
            // Mostly some room is left: a record fits and a log does not.
            let left = if dice.coin() { 0 } else { dice.small_or_large(20) };
            (seen, self.fill(world, left, dice.within(FULL)))
        });
        findings.struck += 1;
        if let Some(code) = code
            && !code.is_some_and(|code| HONEST.contains(&code))
        {
            findings.violation(format!("it ended with exit code {code:?} on a full disk"));
        }
        stage.rest(&runs);
        if let Some(reading) = reading {
            stage.event = reading.compare(findings);
        }
        let of_host = self.0 == Where::Agent;
        let allowed = Allowed { unknown: false, killed_steps: false, not_started: of_host, gaps: of_host };
        stage.check(&runs, allowed, &seen, findings);
        if self.0 == Where::Master {
            restart_agents(&mut stage.world);
        }
    }
}

impl FullDisk {
    /// Takes all room but `left` bytes for a while. How the daemon ended, if it did: it is started again, as a service manager does.
    fn fill(&self, world: &mut World, left: u64, time: Duration) -> Option<Option<i32>> {
        let volume = match self.0 {
            Where::Master => world.master.data_dir(),
            Where::Agent => world.agents[0].state_dir(),
        };
        let filler = volume.join("filler");
        let mut ended = None;
        let begun = Instant::now();
        while ended.is_none() && begun.elapsed() < time {
            take_room(&filler, left);
            std::thread::sleep(Duration::from_millis(10));
            ended = self.ended(world);
        }
        std::fs::remove_file(&filler).expect("it was made");
        let emptied = Instant::now();
        while ended.is_none() && emptied.elapsed() < AFTERMATH {
            std::thread::sleep(Duration::from_millis(10));
            ended = self.ended(world);
        }
        if ended.is_some() {
            match self.0 {
                Where::Master => world.master.start(),
                Where::Agent => world.agents[0].spawn(),
            }
        }
        ended
    }

    fn ended(&self, world: &mut World) -> Option<Option<i32>> {
        match self.0 {
            Where::Master => world.master.ended(),
            Where::Agent => world.agents[0].ended(),
        }
    }
}

/// Lets this file grow until `left` bytes are free: what is given up or deleted meanwhile is taken as well.
fn take_room(filler: &Path, left: u64) {
    let file = File::options().create(true).append(true).open(filler).expect("a name needs no block");
    let mut at = file.metadata().expect("it is open").len();
    let room = statvfs(filler).expect("it is there");
    let mut piece = (room.f_bfree * room.f_frsize).saturating_sub(left);
    while piece >= BLOCK {
        match fallocate(&file, FallocateFlags::empty(), at, piece) {
            Ok(()) => at += piece,
            Err(_no_room) => piece /= 2,
        }
        let room = statvfs(filler).expect("it is there");
        piece = piece.min((room.f_bfree * room.f_frsize).saturating_sub(left));
    }
}
