//! The step `prepare`: the release and the way back lie on the target, proven. Touches nothing that serves, so it may be
//! repeated.

use windlass_core::model::{Change, Hook, Probe, WayBack};

use super::ask::{ask_fetch, tell_observe};
use super::context::{Context, Failure};
use crate::release::check::{Patience, check};
use crate::release::error::{Error, Result};
use crate::release::manifest::Manifest;
use crate::release::record::Mark;
use crate::release::target::{Direction, Target};
use crate::release::{clock, hold, hook, install};

/// Fetches, verifies, unpacks, and proves the way back.
pub fn run(change: &Change, context: &Context) -> std::result::Result<(), Failure> {
    let target = context.target(change)?;
    expect_supported(&target)?;
    target.layout.create()?;
    expect_ready(&target)?;
    let fetched = if install::is_here(&target)? {
        context.log.line(format_args!("{} is here already", change.release));
        None
    } else {
        install::expect_room(&target)?;
        let began = clock::boottime();
        let path = ask_fetch(context, change.artifact)?;
        context.log.took(&format!("fetch {} bytes", change.artifact_bytes), began);
        Some(path)
    };
    let _lock = target.layout.lock()?;
    expect_ready(&target)?;
    if let Some(path) = &fetched {
        let began = clock::boottime();
        install::install(&target, path)?;
        context.log.took(&format!("unpack {}", change.release), began);
        if let Err(error) = std::fs::remove_file(path) {
            context.log.line(format_args!("the fetched file stays: {error}"));
        }
    }
    prove_way_back(&target)?;
    target.hook(&change.spec, Hook::Preflight, Direction::Forward)?;
    self_test(&target)?;
    tell_observe(context, change);
    Ok(())
}

/// What this program cannot do is said before anything is begun.
fn expect_supported(target: &Target<'_>) -> Result<()> {
    let spec = &target.change.spec;
    for probe in std::iter::once(&spec.identity).chain(spec.gates.values().map(|gate| &gate.probe)) {
        match probe {
            Probe::Http(url) if !url.starts_with("http://") => {
                return Err(Error::Unsupported(format!("{url:?} as a gate or identity: it begins with http://")));
            }
            Probe::Http(_) | Probe::Tcp(_) | Probe::Command(_) => {}
        }
    }
    Ok(())
}

/// The record admits this generation, no earlier change is half done, and `current` is what the plan saw.
pub(super) fn expect_ready(target: &Target<'_>) -> Result<()> {
    let state = target.state()?;
    state.admit(target.change.generation)?;
    hold::expect_none(&target.layout)?;
    if let Some(generation) = state.in_flight() {
        return Err(Error::Interrupted { generation });
    }
    target.expect_linked().map(drop)
}

fn prove_way_back(target: &Target<'_>) -> Result<()> {
    match &target.change.way_back {
        WayBack::Release(name) => {
            Manifest::prove(&target.layout, name)?;
            target.log.line(format_args!("way back {name} verified"));
        }
        WayBack::Absent => target.log.line("way back: nothing was installed here before"),
    }
    Ok(())
}

/// Gates of the running release pass, or they would fail for any release. What runs besides the way back is known to be bad
/// already, and is not asked.
fn self_test(target: &Target<'_>) -> Result<()> {
    if target.state()?.mark_of(target.change.generation) == Some(Mark::Drained) {
        target.log.line("no self-test: it is out of traffic already");
        return Ok(());
    }
    if target.change.skips_self_test {
        target.log.line("no self-test: what runs is what is being mended");
        return Ok(());
    }
    let linked = target.layout.linked()?;
    match (&target.change.way_back, linked) {
        (WayBack::Release(name), Some(linked)) if *name == linked => {
            let old = target.spec_of(name)?;
            let (dir, env) = (target.dir()?, hook::env(target, Direction::Back));
            check(&old, name, Patience::OfRunning, target.prober(&dir, &env), target.log)
        }
        (WayBack::Release(name), Some(linked)) => {
            target.log.line(format_args!("no self-test: current is {linked}, the way back is {name}"));
            Ok(())
        }
        (WayBack::Release(_) | WayBack::Absent, _) => Ok(()),
    }
}
