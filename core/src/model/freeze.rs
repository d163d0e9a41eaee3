//! A weekly window in which nothing starts: `Fri 16:00 - Mon 07:00 Europe/Berlin`. Wall time of that zone, by the rules of the zone that
//! this program was built with, so that the same input gives the same answer on every machine.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Weekday;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan, Zoned};
use serde::{Deserialize, Serialize};

use super::time::UnixMs;

/// Minutes of a week.
const WEEK: i64 = 7 * 24 * 60;

/// One window, from `begin` on, without `end`; both in minutes since Monday 00:00 of the zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Freeze {
    text: String,
    begin: i64,
    end: i64,
    zone: TimeZone,
}

/// Why a text is no such window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFreeze {
    /// Not of that form.
    #[error("{0:?} is not a window of a week, as \"Fri 16:00 - Mon 07:00 Europe/Berlin\"")]
    Form(String),
    /// The zone is not in the table.
    #[error("{0:?} is not a time zone, as \"Europe/Berlin\" or \"UTC\"")]
    Zone(String),
    /// It begins where it ends.
    #[error("{0:?} ends where it begins: lock the lane, if nothing shall ever start")]
    Empty(String),
}

impl FromStr for Freeze {
    type Err = InvalidFreeze;

    fn from_str(text: &str) -> Result<Self, InvalidFreeze> {
        let form = || InvalidFreeze::Form(text.to_owned());
        let words: Vec<&str> = text.split_whitespace().collect();
        let [from_day, from_time, "-", to_day, to_time, zone] = words.as_slice() else { return Err(form()) };
        let begin = minutes(from_day, from_time).ok_or_else(form)?;
        let end = minutes(to_day, to_time).ok_or_else(form)?;
        if begin == end {
            return Err(InvalidFreeze::Empty(text.to_owned()));
        }
        let zone = TimeZoneDatabase::bundled().get(zone).map_err(|_| InvalidFreeze::Zone((*zone).to_owned()))?;
        Ok(Self { text: words.join(" "), begin, end, zone })
    }
}

impl TryFrom<String> for Freeze {
    type Error = InvalidFreeze;

    fn try_from(text: String) -> Result<Self, InvalidFreeze> {
        text.parse()
    }
}

impl From<Freeze> for String {
    fn from(freeze: Freeze) -> Self {
        freeze.text
    }
}

/// As it was written.
impl fmt::Display for Freeze {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn minutes(day: &str, time: &str) -> Option<i64> {
    let day = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].iter().position(|known| *known == day)?;
    let (hours, minutes) = time.split_once(':').filter(|(hours, minutes)| hours.len() == 2 && minutes.len() == 2)?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let day = i64::try_from(day).ok()?;
    ((0..24).contains(&hours) && (0..60).contains(&minutes)).then(|| day * 24 * 60 + hours * 60 + minutes)
}

impl Freeze {
    /// When the window that is open at this time ends; none if none is open.
    pub fn until(&self, at: UnixMs) -> Option<UnixMs> {
        let now = self.local(at)?;
        let minute = minute_of_week(&now);
        let is_open = if self.begin < self.end {
            (self.begin..self.end).contains(&minute)
        } else {
            minute >= self.begin || minute < self.end
        };
        is_open.then(|| after(&now, (self.end - minute).rem_euclid(WEEK))).flatten().filter(|end| *end > at)
    }

    /// When the next window begins.
    pub fn begins(&self, at: UnixMs) -> Option<UnixMs> {
        let now = self.local(at)?;
        let wait = (self.begin - minute_of_week(&now)).rem_euclid(WEEK);
        after(&now, if wait == 0 { WEEK } else { wait })
    }

    fn local(&self, at: UnixMs) -> Option<Zoned> {
        Some(Timestamp::from_millisecond(i64::try_from(at.0).ok()?).ok()?.to_zoned(self.zone.clone()))
    }
}

fn minute_of_week(now: &Zoned) -> i64 {
    let day = match now.weekday() {
        Weekday::Monday => 0,
        Weekday::Tuesday => 1,
        Weekday::Wednesday => 2,
        Weekday::Thursday => 3,
        Weekday::Friday => 4,
        Weekday::Saturday => 5,
        Weekday::Sunday => 6,
    };
    day * 24 * 60 + i64::from(now.hour()) * 60 + i64::from(now.minute())
}

/// So many minutes later on the clock of the wall, whatever the clock does in between.
fn after(now: &Zoned, minutes: i64) -> Option<UnixMs> {
    let whole = now.datetime().with().second(0).subsec_nanosecond(0).build().ok()?;
    let then = whole.checked_add(minutes.minutes()).ok()?.to_zoned(now.time_zone().clone()).ok()?;
    u64::try_from(then.timestamp().as_millisecond()).ok().map(UnixMs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> UnixMs {
        let time: Timestamp = text.parse().expect("a time");
        UnixMs(u64::try_from(time.as_millisecond()).expect("after 1970"))
    }

    fn weekend() -> Freeze {
        "Fri 16:00 - Mon 07:00 Europe/Berlin".parse().expect("a window")
    }

    #[test]
    fn a_window_over_the_end_of_the_week_is_open_from_its_begin_to_before_its_end() {
        // 2026-12-04 is a Friday; Berlin is one hour ahead of UTC then.
        let rows = [
            ("2026-12-04T14:59:59Z", None),
            ("2026-12-04T15:00:00Z", Some("2026-12-07T06:00:00Z")),
            ("2026-12-06T23:30:12Z", Some("2026-12-07T06:00:00Z")),
            ("2026-12-07T05:59:59Z", Some("2026-12-07T06:00:00Z")),
            ("2026-12-07T06:00:00Z", None),
        ];
        for (now, until) in rows {
            assert_eq!(weekend().until(at(now)), until.map(at), "{now}");
        }
        assert_eq!(weekend().begins(at("2026-12-04T14:00:30Z")), Some(at("2026-12-04T15:00:00Z")));
        assert_eq!(weekend().begins(at("2026-12-04T15:00:00Z")), Some(at("2026-12-11T15:00:00Z")));
    }

    #[test]
    fn a_window_goes_by_the_clock_on_the_wall_when_that_is_set() {
        // On the last Sunday of March 2027 Berlin goes from UTC+1 to UTC+2, on that of October back.
        assert_eq!(weekend().until(at("2027-03-27T12:00:00Z")), Some(at("2027-03-29T05:00:00Z")));
        assert_eq!(weekend().until(at("2027-10-30T12:00:00Z")), Some(at("2027-11-01T06:00:00Z")));
        let night: Freeze = "Sun 02:15 - Sun 02:45 Europe/Berlin".parse().expect("a window");
        assert_eq!(night.until(at("2027-03-28T01:20:00Z")), None, "that half hour is not on the clock");
    }

    #[test]
    fn a_window_within_a_day_and_what_is_none() {
        let noon: Freeze = "Wed 12:00 - Wed 13:00 UTC".parse().expect("a window");
        assert_eq!(noon.until(at("2026-12-02T12:30:00Z")), Some(at("2026-12-02T13:00:00Z")));
        assert_eq!(noon.until(at("2026-12-03T12:30:00Z")), None);
        let wrong = |text: &str| text.parse::<Freeze>().expect_err(text).to_string();
        for text in [
            "",
            "Fri 16:00 - Mon 7:00 UTC",
            "Fri 16:00 Mon 07:00 UTC",
            "Fri 24:00 - Mon 07:00 UTC",
            "fri 16:00 - Mon 07:00 UTC",
        ] {
            assert!(wrong(text).contains("is not a window"), "{text}");
        }
        assert!(wrong("Fri 16:00 - Mon 07:00 Europe/Berlln").contains("\"Europe/Berlln\" is not a time zone"));
        assert!(wrong("Fri 16:00 - Fri 16:00 UTC").contains("lock the lane"));
        let written = serde_json::to_string(&weekend()).expect("plain");
        assert_eq!(written, "\"Fri 16:00 - Mon 07:00 Europe/Berlin\"");
        assert_eq!(serde_json::from_str::<Freeze>(&written).expect("read"), weekend());
    }
}
