//! The step `way_back`: the last one of a change, and the only one of a revert.

use windlass_core::model::Change;

use super::ask::tell_observe;
use super::context::{Context, Failure};
use crate::release::way_back;

/// Puts the way back in place, unless the change was committed.
pub fn run(change: &Change, context: &Context) -> Result<(), Failure> {
    let ended = way_back::run(&context.target(change)?);
    tell_observe(context, change);
    ended?;
    Ok(())
}
