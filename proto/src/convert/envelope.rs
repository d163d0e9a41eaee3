//! What an agent is asked to carry out. It travels as the bytes that are hashed: the same envelope always makes the same bytes.
//!
//! Times travel in whole seconds, rounded up; zero stays zero.

use std::collections::BTreeSet;

use prost::Message;
use windlass_core::model::envelope::ENVELOPE_MAX;
use windlass_core::model::{
    Action, Attempt, Builtin, Command, Digest, Envelope, Limits, RunIf, SecretName, Step, Workspace,
};

use super::fields::{at_most, counted, known, map, pairs, parsed, required, seconds, unused};
use super::{Error, Result, STEPS_MAX};
use crate::v1;

/// The bytes that travel.
pub fn envelope_bytes(envelope: &Envelope) -> Vec<u8> {
    to_wire(envelope).encode_to_vec()
}

/// The BLAKE3 of the bytes that travel.
pub fn envelope_digest(envelope: &Envelope) -> Digest {
    Digest::of(&envelope_bytes(envelope))
}

/// The envelope that these bytes are.
pub fn envelope_from_bytes(bytes: &[u8]) -> Result<Envelope> {
    at_most("assignment.envelope", bytes.len(), ENVELOPE_MAX)?;
    let wire = v1::Envelope::decode(bytes).map_err(|error| Error::invalid("assignment.envelope", error))?;
    from_wire(wire)
}

fn to_wire(envelope: &Envelope) -> v1::Envelope {
    let (lane, generation) = match &envelope.lane {
        Some((lane, generation)) => (lane.to_string(), *generation),
        None => (String::new(), 0),
    };
    v1::Envelope {
        run: envelope.run.to_string(),
        job: envelope.job.to_string(),
        attempt: envelope.attempt.0,
        env: pairs(&envelope.env),
        steps: envelope.steps.iter().map(step_to_wire).collect(),
        timeout_s: envelope.timeout.secs_ceil(),
        silent_timeout_s: envelope.silent_timeout.secs_ceil(),
        grace_s: envelope.grace.secs_ceil(),
        cleanup_s: envelope.cleanup.secs_ceil(),
        log_quota_bytes: envelope.log_quota_bytes,
        user: String::new(),
        memory_bytes: envelope.limits.memory_bytes,
        cpu_milli: envelope.limits.cpu_milli,
        pids: envelope.limits.pids,
        slots: envelope.slots,
        workspace: workspace_to_wire(envelope.workspace).into(),
        trust: v1::Trust::Protected.into(),
        lane,
        generation,
        outputs: Vec::new(),
    }
}

fn from_wire(wire: v1::Envelope) -> Result<Envelope> {
    unused("envelope.user", !wire.user.is_empty())?;
    unused("envelope.outputs", !wire.outputs.is_empty())?;
    let trust: v1::Trust = known("envelope.trust", wire.trust)?;
    unused("envelope.trust", trust != v1::Trust::Protected)?;
    at_most("envelope.steps", wire.steps.len(), STEPS_MAX)?;
    let lane = match (wire.lane.as_str(), wire.generation) {
        ("", 0) => None,
        ("", _) => return Err(Error::Missing { field: "envelope.lane" }),
        (lane, generation) => Some((parsed("envelope.lane", lane)?, generation)),
    };
    Ok(Envelope {
        run: parsed("envelope.run", &wire.run)?,
        job: parsed("envelope.job", &wire.job)?,
        attempt: Attempt(counted("envelope.attempt", wire.attempt)?),
        env: map("envelope.env", wire.env)?,
        steps: wire.steps.into_iter().map(step_from_wire).collect::<Result<_>>()?,
        timeout: seconds(wire.timeout_s),
        silent_timeout: seconds(wire.silent_timeout_s),
        grace: seconds(wire.grace_s),
        cleanup: seconds(wire.cleanup_s),
        log_quota_bytes: wire.log_quota_bytes,
        slots: wire.slots,
        limits: Limits { memory_bytes: wire.memory_bytes, cpu_milli: wire.cpu_milli, pids: wire.pids },
        workspace: workspace_from_wire(wire.workspace)?,
        lane,
    })
}

fn step_to_wire(step: &Step) -> v1::Step {
    v1::Step {
        name: step.name.clone(),
        run_if: run_if_to_wire(step.run_if).into(),
        timeout_s: step.timeout.secs_ceil(),
        dir: step.dir.clone(),
        env: pairs(&step.env),
        secrets: step.secrets.iter().map(ToString::to_string).collect(),
        secret_files: step.secret_files.iter().map(ToString::to_string).collect(),
        tolerate: step.tolerate,
        what: Some(match &step.action {
            Action::Command(command) => v1::step::What::Command(command_to_wire(command)),
            Action::Builtin(builtin) => v1::step::What::Builtin(builtin_to_wire(builtin)),
        }),
    }
}

fn step_from_wire(wire: v1::Step) -> Result<Step> {
    Ok(Step {
        run_if: run_if_from_wire(wire.run_if)?,
        timeout: seconds(wire.timeout_s),
        env: map("step.env", wire.env)?,
        action: match required("step.what", wire.what)? {
            v1::step::What::Command(command) => Action::Command(command_from_wire(command)?),
            v1::step::What::Builtin(builtin) => Action::Builtin(builtin_from_wire(&builtin)?),
        },
        secrets: names("step.secrets", &wire.secrets)?,
        secret_files: names("step.secret_files", &wire.secret_files)?,
        name: wire.name,
        dir: wire.dir,
        tolerate: wire.tolerate,
    })
}

fn names(field: &'static str, names: &[String]) -> Result<BTreeSet<SecretName>> {
    names.iter().map(|name| parsed(field, name)).collect()
}

/// An empty script is none: a script without a byte does nothing that its interpreter alone would not do, and the pipeline refuses it.
fn command_to_wire(command: &Command) -> v1::Command {
    v1::Command { argv: command.argv.clone(), script: command.script.clone().unwrap_or_default() }
}

fn command_from_wire(wire: v1::Command) -> Result<Command> {
    if wire.argv.is_empty() {
        return Err(Error::Missing { field: "command.argv" });
    }
    Ok(Command { argv: wire.argv, script: (!wire.script.is_empty()).then_some(wire.script) })
}

fn builtin_to_wire(builtin: &Builtin) -> v1::Builtin {
    let input = serde_json::to_vec(builtin).expect("a built-in step has text keys only, so it is JSON");
    v1::Builtin { name: builtin.name().to_owned(), input }
}

fn builtin_from_wire(wire: &v1::Builtin) -> Result<Builtin> {
    let builtin: Builtin =
        serde_json::from_slice(&wire.input).map_err(|error| Error::invalid("builtin.input", error))?;
    if builtin.name() == wire.name {
        Ok(builtin)
    } else {
        Err(Error::invalid("builtin.name", format!("{:?} with the input of {}", wire.name, builtin.name())))
    }
}

fn workspace_to_wire(workspace: Workspace) -> v1::Workspace {
    match workspace {
        Workspace::Warm => v1::Workspace::Warm,
        Workspace::Clean => v1::Workspace::Clean,
        Workspace::Fresh => v1::Workspace::Fresh,
    }
}

fn workspace_from_wire(value: i32) -> Result<Workspace> {
    let field = "envelope.workspace";
    match known(field, value)? {
        v1::Workspace::Warm => Ok(Workspace::Warm),
        v1::Workspace::Clean => Ok(Workspace::Clean),
        v1::Workspace::Fresh => Ok(Workspace::Fresh),
        v1::Workspace::Unspecified => Err(Error::UnknownValue { field, value }),
    }
}

fn run_if_to_wire(run_if: RunIf) -> v1::RunIf {
    match run_if {
        RunIf::Success => v1::RunIf::Success,
        RunIf::Failure => v1::RunIf::Failure,
        RunIf::Always => v1::RunIf::Always,
    }
}

fn run_if_from_wire(value: i32) -> Result<RunIf> {
    let field = "step.run_if";
    match known(field, value)? {
        v1::RunIf::Success => Ok(RunIf::Success),
        v1::RunIf::Failure => Ok(RunIf::Failure),
        v1::RunIf::Always => Ok(RunIf::Always),
        v1::RunIf::Unspecified => Err(Error::UnknownValue { field, value }),
    }
}
