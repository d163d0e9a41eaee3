//! One line: its checksum and its payload.

/// Eight hexadecimal digits and a space.
const HEAD: usize = 9;

/// A payload that would not survive as one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a line of a record holds a line feed or a zero byte")]
pub struct InvalidPayload;

/// The line with its line feed.
pub(super) fn encode(payload: &[u8]) -> Result<Vec<u8>, InvalidPayload> {
    if payload.iter().any(|byte| matches!(byte, b'\n' | 0)) {
        return Err(InvalidPayload);
    }
    let mut line = head(payload);
    line.extend_from_slice(payload);
    line.push(b'\n');
    Ok(line)
}

/// The payload of a line without its line feed; `None` if the checksum does not fit.
pub(super) fn decode(line: &[u8]) -> Option<&[u8]> {
    let (found, payload) = line.split_at_checked(HEAD)?;
    (found == head(payload)).then_some(payload)
}

fn head(payload: &[u8]) -> Vec<u8> {
    format!("{:08x} ", crc32c::crc32c(payload)).into_bytes()
}
