//! What the engine has committed, for everybody to read.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;
use windlass_core::State;

/// The committed state and its lsn. Cheap to clone; reading takes no lock on the engine's own state.
#[derive(Debug, Clone)]
pub struct Published {
    state: Arc<ArcSwap<State>>,
    lsn: watch::Receiver<u64>,
    sender: Arc<watch::Sender<u64>>,
}

impl Published {
    /// Publishes this state as of lsn 0.
    pub fn new(state: State) -> Self {
        let (sender, lsn) = watch::channel(0);
        Self { state: Arc::new(ArcSwap::from_pointee(state)), lsn, sender: Arc::new(sender) }
    }

    /// The committed state.
    pub fn state(&self) -> Arc<State> {
        self.state.load_full()
    }

    /// The lsn of the last committed fact.
    pub fn lsn(&self) -> u64 {
        *self.lsn.borrow()
    }

    /// Waits until something after `lsn` is committed; returns the newest lsn.
    pub async fn changed(&self, after: u64) -> u64 {
        let mut lsn = self.lsn.clone();
        match lsn.wait_for(|now| *now > after).await {
            Ok(now) => *now,
            // The sender lives in `self`, so the channel cannot close while we wait.
            Err(_) => after,
        }
    }

    /// Makes `state` what everybody reads. The engine calls it after the commit; tests may too.
    pub fn publish(&self, state: State, lsn: u64) {
        self.state.store(Arc::new(state));
        self.sender.send_replace(lsn);
    }
}
