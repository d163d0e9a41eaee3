//! Shipping logs over connection B, in one call for all of them. Runs on a thread of its own, because it reads the disk.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;
use windlass_proto::convert::BULK_MAX_BYTES;
use windlass_proto::convert::logs::{Down, Up};
use windlass_proto::v1;
use windlass_proto::v1::agent_link_client::AgentLinkClient;

use super::error::{Error, Result};
use super::shipping::Shipping;
use crate::attempts::Store;
use crate::watch::Growth;
use crate::work::Holdings;

/// Messages handed to the connection: it has a window of its own, and what waits here is memory.
const OUTGOING: usize = 4;
/// After a call that failed although its session lives.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Ships all logs in one session.
pub(super) struct Shipper {
    shipping: Shipping,
    session: u64,
    holdings: watch::Receiver<Arc<Holdings>>,
    growth: Growth,
}

enum Event {
    Room,
    Down(Box<Option<v1::LogDown>>),
    Changed,
    Gone,
}

impl Shipper {
    pub(super) fn new(store: Store, session: u64, holdings: watch::Receiver<Arc<Holdings>>, growth: Growth) -> Self {
        Self { shipping: Shipping::new(store, session), session, holdings, growth }
    }

    /// Ships until the session ends, which ends this future. A call that fails is made again.
    pub(super) async fn run(mut self, bulk: Channel) {
        loop {
            match self.call(bulk.clone()).await {
                Ok(()) => return,
                Err(error) => tracing::debug!(session = self.session, %error, "the call for logs failed"),
            }
            self.shipping.clear();
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }

    /// One call; begun when there is something to say. Ends well only when nothing will ever be held again.
    async fn call(&mut self, bulk: Channel) -> Result<()> {
        while !self.find() {
            self.growth.wait().await;
        }
        let (outgoing, sent) = mpsc::channel(OUTGOING);
        if let Some(first) = self.produce()? {
            outgoing.send(first).await.map_err(|_| Error::Ended)?;
        }
        let mut client = AgentLinkClient::new(bulk).max_decoding_message_size(BULK_MAX_BYTES);
        let mut incoming = client.logs(ReceiverStream::new(sent)).await?.into_inner();
        let mut has_more = true;
        loop {
            let event = self.event(&outgoing, &mut incoming, has_more).await?;
            match event {
                Event::Room => match self.produce()? {
                    Some(message) => outgoing.try_send(message).map_err(|_| Error::Ended)?,
                    None => has_more = false,
                },
                Event::Down(message) => {
                    self.shipping.take(Down::from_wire(message.ok_or(Error::Ended)?)?)?;
                    has_more = true;
                }
                Event::Changed => has_more = true,
                Event::Gone => return Ok(()),
            }
        }
    }

    async fn event(
        &mut self,
        outgoing: &mpsc::Sender<v1::LogUp>,
        incoming: &mut Streaming<v1::LogDown>,
        has_more: bool,
    ) -> Result<Event> {
        Ok(tokio::select! {
            biased;
            message = incoming.message() => Event::Down(Box::new(message?)),
            permit = outgoing.reserve(), if has_more => permit.map_or(Event::Gone, |_free| Event::Room),
            changed = self.holdings.changed() => changed.map_or(Event::Gone, |()| Event::Changed),
            () = self.growth.wait(), if !has_more => Event::Changed,
        })
    }

    fn produce(&mut self) -> Result<Option<v1::LogUp>> {
        let holdings = Arc::clone(&self.holdings.borrow_and_update());
        Ok(self.shipping.next(&holdings)?.map(Up::into_wire))
    }

    fn find(&mut self) -> bool {
        let holdings = Arc::clone(&self.holdings.borrow_and_update());
        self.shipping.find(&holdings)
    }
}
