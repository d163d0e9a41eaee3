//! From a fetched artifact to a release that lies here whole. Touches nothing that serves.

use std::path::Path;

use super::error::{Error, Result};
use super::manifest::{self, Manifest};
use super::retain;
use super::settings::{self, RELEASE_FILE, SETTINGS_FILE};
use super::target::{Target, WayBackName};
use super::unpack::{self, Limits};

/// Room that stays free besides three times the artifact.
const SPARE_BYTES: u64 = 256 * 1024 * 1024;

/// Refuses to begin on a volume that would be full afterwards.
pub fn expect_room(target: &Target<'_>) -> Result<()> {
    let root = target.layout.root();
    let volume = rustix::fs::statvfs(root).map_err(|errno| Error::io("stat the volume of", root)(errno.into()))?;
    let free = volume.f_bavail.saturating_mul(volume.f_frsize);
    let needed = target.change.artifact_bytes.saturating_mul(3).saturating_add(SPARE_BYTES);
    if free < needed { Err(Error::NoRoom { path: root.to_owned(), free, needed }) } else { Ok(()) }
}

/// Whether the release of the change lies here whole. What lies here damaged and is neither linked nor the way back is removed.
pub fn is_here(target: &Target<'_>) -> Result<bool> {
    let (layout, change) = (&target.layout, target.change);
    if !layout.disk().exists(&layout.release(&change.release))? {
        return Ok(false);
    }
    match Manifest::prove(layout, &change.release) {
        Ok(manifest) if manifest.artifact == change.artifact && manifest.spec == change.spec => Ok(true),
        Ok(_) => {
            let why = "it was made from something else".to_owned();
            Err(Error::NotWhole { release: change.release.clone(), why })
        }
        Err(error @ (Error::NotWhole { .. } | Error::Damaged { .. })) => {
            let linked = layout.linked()?;
            if linked.as_ref() == Some(&change.release) || change.way_back_name() == Some(&change.release) {
                return Err(error);
            }
            target.log.line(format_args!("{error}: unpacking it again"));
            retain::remove(layout, &change.release)?;
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Verifies the artifact and unpacks it; the release becomes visible by one rename, after its manifest.
pub fn install(target: &Target<'_>, artifact: &Path) -> Result<()> {
    let (layout, change) = (&target.layout, target.change);
    let found = manifest::digest_of(artifact).map_err(Error::io("read", artifact))?;
    if found != change.artifact {
        return Err(Error::WrongArtifact { wanted: change.artifact, found });
    }
    let named = format!("{}\n", change.release);
    let settings = settings::render(&change.spec.settings)?;
    let own = [(RELEASE_FILE, named.as_str()), (SETTINGS_FILE, settings.as_str())];
    retain::remove_partial(layout, &change.release)?;
    let partial = layout.partial(&change.release);
    let files = match unpack::extract(artifact, &change.spec.artifact, &partial, &Limits::ARTIFACT, &own) {
        Ok(files) => files,
        Err(error) => {
            retain::remove_partial(layout, &change.release)?;
            return Err(error);
        }
    };
    let (release, spec) = (change.release.clone(), change.spec.clone());
    Manifest { format: 1, release, artifact: found, spec, files }.write(layout)?;
    layout.disk().rename(&partial, &layout.release(&change.release))?;
    Ok(layout.disk().sync_dir(&layout.releases())?)
}
