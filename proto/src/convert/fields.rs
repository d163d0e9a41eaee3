//! Small pieces that many messages have.

use std::collections::BTreeMap;
use std::str::FromStr;

use windlass_core::model::{Digest, Duration, Fence};

use super::{Error, Result};
use crate::v1;

/// A field that must be set.
pub(super) fn required<T>(field: &'static str, value: Option<T>) -> Result<T> {
    value.ok_or(Error::Missing { field })
}

/// An enum value that must be known and not 0.
pub(super) fn known<T: TryFrom<i32>>(field: &'static str, value: i32) -> Result<T> {
    let unknown = Error::UnknownValue { field, value };
    if value == 0 {
        return Err(unknown);
    }
    T::try_from(value).map_err(|_| unknown)
}

/// A text with a rule of its own.
pub(super) fn parsed<T: FromStr>(field: &'static str, text: &str) -> Result<T>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| Error::invalid(field, error))
}

pub(super) fn fence(field: &'static str, number: u64) -> Result<Fence> {
    if number == 0 { Err(Error::Missing { field }) } else { Ok(Fence(number)) }
}

pub(super) fn digest(field: &'static str, bytes: &[u8]) -> Result<Digest> {
    Digest::from_slice(bytes).map_err(|error| Error::invalid(field, error))
}

pub(super) fn at_most(field: &'static str, found: usize, limit: usize) -> Result<()> {
    if found > limit { Err(Error::TooMuch { field, found, limit }) } else { Ok(()) }
}

/// A number from 1.
pub(super) fn counted(field: &'static str, number: u32) -> Result<u32> {
    if number == 0 { Err(Error::Missing { field }) } else { Ok(number) }
}

/// A field of the wire that must stay empty in this version.
pub(super) fn unused(field: &'static str, is_set: bool) -> Result<()> {
    if is_set { Err(Error::Unsupported { field }) } else { Ok(()) }
}

pub(super) fn pairs(map: &BTreeMap<String, String>) -> Vec<v1::Pair> {
    map.iter().map(|(name, value)| v1::Pair { name: name.clone(), value: value.clone() }).collect()
}

/// Pairs with names that are not empty and come once.
pub(super) fn map(field: &'static str, pairs: Vec<v1::Pair>) -> Result<BTreeMap<String, String>> {
    let mut map = BTreeMap::new();
    for pair in pairs {
        if pair.name.is_empty() {
            return Err(Error::invalid(field, "a name is empty"));
        }
        if let Some(_earlier) = map.insert(pair.name.clone(), pair.value) {
            return Err(Error::invalid(field, format!("{} comes twice", pair.name)));
        }
    }
    Ok(map)
}

pub(super) fn seconds(count: u32) -> Duration {
    Duration::from_secs(u64::from(count))
}
