//! Crockford's base 32 in lower case: no letter that can be taken for a digit.

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// `digits` digits of the value that these bytes are, big-endian, the lowest bits last. Bits that do not fit are left out.
pub(super) fn encode(bytes: &[u8], digits: usize) -> String {
    let bit = |at: usize| bytes.len().checked_sub(1 + at / 8).map_or(0, |byte| bytes[byte] >> (at % 8) & 1);
    let digit = |place: usize| (0..5).rev().fold(0, |value, at| value << 1 | bit(place * 5 + at));
    (0..digits).rev().map(|place| char::from(ALPHABET[usize::from(digit(place))])).collect()
}

/// Whether every character is a digit of ours.
pub(super) fn is_base32(text: &str) -> bool {
    text.bytes().all(|byte| ALPHABET.contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_digits_of_five_bits() {
        assert_eq!(encode(&[0, 0, 0, 0, 0], 8), "00000000");
        assert_eq!(encode(&[0xff; 5], 8), "zzzzzzzz");
        assert_eq!(encode(&[0, 0, 0, 0, 31], 8), "0000000z");
        assert_eq!(encode(&[0, 0, 0, 0, 32], 8), "00000010");
        assert_eq!(encode(&[0x80, 0, 0, 0], 7), "2000000");
        assert!(is_base32("0123abcz") && !is_base32("i") && !is_base32("A"));
    }
}
