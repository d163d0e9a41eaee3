//! One turn over what waits, and who gets which answer.

use tokio::sync::oneshot;
use windlass_core::model::UnixMs;
use windlass_core::world::{self, INPUTS_MAX, Rest, Turn};
use windlass_core::{Answer, Input, State};

use crate::inbox::Submitted;

/// Decides what is in `batch`, and what follows; each answer has its reply at the same place. What finds no room in the turn stays in
/// `batch` and in `rest`, for the next one. What follows from earlier inputs comes before new ones.
pub(super) fn decide(
    state: &mut State,
    rest: &mut Rest,
    at: UnixMs,
    paused_ms: Option<u64>,
    batch: &mut Vec<Submitted>,
) -> (Turn, Vec<oneshot::Sender<Answer>>) {
    let most = if rest.is_empty() { INPUTS_MAX } else { 0 };
    let (mut waiting, mut replies) = (std::mem::take(batch).into_iter(), Vec::new());
    let taken = std::iter::from_fn(|| waiting.next()).take(most).map(|Submitted { input, reply }| {
        replies.push(reply);
        input
    });
    // That the process stood still is decided first, so that nobody counts as silent for that time.
    let paused = paused_ms.map(|for_ms| Input::Paused { for_ms });
    let unasked = usize::from(paused.is_some());
    let mut turn = world::turn_behind(std::mem::take(rest), state, at, paused.into_iter().chain(taken));
    turn.answers.drain(..unasked);
    (*batch, *rest) = (waiting.collect(), std::mem::take(&mut turn.rest));
    (turn, replies)
}

#[cfg(test)]
mod tests {
    use windlass_core::input::Delivery;
    use windlass_core::model::{Config, Digest, Project, ProjectName};
    use windlass_core::{Fact, Refusal};

    use super::*;

    fn name(text: &str) -> ProjectName {
        ProjectName::new(text).expect("a name")
    }

    fn deliver(project: &str, number: u32) -> Input {
        Input::Deliver(Delivery {
            key: format!("d{number}"),
            project: name(project),
            reference: format!("refs/heads/b{number}"),
            revision: "a".repeat(40).parse().expect("a revision"),
            before: None,
            actor: "x".repeat(10_000),
            body: Digest::of(&number.to_be_bytes()),
        })
    }

    #[test]
    fn everybody_gets_the_answer_to_what_was_asked_however_many_turns_it_takes() {
        let mut state = State::default();
        let project = Project { git: "/srv/shop".into(), file: "windlass.yaml".into(), main_branch: "main".into() };
        let config = Config { projects: [(name("shop"), project)].into(), ..Config::default() };
        state.apply(UnixMs(1), &Fact::ConfigSet { config: Box::new(config) });
        // Every other one is for a project that does not exist, and is told so by name.
        let project = |number: u32| if number.is_multiple_of(2) { "shop".to_owned() } else { format!("p{number}") };
        let (mut batch, mut answers) = (Vec::new(), Vec::new());
        for number in 0..600 {
            let (reply, answer) = oneshot::channel();
            batch.push(Submitted { input: deliver(&project(number), number), reply });
            answers.push(answer);
        }
        let (mut rest, mut turns) = (Rest::default(), 0);
        while !batch.is_empty() || !rest.is_empty() {
            let (before, pending) = (batch.len(), !rest.is_empty());
            let (turn, replies) = decide(&mut state, &mut rest, UnixMs(2), Some(7_000), &mut batch);
            assert!(matches!(turn.facts[0], Fact::MasterPaused { for_ms: 7_000 }));
            assert_eq!((turn.answers.len(), before - batch.len()), (replies.len(), replies.len()));
            assert!(!pending || replies.is_empty(), "what was left comes first");
            replies
                .into_iter()
                .zip(turn.answers)
                .for_each(|(reply, answer)| reply.send(answer).expect("it is waited for"));
            turns += 1;
        }
        assert!(turns > 3, "three mebibytes of facts are more than three turns: {turns}");
        for (number, mut answer) in (0u32..).zip(answers) {
            match answer.try_recv().expect("everybody is answered") {
                Answer::Delivered { .. } => assert_eq!(project(number), "shop"),
                Answer::Refused(Refusal::ProjectUnknown(unknown)) => assert_eq!(unknown, project(number)),
                other => panic!("{other:?}"),
            }
        }
    }
}
