//! A plan as `windlass plan` prints it.

use std::collections::BTreeMap;
use std::fmt;

use super::plan::desired_back;
use crate::model::deployment::{Batch, DeploymentPlan};
use crate::model::{Promote, WayBack};

impl fmt::Display for DeploymentPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = &self.digest().short()[..4];
        let from = desired_back(self).map_or_else(|| "nothing".to_owned(), |release| format!("r{}", release.number));
        let title = if self.title.is_empty() { String::new() } else { format!(" {:?}", self.title) };
        let service = &self.release.service;
        writeln!(f, "plan {short}  {service} {}{title}   from {from} · {} targets", self.name, self.lane_targets)?;
        self.batches
            .iter()
            .zip(1..)
            .try_for_each(|(batch, number)| write_batch(f, batch, number, self.lane_targets))?;
        write_ways_back(f, self)?;
        for straggler in &self.stragglers {
            writeln!(f, "  owed      {} ({})", straggler.target.name, straggler.why)?;
        }
        Ok(())
    }
}

fn write_batch(f: &mut fmt::Formatter<'_>, batch: &Batch, number: usize, total: u32) -> fmt::Result {
    let names: Vec<&str> = batch.targets.iter().map(|target| target.name.as_str()).collect();
    let count = batch.targets.len();
    let promote = if batch.promote == Promote::Manual { ", promote: manual" } else { "" };
    writeln!(
        f,
        "  batch {number}   {}   {{targets: {count}, bake: {}, budget: {}{promote}}}   {count} of {total} targets, {} at a time",
        names.join(", "),
        batch.bake,
        batch.budget,
        batch.at_once
    )
}

fn write_ways_back(f: &mut fmt::Formatter<'_>, plan: &DeploymentPlan) -> fmt::Result {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for planned in &plan.ways_back {
        let name = match &planned.to {
            WayBack::Release(name) => name.as_str(),
            WayBack::Absent => "absent: stop, and remove `current`",
        };
        *counts.entry(name).or_default() += 1;
    }
    let each: Vec<String> =
        counts.iter().map(|(name, count)| format!("{name}, on {count} of {} targets", plan.ways_back.len())).collect();
    writeln!(f, "  way back  {}; verified before the first is touched", each.join("; "))
}
