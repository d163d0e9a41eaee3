//! The step `switch`: drain, stop, switch the symlink, start. Begun once; what it leaves half done is for the way back.

use windlass_core::model::{Change, Hook};

use super::ask::tell_observe;
use super::context::{Context, Failure};
use crate::release::error::{Error, Result};
use crate::release::manifest::Manifest;
use crate::release::record::{Line, Mark, TargetRecord};
use crate::release::target::{Direction, Target, WayBackName};
use crate::release::{hold, recover};

/// Brings the release of the change into place.
pub fn run(change: &Change, context: &Context) -> std::result::Result<(), Failure> {
    let target = context.target(change)?;
    tell_observe(context, change);
    let switched = switch(&target);
    tell_observe(context, change);
    Ok(switched?)
}

fn switch(target: &Target<'_>) -> Result<()> {
    target.layout.create()?;
    let _lock = target.layout.lock()?;
    let mut record = TargetRecord::open(&target.layout)?;
    let from = expect_prepared(target, &record)?;
    let change = target.change;
    recover::keep(&target.layout, change)?;
    let line = |mark| Line::of(change, mark).between(from.as_deref(), Some(&change.release));
    let is_drained = record.state().mark_of(change.generation) == Some(Mark::Drained);
    record.append(line(Mark::Touched))?;
    let running = target.linked_spec()?;
    if !is_drained {
        target.hook(&running, Hook::Drain, Direction::Forward)?;
    }
    record.append(line(Mark::Stopping))?;
    if from.is_some()
        && let Err(error) = target.hook(&running, Hook::Stop, Direction::Forward)
    {
        target.log.line(format_args!("{error}; going on, a broken stop holds up no change"));
    }
    record.append(line(Mark::Switching))?;
    target.layout.link(&change.release)?;
    record.append(line(Mark::Switched))?;
    target.log.line(format_args!("switched to {}", change.release));
    target.hook(&change.spec, Hook::Start, Direction::Forward)
}

/// What `prepare` proved still holds. Answers what is linked.
fn expect_prepared(target: &Target<'_>, record: &TargetRecord) -> Result<Option<String>> {
    let change = target.change;
    record.state().admit(change.generation)?;
    hold::expect_none(&target.layout)?;
    if let Some(generation) = record.state().in_flight() {
        return Err(Error::Interrupted { generation });
    }
    if record.state().mark_of(change.generation) == Some(Mark::Committed) {
        let why = format!("generation {} was committed here already", change.generation);
        return Err(Error::PlanMismatch(why));
    }
    for name in std::iter::once(change.release.as_str()).chain(change.way_back_name()) {
        Manifest::prove(&target.layout, name)?;
    }
    target.expect_linked()
}
