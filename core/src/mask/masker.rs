//! One stream, masked as it is read.
//!
//! | what is read | becomes |
//! |---|---|
//! | a needle | `[masked:NAME]` |
//! | needles that overlap | one `[masked:NAME]`, by the longest of them |
//! | a tail that may begin a needle | held back |
//! | the same at the end of the stream, 6 bytes or more | `[masked:NAME]` |
//! | anything else | given on as it is |

use std::cmp::Reverse;
use std::sync::Arc;

use super::finder::Spot;
use super::needles::{NEEDLE_MIN, Needles};

/// Masks one stream.
pub struct Masker {
    needles: Arc<Needles>,
    /// What may begin a needle.
    held: Vec<u8>,
    /// A mask that the held bytes may still make longer.
    open: Option<Mask>,
}

/// Needles that overlap. Where it began is written already.
struct Mask {
    end: usize,
    longest: (usize, Reverse<u16>),
}

impl Masker {
    /// Of a stream that begins.
    pub fn new(needles: Arc<Needles>) -> Self {
        Self { needles, held: Vec::new(), open: None }
    }

    /// Takes what was read next, and tells `sink` what may be seen of it and of what was held. Without secrets nothing is copied.
    pub fn push(&mut self, data: &[u8], sink: &mut impl FnMut(&[u8])) {
        if self.needles.is_empty() {
            return give(data, sink);
        }
        if self.held.is_empty() {
            return self.mask(data, false, sink);
        }
        let mut text = std::mem::take(&mut self.held);
        text.extend_from_slice(data);
        self.mask(&text, false, sink);
    }

    /// The stream is over: what was held goes on, or is masked.
    pub fn finish(&mut self, sink: &mut impl FnMut(&[u8])) {
        let text = std::mem::take(&mut self.held);
        self.mask(&text, true, sink);
    }

    fn mask(&mut self, text: &[u8], is_end: bool, sink: &mut impl FnMut(&[u8])) {
        let mut spots = Vec::new();
        let tails = self.needles.scan(text, &mut spots);
        let mut hold = text.len();
        for tail in tails.into_iter().flatten() {
            match is_end {
                true if tail.len >= NEEDLE_MIN => spots.push(tail),
                true => {}
                // Whatever begins behind this is found again.
                false => hold = hold.min(tail.start),
            }
        }
        spots.retain(|spot| spot.start < hold);
        spots.sort_unstable_by_key(|spot| spot.start);
        let mut given = 0;
        for spot in spots {
            match &mut self.open {
                Some(mask) if spot.start < mask.end => mask.add(spot),
                open => {
                    if let Some(mask) = open.take() {
                        given = mask.end;
                        self.write(&mask, sink);
                    }
                    give(&text[given..spot.start], sink);
                    self.open = Some(Mask::of(spot));
                }
            }
        }
        match &mut self.open {
            Some(mask) if mask.end > hold => mask.end -= hold,
            open => {
                if let Some(mask) = open.take() {
                    given = mask.end;
                    self.write(&mask, sink);
                }
                give(&text[given..hold], sink);
            }
        }
        self.held.extend_from_slice(&text[hold..]);
    }

    fn write(&self, mask: &Mask, sink: &mut impl FnMut(&[u8])) {
        sink(format!("[masked:{}]", self.needles.name(mask.longest.1.0)).as_bytes());
    }
}

impl Mask {
    fn of(spot: Spot) -> Self {
        Self { end: spot.end, longest: (spot.len, Reverse(spot.name)) }
    }

    fn add(&mut self, spot: Spot) {
        self.end = self.end.max(spot.end);
        self.longest = self.longest.max((spot.len, Reverse(spot.name)));
    }
}

fn give(bytes: &[u8], sink: &mut impl FnMut(&[u8])) {
    if !bytes.is_empty() {
        sink(bytes);
    }
}

impl std::fmt::Debug for Masker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Masker").field("held_bytes", &self.held.len()).finish_non_exhaustive()
    }
}
