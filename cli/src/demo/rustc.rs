//! The compiler of this machine, past any wrapper that would ask for a home or a network.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The path of the real `rustc`, if there is one.
pub fn find() -> Option<PathBuf> {
    let asked = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(asked).args(["--print", "sysroot"]).stderr(Stdio::null()).output().ok()?;
    let sysroot = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    let path = PathBuf::from(sysroot.trim()).join("bin/rustc");
    path.is_file().then_some(path)
}
