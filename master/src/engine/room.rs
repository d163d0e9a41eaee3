//! What is still taken when the disk fills up. What runs comes first, and whoever makes room must be heard.
//!
//! | level | refused |
//! |---|---|
//! | tight | what begins a run, or jobs of one again: deliveries, starts, retries |
//! | stop | everything but what agents say about their work, cancels, and what operators do |

use windlass_core::{Answer, Input, Refusal};

use crate::inbox::Submitted;
use crate::volume::{Level, Volume};

/// Takes what finds no room out of `batch`, and tells whoever submitted it.
pub(super) fn refuse_what_is_new(volume: &Volume, batch: &mut Vec<Submitted>) {
    let always = |submitted: &Submitted| taken_up_to(&submitted.input) == Level::Stop;
    if batch.iter().all(always) {
        return;
    }
    let level = volume.level();
    let is_refused = |submitted: &mut Submitted| taken_up_to(&submitted.input) < level;
    refuse(batch.extract_if(.., is_refused).collect());
}

/// Tells that there is no room.
pub(super) fn refuse(submitted: Vec<Submitted>) {
    for Submitted { reply, .. } in submitted {
        // A caller that went away loses only its answer.
        let _ = reply.send(Answer::Refused(Refusal::NoSpace));
    }
}

/// The fullest disk on which this is taken.
fn taken_up_to(input: &Input) -> Level {
    match input {
        Input::Once { input, .. } => taken_up_to(input),
        Input::StartRun(_) | Input::Deliver(_) | Input::Retry { .. } => Level::Low,
        // A delivery that was answered waits for room: its run is made afterwards.
        Input::PipelineRead { .. } | Input::Deploy { .. } | Input::Enrol(_) => Level::Tight,
        Input::Begin { .. }
        | Input::Configure(_)
        | Input::Wake
        | Input::Paused { .. }
        | Input::MakeToken(_)
        | Input::MakeJoinToken(_)
        | Input::Hello { .. }
        | Input::Agent { .. }
        | Input::SessionEnded { .. }
        | Input::Reported { .. }
        | Input::Observed { .. }
        | Input::LogSealed(_)
        | Input::LogsEnded { .. }
        | Input::BlobStored { .. }
        | Input::CancelRun { .. }
        | Input::Settle { .. }
        | Input::Rollback { .. }
        | Input::Lane { .. }
        | Input::Deployment { .. }
        | Input::StopAll { .. }
        | Input::SetSecret(_)
        | Input::DeleteSecret { .. }
        | Input::StartProject { .. } => Level::Stop,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_the_fullest_disk_operators_cancels_and_reports_are_heard() {
        let read = Input::PipelineRead {
            key: "d1".to_owned(),
            read: Box::new(Err(windlass_core::input::ReadError::TooBig("x".to_owned()))),
        };
        let settle = Input::Settle {
            run: "shop#1".parse().expect("a run"),
            job: "build".parse().expect("a job"),
            verdict: windlass_core::model::Verdict::Failed,
            by: "mara".to_owned(),
            reason: "I looked".to_owned(),
        };
        let cancel = Input::CancelRun {
            run: "shop#1".parse().expect("a run"),
            jobs: Vec::new(),
            by: "mara".to_owned(),
            why: "no room".to_owned(),
            force: false,
        };
        let (agent, session) = (windlass_core::model::AgentId(uuid::Uuid::nil()), 1);
        let rows = [
            (read, Level::Tight),
            (settle, Level::Stop),
            (cancel, Level::Stop),
            (Input::SessionEnded { agent, session }, Level::Stop),
        ];
        for (input, level) in rows {
            assert_eq!(taken_up_to(&input), level, "{input:?}");
        }
    }
}
