//! Signals through a pidfd: it names one process for ever, whatever becomes of its number.

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// Signals a child that only the caller may reap, and has not reaped: until then its number cannot mean anybody else. One that ended
/// already is fine.
pub(super) fn signal(child: Pid, signal: Signal) -> rustix::io::Result<()> {
    let sent = pidfd_open(child, PidfdFlags::empty()).and_then(|pidfd| pidfd_send_signal(pidfd, signal));
    match sent {
        Err(Errno::SRCH) => Ok(()),
        sent => sent,
    }
}
