//! One session of one agent: hello, welcome, and then four things at once until one of them ends it.
//!
//! ```text
//! hello due ─Hello let in▶ live ─left, silent, broken, replaced, going away▶ over
//!     └─late, broken or refused▶ over
//! ```
//! `listen` answers heartbeats and passes reports on, `report` waits for the engine and acknowledges, `want` sends what the agent should
//! be doing. None waits for another, so that neither a slow commit nor a slow reader makes the agent look silent.

mod end;
mod greet;
mod listen;
mod outbound;
mod report;
mod want;

use tokio::sync::mpsc;
use tonic::{Status, Streaming};
use windlass_core::Input;
use windlass_core::model::AgentId;
use windlass_proto::v1;

use self::end::End;
use self::greet::Greeted;
use self::listen::Listener;
use self::outbound::Outbound;
use self::report::Reporter;
use self::want::Wants;

pub use self::report::{Statement, statement};
pub use self::want::Told;
use super::Link;
use super::listen::Opened;

/// Statements of an agent that may wait for the engine: those of a thousand attempts that it tells again after a break.
const WAITING: usize = 1024;

/// Runs a session from its first message to its end.
pub(super) async fn run(
    link: Link,
    (agent, opened): (AgentId, Opened),
    mut inbound: Streaming<v1::FromAgent>,
    sender: mpsc::Sender<Result<v1::FromMaster, Status>>,
) {
    let out = Outbound::new(sender, link.patience.heartbeat);
    let end = match greet::greet(&link, (agent, opened), &mut inbound, &out).await {
        Ok(greeted) => Box::pin(live(&link, agent, inbound, &out, greeted)).await,
        Err(end) => end,
    };
    tracing::info!(%agent, why = %end, "a session is over");
    out.goodbye(end).await;
}

async fn live(link: &Link, agent: AgentId, inbound: Streaming<v1::FromAgent>, out: &Outbound, greeted: Greeted) -> End {
    let Greeted { session, held } = greeted;
    let end = match link.sessions.sit(agent, session) {
        None => End::Replaced,
        Some(seat) => {
            let (passed, waiting) = mpsc::channel(WAITING);
            let listener = Listener { link, agent, inbound, out, passed };
            let reporter = Reporter { inbox: &link.inbox, agent, session, out, waiting };
            let end = tokio::select! {
                end = listener.run() => end,
                end = reporter.run() => end,
                end = Wants::new(link, agent, session, held).run(out, &seat.stale) => end,
                () = seat.over.cancelled() => End::Replaced,
                () = link.tasks.shutdown.cancelled() => End::GoingAway,
            };
            link.sessions.leave(agent, &seat);
            end
        }
    };
    // A master that stops decides nothing more; its next start knows that every session is over.
    _ = link.inbox.submit(Input::SessionEnded { agent, session }).await;
    end
}
