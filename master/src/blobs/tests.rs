use bytes::Bytes;
use futures_util::TryStreamExt;
use windlass_core::model::Digest;

use super::*;

fn store() -> (tempfile::TempDir, Blobs) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let blobs = Blobs::open(&dir.path().join("blobs")).expect("a folder");
    (dir, blobs)
}

async fn bytes_of(blobs: &Blobs, digest: Digest, offset: u64) -> Vec<u8> {
    let pieces = blobs.read(digest, offset).await.expect("it is here");
    let pieces: Vec<Bytes> = pieces.try_collect().await.expect("readable");
    assert!(pieces.iter().all(|piece| piece.len() as u64 <= PART_BYTES));
    pieces.concat()
}

/// Names of regular files below the folder.
fn files(dir: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).expect("a folder") {
        let entry = entry.expect("an entry");
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    found
}

#[tokio::test]
async fn a_blob_comes_back_by_its_digest_from_any_offset() {
    let (dir, blobs) = store();
    let data: Vec<u8> = (0..700_000u32).map(|n| (n % 251) as u8).collect();
    let digest = Digest::of(&data);
    assert!(!blobs.exists(&digest).await.expect("asked"));
    let mut upload = blobs.begin(digest, data.len() as u64).await.expect("begun");
    for part in data.chunks(200_000) {
        upload.write(Bytes::copy_from_slice(part)).await.expect("written");
        assert!(!blobs.exists(&digest).await.expect("asked"));
    }
    upload.finish().await.expect("whole");
    assert_eq!(blobs.size(&digest).await.expect("asked"), Some(700_000));
    assert_eq!(bytes_of(&blobs, digest, 0).await, data);
    assert_eq!(bytes_of(&blobs, digest, 300_001).await, data[300_001..]);
    assert!(bytes_of(&blobs, digest, u64::MAX).await.is_empty());
    let name = digest.to_string();
    assert!(dir.path().join("blobs").join(&name[..2]).join(&name[2..4]).join(&name).is_file());
    blobs.put(digest, data.into()).await.expect("the same again");
}

#[tokio::test]
async fn bytes_of_another_digest_leave_nothing() {
    let (dir, blobs) = store();
    let digest = Digest::of(b"what was announced");
    let error = blobs.put(digest, Bytes::from_static(b"what came")).await.expect_err("another digest");
    assert!(matches!(error, Error::Mismatch { wanted, .. } if wanted == digest), "{error}");
    assert!(!files(dir.path()).contains(&digest.to_string()));
    assert!(matches!(blobs.read(digest, 0).await.err(), Some(Error::Missing(_))));
}

#[tokio::test]
async fn more_or_fewer_bytes_than_announced_are_refused() {
    let (_dir, blobs) = store();
    let digest = Digest::of(b"four");
    let mut long = blobs.begin(digest, 3).await.expect("begun");
    assert!(matches!(long.write(Bytes::from_static(b"four")).await, Err(Error::Size { found: 4, .. })));
    assert_eq!(long.written(), 0);
    let mut short = blobs.begin(digest, 5).await.expect("begun");
    short.write(Bytes::from_static(b"four")).await.expect("written");
    assert!(matches!(short.finish().await, Err(Error::Size { found: 4, announced: 5, .. })));
}

#[tokio::test]
async fn an_empty_blob_is_a_blob() {
    let (_dir, blobs) = store();
    let digest = Digest::of(b"");
    blobs.put(digest, Bytes::new()).await.expect("stored");
    assert_eq!(blobs.size(&digest).await.expect("asked"), Some(0));
    assert!(bytes_of(&blobs, digest, 0).await.is_empty());
}
