//! The join token: `WLJ1<64 hex: SHA-256 of the CA, DER>::<16 hex: id>:<43 base64url: Ed25519 seed>`, one line.

use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What a token says. The seed is not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinToken {
    /// SHA-256 of the cluster's CA certificate, DER.
    pub ca_pin: [u8; 32],
    /// Names the token: sixteen hex digits.
    pub id: String,
    /// Proves that we hold the token; never sent.
    pub seed: [u8; 32],
}

/// A text that is no join token. It is not repeated: it may be one with a typing error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a join token: {0}")]
pub struct InvalidToken(&'static str);

impl FromStr for JoinToken {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        let rest = text.trim().strip_prefix("WLJ1").ok_or(InvalidToken("it begins with WLJ1"))?;
        let (pin, rest) = rest.split_once("::").ok_or(InvalidToken("its first part ends with ::"))?;
        let (id, seed) = rest.split_once(':').ok_or(InvalidToken("its second part ends with :"))?;
        let ca_pin = hex(pin).ok_or(InvalidToken("its first part is 64 hex digits"))?;
        if id.len() != 16 || !id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            return Err(InvalidToken("its second part is 16 hex digits"));
        }
        let seed = URL_SAFE_NO_PAD.decode(seed).ok().and_then(|bytes| bytes.try_into().ok());
        let seed = seed.ok_or(InvalidToken("its last part is 43 characters of base64url"))?;
        Ok(Self { ca_pin, id: id.to_owned(), seed })
    }
}

impl std::fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JoinToken").field("id", &self.id).finish_non_exhaustive()
    }
}

fn hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}
