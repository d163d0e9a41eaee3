//! Random bytes of the operating system.

use ring::rand::{SecureRandom, SystemRandom};

use super::{Error, Result};

pub(super) fn bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Error::Random)?;
    Ok(bytes)
}
