//! Finds thousands of needles at once.
//!
//! A window of six bytes, the length of the shortest needle, slides over the text. Its last three bytes say how far it may jump: up to
//! four bytes, if they stand in the beginning of no needle (Wu and Manber, "A fast algorithm for multi-pattern searching", 1994). Where
//! it may not, the six bytes are looked up among the beginnings, and what begins so is compared.

use std::ops::Range;

use zeroize::Zeroizing;

use super::needles::NEEDLE_MIN;

/// The window.
const WINDOW: usize = NEEDLE_MIN;

/// The bytes that decide about a jump.
const BLOCK: usize = 3;

/// The table of jumps fits the nearest cache.
const JUMP_BITS: u32 = 15;

/// The table of beginnings that are worth a look, one bit each.
const MAYBE_BITS: u32 = 16;

/// Needles, and the tables to find them.
pub(super) struct Finder {
    /// Sorted and distinct, so that those with the same beginning are neighbours.
    needles: Vec<(Zeroizing<Vec<u8>>, u16)>,
    /// The first six bytes of each, as a number; rising and distinct.
    beginnings: Zeroizing<Vec<u64>>,
    /// Where the needles of each beginning start; one more than beginnings.
    firsts: Vec<usize>,
    jumps: Vec<u8>,
    maybe: Vec<u64>,
    /// Every beginning of less than six bytes, as a number with its length; rising.
    short: Zeroizing<Vec<u64>>,
}

/// A needle in a text, or the beginning of one at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Bytes of the needle that are there.
    pub(super) len: usize,
    /// Whose.
    pub(super) name: u16,
}

impl Finder {
    /// For all that are long enough.
    pub(super) fn new(needles: Vec<(Vec<u8>, u16)>) -> Self {
        let mut needles: Vec<_> = needles.into_iter().map(|(bytes, name)| (Zeroizing::new(bytes), name)).collect();
        needles.retain(|(bytes, _)| bytes.len() >= NEEDLE_MIN);
        needles.sort_by(|a, b| (&*a.0, a.1).cmp(&(&*b.0, b.1)));
        needles.dedup_by(|a, b| a.0 == b.0);
        let mut beginnings = Zeroizing::new(Vec::new());
        let mut firsts = Vec::new();
        for (at, (bytes, _)) in needles.iter().enumerate() {
            let beginning = number(&bytes[..WINDOW]);
            if beginnings.last() != Some(&beginning) {
                beginnings.push(beginning);
                firsts.push(at);
            }
        }
        firsts.push(needles.len());
        let mut jumps = vec![u8::try_from(WINDOW - BLOCK + 1).expect("it is 4"); 1 << JUMP_BITS];
        let mut maybe = vec![0; 1 << (MAYBE_BITS - 6)];
        let mut short = Zeroizing::new(Vec::new());
        for (bytes, _) in &needles {
            for (jump, block) in (0..=WINDOW - BLOCK).rev().zip(bytes[..WINDOW].windows(BLOCK)) {
                let known = &mut jumps[jump_slot(block)];
                *known = (*known).min(u8::try_from(jump).expect("at most 3"));
            }
            let (word, bit) = maybe_slot(number(&bytes[..WINDOW]));
            maybe[word] |= 1 << bit;
            short.extend((1..WINDOW).map(|len| number(&bytes[..len])));
        }
        short.sort_unstable();
        short.dedup();
        Self { needles, beginnings, firsts, jumps, maybe, short }
    }

    /// Tells the needles that begin before the first place where the text ends within one, and gives that place.
    pub(super) fn scan(&self, text: &[u8], found: &mut impl FnMut(Spot)) -> Option<Spot> {
        if self.needles.is_empty() {
            return None;
        }
        let mut at = 0;
        while let Some(window) = text.get(at..at + WINDOW) {
            let jump = self.jumps[jump_slot(&window[WINDOW - BLOCK..])];
            if jump > 0 {
                at += usize::from(jump);
                continue;
            }
            if let Some(range) = self.beginning(window) {
                let rest = &text[at..];
                for (needle, name) in &self.needles[range] {
                    let len = needle.len().min(rest.len());
                    if needle[..len] != rest[..len] {
                        continue;
                    }
                    let spot = Spot { start: at, end: at + len, len, name: *name };
                    if len < needle.len() {
                        return Some(spot);
                    }
                    found(spot);
                }
            }
            at += 1;
        }
        self.short_tail(text)
    }

    fn beginning(&self, window: &[u8]) -> Option<Range<usize>> {
        let beginning = number(window);
        let (word, bit) = maybe_slot(beginning);
        if self.maybe[word] & (1 << bit) == 0 {
            return None;
        }
        let at = self.beginnings.binary_search(&beginning).ok()?;
        Some(self.firsts[at]..self.firsts[at + 1])
    }

    /// A tail shorter than the window; whose it is does not matter.
    fn short_tail(&self, text: &[u8]) -> Option<Spot> {
        let from = text.len().saturating_sub(WINDOW - 1);
        let start = (from..text.len()).find(|start| self.short.binary_search(&number(&text[*start..])).is_ok())?;
        Some(Spot { start, end: text.len(), len: text.len() - start, name: 0 })
    }
}

/// Up to six bytes and how many they are.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(bytes.len() as u64, |sum, byte| (sum << 8) | u64::from(*byte))
}

fn jump_slot(block: &[u8]) -> usize {
    let block = u32::from(block[0]) | u32::from(block[1]) << 8 | u32::from(block[2]) << 16;
    (block.wrapping_mul(0x9E37_79B1) >> (32 - JUMP_BITS)) as usize
}

fn maybe_slot(beginning: u64) -> (usize, u32) {
    let slot = beginning.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - MAYBE_BITS);
    ((slot >> 6) as usize, (slot & 63) as u32)
}
