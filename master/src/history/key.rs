//! The layout of the one tree, on a page. Keys are fixed width and big-endian, so that they sort as they should.
//!
//! | kind | key after the kind byte | value |
//! |---|---|---|
//! | 00 meta | name | cluster_id; `applied_lsn` with its own checksum; the runs that were lost, JSON |
//! | 01 run | project u32, run u64 | the run, JSON, without its attempts |
//! | 02 run by time | created_ms u64, project u32, run u64 | – |
//! | 03 run by outcome | project u32, outcome u8, run u64 | – |
//! | 04 attempt | project u32, run u64, job u16, attempt u32 | the attempt with its steps, JSON |
//! | 06 attempt by agent | agent 16, fence u64 | key of 04 |
//! | 08 agent | agent 16 | JSON |
//! | 09 release | service u32, number u64 | JSON |
//! | 0a deployment | service u32, environment u32, number u64 | JSON |
//! | 0b part | owner's kind and key, part u16 | what is larger than 8 KiB |
//!
//! Ordinals of projects, services and environments come from the state; a kind's number is never used again.

use windlass_core::model::{AgentId, Fence, Outcome};

/// The most bytes of a value; larger ones leak in sled for ever.
pub const VALUE_MAX: usize = 8 * 1024;

/// Name of the meta entry with the last applied lsn.
pub const APPLIED: &str = "applied_lsn";

/// Name of the meta entry with the runs that were lost.
pub const LOST: &str = "lost";

/// Name of the meta entry with the cluster.
pub const CLUSTER: &str = "cluster_id";

/// Kinds, as persisted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Format, cluster, position.
    Meta = 0x00,
    /// A run that is over.
    Run = 0x01,
    /// Its place in time.
    RunByTime = 0x02,
    /// Its place among outcomes.
    RunByOutcome = 0x03,
    /// An attempt of a run that is over.
    Attempt = 0x04,
    /// Its place among the attempts of an agent.
    AttemptByAgent = 0x06,
    /// An agent.
    Agent = 0x08,
    /// A release.
    Release = 0x09,
    /// A deployment.
    Deployment = 0x0a,
    /// The rest of a long value.
    Part = 0x0b,
}

/// Builds a key part by part.
#[derive(Debug)]
pub struct Key(Vec<u8>);

impl Key {
    /// A key of this kind.
    pub fn of(kind: Kind) -> Self {
        Self(vec![kind as u8])
    }

    /// Adds bytes as they are.
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Adds 8 bytes.
    pub fn u64(self, number: u64) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    /// Adds 4 bytes.
    pub fn u32(self, number: u32) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    /// Adds 2 bytes.
    pub fn u16(self, number: u16) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    /// The bytes of the key.
    pub fn done(self) -> Vec<u8> {
        self.0
    }
}

/// The key of a meta entry.
pub fn meta(name: &str) -> Vec<u8> {
    Key::of(Kind::Meta).bytes(name.as_bytes()).done()
}

/// The key of a run.
pub fn run(project: u32, number: u64) -> Vec<u8> {
    Key::of(Kind::Run).u32(project).u64(number).done()
}

/// The key of a run in time.
pub fn run_by_time(created_ms: u64, project: u32, number: u64) -> Vec<u8> {
    Key::of(Kind::RunByTime).u64(created_ms).u32(project).u64(number).done()
}

/// The key of a run among outcomes.
pub fn run_by_outcome(project: u32, outcome: &Outcome, number: u64) -> Vec<u8> {
    Key::of(Kind::RunByOutcome).u32(project).bytes(&[ordinal(outcome)]).u64(number).done()
}

/// The key of an attempt.
pub fn attempt(project: u32, run: u64, job: u16, number: u32) -> Vec<u8> {
    Key::of(Kind::Attempt).u32(project).u64(run).u16(job).u32(number).done()
}

/// What the keys of all attempts of a run begin with.
pub fn attempts(project: u32, run: u64) -> Vec<u8> {
    Key::of(Kind::Attempt).u32(project).u64(run).done()
}

/// The key of an attempt among those of an agent.
pub fn attempt_by_agent(agent: AgentId, fence: Fence) -> Vec<u8> {
    Key::of(Kind::AttemptByAgent).bytes(agent.0.as_bytes()).u64(fence.0).done()
}

/// The key of an agent.
pub fn agent(agent: AgentId) -> Vec<u8> {
    Key::of(Kind::Agent).bytes(agent.0.as_bytes()).done()
}

/// The key of a release.
pub fn release(service: u32, number: u64) -> Vec<u8> {
    Key::of(Kind::Release).u32(service).u64(number).done()
}

/// The key of a deployment.
pub fn deployment(service: u32, environment: u32, number: u64) -> Vec<u8> {
    Key::of(Kind::Deployment).u32(service).u32(environment).u64(number).done()
}

/// The key of a part of a long value.
pub fn part(owner: &[u8], part: u16) -> Vec<u8> {
    Key::of(Kind::Part).bytes(owner).u16(part).done()
}

/// The persisted number of an outcome.
fn ordinal(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Succeeded => 1,
        Outcome::Failed { .. } => 2,
        Outcome::TimedOut => 3,
        Outcome::Cancelled => 4,
        Outcome::Skipped { .. } => 5,
        Outcome::NotStarted { .. } => 6,
        Outcome::Unknown { .. } => 7,
    }
}
