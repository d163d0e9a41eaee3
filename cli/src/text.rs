//! How spans, sizes, tables and foreign text look. Pure.

use windlass_core::model::UnixMs;
use windlass_proto::api::Time;

/// `340 ms`, `1.9 s`, `12 s`, `2 m 35 s`, `4 h 50 m`, `9 d 3 h`.
pub fn span(ms: u64) -> String {
    let secs = ms / 1_000;
    match secs {
        0..10 => format!("{}.{} s", secs, ms % 1_000 / 100),
        10..60 => format!("{secs} s"),
        60..3_600 => format!("{} m {:02} s", secs / 60, secs % 60),
        3_600..86_400 => format!("{} h {:02} m", secs / 3_600, secs % 3_600 / 60),
        _ => format!("{} d {} h", secs / 86_400, secs % 86_400 / 3_600),
    }
}

/// The time between two points, if both are known.
pub fn between(from: Option<Time>, to: Option<Time>) -> Option<u64> {
    Some(to?.0.since(from?.0).ms())
}

/// `812 B`, `388 KiB`, `4.1 MiB`.
pub fn size(bytes: u64) -> String {
    const KIB: u64 = 1024;
    const MIB: u64 = KIB * 1024;
    const GIB: u64 = MIB * 1024;
    let tenths = |unit: u64, name: &str| format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit);
    match bytes {
        0..KIB => format!("{bytes} B"),
        KIB..MIB => format!("{} KiB", bytes / KIB),
        MIB..GIB => tenths(MIB, "MiB"),
        _ => tenths(GIB, "GiB"),
    }
}

/// `1,047`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(",")
}

/// The first seven digits of a revision.
pub fn short(revision: &str) -> &str {
    revision.get(..7).unwrap_or(revision)
}

/// `shop#43` for `shop.43`: how people write a run.
pub fn run_id(id: &str) -> String {
    id.replacen('.', "#", 1)
}

/// `shop/production#31` for `shop.production.31`.
pub fn deployment_id(id: &str) -> String {
    match id.rsplit_once('.') {
        Some((lane, number)) => format!("{}#{number}", lane.replacen('.', "/", 1)),
        None => id.to_owned(),
    }
}

/// `r18` for `r18-4f2a91c0`.
pub fn release_number(name: &str) -> &str {
    name.split_once('-').map_or(name, |(number, _)| number)
}

/// Who looks, and when: what times are shown against.
#[derive(Debug, Clone)]
pub struct Reader {
    /// Now.
    pub now: UnixMs,
    /// The reader's zone.
    pub zone: jiff::tz::TimeZone,
}

impl Reader {
    /// Whoever sits at this machine.
    pub fn here() -> Self {
        Self { now: crate::clock::now(), zone: jiff::tz::TimeZone::system() }
    }

    /// `12 s ago` within a minute, `14:02` within a day, else the date.
    pub fn time(&self, time: Time) -> String {
        let ago = self.now.since(time.0).ms();
        if ago < 60_000 {
            return format!("{} s ago", ago / 1_000);
        }
        self.clock(time, if ago < 86_400_000 { "%H:%M" } else { "%Y-%m-%d %H:%M" })
    }

    /// `14:02:07`.
    pub fn second(&self, time: Time) -> String {
        self.clock(time, "%H:%M:%S")
    }

    /// `41 min ago` as a span: `41 m 03 s`.
    pub fn ago(&self, time: Time) -> String {
        span(self.now.since(time.0).ms())
    }

    fn clock(&self, time: Time, format: &str) -> String {
        let ms = i64::try_from(time.0.0).unwrap_or(i64::MAX);
        let stamp = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::MAX);
        stamp.to_zoned(self.zone.clone()).strftime(format).to_string()
    }
}

/// Columns of equal width with two blanks between; nothing after the last.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let lines = rows.iter().map(|row| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Foreign text for a terminal: what it would obey or hide becomes a visible symbol. Ends of line at the end are cut.
pub fn visible(text: &str) -> String {
    text.trim_end_matches(['\n', '\r']).chars().map(visible_character).collect()
}

fn visible_character(c: char) -> char {
    match c {
        '\t' => c,
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}'
        | '\u{feff}' => '\u{fffd}',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_sizes_are_short() {
        let spans = [(0, "0.0 s"), (340, "0.3 s"), (1_900, "1.9 s"), (12_400, "12 s"), (155_000, "2 m 35 s")];
        for (ms, text) in spans.into_iter().chain([(17_400_000, "4 h 50 m"), (788_400_000, "9 d 3 h")]) {
            assert_eq!(span(ms), text);
        }
        for (bytes, text) in [(0, "0 B"), (1_023, "1023 B"), (397_312, "388 KiB"), (4_301_220, "4.1 MiB")] {
            assert_eq!(size(bytes), text);
        }
        assert_eq!(
            (thousands(7), thousands(1_047), thousands(1_000_000)),
            ("7".into(), "1,047".into(), "1,000,000".into())
        );
    }

    #[test]
    fn identities_are_shown_as_people_write_them() {
        assert_eq!(run_id("shop.42"), "shop#42");
        assert_eq!(deployment_id("shop.production.31"), "shop/production#31");
        assert_eq!(release_number("r18-4f2a91c0"), "r18");
    }

    #[test]
    fn what_a_terminal_would_obey_is_shown() {
        assert_eq!(visible("a\u{1b}[2Jb\r\n"), "a\u{241b}[2Jb");
        assert_eq!(visible("x\u{202e}y\u{9b}z\t!"), "x\u{fffd}y\u{fffd}z\t!");
    }

    #[test]
    fn a_table_has_no_blanks_at_the_end() {
        let rows = [vec!["RUN".to_owned(), "STATE".to_owned()], vec!["shop#44".to_owned(), String::new()]];
        assert_eq!(table(&rows), "RUN      STATE\nshop#44");
    }
}
