//! Who may have which secret.
//!
//! | a job declares a name | then |
//! |---|---|
//! | it changes a target, and the name is set for that environment | that one |
//! | the name is set for the project | that one |
//! | neither, or more than 512 KiB with those before it | `not_started(secret: NAME)` |
//!
//! What is deleted is not set; nor is, for a run that is not of the main branch, what is not `--unprotected`.

use std::collections::BTreeSet;

use super::state::{Grant, SecretId, SecretState};
use crate::answer::{Decision, Refusal};
use crate::fact::{Fact, SecretFact};
use crate::input::SetSecret;
use crate::job::Job;
use crate::model::{Envelope, SecretName, Step, Trust, Work};
use crate::run::Run;
use crate::world::State;

/// The most bytes that the values of one attempt may have together: they travel in one message.
const SECRETS_BYTES: u32 = 512 * 1024;

/// The number of the next value of a secret.
pub fn next_number(state: &State, secret: &SecretId) -> u32 {
    state.secrets.get(secret).map_or(1, |known| known.number.saturating_add(1))
}

/// A value is sealed on disk; it counts if nobody was faster.
pub fn set(state: &State, asked: SetSecret) -> Decision {
    let SetSecret { secret, number, unprotected, bytes, sealed, by } = asked;
    if !state.config.projects.contains_key(&secret.project) {
        return Decision::refuse(Refusal::ProjectUnknown(secret.project.to_string()));
    }
    if let Some(environment) = &secret.environment
        && !state.config.environments.get(environment).is_some_and(|known| known.projects.contains(&secret.project))
    {
        return Decision::refuse(Refusal::EnvironmentUnknown(environment.to_string()));
    }
    if number != next_number(state, &secret) {
        return Decision::refuse(Refusal::SecretRaced(secret));
    }
    Decision::done(vec![Fact::Secret(SecretFact::Set { secret, number, unprotected, bytes, sealed, by })])
}

/// What is deleted is delivered to nobody any more; who has it, has it.
pub fn delete(state: &State, secret: SecretId, by: String, reason: String) -> Decision {
    match state.secrets.get(&secret) {
        Some(known) if !known.is_deleted => {
            Decision::done(vec![Fact::Secret(SecretFact::Deleted { secret, by, reason })])
        }
        Some(_) | None => Decision::refuse(Refusal::SecretUnknown(secret)),
    }
}

/// The first secret that a job declares and may not have, or that is too much.
pub fn missing(state: &State, run: &Run, job: &Job) -> Option<SecretName> {
    let Work::Steps(work) = &job.plan.work else { return None };
    let names: BTreeSet<&SecretName> = work.steps.iter().flat_map(Step::declared_secrets).collect();
    let mut bytes = 0;
    let mut lacks = |name: &&SecretName| match find(state, run, job, name) {
        Some((_, known)) => {
            bytes += known.bytes;
            bytes > SECRETS_BYTES
        }
        None => true,
    };
    names.into_iter().find(|name| lacks(name)).cloned()
}

/// The values that the steps of an envelope get.
pub fn granted(state: &State, run: &Run, job: &Job, envelope: &Envelope) -> Vec<Grant> {
    envelope.secrets().into_iter().filter_map(|name| Some(find(state, run, job, name)?.0)).collect()
}

fn find<'s>(state: &'s State, run: &Run, job: &Job, name: &SecretName) -> Option<(Grant, &'s SecretState)> {
    let target = match &job.plan.work {
        Work::Steps(work) => work.target.as_ref(),
        Work::Deploy(_) => None,
    };
    let environment = target.map(|target| target.deployment.lane.environment.clone());
    let scopes = environment.map(Some).into_iter().chain([None]);
    scopes.into_iter().find_map(|environment| {
        let secret = SecretId { project: run.id.project.clone(), environment, name: name.clone() };
        let known = state.secrets.get(&secret).filter(|known| may_have(run, known))?;
        Some((Grant { number: known.number, secret }, known))
    })
}

fn may_have(run: &Run, known: &SecretState) -> bool {
    !known.is_deleted && (known.unprotected || run.trust == Trust::Protected)
}
