//! The step `drain`: what the target runs is not what its lane wants, so it leaves traffic before anything else is done for it. May be
//! repeated.

use windlass_core::model::{Change, Hook};

use super::ask::tell_observe;
use super::context::{Context, Failure};
use super::prepare::expect_ready;
use crate::release::error::Result;
use crate::release::hold;
use crate::release::record::{Line, Mark, TargetRecord};
use crate::release::target::{Direction, Target};

/// Takes the target out of traffic, if anything is installed on it.
pub fn run(change: &Change, context: &Context) -> std::result::Result<(), Failure> {
    let target = context.target(change)?;
    drain(&target)?;
    tell_observe(context, change);
    Ok(())
}

fn drain(target: &Target<'_>) -> Result<()> {
    let change = target.change;
    target.layout.create()?;
    let _lock = target.layout.lock()?;
    if change.lets_go && hold::let_go(&target.layout)? {
        target.log.line("held by hand no more");
    }
    expect_ready(target)?;
    let Some(linked) = target.layout.linked()? else {
        target.log.line("nothing is installed here");
        return Ok(());
    };
    let mut record = TargetRecord::open(&target.layout)?;
    record.append(Line::of(change, Mark::Drained).between(Some(&linked), Some(&change.release)))?;
    target.hook(&target.linked_spec()?, Hook::Drain, Direction::Forward)?;
    target.log.line(format_args!("{linked} is out of traffic"));
    Ok(())
}
