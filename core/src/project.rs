//! Projects: whether jobs of one are placed, and its deployments go on, at all.
//!
//! ```text
//! started ─the master was restored▶ stopped ─a named person starts it▶ started
//! ```

use crate::answer::{Decision, Refusal};
use crate::attempt::AttemptState;
use crate::fact::Fact;
use crate::model::{ProjectName, UnknownReason};
use crate::world::State;

/// True if nothing of it is placed, and no deployment of it goes on.
pub fn is_stopped(state: &State, project: &ProjectName) -> bool {
    state.projects.get(project).is_some_and(|project| project.stopped.is_some())
}

/// A person has seen which agents are back and what they hold. What was placed before the restore and is not held by then may have run:
/// of an agent that is still away it is given up now, and its end may replace that later; the others have said so in their Hello.
pub fn start(state: &State, project: &ProjectName, by: String, reason: String) -> Decision {
    let Some(known) = state.projects.get(project) else {
        return Decision::refuse(Refusal::ProjectUnknown(project.to_string()));
    };
    if known.stopped.is_none() {
        return Decision::refuse(Refusal::Rejected(format!("project {project} is not stopped")));
    }
    let given_up = of_project(state, project).filter(|attempt| attempt.outcome().is_none() && is_away(state, attempt));
    let lost = given_up.map(|attempt| Fact::AttemptLost { fence: attempt.fence, reason: UnknownReason::Restored });
    let mut facts: Vec<Fact> = lost.collect();
    facts.push(Fact::ProjectStarted { project: project.clone(), by, reason });
    Decision::done(facts)
}

fn of_project<'a>(state: &'a State, project: &'a ProjectName) -> impl Iterator<Item = &'a AttemptState> {
    let places = state.attempts.iter().filter(move |(_, place)| place.run.project == *project);
    places.filter_map(|(fence, _)| state.attempt(*fence).map(|(_, attempt)| attempt))
}

fn is_away(state: &State, attempt: &AttemptState) -> bool {
    state.placed_before_restore(attempt.fence)
        && state.agents.get(&attempt.agent).is_none_or(|agent| state.restored > Some(agent.seen_in))
}
