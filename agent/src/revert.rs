//! `windlass-agent revert` and `let-go`: the way back by hand, while everything else may be down.

use windlass_core::model::Change;

use crate::args::Service;
use crate::config::Config;
use crate::exit::{CONFIG, Failure, NOT_NOW};
use crate::pause::{demand_reason, enrolled, told};
use crate::release::observe::kept;
use crate::release::{Error, LocalServices, Log, by_hand, hold};

/// Puts the way back of the last change, or the release `to`, in place, and holds it there.
pub fn revert(service: &Service, to: Option<&str>, reason: &str) -> Result<(), Failure> {
    demand_reason(reason)?;
    let (known, local) = found(service)?;
    let log = Log::new(std::io::stdout());
    let linked = by_hand::revert(&known, &local, to, reason, &log).map_err(|error| failed(&error))?;
    let name = &service.service;
    told(&match linked {
        Some(release) => format!(
            "{name} runs {release} and is held: only a person moves it; `windlass-agent let-go {name}` ends that"
        ),
        None => format!("{name} is stopped and removed, and is held: `windlass-agent let-go {name}` ends that"),
    })
}

/// Ends a hold: deployments move the service again.
pub fn let_go(service: &Service) -> Result<(), Failure> {
    let (known, local) = found(service)?;
    let was_held = by_hand::layout_of(&known, &local).and_then(|layout| hold::let_go(&layout));
    let name = &service.service;
    match was_held.map_err(|error| failed(&error))? {
        true => told(&format!("deployments move {name} again; until one does, it runs what it runs")),
        false => Err(Failure::new(NOT_NOW, format!("nobody holds {name} here"))),
    }
}

fn failed(error: &Error) -> Failure {
    let hint = match error {
        Error::Nothing(_) => "name another one with --to r17",
        _ => "what hooks and checks said stands above; nothing is lost: the same command may be given again",
    };
    Failure::new(NOT_NOW, error).hint(hint)
}

/// The change by which the service was watched last, and what this host says about its services.
fn found(wanted: &Service) -> Result<(Change, LocalServices), Failure> {
    let dir = enrolled(&wanted.place.state_dir)?;
    let config =
        Config::load(&wanted.place.config, &wanted.place.state_dir).map_err(|error| Failure::new(CONFIG, &error))?;
    let all = kept(&dir.observed()).map_err(|error| Failure::new(NOT_NOW, &error))?;
    let is_meant = |change: &&Change| {
        let lane = &change.deployment.lane;
        lane.service.as_str() == wanted.service
            && wanted.environment.as_ref().is_none_or(|environment| lane.environment.as_str() == environment)
    };
    let mut meant = all.iter().filter(is_meant);
    match (meant.next(), meant.next()) {
        (Some(change), None) => Ok((change.clone(), config.services)),
        (Some(_), Some(_)) => {
            let text = format!("{} runs here for several environments", wanted.service);
            Err(Failure::new(NOT_NOW, text).hint("name one with --environment"))
        }
        (None, _) => {
            let lanes: Vec<String> = all.iter().map(|change| change.deployment.lane.to_string()).collect();
            let known = if lanes.is_empty() { "none was deployed here".to_owned() } else { lanes.join(", ") };
            Err(Failure::new(NOT_NOW, format!("this host has no such service as {}", wanted.service)).hint(known))
        }
    }
}
