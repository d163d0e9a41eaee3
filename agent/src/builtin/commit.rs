//! The step `commit`: traffic comes back, and from here the target keeps the release, master or not.

use windlass_core::model::{Change, Hook};

use super::ask::tell_observe;
use super::context::{Context, Failure};
use crate::release::error::{Error, Result};
use crate::release::record::{Line, Mark, TargetRecord};
use crate::release::retain;
use crate::release::target::{Direction, Target, WayBackName};

/// Undrains and records it. What retention cannot remove fails nothing.
pub fn run(change: &Change, context: &Context) -> std::result::Result<(), Failure> {
    let target = context.target(change)?;
    commit(&target)?;
    tell_observe(context, change);
    Ok(())
}

fn commit(target: &Target<'_>) -> Result<()> {
    let (change, layout) = (target.change, &target.layout);
    let _lock = layout.lock()?;
    let mut record = TargetRecord::open(layout)?;
    record.state().admit(change.generation)?;
    if record.state().mark_of(change.generation) != Some(Mark::Switched) {
        return Err(Error::PlanMismatch("this target was not switched in this generation".to_owned()));
    }
    target.hook(&change.spec, Hook::Undrain, Direction::Forward)?;
    record.append(Line::of(change, Mark::Committed))?;
    target.log.line(format_args!("committed {} at generation {}", change.release, change.generation));
    let pinned: Vec<&str> = std::iter::once(change.release.as_str()).chain(change.way_back_name()).collect();
    match retain::sweep(layout, change.spec.keep, &pinned) {
        Ok(gone) => gone.iter().for_each(|name| target.log.line(format_args!("removed {name}"))),
        Err(error) => target.log.line(format_args!("old releases stay: {error}")),
    }
    Ok(())
}
