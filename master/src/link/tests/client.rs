//! The agent's end of the wire, honest or not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Status, Streaming};
use windlass_core::input::{Held, Hello, Offer};
use windlass_core::model::{AgentId, Digest, Observation};
use windlass_proto::convert::{Down, PROTOCOL, Unheard, Up, hello};
use windlass_proto::tls::{MASTER_DNS, client_config, provider};
use windlass_proto::v1::agent_link_client::AgentLinkClient;
use windlass_proto::v1::{self, RefusalReason};

/// A certificate and its key, PEM.
pub(super) struct Certificate {
    pub(super) chain: String,
    pub(super) key: String,
}

/// A connection to the master.
#[derive(Clone)]
pub(super) struct Client(pub(super) AgentLinkClient<Channel>);

/// A session that was asked for.
pub(super) struct Session {
    up: mpsc::Sender<v1::FromAgent>,
    down: Streaming<v1::FromMaster>,
}

/// A Hello without anything held.
pub(super) fn hello_of(agent: AgentId, incarnation: u64) -> Hello {
    Hello {
        agent,
        protocol: PROTOCOL,
        program: "windlass-agent test".to_owned(),
        incarnation,
        boot_id: "boot".to_owned(),
        max_epoch: 0,
        held: Vec::<Held>::new(),
        offer: Offer { os: "linux".to_owned(), arch: "x86_64".to_owned(), ..Offer::default() },
    }
}

impl Client {
    /// With the settings of an agent.
    pub(super) async fn honest(
        address: SocketAddr,
        ca: &str,
        certificate: &Certificate,
    ) -> Result<Self, tonic::transport::Error> {
        let Certificate { chain, key } = certificate;
        let config = client_config(ca.as_bytes(), chain.as_bytes(), key.as_bytes()).expect("settings");
        Self::connect(address, config).await
    }

    /// With any certificate or none, and without a look at the master's.
    pub(super) async fn careless(
        address: SocketAddr,
        certificate: Option<&Certificate>,
    ) -> Result<Self, tonic::transport::Error> {
        let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let builder = builder.expect("versions").dangerous().with_custom_certificate_verifier(Arc::new(Anybody));
        let mut config = match certificate {
            None => builder.with_no_client_auth(),
            Some(Certificate { chain, key }) => {
                let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<_, _>>().expect("PEM");
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("PEM");
                builder.with_client_auth_cert(chain, key).expect("a pair")
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        Self::connect(address, config).await
    }

    async fn connect(address: SocketAddr, config: ClientConfig) -> Result<Self, tonic::transport::Error> {
        let tls = TlsConnector::from(Arc::new(config));
        let connector = tower::service_fn(move |_| {
            let tls = tls.clone();
            async move {
                let stream = TcpStream::connect(address).await?;
                let name = ServerName::try_from(MASTER_DNS).expect("a name");
                Ok::<_, std::io::Error>(TokioIo::new(tls.connect(name, stream).await?))
            }
        });
        let endpoint = Endpoint::from_static("https://master.windlass.internal");
        Ok(Self(AgentLinkClient::new(endpoint.connect_with_connector(connector).await?)))
    }

    /// Opens the call for a session without a word.
    pub(super) async fn dial(&self) -> Result<Session, Status> {
        let (up, said) = mpsc::channel(16);
        let down = self.0.clone().session(ReceiverStream::new(said)).await?.into_inner();
        Ok(Session { up, down })
    }

    /// Dials, says hello, and is let in.
    pub(super) async fn session(&self, agent: AgentId, incarnation: u64) -> (Session, u64) {
        let mut session = self.dial().await.expect("dialled");
        session.hello(&hello_of(agent, incarnation)).await;
        let Some(Down::Welcome(welcome)) = session.next().await else { panic!("the hello is good") };
        assert_eq!(welcome.epoch, 1);
        (session, welcome.session)
    }
}

impl Session {
    pub(super) async fn hello(&self, said: &Hello) {
        let unheard = Unheard { floor: 0, policy: Digest::of(b""), phases: &[].into() };
        self.say(Up::Hello(hello::to_wire(said, &unheard))).await;
    }

    pub(super) async fn say(&self, up: Up) {
        self.say_raw(up.into_wire()).await;
    }

    pub(super) async fn say_raw(&self, message: v1::FromAgent) {
        self.up.send(message).await.expect("the call is open");
    }

    pub(super) async fn beat(&self, number: u64) {
        self.say(Up::Heartbeat(v1::Heartbeat { number, ..v1::Heartbeat::default() })).await;
    }

    pub(super) async fn see(&self, observation: Observation) {
        self.say(Up::Observation(observation)).await;
    }

    /// The next message; none at the end.
    pub(super) async fn next(&mut self) -> Option<Down> {
        let message = tokio::time::timeout(Duration::from_secs(60), self.down.message()).await;
        let message = message.expect("it comes in time").ok().flatten()?;
        Some(Down::from_wire(message).expect("the master speaks well"))
    }

    /// What the session was ended with.
    pub(super) async fn refusal(&mut self) -> Option<(RefusalReason, String)> {
        while let Some(down) = self.next().await {
            if let Down::Refusal(refused) = down {
                assert_eq!(self.next().await, None, "a refusal is the last message");
                return Some((refused.reason, refused.detail));
            }
        }
        None
    }
}

/// Takes everybody for the master.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
