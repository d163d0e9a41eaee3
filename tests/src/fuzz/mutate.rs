//! Changes to bytes, as bad disks and bad peers make them.

use fastrand::Rng;

/// Changes the bytes in one to four places.
pub(super) fn mutate(rng: &mut Rng, bytes: &mut Vec<u8>) {
    for _ in 0..rng.usize(1..=4) {
        once(rng, bytes);
    }
}

fn once(rng: &mut Rng, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        return bytes.push(rng.u8(..));
    }
    let at = rng.usize(..bytes.len());
    let most = 1 << rng.u32(0..12);
    let len = rng.usize(1..=(bytes.len() - at).min(most));
    match rng.u8(0..8) {
        0 | 1 => bytes[at] ^= 1 << rng.u8(0..8),
        2 => bytes.truncate(at),
        3 => bytes[at..at + len].fill(0),
        4 => bytes[at..at + len].fill_with(|| rng.u8(..)),
        5 => _ = bytes.drain(at..at + len),
        6 => {
            let copy = bytes[at..at + len].to_vec();
            let to = rng.usize(..=bytes.len());
            _ = bytes.splice(to..to, copy);
        }
        _ => extreme(rng, bytes, at),
    }
}

/// A number where a length, an offset or a count may stand, in either order of bytes.
fn extreme(rng: &mut Rng, bytes: &mut [u8], at: usize) {
    let numbers = [0, 1, u64::from(u32::MAX), u64::MAX, u64::MAX - 1, 1 << 31, 1 << 63, bytes.len() as u64];
    let number = numbers[rng.usize(..numbers.len())];
    let text = if rng.bool() { number.to_le_bytes() } else { number.to_be_bytes() };
    let width = [2, 4, 8][rng.usize(..3)];
    for (place, byte) in bytes[at..].iter_mut().zip(&text[..width]) {
        *place = *byte;
    }
}
