//! Where this agent's processes are kept together: cgroups in a folder of its own.
//!
//! ```text
//! <the group the agent was started in>/windlass/<16 digits of the state directory's path>/
//!     agent            the agent, its observer, what they start
//!     shims/<fence>    one shim each
//!     jobs/<fence>     all processes of a job
//! ```
//! So several agents on one host, or one inside a job of another, never meet. Called by [`super::State`], and by `app` at start and stop.

use std::io::{self, ErrorKind};
use std::path::Path;

use windlass_core::model::Fence;
pub use windlass_shim::{CONTROLLERS, Cgroup, Cgroups};

/// Groups of processes, as the kernel keeps them.
pub trait Groups: Send {
    /// Where the processes of a new attempt shall be; none: process groups have to do.
    fn of(&self, fence: Fence) -> Option<Cgroups>;
    /// Whether nobody lives in it.
    fn is_empty(&self, group: &Cgroup) -> io::Result<bool>;
    /// Ends all that is in it.
    fn kill(&self, group: &Cgroup) -> io::Result<()>;
    /// Removes one that is empty.
    fn remove(&self, group: &Cgroup) -> io::Result<()>;
    /// The attempts that have a group here.
    fn attempts(&self) -> io::Result<Vec<Fence>>;
}

/// Those of the operating system.
#[derive(Debug, Clone, Default)]
pub struct KernelGroups {
    own: Option<Own>,
}

/// Process groups have to do.
pub(super) static NO_GROUPS: KernelGroups = KernelGroups::NONE;

#[derive(Debug, Clone)]
struct Own {
    /// Where the agent was started.
    outside: Cgroup,
    base: Cgroup,
}

/// What the unit calls the group in which systemd starts the agent, so that the unit's own group stays empty and may be bounded.
const SUBGROUP: &str = "main";

/// Another agent that ends may remove what we have just made a part of.
const TRIES: u32 = 10;

impl KernelGroups {
    /// Process groups only.
    pub const NONE: Self = Self { own: None };

    /// Makes the folder for this state directory, and moves this process there, which proves that the kernel lets us.
    pub fn enter(state_dir: &Path) -> io::Result<Self> {
        let outside = Cgroup::own().ok_or_else(|| io::Error::new(ErrorKind::NotFound, "no cgroup2 mount shows us"))?;
        let base = Self::base(&outside, state_dir)?;
        let made = || -> io::Result<()> {
            for part in ["jobs", "shims", "agent"] {
                base.child(part).make()?;
            }
            base.child("agent").enter()?;
            // With us the last process is out of the groups above, which the kernel demands before it bounds what is below. It lets nobody
            // into them from then on, so the group that we were started in is left alone: the next start of the agent begins there.
            let home = home(&outside);
            if home != outside || home.is_root() {
                home.bound_children();
            }
            for group in [&home.child("windlass"), &base, &base.child("jobs")] {
                group.bound_children();
            }
            Ok(())
        };
        let mut tried = made();
        for _again in 1..TRIES {
            match tried {
                Err(error) if error.kind() == ErrorKind::NotFound => tried = made(),
                Ok(()) | Err(_) => break,
            }
        }
        tried?;
        Ok(Self { own: Some(Own { outside, base }) })
    }

    /// Goes back to where the agent was started, and removes what nobody is in. Groups of jobs that run stay.
    pub fn leave(&self) -> io::Result<()> {
        let Some(own) = &self.own else { return Ok(()) };
        own.outside.enter()?;
        for part in ["agent", "jobs", "shims"] {
            own.base.child(part).remove_childless()?;
        }
        own.base.remove_childless()?;
        home(&own.outside).child("windlass").remove_childless()
    }

    /// The folder of the agent with this state directory that was started in `outside`.
    pub fn base(outside: &Cgroup, state_dir: &Path) -> io::Result<Cgroup> {
        use std::os::unix::ffi::OsStrExt;
        let path = state_dir.canonicalize()?;
        let name = blake3::hash(path.as_os_str().as_bytes()).to_hex();
        Ok(home(outside).child("windlass").child(&name[..16]))
    }

    /// By what jobs are bounded here.
    pub fn bounds(&self) -> Vec<&'static str> {
        self.own.as_ref().map(|own| own.base.child("jobs").bounds()).unwrap_or_default()
    }

    /// Whether there are any.
    pub fn are_there(&self) -> bool {
        self.own.is_some()
    }
}

/// Where our groups are made: in the group that we were started in, or beside it if it is the `DelegateSubgroup=main` of our unit.
fn home(outside: &Cgroup) -> Cgroup {
    match outside.path().parent() {
        Some(unit) if outside.path().ends_with(SUBGROUP) => Cgroup::new(unit),
        Some(_) | None => outside.clone(),
    }
}

impl Groups for KernelGroups {
    fn of(&self, fence: Fence) -> Option<Cgroups> {
        let base = &self.own.as_ref()?.base;
        let name = fence.to_string();
        Some(Cgroups { job: base.child("jobs").child(&name), shim: base.child("shims").child(&name) })
    }

    fn is_empty(&self, group: &Cgroup) -> io::Result<bool> {
        group.is_empty()
    }

    fn kill(&self, group: &Cgroup) -> io::Result<()> {
        group.kill()
    }

    fn remove(&self, group: &Cgroup) -> io::Result<()> {
        group.remove()
    }

    fn attempts(&self) -> io::Result<Vec<Fence>> {
        let Some(own) = &self.own else { return Ok(Vec::new()) };
        let mut names = own.base.child("jobs").children()?;
        names.extend(own.base.child("shims").children()?);
        let mut fences: Vec<Fence> = names.iter().filter_map(|name| name.parse().ok()).collect();
        fences.sort_unstable();
        fences.dedup();
        Ok(fences)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_directory_has_a_folder_of_its_own() {
        let folder = tempfile::tempdir().expect("a directory");
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        std::fs::create_dir(&one).expect("made");
        std::fs::create_dir(&two).expect("made");
        let base = |dir: &Path| KernelGroups::base(&Cgroup::new("/g"), dir).expect("it is there");
        assert_ne!(base(&one), base(&two));
        assert_eq!(base(&one), base(&two.join("../one")));
        assert_eq!(base(&one).path().parent(), Some(Path::new("/g/windlass")));
    }

    #[test]
    fn without_cgroups_there_is_nothing_to_do() {
        let none = KernelGroups::NONE;
        assert!(none.of(Fence(1)).is_none() && !none.are_there());
        assert!(none.attempts().expect("none").is_empty());
        none.leave().expect("nothing to leave");
    }
}
