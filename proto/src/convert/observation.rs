//! What an agent sees of a service on its host.

use windlass_core::model::{Duration, Health, Observation, Running};

use super::fields::{known, parsed, unused};
use super::{Error, Result};
use crate::v1;

/// An observation as it travels: one text says what runs, and the form of a release's name tells it from others.
pub fn to_wire(observation: &Observation) -> v1::Observation {
    v1::Observation {
        lane: observation.lane.to_string(),
        linked: observation.linked.clone().unwrap_or_default(),
        running: match &observation.running {
            Running::Release(name) | Running::Other(name) => name.clone(),
            Running::Nothing => String::new(),
        },
        healthy_for_ms: observation.healthy_for.ms(),
        flaps: observation.flaps,
        generation: observation.generation,
        held_by_hand: observation.held_by_hand,
        health: health_to_wire(observation.health).into(),
        altered: false,
        drained: observation.drained,
    }
}

/// What an agent sees.
pub fn from_wire(wire: v1::Observation) -> Result<Observation> {
    unused("observation.altered", wire.altered)?;
    Ok(Observation {
        lane: parsed("observation.lane", &wire.lane)?,
        linked: (!wire.linked.is_empty()).then_some(wire.linked),
        running: running(wire.running),
        healthy_for: Duration::from_ms(wire.healthy_for_ms),
        flaps: wire.flaps,
        generation: wire.generation,
        held_by_hand: wire.held_by_hand,
        drained: wire.drained,
        health: health_from_wire(wire.health)?,
    })
}

/// Whether a text has the form of a release's name: `r18-4f2a91c0`.
pub fn is_release_name(text: &str) -> bool {
    let Some((number, digest)) = text.strip_prefix('r').and_then(|rest| rest.split_once('-')) else {
        return false;
    };
    let is_number = number.bytes().all(|b| b.is_ascii_digit()) && !number.is_empty() && !number.starts_with('0');
    let is_digest = digest.len() == 8 && digest.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    is_number && is_digest
}

fn running(text: String) -> Running {
    if text.is_empty() {
        Running::Nothing
    } else if is_release_name(&text) {
        Running::Release(text)
    } else {
        Running::Other(text)
    }
}

fn health_to_wire(health: Health) -> v1::Health {
    match health {
        Health::Healthy => v1::Health::Healthy,
        Health::Unhealthy => v1::Health::Unhealthy,
        Health::NoData => v1::Health::NoData,
    }
}

fn health_from_wire(value: i32) -> Result<Health> {
    let field = "observation.health";
    match known(field, value)? {
        v1::Health::Healthy => Ok(Health::Healthy),
        v1::Health::Unhealthy => Ok(Health::Unhealthy),
        v1::Health::NoData => Ok(Health::NoData),
        v1::Health::Unspecified => Err(Error::UnknownValue { field, value }),
    }
}
