//! Dialling the master: TCP, TLS with our identity, HTTP/2. The address does not count, the certificate does.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint, Uri};
use tower::Service;
use windlass_proto::tls::{self, MASTER_DNS};

use super::error::{Error, Result, chain};
use crate::attempts::StateDir;

/// TCP, TLS and HTTP/2 settings together.
const DIAL_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes in flight per stream of connection B; the window of a log call is bounded by us besides.
const STREAM_WINDOW: u32 = 1024 * 1024;

/// Dials one master with one identity.
#[derive(Debug, Clone)]
pub struct Dialler {
    master: String,
    identity: Identity,
}

/// Where the three files are; they are read at each dial, because they change without a restart.
#[derive(Debug, Clone)]
struct Identity {
    ca: PathBuf,
    cert: PathBuf,
    key: PathBuf,
}

impl Dialler {
    /// For `host:port`, with the identity of a state directory.
    pub fn new(master: &str, dir: &StateDir) -> Self {
        let identity = Identity { ca: dir.ca(), cert: dir.cert(), key: dir.key() };
        Self { master: master.to_owned(), identity }
    }

    /// What is dialled.
    pub fn master(&self) -> &str {
        &self.master
    }

    /// Opens a connection now.
    pub(super) async fn connect(&self) -> Result<Channel> {
        let channel = self.endpoint()?.connect_with_connector(self.connector()?).await;
        channel.map_err(|error| self.failed(&error))
    }

    /// A connection that is opened when it is needed, and again when it broke.
    pub(super) fn connect_when_needed(&self) -> Result<Channel> {
        Ok(self.endpoint()?.connect_with_connector_lazy(self.connector()?))
    }

    /// TLS is the connector's business, so HTTP/2 is told that it speaks in clear.
    fn endpoint(&self) -> Result<Endpoint> {
        let endpoint = Endpoint::from_shared(format!("http://{MASTER_DNS}")).map_err(|error| self.failed(&error))?;
        Ok(endpoint.connect_timeout(DIAL_TIMEOUT).initial_stream_window_size(STREAM_WINDOW))
    }

    fn connector(&self) -> Result<Connector> {
        let read = |path: &PathBuf| {
            std::fs::read(path)
                .map_err(|error| self.failed_because(format!("{} cannot be read: {error}", path.display())))
        };
        let Identity { ca, cert, key } = &self.identity;
        let config = tls::client_config(&read(ca)?, &read(cert)?, &read(key)?).map_err(|error| self.failed(&error))?;
        Ok(Connector { master: self.master.clone(), tls: TlsConnector::from(Arc::new(config)) })
    }

    fn failed(&self, error: &dyn std::error::Error) -> Error {
        self.failed_because(chain(error))
    }

    fn failed_because(&self, why: String) -> Error {
        Error::Dial { master: self.master.clone(), why }
    }
}

/// Makes connections for tonic.
#[derive(Clone)]
struct Connector {
    master: String,
    tls: TlsConnector,
}

type Connection = TokioIo<TlsStream<TcpStream>>;

impl Service<Uri> for Connector {
    type Response = Connection;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = std::io::Result<Connection>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _uri: Uri) -> Self::Future {
        let Self { master, tls } = self.clone();
        Box::pin(async move {
            let tcp = TcpStream::connect(&master).await?;
            tcp.set_nodelay(true)?;
            let name = ServerName::try_from(MASTER_DNS).map_err(std::io::Error::other)?;
            Ok(TokioIo::new(tls.connect(name, tcp).await?))
        })
    }
}
