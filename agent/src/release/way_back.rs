//! The way back: one idempotent function with several callers (the last step of a change, a revert, the agent's start, a hand).
//! It needs no network, no master and no approval, and goes by what lies on the target alone.
//!
//! ```text
//! the record's last mark, seen from this generation   course
//! a higher generation was seen                        refused
//! committed                                           nothing: the target keeps the release
//! reverted                                            nothing: it is done
//! drained, and the way back is not wanted             nothing: it stays out of traffic
//! drained, touched                                    undrain
//! stopping                                            start, check, undrain
//! switching, switched, returning, stuck               whole
//! of a lower generation, in flight, drained or stuck  whole
//! of a lower generation, at its end, or none at all   settle if the way back is linked, else whole
//! ```
//! *Settle* asks once whether the way back serves well, and goes the whole way if not. *Whole* is drain, stop, link, start,
//! check with the old manifest, undrain.

use windlass_core::model::{Change, Hook, Running, ServiceSpec};

use super::check::{Patience, check};
use super::clock;
use super::error::{Error, Result};
use super::hook;
use super::manifest::Manifest;
use super::record::{Line, Mark, State, TargetRecord};
use super::target::{Direction, Target, WayBackName};

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// The change was committed.
    Keep,
    /// An earlier call did it.
    Done,
    /// The service was never stopped, and what runs is not what the lane wants.
    StayDrained,
    /// The service was never stopped.
    Undrain,
    /// The service may be down, `current` was not switched.
    Restart,
    /// All of it, unless the way back is linked and serves well.
    Settle,
    /// All of it.
    Whole,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The change was committed, so nothing was done.
    Kept,
    /// The way back is in place.
    Back,
}

/// Decides by the record, as the table says.
pub fn course(state: &State, change: &Change, linked: Option<&str>) -> Result<Course> {
    state.admit(change.generation)?;
    let is_linked = linked == change.way_back_name();
    Ok(match state.mark_of(change.generation) {
        Some(Mark::Committed) => Course::Keep,
        Some(Mark::Reverted) => Course::Done,
        Some(Mark::Drained) if change.stays_drained => Course::StayDrained,
        Some(Mark::Drained | Mark::Touched) => Course::Undrain,
        Some(Mark::Stopping) => Course::Restart,
        Some(Mark::Switching | Mark::Switched | Mark::Returning | Mark::Stuck) => Course::Whole,
        None if !is_linked || state.in_flight().is_some() => Course::Whole,
        None => match state.last.as_ref().map(|line| line.mark) {
            Some(Mark::Drained | Mark::Stuck) => Course::Whole,
            Some(
                Mark::Touched
                | Mark::Stopping
                | Mark::Switching
                | Mark::Switched
                | Mark::Returning
                | Mark::Committed
                | Mark::Reverted,
            )
            | None => Course::Settle,
        },
    })
}

/// Puts the way back in place, unless the change was committed. If that fails the record says `stuck` and the target stays
/// drained.
pub fn run(target: &Target<'_>) -> Result<Ended> {
    target.layout.create()?;
    let _lock = target.layout.lock()?;
    let mut record = TargetRecord::open(&target.layout)?;
    let linked = target.layout.linked()?;
    match course(record.state(), target.change, linked.as_deref())? {
        Course::Keep => {
            target.log.line("committed: the target keeps the release");
            Ok(Ended::Kept)
        }
        Course::Done => {
            target.log.line(format_args!("way back to {} is in place already", shown(target.change)));
            Ok(Ended::Back)
        }
        Course::StayDrained => {
            target.log.line(format_args!("{} stays out of traffic", shown(target.change)));
            Ok(Ended::Back)
        }
        course @ (Course::Undrain | Course::Restart | Course::Settle | Course::Whole) => {
            target.log.line(format_args!("way back to {}", shown(target.change)));
            let done = go(target, &mut record, course);
            conclude(target, &mut record, done)
        }
    }
}

/// All of it, also of a change that was committed: a person on this host wants it. For who holds the lock of the target.
pub fn by_hand(target: &Target<'_>) -> Result<Ended> {
    let mut record = TargetRecord::open(&target.layout)?;
    target.log.line(format_args!("way back to {}, by hand", shown(target.change)));
    let done = whole(target, &mut record);
    conclude(target, &mut record, done)
}

fn conclude(target: &Target<'_>, record: &mut TargetRecord, done: Result<()>) -> Result<Ended> {
    match done {
        Ok(()) => {
            let stays = target.change.stays_drained && target.change.way_back_name().is_some();
            let (mark, said) = if stays { (Mark::Drained, ", out of traffic") } else { (Mark::Reverted, "") };
            record.append(Line::of(target.change, mark))?;
            target.log.line(format_args!("reverted, {} is back{said}", shown(target.change)));
            Ok(Ended::Back)
        }
        Err(error) => {
            target.log.line(format_args!("STUCK: {error}"));
            record.append(Line { why: error.to_string(), ..Line::of(target.change, Mark::Stuck) })?;
            Err(error)
        }
    }
}

fn shown(change: &Change) -> &str {
    change.way_back_name().unwrap_or("nothing installed")
}

fn go(target: &Target<'_>, record: &mut TargetRecord, course: Course) -> Result<()> {
    match course {
        Course::Keep | Course::Done | Course::StayDrained => Ok(()),
        Course::Undrain => undrain(target),
        Course::Restart => {
            start_and_check(target)?;
            undrain(target)
        }
        Course::Settle if serves_well(target) => Ok(()),
        Course::Settle | Course::Whole => whole(target, record),
    }
}

fn whole(target: &Target<'_>, record: &mut TargetRecord) -> Result<()> {
    let (change, layout) = (target.change, &target.layout);
    let linked = layout.linked()?;
    if let Some(release) = change.way_back_name() {
        Manifest::prove(layout, release)?;
    }
    let line = Line::of(change, Mark::Returning).between(linked.as_deref(), change.way_back_name());
    record.append(line)?;
    drain_and_stop(target)?;
    match change.way_back_name() {
        Some(release) => layout.link(release)?,
        None => layout.unlink()?,
    }
    start_and_check(target)?;
    undrain(target)
}

/// Neither may hold up a way back: what is drained or stopped badly is found by the check.
fn drain_and_stop(target: &Target<'_>) -> Result<()> {
    let running = target.linked_spec()?;
    for hook in [Hook::Drain, Hook::Stop] {
        if let Err(error) = target.hook(&running, hook, Direction::Back) {
            target.log.line(format_args!("{error}; going on"));
            stop_by_old_definition(target, &running, hook);
        }
    }
    Ok(())
}

/// A release whose own stop is broken may still be stopped as the one before was.
fn stop_by_old_definition(target: &Target<'_>, running: &ServiceSpec, hook: Hook) {
    let Some(Ok(old)) = target.change.way_back_name().map(|name| target.spec_of(name)) else { return };
    if hook == Hook::Stop
        && old.hooks.get(&hook) != running.hooks.get(&hook)
        && let Err(error) = target.hook(&old, hook, Direction::Back)
    {
        target.log.line(format_args!("{error}; going on"));
    }
}

fn start_and_check(target: &Target<'_>) -> Result<()> {
    match target.change.way_back_name() {
        Some(release) => {
            let old = target.spec_of(release)?;
            target.hook(&old, Hook::Start, Direction::Back)?;
            check_way_back(target, &old, release, Patience::AfterStart)
        }
        None => expect_nothing_runs(target),
    }
}

fn check_way_back(target: &Target<'_>, old: &ServiceSpec, release: &str, patience: Patience) -> Result<()> {
    let (dir, env) = (target.dir()?, hook::env(target, Direction::Back));
    check(old, release, patience, target.prober(&dir, &env), target.log)
}

/// Where nothing was installed before, nothing may answer afterwards.
fn expect_nothing_runs(target: &Target<'_>) -> Result<()> {
    let (dir, env) = (target.dir()?, hook::env(target, Direction::Back));
    let (spec, prober) = (&target.change.spec, target.prober(&dir, &env));
    let timeout = windlass_core::deploy::gate::identity_gate(spec).timeout;
    match prober.identity(&spec.identity, timeout, &target.change.release).0 {
        Running::Release(name) => Err(Error::Check(format!("{name} still runs after it was stopped"))),
        Running::Other(_) | Running::Nothing => Ok(()),
    }
}

fn undrain(target: &Target<'_>) -> Result<()> {
    match target.change.way_back_name() {
        Some(release) if !target.change.stays_drained => {
            target.hook(&target.spec_of(release)?, Hook::Undrain, Direction::Back)
        }
        Some(_) | None => Ok(()),
    }
}

fn serves_well(target: &Target<'_>) -> bool {
    let began = clock::boottime();
    let checked = match target.change.way_back_name() {
        Some(release) => {
            target.spec_of(release).and_then(|old| check_way_back(target, &old, release, Patience::OfRunning))
        }
        None => expect_nothing_runs(target),
    };
    if let Err(error) = &checked {
        target.log.line(format_args!("it is linked but does not serve well: {error}"));
        target.log.took("settle", began);
    }
    checked.is_ok()
}

#[cfg(test)]
mod tests;
