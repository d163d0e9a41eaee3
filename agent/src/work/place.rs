//! Where the steps of an attempt run.

use std::io;
use std::path::{Path, PathBuf};

use windlass_core::model::{Digest, Envelope, Fence, Workspace};

use crate::host::Host;

/// The search path of steps.
pub(super) const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The first folder of the project and job that is not in use, made if it is missing; a new one for `fresh`.
pub(super) fn workspace(
    host: &dyn Host,
    work_dir: &Path,
    fence: Fence,
    envelope: &Envelope,
    in_use: impl Fn(&Path) -> bool,
) -> io::Result<PathBuf> {
    let folder = match envelope.workspace {
        Workspace::Fresh => fresh(work_dir, fence),
        Workspace::Warm | Workspace::Clean => {
            let base = work_dir.join(envelope.run.project.as_str());
            let name = envelope.job.in_path();
            let numbered = (1..).map(|n| if n == 1 { base.join(&name) } else { base.join(format!("{name}.{n}")) });
            numbered.into_iter().find(|folder| !in_use(folder)).expect("the numbers do not end")
        }
    };
    host.make_folder(&folder)?;
    Ok(folder)
}

/// The folder of an attempt that wants a new one.
pub(super) fn fresh(work_dir: &Path, fence: Fence) -> PathBuf {
    work_dir.join("fresh").join(fence.to_string())
}

/// Where the shim of an attempt puts secrets that its steps see as files: on a tmpfs, apart from other agents of this host.
pub(super) fn secrets(state_dir: &Path, fence: Fence) -> PathBuf {
    let whose = Digest::of(state_dir.as_os_str().as_encoded_bytes()).to_string();
    Path::new("/dev/shm").join(format!("windlass-{}-{fence}", &whose[..16]))
}
