//! A file system of its own in a loop device, whose power can be cut.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::wait::until;

/// Sparse: only what is written takes room.
const SIZE: &str = "4G";
/// Where a volume's file lies if there is room: what counts is what *its* file system loses, and memory is quick.
const MEMORY: &str = "/dev/shm";
const MEMORY_FREE_MIN: u64 = 4 << 30;

/// `FS_IOC_SHUTDOWN` with `FS_GOING_FLAGS_NOLOGFLUSH`: nothing more reaches the device, neither data nor journal. perl, which git needs
/// anyway, has ioctl without unsafe code.
const SHUTDOWN: &str = "open(F, '<', $ARGV[0]) or die; my $flags = pack('L', 2); ioctl(F, 0x8004587d, $flags) or die";

/// What a volume is formatted with and how it is mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSystem {
    /// ext4 as it is: data is written before the names and lengths that lead to it.
    Ext4,
    /// ext4 that does not care for that order: a file may have its new length and old bytes.
    Ext4Writeback,
    /// XFS.
    Xfs,
}

impl FileSystem {
    /// The program that formats, with its options.
    fn format(self) -> &'static [&'static str] {
        match self {
            Self::Ext4 | Self::Ext4Writeback => {
                &["mkfs.ext4", "-q", "-F", "-N", "4096", "-J", "size=16", "-E", "nodiscard"]
            }
            Self::Xfs => &["mkfs.xfs", "-q", "-f", "-K"],
        }
    }

    /// Type and options of the mount.
    fn mount(self) -> [&'static str; 4] {
        match self {
            Self::Ext4 => ["-t", "ext4", "-o", "loop"],
            Self::Ext4Writeback => ["-t", "ext4", "-o", "loop,data=writeback"],
            Self::Xfs => ["-t", "xfs", "-o", "loop"],
        }
    }
}

/// A mounted file system; unmounted and deleted when it is dropped.
#[derive(Debug)]
pub struct Volume {
    image: PathBuf,
    at: PathBuf,
    file_system: FileSystem,
}

impl Volume {
    /// Makes one in a file and mounts it.
    pub(super) fn mount(at: &Path, name: &str, folder: &Path, file_system: FileSystem) -> Self {
        let image = image_folder(folder).join(format!("windlass-test-{}-{name}.image", std::process::id()));
        run(Command::new("truncate").args(["-s", SIZE]).arg(&image));
        let [program, options @ ..] = file_system.format() else { unreachable!("it names a program") };
        run(Command::new(program).args(options).arg(&image));
        std::fs::create_dir_all(at).expect("the world's folder can be written");
        let volume = Self { image, at: at.to_owned(), file_system };
        volume.mount_it();
        if file_system != FileSystem::Xfs {
            std::fs::remove_dir(volume.at.join("lost+found")).expect("mkfs made it");
        }
        volume
    }

    /// The power goes: what is not on the device now never will be.
    pub fn cut(&self) {
        run(Command::new("perl").args(["-e", SHUTDOWN]).arg(&self.at));
    }

    /// The power is back. Whoever had files open on it is gone by now.
    pub fn mount_again(&self) {
        until("nobody holds the volume any more", || unmount(&self.at).then_some(()));
        self.mount_it();
    }

    fn mount_it(&self) {
        run(Command::new("mount").args(self.file_system.mount()).arg(&self.image).arg(&self.at));
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        // Lazy, because a process that was just killed may still hold a file.
        let _ = Command::new("umount").arg("--lazy").arg(&self.at).status();
        let _ = std::fs::remove_file(&self.image);
    }
}

/// What this machine lacks for such volumes, if anything.
pub fn lacks_volumes(file_system: FileSystem) -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("only root can mount".to_owned());
    }
    let works = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    if !works(Command::new("losetup").arg("--find")) {
        return Some("there is no free loop device".to_owned());
    }
    let programs = [file_system.format()[0], "perl", "mount", "umount", "truncate", "unshare"];
    let missing = programs.into_iter().find(|program| !works(Command::new("which").arg(program)));
    missing.map(|program| format!("{program} is not installed"))
}

fn image_folder(folder: &Path) -> PathBuf {
    let memory = Path::new(MEMORY);
    let has_room = rustix::fs::statvfs(memory).is_ok_and(|room| room.f_bavail * room.f_frsize >= MEMORY_FREE_MIN);
    if has_room { memory.to_owned() } else { folder.to_owned() }
}

fn unmount(at: &Path) -> bool {
    Command::new("umount").arg(at).output().is_ok_and(|output| output.status.success())
}

fn run(command: &mut Command) {
    let output = command.output().expect("the program is installed");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
