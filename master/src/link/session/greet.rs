//! Hello and Welcome.

use std::collections::BTreeSet;

use tokio::time::Instant;
use tonic::Streaming;
use windlass_core::model::{AgentId, Fence};
use windlass_core::{Answer, Input, Refusal};
use windlass_proto::convert::{Down, Up, Welcome, hello};
use windlass_proto::v1;

use super::end::{End, refused_hello};
use super::outbound::Outbound;
use crate::clock::wall;
use crate::link::Link;
use crate::link::listen::Opened;
use crate::turned::Turned;

/// A Hello that was let in.
#[derive(Debug)]
pub(super) struct Greeted {
    /// The session's number.
    pub(super) session: u64,
    /// What the agent holds.
    pub(super) held: BTreeSet<Fence>,
}

/// Waits for the Hello, has it decided, and says Welcome. When this fails no session began.
pub(super) async fn greet(
    link: &Link,
    (agent, opened): (AgentId, Opened),
    inbound: &mut Streaming<v1::FromAgent>,
    out: &Outbound,
) -> Result<Greeted, End> {
    let first = tokio::time::timeout(link.patience.first_message, inbound.message()).await;
    let first = first.map_err(|_elapsed| End::Silent)?.map_err(|status| End::Broken(status.message().to_owned()))?;
    let Up::Hello(wire) = Up::from_wire(first.ok_or(End::Left)?)? else {
        return Err(End::Broken("the first message is not a Hello".to_owned()));
    };
    let hello = hello::from_wire(agent, wire)?;
    link.admission.admit(Instant::now().into_std()).map_err(|later| End::TooMany(later.0))?;
    let held = hello.held.iter().map(|held| held.fence).collect();
    let (incarnation, program) = (hello.incarnation, hello.program.escape_debug().to_string());
    match link.inbox.submit(Input::Hello { hello: Box::new(hello), sessions_before: opened.0 }).await? {
        Answer::Welcome { epoch, session, acked } => {
            tracing::info!(%agent, session, incarnation, program, "a session began");
            link.sessions.turned().forget(agent);
            let welcome = Welcome { epoch, session, acked: acked.into_iter().collect() };
            // An agent that left meanwhile is noticed by the session, whose end must be told.
            _ = out.send(Down::Welcome(welcome)).await;
            Ok(Greeted { session, held })
        }
        Answer::Refused(refusal) => {
            if matches!(refusal, Refusal::StaleMaster { .. }) {
                tracing::error!(%agent, %refusal, "refused a hello: another master may exist");
            } else {
                tracing::warn!(%agent, %refusal, "refused a hello");
            }
            link.sessions.turned().note(agent, Turned { at: wall(), why: refusal.to_string() });
            Err(refused_hello(&refusal))
        }
        other => unreachable!("a hello is answered by Welcome or Refused, not by {other:?}"),
    }
}
