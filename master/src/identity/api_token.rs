//! API tokens: `wl_` and 47 digits, of which 8 are the id, 32 the secret and 7 a checksum, so that scanners know one when they see it.
//!
//! The master keeps the id and the BLAKE3 of the secret. Nothing here decides whether a token is known, expired or allowed something.

use windlass_core::input::ApiToken;
use windlass_core::model::{Digest, UnixMs};

use super::{Result, base32, random};

const PREFIX: &str = "wl_";
const ID_DIGITS: usize = 8;
const SECRET_DIGITS: usize = 32;
const CHECKSUM_DIGITS: usize = 7;
const DIGITS: usize = ID_DIGITS + SECRET_DIGITS + CHECKSUM_DIGITS;

/// A new token: the text, which is shown once, and what the master keeps of it.
pub fn new_api_token(subject: &str, expires: UnixMs) -> Result<(String, ApiToken)> {
    let id = base32::encode(&random::bytes::<5>()?, ID_DIGITS);
    let secret = base32::encode(&random::bytes::<20>()?, SECRET_DIGITS);
    let checksum = checksum_of(&format!("{id}{secret}"));
    let kept = ApiToken { secret: digest_of(&secret), subject: subject.to_owned(), expires, id };
    let text = format!("{PREFIX}{}{secret}{checksum}", kept.id);
    Ok((text, kept))
}

/// The id and the digest of the secret of a text that has the form of a token; `None` for everything else.
pub fn parse_api_token(text: &str) -> Option<(String, Digest)> {
    let digits = text.strip_prefix(PREFIX).filter(|digits| digits.len() == DIGITS && base32::is_base32(digits))?;
    let (proven, checksum) = digits.split_at(ID_DIGITS + SECRET_DIGITS);
    let (id, secret) = proven.split_at(ID_DIGITS);
    (checksum_of(proven) == checksum).then(|| (id.to_owned(), digest_of(secret)))
}

/// Compares in the same time whatever differs.
pub fn same_digest(one: &Digest, other: &Digest) -> bool {
    // The comparison of `blake3::Hash` is constant-time; the one of arrays is not.
    blake3::Hash::from_bytes(one.0) == blake3::Hash::from_bytes(other.0)
}

fn digest_of(secret: &str) -> Digest {
    Digest::of(secret.as_bytes())
}

fn checksum_of(text: &str) -> String {
    base32::encode(&crc32(text.as_bytes()).to_be_bytes(), CHECKSUM_DIGITS)
}

/// CRC-32 of ISO 3309, the one of zip and gzip.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| crc >> 1 ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_known_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn a_token_is_read_back_as_what_the_master_keeps() {
        let (text, kept) = new_api_token("anna", UnixMs(5)).expect("random bytes");
        assert_eq!((text.len(), &text[..3]), (50, "wl_"));
        let (id, secret) = parse_api_token(&text).expect("it is a token");
        assert_eq!(id, kept.id);
        assert!(same_digest(&secret, &kept.secret));
        let (_, other) = new_api_token("anna", UnixMs(5)).expect("random bytes");
        assert!(!same_digest(&other.secret, &kept.secret));
    }

    #[test]
    fn what_is_no_token_is_known_without_a_look_at_the_store() {
        let (text, _) = new_api_token("anna", UnixMs(5)).expect("random bytes");
        for at in 3..text.len() {
            let other = if &text[at..=at] == "0" { "1" } else { "0" };
            let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            assert_eq!(parse_api_token(&changed), None, "{at}");
        }
        let long = text.repeat(20_000);
        for bad in ["", "wl_", &text[..49], &text.to_uppercase(), &format!("{text}0"), &long, "wl_ä"] {
            assert_eq!(parse_api_token(bad), None);
        }
    }
}
