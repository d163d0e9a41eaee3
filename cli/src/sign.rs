//! Signing a delivery as Standard Webhooks says: HMAC-SHA256 over id, time and body.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac};

/// The key of a hook. It is never printed.
pub struct HookKey(hmac::Key);

impl std::fmt::Debug for HookKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HookKey(…)")
    }
}

impl HookKey {
    /// Fewest bytes of a key.
    const MIN_BYTES: usize = 16;

    /// From the text of a key file: `whsec_` and base64, or any other text, whose bytes are the key. White space around it does not
    /// count. None if it is too short or its base64 is broken.
    pub fn from_text(text: &str) -> Option<Self> {
        let text = text.trim();
        let bytes = match text.strip_prefix("whsec_") {
            Some(encoded) => STANDARD.decode(encoded).ok()?,
            None => text.as_bytes().to_vec(),
        };
        (bytes.len() >= Self::MIN_BYTES).then(|| Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// The value of the header `webhook-signature`; `timestamp` in seconds.
    pub fn signature(&self, id: &str, timestamp: u64, body: &[u8]) -> String {
        let mut signed = format!("{id}.{timestamp}.").into_bytes();
        signed.extend_from_slice(body);
        format!("v1,{}", STANDARD.encode(hmac::sign(&self.0, &signed)))
    }
}

/// The id of the delivery of one change of a ref: the same change always has the same id, so that a repeated hook makes one run.
pub fn delivery_id(reference: &str, before: &str, after: &str) -> String {
    let digest = digest::digest(&digest::SHA256, format!("{reference}\0{before}\0{after}").as_bytes());
    let hex: String = digest.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("msg_{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification of Standard Webhooks.
    #[test]
    fn the_signature_is_that_of_the_specification() {
        let key = HookKey::from_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").expect("a key");
        let signature = key.signature("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_short_or_broken_key_is_none() {
        for bad in ["", "short", "whsec_%%%", "whsec_c2hvcnQ="] {
            assert!(HookKey::from_text(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn the_same_change_has_the_same_id_and_another_has_another() {
        let id = delivery_id("refs/heads/main", "a", "b");
        assert_eq!(id, delivery_id("refs/heads/main", "a", "b"));
        assert_ne!(id, delivery_id("refs/heads/main", "c", "b"));
        assert_ne!(id, delivery_id("refs/heads/next", "a", "b"));
        assert_eq!(id.len(), "msg_".len() + 32);
    }
}
