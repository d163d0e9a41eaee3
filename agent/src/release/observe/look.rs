//! One look at a service: what is linked, what runs, and a sample of each gate.

use windlass_core::deploy::gate::{Sample, identity_gate};
use windlass_core::model::{Change, Duration, Gate, Running, ServiceSpec};

use crate::release::clock;
use crate::release::error::Result;
use crate::release::hold;
use crate::release::hook;
use crate::release::log::Log;
use crate::release::place::LocalServices;
use crate::release::record::Mark;
use crate::release::target::{Direction, Target};

/// Where a target stands, by its record and its symlink. Another stage begins another count of health.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stage {
    pub(super) seen: u64,
    pub(super) mark: Option<Mark>,
    pub(super) linked: Option<String>,
    pub(super) held_by_hand: bool,
}

/// What one look found.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) stage: Stage,
    pub(super) running: Running,
    /// Identity first, then the gates; none where nothing is linked.
    pub(super) gates: Vec<Gate>,
    /// One for each gate.
    pub(super) samples: Vec<Sample>,
    pub(super) at: Duration,
}

/// Looks once. Blocking, as long as the time-outs of all probes together.
pub(super) fn look(change: &Change, local: &LocalServices) -> Result<Seen> {
    let log = Log::new(std::io::sink());
    let target = Target::of(change, local, hook::env_of_agent(), &log)?;
    let state = target.state()?;
    let linked = target.layout.linked()?;
    let held_by_hand = hold::reason(&target.layout)?.is_some();
    let stage = Stage { seen: state.seen, mark: state.last.map(|line| line.mark), linked, held_by_hand };
    let spec = target.linked_spec()?;
    let at = clock::boottime();
    let (running, samples) = sample(&target, &spec, stage.linked.as_deref())?;
    let gates = if stage.linked.is_some() { gates_of(&spec) } else { Vec::new() };
    Ok(Seen { stage, running, gates, samples, at })
}

fn gates_of(spec: &ServiceSpec) -> Vec<Gate> {
    std::iter::once(identity_gate(spec)).chain(spec.gates.values().cloned()).collect()
}

fn sample(target: &Target<'_>, spec: &ServiceSpec, linked: Option<&str>) -> Result<(Running, Vec<Sample>)> {
    let expected = linked.unwrap_or(&target.change.release);
    let direction = if expected == target.change.release { Direction::Forward } else { Direction::Back };
    let (dir, env) = (target.dir()?, hook::env(target, direction));
    let prober = target.prober(&dir, &env);
    let (running, named) = prober.identity(&spec.identity, identity_gate(spec).timeout, expected);
    if linked.is_none() {
        return Ok((running, Vec::new()));
    }
    let gates = spec.gates.values().map(|gate| prober.gate(&gate.probe, gate.timeout));
    Ok((running, std::iter::once(named).chain(gates).collect()))
}
