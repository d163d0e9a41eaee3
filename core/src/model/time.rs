//! Time is a number that comes from outside.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMs(pub u64);

impl UnixMs {
    /// This long after.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span.ms()))
    }

    /// This long before.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(span.ms()))
    }

    /// The time from `earlier` to this; zero if it lies after.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_ms(self.0.saturating_sub(earlier.0))
    }
}

/// Two clocks may differ by so much without a warning. Nothing is decided by it.
pub const CLOCKS_MAY_DIFFER: Duration = Duration::from_secs(60);

/// A span of time in whole milliseconds. In files people write `90s`, `1h30m`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Duration(u64);

/// A text that is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a duration: write for example `500ms`, `90s`, `30m`, `1h30m`, `7d`")]
pub struct InvalidDuration {
    /// What was given.
    pub text: String,
}

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl Duration {
    /// From milliseconds.
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms)
    }

    /// From seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs * 1_000)
    }

    /// In milliseconds.
    pub const fn ms(self) -> u64 {
        self.0
    }

    /// In whole seconds, rounded up, as the wire carries it.
    pub fn secs_ceil(self) -> u32 {
        u32::try_from(self.0.div_ceil(1_000)).unwrap_or(u32::MAX)
    }

    /// Reads `500ms`, `90s`, `1h30m`: units from large to small, each at most once.
    pub fn parse(text: &str) -> Result<Self, InvalidDuration> {
        Self::parse_parts(text).ok_or_else(|| InvalidDuration { text: text.chars().take(64).collect() })
    }

    fn parse_parts(text: &str) -> Option<Self> {
        let (mut rest, mut total, mut last_unit) = (text, 0u64, None);
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let letters = rest[digits..].bytes().take_while(u8::is_ascii_lowercase).count();
            let number: u64 = rest[..digits].parse().ok()?;
            let name = &rest[digits..digits + letters];
            let unit = UNITS.iter().position(|(unit, _)| *unit == name)?;
            if last_unit.is_some_and(|last| unit <= last) {
                return None;
            }
            last_unit = Some(unit);
            total = total.checked_add(number.checked_mul(UNITS[unit].1)?)?;
            rest = &rest[digits + letters..];
        }
        last_unit.map(|_| Self(total))
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (unit, size) in UNITS {
            if rest >= size {
                write!(f, "{}{unit}", rest / size)?;
                rest %= size;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_print_the_same() {
        for text in ["500ms", "90s", "30m", "1h30m", "7d", "1d1h1m1s1ms"] {
            let span = Duration::parse(text).expect(text);
            assert_eq!(Duration::parse(&span.to_string()), Ok(span), "{text}");
        }
        assert_eq!(Duration::parse("90s"), Ok(Duration::from_secs(90)));
        for bad in ["", "10", "s", "1s1m", "1.5h", "-1s", "1 s", "1S", "99999999999999999999d"] {
            assert!(Duration::parse(bad).is_err(), "{bad}");
        }
    }
}
