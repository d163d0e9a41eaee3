//! The step `check`: the running process names the release, and all gates of the service pass.

use windlass_core::model::Change;

use super::context::{Context, Failure};
use crate::release::check::{Patience, check};
use crate::release::hook;
use crate::release::target::Direction;

/// Asks until the verdict is there.
pub fn run(change: &Change, context: &Context) -> Result<(), Failure> {
    let target = context.target(change)?;
    let (dir, env) = (target.dir()?, hook::env(&target, Direction::Forward));
    let prober = target.prober(&dir, &env);
    Ok(check(&change.spec, &change.release, Patience::AfterStart, prober, &context.log)?)
}
