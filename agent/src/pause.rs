//! `windlass-agent pause` and `resume`: somebody on the host wants nothing new here. A file says so, which survives every restart; the agent
//! looks at it with each heartbeat, and opens a session anew to tell the master.

use std::path::Path;

use windlass_disk::{Disk, RealDisk, safe_write};

use crate::attempts::StateDir;
use crate::exit::{CONFIG, DISK, Failure};

/// The most bytes of a reason.
const REASON_BYTES: usize = 1024;

/// Pauses.
pub fn pause(state_dir: &Path, reason: &str) -> Result<(), Failure> {
    demand_reason(reason)?;
    let dir = enrolled(state_dir)?;
    safe_write::write(&RealDisk, &dir.paused(), reason.as_bytes()).map_err(|error| Failure::new(DISK, &error))?;
    told("nothing new is placed here a few seconds from now; what runs goes on, until `windlass-agent resume`")
}

/// Ends a pause of this host; one that was made at the master stays.
pub fn resume(state_dir: &Path) -> Result<(), Failure> {
    let dir = enrolled(state_dir)?;
    let removed = (|| {
        if RealDisk.exists(&dir.paused())? {
            RealDisk.remove_file(&dir.paused())?;
            RealDisk.sync_dir(dir.path())?;
        }
        Ok(())
    })();
    removed.map_err(|error: windlass_disk::Error| Failure::new(DISK, &error))?;
    told("this host takes work again a few seconds from now")
}

/// A reason that people can read.
pub(crate) fn demand_reason(reason: &str) -> Result<(), Failure> {
    if reason.trim().is_empty() || reason.len() > REASON_BYTES || reason.chars().any(char::is_control) {
        let text = "a reason has 1 to 1024 bytes and no control characters";
        return Err(Failure::new(CONFIG, text).hint("say why, as --reason \"disk swap\""));
    }
    Ok(())
}

/// Why somebody on this host wants nothing new. What cannot be read counts as a pause: somebody meant something by it.
pub(crate) fn reason(file: &Path) -> Option<String> {
    match std::fs::read_to_string(file) {
        Ok(reason) => Some(reason),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => Some(format!("{} cannot be read: {error}", file.display())),
    }
}

/// The state directory of an agent.
pub(crate) fn enrolled(state_dir: &Path) -> Result<StateDir, Failure> {
    let dir = StateDir::new(state_dir);
    if dir.cert().exists() {
        return Ok(dir);
    }
    Err(not_enrolled(state_dir))
}

/// Nobody lives there.
pub(crate) fn not_enrolled(state_dir: &Path) -> Failure {
    Failure::new(CONFIG, format!("{} holds no agent", state_dir.display()))
        .hint("name its state directory with --state-dir, or enrol with `windlass-agent join`")
}

/// Says what was done.
pub(crate) fn told(text: &str) -> Result<(), Failure> {
    use std::io::Write;
    writeln!(std::io::stdout().lock(), "{text}").map_err(|error| Failure::new(DISK, format!("cannot write: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_stays_until_it_is_ended_and_needs_a_reason_and_an_agent() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, file) = (folder.path(), StateDir::new(folder.path()).paused());
        pause(path, "disk swap").map(drop).expect_err("no agent is enrolled here");
        std::fs::create_dir(path.join("identity")).expect("made");
        std::fs::write(path.join("identity/cert.pem"), "").expect("written");
        for bad in ["", " ", "a\nb", &"x".repeat(1025)] {
            pause(path, bad).map(drop).expect_err(bad);
        }
        assert_eq!(reason(&file), None);
        for why in ["disk swap", "another disk"] {
            pause(path, why).expect("paused");
            assert_eq!(reason(&file).as_deref(), Some(why));
        }
        for _ in 0..2 {
            resume(path).expect("resumed");
            assert_eq!(reason(&file), None);
        }
    }
}
