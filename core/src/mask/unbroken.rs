//! A text without its line breaks, and where each byte of it stands in the original.

use std::borrow::Cow;

use memchr::memchr2;

use super::finder::Spot;

/// A line break is at most so many bytes of CR and LF; what is longer parts two texts. It bounds what a masker holds back.
const BREAK_MAX: usize = 4;

pub(super) struct Unbroken<'a> {
    text: Cow<'a, [u8]>,
    /// From which byte of `text` on how many were left out before it; rising.
    seams: Vec<(usize, usize)>,
}

impl<'a> Unbroken<'a> {
    pub(super) fn of(original: &'a [u8]) -> Self {
        let Some(first) = memchr2(b'\r', b'\n', original) else {
            return Self { text: Cow::Borrowed(original), seams: Vec::new() };
        };
        let mut text = Vec::with_capacity(original.len());
        let (mut seams, mut left_out) = (Vec::new(), 0);
        let (mut begin, mut next) = (0, Some(first));
        while let Some(at) = next {
            text.extend_from_slice(&original[begin..at]);
            let breaks = original[at..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            left_out += breaks;
            if breaks > BREAK_MAX {
                text.push(b'\n');
                left_out -= 1;
            }
            seams.push((text.len(), left_out));
            begin = at + breaks;
            next = memchr2(b'\r', b'\n', &original[begin..]).map(|at| begin + at);
        }
        text.extend_from_slice(&original[begin..]);
        Self { text: Cow::Owned(text), seams }
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Where something that was found here stands in the original: up to its last byte, without the break behind that.
    pub(super) fn place(&self, spot: Spot) -> Spot {
        Spot { start: self.original(spot.start), end: self.original(spot.end - 1) + 1, ..spot }
    }

    fn original(&self, at: usize) -> usize {
        let before = self.seams.partition_point(|(from, _)| *from <= at);
        at + before.checked_sub(1).map_or(0, |last| self.seams[last].1)
    }
}
