//! The start of a shim, up to the point where the first child waits: what the agent hands over is taken, and refused if it is not
//! as agreed.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use windlass_core::attempt::{Line, LineBody};
use windlass_core::mask::Needles;
use windlass_core::model::{Envelope, Fence, Limits, Secrets};
use windlass_disk::RealDisk;
use windlass_disk::file::DiskFile;
use windlass_disk::real::RealFile;
use windlass_disk::record::{RecordEnd, RecordWriter, read_record};

use crate::error::Error;
use crate::pipes::Pipes;
use crate::place::{Cgroups, Place};
use crate::process::{Fuse, Tree, become_session, take_record};
use crate::run::Attempt;
use crate::secrets;
use crate::spool::{Files, Spool};
use crate::watch::Watch;

/// A shim that has not written GO by then is ended by the kernel, so that the lock gets free.
const FUSE_SECS: u32 = 30;

/// Between two tries on a full disk.
const FULL_DISK_PAUSE: Duration = Duration::from_secs(10);

/// Takes the attempt in `dir` over from the agent.
pub(crate) fn start(dir: &Path) -> Result<Attempt, Error> {
    let file_error = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::File { path, source }
    };
    windlass_disk::memory::keep_private().map_err(|source| Error::System { what: "no core dumps", source })?;
    let dir = std::path::absolute(dir).map_err(file_error(dir))?;
    let record = RealFile::new(take_record(&dir)?, &dir.join("record"));
    let fuse = Fuse::light(FUSE_SECS);
    let (fence, envelope) = accepted(&record)?;
    let place = read_place(&Place::path_in(&dir))?;
    let secrets = take_secrets(&envelope)?;
    let needles = secrets.as_ref().map(|secrets| Needles::of(secrets.iter())).unwrap_or_else(|| Needles::of([]));
    let ended = become_session()?;
    if let Some(cgroups) = &place.cgroups {
        make_groups(cgroups, &place.limits)?;
    }
    let tree = Tree::new(ended, place.cgroups.as_ref().map(|cgroups| cgroups.job.clone()));
    std::env::set_current_dir("/").map_err(file_error(Path::new("/")))?;
    let record = RecordWriter::new(Box::new(record)).map_err(|error| disk_error(&error))?;
    let files = Files { disk: Box::new(RealDisk), dir: &dir, record, pause: FULL_DISK_PAUSE };
    let spool = Spool::start(files, envelope.steps.len(), envelope.log_quota_bytes)?;
    let watch = Watch::of(&dir);
    let pipes = Pipes::new(Arc::new(needles));
    Ok(Attempt::new(dir, fence, envelope, place, Parts { fuse, tree, spool, watch, pipes, secrets }))
}

/// Makes the job's group and enters our own. Nothing waits for the latter, which takes the kernel some ten milliseconds: what is
/// forked meanwhile goes to the job's group all the same.
fn make_groups(cgroups: &Cgroups, limits: &Limits) -> Result<(), Error> {
    for group in [&cgroups.job, &cgroups.shim] {
        group.make().map_err(|source| Error::File { path: group.path().to_owned(), source })?;
    }
    cgroups.job.limit(limits);
    let own = cgroups.shim.clone();
    let entering = std::thread::Builder::new().name("enter".to_owned()).spawn(move || {
        if let Err(error) = own.enter() {
            // Then only the fuse ends a hung shim; all else goes on.
            _ = writeln!(std::io::stderr(), "the shim cannot enter {}: {error}", own.path().display());
        }
    });
    entering.map(drop).map_err(|source| Error::System { what: "a thread", source })
}

/// What a shim is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) fuse: Fuse,
    pub(crate) tree: Tree,
    pub(crate) spool: Spool,
    pub(crate) watch: Watch,
    pub(crate) pipes: Pipes,
    /// None: they were cut short.
    pub(crate) secrets: Option<Secrets>,
}

/// The lock must be ours, and ACCEPTED the only line: whoever wrote more has begun the attempt, or ended it.
pub fn accepted(record: &dyn DiskFile) -> Result<(Fence, Envelope), Error> {
    if !record.try_flock().map_err(|error| disk_error(&error))? {
        return Err(Error::agreement("the lock of the record is held by another process"));
    }
    let read = read_record(&record.read_all().map_err(|error| disk_error(&error))?);
    let ([payload], RecordEnd::Clean) = (&read.lines[..], read.end) else {
        return Err(Error::agreement("the record does not end with its first line"));
    };
    let line: Line = serde_json::from_slice(payload).map_err(|error| Error::agreement(format!("ACCEPTED: {error}")))?;
    match line.body {
        LineBody::Accepted { fence, envelope, boot_id: _ } if line.index == 1 => Ok((fence, *envelope)),
        LineBody::Accepted { .. }
        | LineBody::Go
        | LineBody::StepStarted { .. }
        | LineBody::StepEnded { .. }
        | LineBody::Stuck { .. }
        | LineBody::Void { .. }
        | LineBody::Exit { .. } => Err(Error::agreement("the record does not begin with ACCEPTED")),
    }
}

/// What the steps declare comes through standard input, which is empty from then on.
fn take_secrets(envelope: &Envelope) -> Result<Option<Secrets>, Error> {
    if envelope.secrets().is_empty() {
        return Ok(Some(Secrets::default()));
    }
    let taken = secrets::take(&mut std::fs::File::from(
        rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 0).map_err(Error::system("fcntl"))?,
    ));
    let null = std::fs::File::open("/dev/null").map_err(|source| Error::System { what: "/dev/null", source })?;
    rustix::stdio::dup2_stdin(null).map_err(Error::system("dup2"))?;
    Ok(taken)
}

fn read_place(path: &Path) -> Result<Place, Error> {
    let bytes = windlass_disk::Disk::read(&RealDisk, path).map_err(|error| disk_error(&error))?;
    serde_json::from_slice(&bytes).map_err(|error| Error::agreement(format!("{}: {error}", path.display())))
}

fn disk_error(error: &windlass_disk::Error) -> Error {
    Error::File { path: error.path.clone(), source: std::io::Error::new(error.kind(), error.to_string()) }
}
