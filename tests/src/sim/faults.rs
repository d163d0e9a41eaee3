//! What goes wrong, by chance: each seed has its own kinds, and at least thirty of them.

use super::event::HostId;
use super::host::{MS, SECOND};
use super::rng::Rng;
use super::span::Span;

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The connections of a host are reset.
    Cut(HostId),
    /// Nothing arrives in either direction, and nobody is told.
    HalfOpen(HostId),
    /// Nothing arrives in one direction.
    OneWay(HostId, bool),
    /// Everything takes longer.
    Slow(HostId),
    /// `kill -9`, now.
    KillMaster,
    /// `kill -9`, now.
    KillAgent(HostId),
    /// `kill -9`, now.
    KillShim(HostId),
    /// The master dies at one of its next changes of the disk.
    MasterDies,
    /// The agent dies at one of its next changes of the disk.
    AgentDies(HostId),
    /// A shim dies at one of its next changes of the disk.
    ShimDies(HostId),
    /// The power of the master's host goes at one of its next changes of the disk.
    MasterPower,
    /// The power of a host goes.
    Power(HostId),
    /// The power of a host goes at one of its agent's next changes.
    PowerAtAgent(HostId),
    /// The master gets no processor for a while.
    PauseMaster,
    /// The agent gets none.
    PauseAgent(HostId),
    /// The whole host stands still.
    Freeze(HostId),
    /// One write or sync of the master fails.
    MasterDisk,
    /// One write or sync of a host fails.
    HostDisk(HostId),
    /// A host's volume is full for a while.
    Full(HostId),
    /// Events of inotify are lost for a while.
    Deaf(HostId),
    /// The wall clock of a host jumps by years.
    HostWall(HostId),
    /// The wall clock of the master jumps by years.
    MasterWall,
    /// The master, or its host, ends while a checkpoint is written.
    AtCheckpoint,
    /// A bad disk changes a file of an agent that was synced.
    DamageHost(HostId),
    /// A bad disk changes a file of the master that it can do without.
    DamageMaster,
    /// A snapshot of a host's disk is put back later.
    RollBack(HostId),
    /// A second host is started from a snapshot of the first, for a while.
    Copy(HostId),
    /// The master is put back to a backup that is made now.
    Restore,
    /// A bad disk changes the master's journal; a backup is made before.
    DamageJournal,
}

/// The names of all kinds.
pub const KINDS: [&str; 29] = [
    "cut",
    "half-open",
    "one way",
    "slow",
    "kill master",
    "kill agent",
    "kill shim",
    "master dies at I/O",
    "agent dies at I/O",
    "shim dies at I/O",
    "master power cut",
    "host power cut",
    "power cut at agent's I/O",
    "master paused",
    "agent paused",
    "host frozen",
    "master I/O error",
    "host I/O error",
    "host disk full",
    "inotify deaf",
    "host wall clock",
    "master wall clock",
    "dies at checkpoint",
    "host file damaged",
    "master file damaged",
    "state rolled back",
    "state copied",
    "master restored",
    "journal damaged",
];

const MASTER_WALL: usize = 21;
/// The first kind that changes what was synced.
const DAMAGE: usize = 23;
const JOURNAL: usize = 28;
const RESTORE: usize = 27;
/// From here on: what makes much of a run's truth unknowable, so that not too many seeds have it.
const RARE: usize = 25;

impl Fault {
    /// Its kind, an index of [`KINDS`].
    pub fn kind(self) -> usize {
        match self {
            Self::Cut(_) => 0,
            Self::HalfOpen(_) => 1,
            Self::OneWay(..) => 2,
            Self::Slow(_) => 3,
            Self::KillMaster => 4,
            Self::KillAgent(_) => 5,
            Self::KillShim(_) => 6,
            Self::MasterDies => 7,
            Self::AgentDies(_) => 8,
            Self::ShimDies(_) => 9,
            Self::MasterPower => 10,
            Self::Power(_) => 11,
            Self::PowerAtAgent(_) => 12,
            Self::PauseMaster => 13,
            Self::PauseAgent(_) => 14,
            Self::Freeze(_) => 15,
            Self::MasterDisk => 16,
            Self::HostDisk(_) => 17,
            Self::Full(_) => 18,
            Self::Deaf(_) => 19,
            Self::HostWall(_) => 20,
            Self::MasterWall => 21,
            Self::AtCheckpoint => 22,
            Self::DamageHost(_) => 23,
            Self::DamageMaster => 24,
            Self::RollBack(_) => 25,
            Self::Copy(_) => 26,
            Self::Restore => 27,
            Self::DamageJournal => 28,
        }
    }

    /// Kind and host in one number.
    pub fn number(self) -> u64 {
        let host = match self {
            Self::Cut(host) | Self::HalfOpen(host) | Self::OneWay(host, _) | Self::Slow(host) => host,
            Self::KillAgent(host) | Self::KillShim(host) | Self::AgentDies(host) | Self::ShimDies(host) => host,
            Self::Power(host) | Self::PowerAtAgent(host) | Self::PauseAgent(host) | Self::Freeze(host) => host,
            Self::HostDisk(host) | Self::Full(host) | Self::Deaf(host) | Self::HostWall(host) => host,
            Self::KillMaster | Self::MasterDies | Self::MasterPower | Self::PauseMaster => 0,
            Self::RollBack(host) | Self::Copy(host) | Self::DamageHost(host) => host,
            Self::DamageMaster | Self::DamageJournal => 0,
            Self::MasterDisk | Self::MasterWall | Self::Restore | Self::AtCheckpoint => 0,
        };
        self.kind() as u64 * 1_000 + host as u64
    }

    fn of(kind: usize, host: HostId, coin: bool) -> Self {
        match kind {
            0 => Self::Cut(host),
            1 => Self::HalfOpen(host),
            2 => Self::OneWay(host, coin),
            3 => Self::Slow(host),
            4 => Self::KillMaster,
            5 => Self::KillAgent(host),
            6 => Self::KillShim(host),
            7 => Self::MasterDies,
            8 => Self::AgentDies(host),
            9 => Self::ShimDies(host),
            10 => Self::MasterPower,
            11 => Self::Power(host),
            12 => Self::PowerAtAgent(host),
            13 => Self::PauseMaster,
            14 => Self::PauseAgent(host),
            15 => Self::Freeze(host),
            16 => Self::MasterDisk,
            17 => Self::HostDisk(host),
            18 => Self::Full(host),
            19 => Self::Deaf(host),
            20 => Self::HostWall(host),
            22 => Self::AtCheckpoint,
            23 => Self::DamageHost(host),
            24 => Self::DamageMaster,
            25 => Self::RollBack(host),
            26 => Self::Copy(host),
            27 => Self::Restore,
            28 => Self::DamageJournal,
            _ => Self::MasterWall,
        }
    }
}

/// In how many of a thousand seeds there is a kind.
fn likely(kind: usize) -> u64 {
    match kind {
        RARE.. => 150,
        DAMAGE.. => 250,
        _ => 500,
    }
}

/// So many hours together have their own kinds.
const BLOCK_HOURS: u64 = 6;

/// When what goes wrong.
pub fn plan(hosts: usize, span: Span, rng: &mut Rng) -> Vec<(u64, Fault)> {
    let (blocks, end) = (span.hours().div_ceil(BLOCK_HOURS), span.faults_end());
    let mut plan = Vec::new();
    let rare: Vec<usize> = kinds(rng);
    for block in 0..blocks {
        let begin = (block * BLOCK_HOURS * 3_600 * SECOND).max(2 * SECOND);
        let until = ((block + 1) * BLOCK_HOURS * 3_600 * SECOND).min(end);
        let mut kinds = if block == 0 { rare.clone() } else { kinds(rng) };
        // The epoch of a restored master outranks the one before only if the clock is right: a stale master is refused for ever.
        if rare.contains(&RESTORE) || rare.contains(&JOURNAL) {
            kinds.retain(|kind| *kind != MASTER_WALL);
        }
        // What the first block does not have comes in none: there is one of these in a run, and what follows from it takes its time.
        kinds.retain(|kind| *kind < RARE || block == 0);
        let kinds = if kinds.is_empty() { (0..MASTER_WALL).collect() } else { kinds };
        let hours = span.hours().min(BLOCK_HOURS);
        let count = rng.between(30 * hours, 60 * hours);
        let fault = |rng: &mut Rng| Fault::of(kinds[rng.index(kinds.len())], rng.index(hosts), rng.per_mille(500));
        plan.extend((0..count).map(|_| (rng.between(begin, until), fault(rng))));
    }
    let mut seen = false;
    plan.retain(|(at, fault)| fault.kind() < RARE || (*at < end - 600 * SECOND && !std::mem::replace(&mut seen, true)));
    plan
}

fn kinds(rng: &mut Rng) -> Vec<usize> {
    (0..KINDS.len()).filter(|kind| rng.per_mille(likely(*kind))).collect()
}

/// How long a pause takes: mostly seconds, at most half an hour.
pub fn pause(rng: &mut Rng) -> u64 {
    if rng.per_mille(100) { rng.between(SECOND, 1_800 * SECOND) } else { rng.between(100 * MS, 90 * SECOND) }
}
