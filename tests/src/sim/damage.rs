//! Bad disks: a bit is flipped, or a range is zeroed, in what was synced long ago (I15). It happens while the process that uses the file is
//! down, so that its next start meets it. What must come of it is the business of the [`model`](super::model).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use windlass_core::model::Fence;
use windlass_disk::journal::Mark;
use windlass_disk::{Disk, FaultyDisk};

use super::agent::{Machine, STATE_DIR};
use super::checkpoints::{CHECKPOINTS, files};
use super::event::{Event, HostId};
use super::host::SECOND;
use super::logs::LOGS;
use super::rng::Rng;
use super::world::World;

/// The most bytes that become zeros.
const ZEROS_MAX: u64 = 5_000;

impl World {
    /// A file of an agent: what it remembers, a record, a log or an index. Where there is none of the kind, another host has one.
    pub(super) fn damage_host(&mut self, host: HostId) {
        let wanted = ["state", "record", "record", "log", "idx"][self.rng.index(5)];
        let is_wanted = |path: &Path| path.ends_with(wanted) || has_extension(path, wanted);
        let of = |machine: &Machine| files_below(&machine.disk, Path::new(STATE_DIR));
        let (before, from) = self.machines.split_at(host.min(self.machines.len()));
        let has_one = |machine: &&Machine| !machine.retired && of(machine).iter().any(|path| is_wanted(path));
        let Some(host) = from.iter().chain(before).find(has_one).map(|machine| machine.id) else { return };
        match self.rng.per_mille(500) {
            true => self.power_cut(host),
            false => self.agent_gone(host, false),
        }
        let Some(machine) = self.machines.get(host) else { return };
        let (disk, agent, paths) = (machine.disk.clone(), machine.agent, of(machine));
        let Some(path) = self.pick(&paths, is_wanted) else { return };
        if !harm(&disk, &path, None, &mut self.rng) {
            return;
        }
        self.model.doubted.insert(agent);
        if let Some(fence) = fence_of(&path) {
            let life = self.model.lives.entry(fence).or_default();
            match wanted {
                "record" => life.record_damaged = true,
                _ => life.log_damaged = true,
            }
        }
        let wait = self.rng.between(30 * SECOND, 120 * SECOND);
        self.after(wait, Event::AskReadmit(host));
    }

    /// A file of the master that it can do without: a checkpoint, a log or an index.
    pub(super) fn damage_master(&mut self) {
        self.stop_master();
        let disk = self.master_disk.clone();
        let (dir, wanted) = [(CHECKPOINTS, ""), (LOGS, "log"), (LOGS, "idx")][self.rng.index(3)];
        let paths = files_below(&disk, Path::new(dir));
        let Some(path) = self.pick(&paths, |path| wanted.is_empty() || has_extension(path, wanted)) else { return };
        if harm(&disk, &path, None, &mut self.rng) {
            self.model.damaged.insert(path.with_extension(""));
        }
    }

    /// The journal: after a backup, because somebody may have to go back to it.
    pub(super) fn damage_journal(&mut self) {
        self.stop_master();
        let disk = self.master_disk.clone();
        let Some(path) = self.pick(&segments(&disk), |_| true) else { return };
        let Some(limit) = self.proven(&path) else { return };
        self.model.damaged_journal |= harm(&disk, &path, Some(limit), &mut self.rng);
    }

    /// How much of a segment a later record proves: what was written last is not told from a torn end.
    fn proven(&self, path: &Path) -> Option<u64> {
        let files = files(Arc::new(self.master_disk.clone()), self.segment_bytes);
        let mut last: Option<(Mark, u64)> = None;
        files
            .source()
            .verify_to(None, &mut |_, behind| {
                let begin =
                    last.map_or(0, |(before, _)| if before.segment == behind.segment { before.offset } else { 0 });
                last = Some((*behind, begin));
                Ok(())
            })
            .ok()?;
        let (mark, begin) = last?;
        let is_last = segments(&self.master_disk).last().is_some_and(|last| last == path);
        let segment = path.file_name()?.to_str()?.split('.').next()?.parse::<u64>().ok()?;
        Some(if is_last && segment == mark.segment { begin } else { self.master_disk.synced_len(path) })
    }

    fn stop_master(&mut self) {
        let power = self.rng.per_mille(500);
        if let Some(master) = &self.master {
            master.process.kill();
            self.master_gone(power);
        }
    }

    fn pick(&mut self, paths: &[PathBuf], wanted: impl Fn(&Path) -> bool) -> Option<PathBuf> {
        let found: Vec<&PathBuf> = paths.iter().filter(|path| wanted(path)).collect();
        if found.is_empty() { None } else { Some(found[self.rng.index(found.len())].clone()) }
    }
}

/// Flips a bit or zeroes a range of what is synced, below a limit; false if there is nothing.
fn harm(disk: &FaultyDisk, path: &Path, limit: Option<u64>, rng: &mut Rng) -> bool {
    let end = disk.synced_len(path).min(limit.unwrap_or(u64::MAX));
    if end == 0 {
        return false;
    }
    let at = rng.between(0, end - 1);
    let zeros = if rng.per_mille(300) { rng.between(1, ZEROS_MAX).min(end - at) } else { 0 };
    let bit = rng.index(8);
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    disk.damage(path, |bytes| match zeros {
        0 => bytes[place(at)] ^= 1 << bit,
        zeros => bytes[place(at)..place(at + zeros)].fill(0),
    });
    true
}

pub(super) fn files_below(disk: &FaultyDisk, dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in disk.read_dir(dir).unwrap_or_default() {
        match disk.read_dir(&path) {
            Ok(_) => found.extend(files_below(disk, &path)),
            Err(_) => found.push(path),
        }
    }
    found
}

fn segments(disk: &FaultyDisk) -> Vec<PathBuf> {
    let files = files(Arc::new(disk.clone()), 0);
    files.source().files().unwrap_or_default().into_iter().map(|(_, path)| path).collect()
}

fn has_extension(path: &Path, wanted: &str) -> bool {
    path.extension().is_some_and(|extension| extension == wanted)
}

/// The attempt that a file of an agent is of.
fn fence_of(path: &Path) -> Option<Fence> {
    path.parent()?.file_name()?.to_str()?.parse().ok()
}
