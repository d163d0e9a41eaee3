//! The store: put by digest, read by digest.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::try_unfold;
use object_store::local::LocalFileSystem;
use object_store::{ObjectStore, ObjectStoreExt, path};
use windlass_core::model::Digest;
use windlass_disk::{RealDisk, safe_write};

use super::{Error, Result, Upload};

/// How much is read at once; what a part on the agent link may have.
pub const PART_BYTES: u64 = 256 * 1024;

/// The blobs of a cluster. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Blobs(Arc<dyn ObjectStore>);

impl Blobs {
    /// The blobs in this folder, which is made if it is missing.
    pub fn open(dir: &Path) -> Result<Self> {
        safe_write::create_dir_all_synced(&RealDisk, dir)?;
        Ok(Self(Arc::new(LocalFileSystem::new_with_prefix(dir)?.with_fsync(true))))
    }

    /// Begins to store a blob of this digest and size. Nothing has its name before [`Upload::finish`].
    pub async fn begin(&self, digest: Digest, size: u64) -> Result<Upload> {
        let parts = self.0.put_multipart(&path_of(&digest)).await?;
        Ok(Upload::new(parts, digest, size))
    }

    /// Stores a blob that is in memory.
    pub async fn put(&self, digest: Digest, data: Bytes) -> Result<()> {
        let mut upload = self.begin(digest, data.len() as u64).await?;
        upload.write(data).await?;
        upload.finish().await
    }

    /// How many bytes the blob has; `None` if it is not here.
    pub async fn size(&self, digest: &Digest) -> Result<Option<u64>> {
        match self.0.head(&path_of(digest)).await {
            Ok(found) => Ok(Some(found.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the blob is here.
    pub async fn exists(&self, digest: &Digest) -> Result<bool> {
        Ok(self.size(digest).await?.is_some())
    }

    /// The bytes from `offset` on, in pieces of at most [`PART_BYTES`]; nothing behind the end.
    pub async fn read(&self, digest: Digest, offset: u64) -> Result<impl Stream<Item = Result<Bytes>> + Send + use<>> {
        let size = self.size(&digest).await?.ok_or(Error::Missing(digest))?;
        let store = Arc::clone(&self.0);
        Ok(try_unfold(offset, move |at| {
            let store = Arc::clone(&store);
            async move {
                if at >= size {
                    return Ok(None);
                }
                let end = size.min(at + PART_BYTES);
                let piece = store.get_range(&path_of(&digest), at..end).await?;
                Ok(Some((piece, end)))
            }
        }))
    }
}

fn path_of(digest: &Digest) -> path::Path {
    let name = digest.to_string();
    path::Path::from_iter([&name[..2], &name[2..4], &name])
}
