//! One blob on its way in.

use bytes::Bytes;
use object_store::MultipartUpload;
use windlass_core::model::Digest;

use super::{Error, Result};

/// A blob that is being stored. Dropped before [`Self::finish`], it leaves nothing.
#[derive(Debug)]
pub struct Upload {
    parts: Box<dyn MultipartUpload>,
    hasher: blake3::Hasher,
    digest: Digest,
    announced: u64,
    written: u64,
}

impl Upload {
    pub(super) fn new(parts: Box<dyn MultipartUpload>, digest: Digest, announced: u64) -> Self {
        Self { parts, hasher: blake3::Hasher::new(), digest, announced, written: 0 }
    }

    /// How many bytes were written.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Adds bytes at the end. More than announced are refused before they are written.
    pub async fn write(&mut self, data: Bytes) -> Result<()> {
        let found = self.written.saturating_add(data.len() as u64);
        if found > self.announced {
            return Err(self.wrong_size(found));
        }
        self.hasher.update(&data);
        self.parts.put_part(data.into()).await?;
        self.written = found;
        Ok(())
    }

    /// Compares size and digest; then the blob is synced and has its name.
    pub async fn finish(mut self) -> Result<()> {
        if self.written != self.announced {
            return Err(self.wrong_size(self.written));
        }
        let found = Digest(*self.hasher.finalize().as_bytes());
        if found != self.digest {
            return Err(Error::Mismatch { wanted: self.digest, found });
        }
        self.parts.complete().await?;
        Ok(())
    }

    fn wrong_size(&self, found: u64) -> Error {
        Error::Size { digest: self.digest, found, announced: self.announced }
    }
}
