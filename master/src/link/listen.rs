//! Accepting agents: TCP, TLS, HTTP/2, and who it is.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower_service::Service;
use windlass_core::model::AgentId;
use windlass_proto::tls;

use super::Link;
use super::service::Services;
use crate::identity::Error;
use crate::tasks::Tasks;

/// Handshakes at once: each costs a signature. More wait in the kernel's queue.
const HANDSHAKES_MAX: usize = 256;
const STREAMS_PER_CONNECTION: u32 = 64;
const HEADER_LIST_BYTES: u32 = 16 * 1024;
const PENDING_RESETS_MAX: usize = 20;
/// How long a connection may take to end its streams when the master stops.
const GOODBYE: Duration = Duration::from_secs(5);
/// After an accept that failed, because of too many open files as a rule.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Who is at the other end, from its verified certificate; in the extensions of every request.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub AgentId);

/// How many sessions of this epoch had begun when the connection was accepted; in the extensions of every request. No agent can have sent
/// a Hello on it before.
#[derive(Debug, Clone, Copy)]
pub struct Opened(pub u64);

/// Serves agents until the master stops.
pub async fn serve(listener: TcpListener, link: Link) -> Result<(), Error> {
    let acceptor = TlsAcceptor::from(Arc::new(link.identity.server_config()?));
    let services = Services::new(link.clone());
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    loop {
        let permit = Arc::clone(&handshakes).acquire_owned().await.expect("nobody closes it");
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = link.tasks.shutdown.cancelled() => return Ok(()),
        };
        match accepted {
            Ok((stream, _)) => {
                let connection =
                    Connection { link: link.clone(), services: services.clone(), acceptor: acceptor.clone() };
                link.tasks.spawn("agent connection", connection.run(stream, permit));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept an agent's connection");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

struct Connection {
    link: Link,
    services: Services,
    acceptor: TlsAcceptor,
}

impl Connection {
    async fn run(self, stream: TcpStream, handshake: OwnedSemaphorePermit) {
        let source = stream.peer_addr().ok();
        let opened = Opened(self.link.published.state().sessions);
        // Small control messages must not wait for each other.
        _ = stream.set_nodelay(true);
        let shaken = tokio::time::timeout(self.link.patience.handshake, self.acceptor.accept(stream)).await;
        drop(handshake);
        match shaken {
            Ok(Ok(stream)) => match peer_of(&stream, self.link.identity.cluster_id()) {
                Some(peer) => self.speak(stream, peer, opened).await,
                None => tracing::warn!(?source, "a connection without an agent's certificate passed the handshake"),
            },
            Ok(Err(error)) => tracing::info!(?source, %error, "refused a connection"),
            Err(_elapsed) => tracing::info!(?source, "a handshake took too long"),
        }
    }

    async fn speak(self, stream: TlsStream<TcpStream>, peer: Peer, opened: Opened) {
        let services = self.services;
        let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(peer);
            request.extensions_mut().insert(opened);
            services.clone().call(request)
        });
        let mut builder = http2::Builder::new(Tracked(self.link.tasks.clone()));
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS_PER_CONNECTION)
            .max_header_list_size(HEADER_LIST_BYTES)
            .max_pending_accept_reset_streams(PENDING_RESETS_MAX);
        let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
        let ended = tokio::select! {
            ended = connection.as_mut() => Some(ended),
            () = self.link.tasks.shutdown.cancelled() => None,
        };
        let ended = match ended {
            Some(ended) => ended,
            None => {
                connection.as_mut().graceful_shutdown();
                tokio::time::timeout(GOODBYE, connection).await.unwrap_or(Ok(()))
            }
        };
        if let Err(error) = ended {
            tracing::debug!(agent = %peer.0, %error, "a connection ended");
        }
    }
}

/// The verifier has let nobody else in; this reads whom.
fn peer_of(stream: &TlsStream<TcpStream>, cluster_id: &str) -> Option<Peer> {
    let certificate = stream.get_ref().1.peer_certificates()?.first()?;
    tls::agent_id_of(certificate, cluster_id).ok().map(Peer)
}

/// Runs the streams of a connection as tasks of ours.
#[derive(Debug, Clone)]
struct Tracked(Tasks);

impl<F> hyper::rt::Executor<F> for Tracked
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, stream: F) {
        self.0.spawn("agent stream", async move { drop(stream.await) });
    }
}
