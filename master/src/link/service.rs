//! The gRPC service: who asks, is it in the register, and which room answers. Nothing happens here.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::Stream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use tower_service::Service;
use windlass_core::model::AgentId;
use windlass_proto::convert::{BULK_MAX_BYTES, CONTROL_MAX_BYTES};
use windlass_proto::v1;
use windlass_proto::v1::agent_link_server::{AgentLink, AgentLinkServer};

use super::listen::Peer;
use super::{Link, bulk, session};
use crate::clock::wall;

/// Messages that may wait for a peer on one call. A peer that takes none makes its own call wait, and then loses it.
const OUTBOUND: usize = 64;

const SESSION_PATH: &str = "/windlass.agent.v1.AgentLink/Session";

/// The service with its two limits: a control message may be larger than a bulk message.
#[derive(Debug, Clone)]
pub(super) struct Services {
    control: AgentLinkServer<Calls>,
    bulk: AgentLinkServer<Calls>,
}

impl Services {
    pub(super) fn new(link: Link) -> Self {
        let calls = Arc::new(Calls(link));
        let control = AgentLinkServer::from_arc(Arc::clone(&calls)).max_decoding_message_size(CONTROL_MAX_BYTES);
        Self { control, bulk: AgentLinkServer::from_arc(calls).max_decoding_message_size(BULK_MAX_BYTES) }
    }
}

impl Service<hyper::Request<hyper::body::Incoming>> for Services {
    type Response = hyper::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = <AgentLinkServer<Calls> as Service<hyper::Request<hyper::body::Incoming>>>::Future;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: hyper::Request<hyper::body::Incoming>) -> Self::Future {
        match request.uri().path() {
            SESSION_PATH => self.control.call(request),
            _ => self.bulk.call(request),
        }
    }
}

/// The calls.
#[derive(Debug, Clone)]
pub struct Calls(Link);

impl Calls {
    /// The agent that asks; it must be in the register, and not removed from it.
    fn agent<T>(&self, request: &Request<T>) -> Result<AgentId, Status> {
        let Peer(agent) = request.extensions().get().ok_or_else(|| Status::unauthenticated("no certificate"))?;
        match self.0.published.state().agents.get(agent).map(|agent| agent.standing.is_known()) {
            Some(true) => Ok(*agent),
            Some(false) => Err(Status::permission_denied("this agent was removed")),
            None => Err(Status::permission_denied("this agent is not enrolled here")),
        }
    }
}

#[tonic::async_trait]
impl AgentLink for Calls {
    type SessionStream = ReceiverStream<Result<v1::FromMaster, Status>>;
    type LogsStream = ReceiverStream<Result<v1::LogDown, Status>>;
    type FetchStream = Pin<Box<dyn Stream<Item = Result<v1::BlobPart, Status>> + Send>>;

    async fn session(
        &self,
        request: Request<Streaming<v1::FromAgent>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let agent = self.agent(&request)?;
        let Some(opened) = request.extensions().get().copied() else {
            return Err(Status::internal("the connection is not known"));
        };
        let (sender, receiver) = mpsc::channel(OUTBOUND);
        let session = session::run(self.0.clone(), (agent, opened), request.into_inner(), sender);
        self.0.tasks.spawn("session", session);
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn logs(&self, request: Request<Streaming<v1::LogUp>>) -> Result<Response<Self::LogsStream>, Status> {
        let agent = self.agent(&request)?;
        let (sender, receiver) = mpsc::channel(OUTBOUND);
        let call = bulk::logs::run(self.0.clone(), agent, request.into_inner(), sender);
        self.0.tasks.spawn("logs call", call);
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn fetch(&self, request: Request<v1::FetchRequest>) -> Result<Response<Self::FetchStream>, Status> {
        let agent = self.agent(&request)?;
        let parts = bulk::fetch::run(&self.0, agent, &request.into_inner()).await?;
        Ok(Response::new(Box::pin(parts)))
    }

    async fn put(&self, request: Request<Streaming<v1::BlobPart>>) -> Result<Response<v1::PutDone>, Status> {
        let agent = self.agent(&request)?;
        let done = bulk::put::run(&self.0, agent, request.into_inner()).await?;
        Ok(Response::new(done.to_wire()))
    }

    /// The request and the chain are PEM.
    async fn renew(&self, request: Request<v1::RenewRequest>) -> Result<Response<v1::RenewReply>, Status> {
        let agent = self.agent(&request)?;
        let v1::RenewRequest { session, csr } = request.into_inner();
        bulk::claims::present(&self.0.sessions, agent, session)?;
        let csr = String::from_utf8(csr).map_err(|_| Status::invalid_argument("the certificate request is not PEM"))?;
        let issued = self.0.identity.issue_agent(&csr, agent, wall());
        let chain = issued.map_err(|error| Status::invalid_argument(error.to_string()))?;
        tracing::info!(%agent, "renewed an agent's certificate");
        let ca_bundle = self.0.identity.ca_pem().as_bytes().to_vec();
        Ok(Response::new(v1::RenewReply { chain: chain.into_bytes(), ca_bundle }))
    }
}
