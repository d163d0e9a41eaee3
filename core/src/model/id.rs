//! Identities. Each is a type of its own and has one written form, used in facts, on the screen and in paths.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::name::{EnvironmentName, ProjectName, ServiceName};

/// A text that is not the identity it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {what}")]
pub struct InvalidId {
    /// What was given, cut to 64 characters.
    pub text: String,
    /// What was wanted, with an example.
    pub what: &'static str,
}

fn invalid(text: &str, what: &'static str) -> InvalidId {
    InvalidId { text: text.chars().take(64).collect(), what }
}

/// Serialises a type through its `Display` and `FromStr`.
macro_rules! as_text {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

/// One execution of a pipeline: `shop#42`, in paths `shop.42`. Numbers are dense per project and begin at 1.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId {
    /// The project it belongs to.
    pub project: ProjectName,
    /// Its number in the project.
    pub number: u64,
}
as_text!(RunId);

impl RunId {
    /// The form used in URLs and paths, because `#` begins a fragment.
    pub fn in_path(&self) -> String {
        format!("{}.{}", self.project, self.number)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.project, self.number)
    }
}

impl FromStr for RunId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let what = "a run, as `shop#42` or `shop.42`";
        let (project, number) = text.split_once(['#', '.']).ok_or_else(|| invalid(text, what))?;
        let project = ProjectName::new(project).map_err(|_| invalid(text, what))?;
        let number = positive(number).ok_or_else(|| invalid(text, what))?;
        Ok(Self { project, number })
    }
}

/// A number of 1 or more without sign or leading zeros.
fn positive(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    if plain { text.parse().ok() } else { None }
}

/// The key of a job within its run: `build`, or `production/change@web1` for a job that a deployment made. At most 200 bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobKey(Arc<str>);
as_text!(JobKey);

impl JobKey {
    /// The text of the key.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form used in paths: `/` becomes `~`.
    pub fn in_path(&self) -> String {
        self.0.replace('/', "~")
    }
}

impl fmt::Display for JobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for JobKey {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let key = text.replace('~', "/");
        let known = |b: u8| b.is_ascii_alphanumeric() || b"_-./:@".contains(&b);
        let parts_are_plain = key.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
        if !key.is_empty() && key.len() <= 200 && key.bytes().all(known) && parts_are_plain {
            Ok(Self(Arc::from(key)))
        } else {
            Err(invalid(text, "the key of a job, as `build` or `production/change@web1`"))
        }
    }
}

/// The n-th try of a job, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attempt(pub u32);

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Names one attempt in the life of the cluster: `(epoch << 28) + n`. Outranks every lower one. A string in JSON.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence(pub u64);
as_text!(Fence);

impl Fence {
    /// How many fences one epoch can give.
    pub const PER_EPOCH: u64 = 1 << 28;

    /// The n-th fence of an epoch, `n` from 1.
    pub fn of(epoch: u64, n: u64) -> Self {
        assert!(n < Self::PER_EPOCH, "an epoch gives at most {} fences", Self::PER_EPOCH);
        Self((epoch << 28) + n)
    }

    /// The epoch that gave it.
    pub fn epoch(self) -> u64 {
        self.0 >> 28
    }
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Fence {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        positive(text).map(Self).ok_or_else(|| invalid(text, "a fence, a positive number"))
    }
}

/// The only identity of an agent that the master uses; it stands in the agent's certificate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentId(pub Uuid);
as_text!(AgentId);

impl fmt::Display for AgentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for AgentId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Uuid::parse_str(text).map(Self).map_err(|_| invalid(text, "the id of an agent, a UUID"))
    }
}

/// The exact commit a run is made from: 40 or 64 lower-case hex digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(Arc<str>);
as_text!(Revision);

impl Revision {
    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first seven digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..7]
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Revision {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let hex = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if hex && (text.len() == 40 || text.len() == 64) {
            Ok(Self(Arc::from(text)))
        } else {
            Err(invalid(text, "a commit id of 40 hex digits"))
        }
    }
}

/// A service in an environment: `shop/production`. The unit of ordering, locking and desired state.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaneId {
    /// What is deployed.
    pub service: ServiceName,
    /// Where to.
    pub environment: EnvironmentName,
}
as_text!(LaneId);

impl fmt::Display for LaneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.service, self.environment)
    }
}

impl FromStr for LaneId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let what = "a lane, as `shop/production`";
        let (service, environment) = text.split_once('/').ok_or_else(|| invalid(text, what))?;
        let service = ServiceName::new(service).map_err(|_| invalid(text, what))?;
        let environment = EnvironmentName::new(environment).map_err(|_| invalid(text, what))?;
        Ok(Self { service, environment })
    }
}

/// One deployment along a lane: `shop/production#31`, in paths `shop.production.31`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeploymentId {
    /// The lane.
    pub lane: LaneId,
    /// Its number on the lane, from 1.
    pub number: u64,
}
as_text!(DeploymentId);

impl DeploymentId {
    /// The form used in URLs.
    pub fn in_path(&self) -> String {
        format!("{}.{}.{}", self.lane.service, self.lane.environment, self.number)
    }
}

impl fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.lane, self.number)
    }
}

impl FromStr for DeploymentId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let what = "a deployment, as `shop/production#31` or `shop.production.31`";
        let (lane, number) = match text.split_once('#') {
            Some((lane, number)) => (lane.to_owned(), number),
            None => {
                let (lane, number) = text.rsplit_once('.').ok_or_else(|| invalid(text, what))?;
                (lane.replacen('.', "/", 1), number)
            }
        };
        let lane = lane.parse().map_err(|_| invalid(text, what))?;
        let number = positive(number).ok_or_else(|| invalid(text, what))?;
        Ok(Self { lane, number })
    }
}

/// A release of a service, by number: `shop r18`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReleaseId {
    /// The service.
    pub service: ServiceName,
    /// Its number in the service, from 1.
    pub number: u64,
}
as_text!(ReleaseId);

impl fmt::Display for ReleaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} r{}", self.service, self.number)
    }
}

impl FromStr for ReleaseId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let what = "a release, as `shop r18`";
        let (service, number) = text.split_once(" r").ok_or_else(|| invalid(text, what))?;
        let service = ServiceName::new(service).map_err(|_| invalid(text, what))?;
        let number = positive(number).ok_or_else(|| invalid(text, what))?;
        Ok(Self { service, number })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same<T: FromStr + fmt::Display>(text: &str) -> String
    where
        T::Err: fmt::Debug,
    {
        text.parse::<T>().expect(text).to_string()
    }

    #[test]
    fn every_identity_reads_what_it_prints() {
        assert_eq!(same::<RunId>("shop#42"), "shop#42");
        assert_eq!(same::<RunId>("shop.42"), "shop#42");
        assert_eq!(same::<JobKey>("production~change@web1"), "production/change@web1");
        assert_eq!(same::<LaneId>("shop/production"), "shop/production");
        assert_eq!(same::<DeploymentId>("shop.production.31"), "shop/production#31");
        assert_eq!(same::<DeploymentId>("shop/production#31"), "shop/production#31");
        assert_eq!(same::<ReleaseId>("shop r18"), "shop r18");
        assert_eq!(same::<Fence>("18446744073709551615"), "18446744073709551615");
        assert_eq!(Fence::of(2, 3).0, (2 << 28) + 3);
    }

    #[test]
    fn what_is_no_identity_is_refused() {
        for bad in ["", "shop", "shop#", "shop#0", "shop#-1", "shop#01", "Shop#1", "shop#1x", "#1"] {
            assert!(bad.parse::<RunId>().is_err(), "{bad}");
        }
        for bad in ["", "..", "a/../b", "a//b", "/a", "a b", "a\n"] {
            assert!(bad.parse::<JobKey>().is_err(), "{bad}");
        }
        for bad in ["", "HEAD", "--upload-pack=id", "4f2a91c", &"A".repeat(40)] {
            assert!(bad.parse::<Revision>().is_err(), "{bad}");
        }
    }
}
