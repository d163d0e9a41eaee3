//! Power cuts: a file system of its own loses what was not synced, is mounted again, and what lies on it starts.
//!
//! Who writes to it stands still first. Without power nothing leaves a machine; but a sync that is under way while it is shut down can
//! come back as done, and a process that lived on would tell others of what is not there.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use windlass_tests::harness::{Windlass, World};

use crate::args::{On, Where};
use crate::check::Allowed;
use crate::dice::Dice;
use crate::findings::Findings;
use crate::kill::{freeze, kill_all, kill_tree, restart_agents};
use crate::ring::Ring;
use crate::stage::{Stage, pause};

/// Runs that are started while the power goes.
const RUNS: u64 = 2;
const LIFE: Duration = Duration::from_millis(400);
/// As for kills.
const PATIENT_ROUNDS: u64 = 2;
/// The kernel's name for this boot.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// Says that we are in a mount namespace of our own.
const OWN_MOUNTS: &str = "WINDLASS_CHAOS_MOUNTS";

/// Power cuts.
#[derive(Debug)]
pub(crate) struct PowerCut(pub(crate) Where, pub(crate) On);

impl Ring for PowerCut {
    fn name(&self) -> String {
        format!("power cut of the {}", self.0.word())
    }

    fn lacks(&self) -> Option<String> {
        self.1.lacks()
    }

    fn windlass(&self, windlass: Windlass, world: u64) -> Windlass {
        self.0.on_volumes(windlass, self.1.file_system(world))
    }

    fn round(&self, stage: &mut Stage, round: u64, dice: &mut Dice, findings: &mut Findings) {
        let reading = (self.0 == Where::Master).then(|| stage.read_events());
        let (runs, seen) = stage.under_load(round, RUNS, findings, |world| {
            pause(dice, LIFE);
            let seen = Stage::look(world);
            match self.0 {
                Where::Master => cut_master(world),
                Where::Agent => cut_agent(world, dice),
            }
            seen
        });
        findings.struck += 1;
        stage.rest(&runs);
        if let Some(reading) = reading {
            stage.event = reading.compare(findings);
        }
        stage.check(&runs, self.allowed(), &seen, findings);
        if self.0 == Where::Master && round.is_multiple_of(PATIENT_ROUNDS) {
            restart_agents(&mut stage.world);
        }
    }
}

impl PowerCut {
    fn allowed(&self) -> Allowed {
        let of_host = self.0 == Where::Agent;
        Allowed { unknown: of_host, killed_steps: of_host, not_started: of_host, gaps: false }
    }
}

fn cut_master(world: &mut World) {
    freeze(&world.master.data_dir());
    world.volumes[0].cut();
    world.master.kill();
    // A git that it started stands still as well, and holds the volume.
    kill_all(&world.master.data_dir());
    world.volumes[0].mount_again();
    world.master.start();
}

fn cut_agent(world: &mut World, dice: &mut Dice) {
    freeze(world.agents[0].folder());
    world.volumes[0].cut();
    kill_tree(world, dice);
    world.volumes[0].mount_again();
    new_boot();
    world.agents[0].spawn();
}

/// Everything that starts from now on believes that the machine was booted again. Never empty meanwhile: other worlds read it too.
fn new_boot() {
    let mut file = File::options().write(true).open(boot_file()).expect("it is ours");
    file.write_all(random_uuid().as_bytes()).expect("it is ours");
}

fn boot_file() -> PathBuf {
    std::env::temp_dir().join(format!("windlass-chaos-boot-{}", std::process::id()))
}

fn random_uuid() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/uuid").expect("this is Linux")
}

/// Starts this program again in a mount namespace of its own, so that no mount outlives it and the boot id can be ours. Returns its exit
/// code; none if we are in one.
pub(crate) fn in_own_mounts() -> Option<u8> {
    if std::env::var_os(OWN_MOUNTS).is_some() {
        std::fs::write(boot_file(), random_uuid()).expect("the temporary folder can be written");
        let bound = Command::new("mount").arg("--bind").arg(boot_file()).arg(BOOT_ID).status();
        assert!(bound.is_ok_and(|status| status.success()), "root can mount in its own namespace");
        return None;
    }
    let exe = std::env::current_exe().expect("Linux knows what we are");
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "--"]).arg(exe).args(std::env::args_os().skip(1));
    let status = command.env(OWN_MOUNTS, "1").status().expect("util-linux is installed");
    Some(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1))
}

/// Removes what `in_own_mounts` left in the temporary folder.
pub(crate) fn leave_own_mounts() {
    // It goes with the machine's temporary folder otherwise.
    let _ = std::fs::remove_file(boot_file());
}
