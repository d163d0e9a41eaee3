//! The master itself: what people should know before they look for a fault elsewhere.

use windlass_core::{Answer as Answered, Input};
use windlass_proto::api;

use super::answer::{Answer, ok};
use super::call::Call;
use super::lanes::demanded;
use super::shape;
use crate::clock::wall;
use crate::history::LostRuns;
use crate::volume::Level;

/// `GET /master`
pub(super) async fn get(call: Call) -> Answer {
    let (state, now) = (call.api.published.state(), call.api.clock.now());
    let stopped = state.projects.iter().filter(|(_, project)| project.stopped.is_some());
    ok(&api::Master {
        name: call.api.config.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        epoch: state.epoch,
        now: now.into(),
        clock_ahead_ms: wall().0.cast_signed().saturating_sub(now.0.cast_signed()),
        disk: disk(&call),
        lost_runs: call.api.history.lost().into_iter().map(lost).collect(),
        stopped: stopped.map(|(name, _)| name.to_string()).collect(),
        stop_all: state.stop_all.as_ref().map(shape::hold),
    })
}

/// `POST /stop-all`: answers with the master as it is then.
pub(super) async fn stop_all(call: Call) -> Answer {
    let asked: api::StopAllRequest = call.json()?;
    let input = Input::StopAll { lift: asked.lift, by: call.subject().to_owned(), reason: demanded(&asked.reason)? };
    if call.earlier().is_none()
        && let Answered::Refused(refusal) = call.submit(input).await?
    {
        return Err(refusal.into());
    }
    get(call).await
}

fn disk(call: &Call) -> api::MasterDisk {
    let space = call.api.volume.space();
    let level = match call.api.volume.level() {
        Level::Plenty => api::DiskLevel::Plenty,
        Level::Low => api::DiskLevel::Low,
        Level::Tight => api::DiskLevel::Tight,
        Level::Stop => api::DiskLevel::Stop,
    };
    api::MasterDisk { level, total_bytes: space.map(|(total, _)| total), free_bytes: space.map(|(_, free)| free) }
}

fn lost(runs: LostRuns) -> api::LostRuns {
    api::LostRuns { project: runs.project.to_string(), first: runs.first, last: runs.last }
}
