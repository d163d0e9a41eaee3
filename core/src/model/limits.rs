//! What all processes of a job together may have of their host, where its kernel can bound it.

use serde::{Deserialize, Serialize};

/// Zero: as much as the host gives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// Thousandths of a processor.
    pub cpu_milli: u32,
    /// Processes and threads.
    pub pids: u32,
}

/// The least and the most that may be asked for.
pub const MEMORY_BYTES: std::ops::RangeInclusive<u64> = 1 << 20..=1 << 50;
/// The same of processors, in thousandths.
pub const CPU_MILLI: std::ops::RangeInclusive<u32> = 10..=1_000_000;
/// The same of processes: the kernel has no more numbers.
pub const PIDS: std::ops::RangeInclusive<u32> = 1..=4_194_304;

impl Limits {
    /// True if nothing is bounded.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// The first of these that is more than `most` gives: its key.
    pub fn beyond(&self, most: &Self) -> Option<&'static str> {
        let over = |asked: u64, most: u64| most > 0 && asked > most;
        let memory = over(self.memory_bytes, most.memory_bytes).then_some("limits.memory");
        let cpu = || over(self.cpu_milli.into(), most.cpu_milli.into()).then_some("limits.cpu");
        memory.or_else(cpu).or_else(|| over(self.pids.into(), most.pids.into()).then_some("limits.pids"))
    }

    /// These, and those of `most` where nothing is asked for.
    #[must_use]
    pub fn or(self, most: Self) -> Self {
        let memory_bytes = if self.memory_bytes == 0 { most.memory_bytes } else { self.memory_bytes };
        let cpu_milli = if self.cpu_milli == 0 { most.cpu_milli } else { self.cpu_milli };
        let pids = if self.pids == 0 { most.pids } else { self.pids };
        Self { memory_bytes, cpu_milli, pids }
    }
}

/// Reads `512MiB` or `2GiB`.
pub fn memory(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text.get(..digits)?.parse().ok()?;
    let unit = match text.get(digits..)? {
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(unit).filter(|bytes| MEMORY_BYTES.contains(bytes))
}

/// Reads `2` or `0.5` processors, to the thousandth.
pub fn cpu(text: &str) -> Option<u32> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(part) || part.len() > 3 {
        return None;
    }
    let thousandths: u32 = format!("{part:0<3}").parse().ok()?;
    let milli = whole.parse::<u32>().ok()?.checked_mul(1_000)?.checked_add(thousandths)?;
    CPU_MILLI.contains(&milli).then_some(milli)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: Limits = Limits { memory_bytes: 1 << 30, cpu_milli: 2_000, pids: 0 };

    #[test]
    fn what_is_asked_for_counts_up_to_what_the_host_gives() {
        let asked = |memory_bytes, cpu_milli, pids| Limits { memory_bytes, cpu_milli, pids };
        let table = [
            (asked(0, 0, 0), None),
            (asked(1 << 30, 2_000, 9_999), None),
            (asked((1 << 30) + 1, 2_001, 0), Some("limits.memory")),
            (asked(0, 2_001, 0), Some("limits.cpu")),
        ];
        for (asked, beyond) in table {
            assert_eq!(asked.beyond(&HOST), beyond, "{asked:?}");
        }
        assert_eq!(asked(0, 0, 3).beyond(&Limits { pids: 2, ..HOST }), Some("limits.pids"));
        assert_eq!(asked(0, 500, 7).or(HOST), asked(1 << 30, 500, 7));
    }

    #[test]
    fn sizes_and_shares_are_read_as_people_write_them() {
        assert_eq!(["512MiB", "2GiB", "1024KiB"].map(memory), [Some(512 << 20), Some(2 << 30), Some(1 << 20)]);
        for bad in ["", "512", "MiB", "1KiB", "1.5GiB", "-1GiB", "2 GiB", "99999999999GiB", "512MB"] {
            assert_eq!(memory(bad), None, "{bad}");
        }
        assert_eq!(["2", "0.5", "1.25", "0.010"].map(cpu), [Some(2_000), Some(500), Some(1_250), Some(10)]);
        for bad in ["", "0", ".5", "1.", "0.0001", "-1", "1e3", "2000", "half", "500m"] {
            assert_eq!(cpu(bad), None, "{bad}");
        }
    }
}
