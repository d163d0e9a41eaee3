//! Nobody gets in who is not an agent of this cluster, and in its register.

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, SanType};
use tonic::Code;
use windlass_core::model::AgentId;
use windlass_proto::tls::Names;

use super::client::{Certificate, Client, hello_of};
use super::harness::{Master, agent};
use crate::clock::wall;
use crate::identity::Identity;

/// What the cluster's own CA could be made to sign, were there no checks.
fn forged(master: &Master, uris: &[String], usage: ExtendedKeyUsagePurpose) -> Certificate {
    let pem = std::fs::read_to_string(master.dir.path().join("identity/ca.pem")).expect("the CA");
    let key_at = pem.find("-----BEGIN PRIVATE KEY").expect("its key");
    let ca = Issuer::from_ca_cert_pem(&pem[..key_at], KeyPair::from_pem(&pem[key_at..]).expect("a key")).expect("a CA");
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "forged");
    params.subject_alt_names = uris.iter().map(|uri| SanType::URI(uri.as_str().try_into().expect("a URI"))).collect();
    params.extended_key_usages = vec![usage];
    let chain = params.signed_by(&key, &ca).expect("signed").pem();
    Certificate { chain, key: key.serialize_pem() }
}

/// The same agent's certificate, from another cluster.
fn foreign(agent: AgentId) -> Certificate {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let other = Identity::create(&dir.path().join("identity"), wall()).expect("a new cluster");
    let key = KeyPair::generate().expect("a key");
    let request = CertificateParams::default().serialize_request(&key).expect("a request").pem().expect("PEM");
    Certificate { chain: other.issue_agent(&request, agent, wall()).expect("signed"), key: key.serialize_pem() }
}

/// True if a hello reaches the master's engine.
async fn gets_in(master: &Master, certificate: Option<&Certificate>) -> bool {
    // With TLS 1.3 a client learns that its certificate was refused only after its own part of the handshake.
    let Ok(client) = Client::careless(master.address, certificate).await else { return false };
    let Ok(mut session) = client.dial().await else { return false };
    session.hello(&hello_of(agent(1), 1)).await;
    session.next().await.is_some()
}

#[tokio::test]
async fn only_a_certificate_of_an_agent_of_this_cluster_gets_in() {
    use ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
    let master = Master::start().await;
    let own = master.uri_of(agent(1));
    let other_cluster = Names { cluster_id: "0190b2b0-0000-4000-8000-0000000000ff" };
    let us = Names { cluster_id: master.link.identity.cluster_id() };
    let masters_own = std::fs::read_to_string(master.dir.path().join("identity/master.pem")).expect("a file");
    let key_at = masters_own.find("-----BEGIN PRIVATE KEY").expect("its key");
    let (chain, key) = masters_own.split_at(key_at);
    let refused = [
        ("no certificate", None),
        ("another CA", Some(foreign(agent(1)))),
        ("an agent of another cluster", Some(forged(&master, &[other_cluster.agent(agent(1))], ClientAuth))),
        ("the master's own certificate", Some(Certificate { chain: chain.to_owned(), key: key.to_owned() })),
        ("a server with an agent's name", Some(forged(&master, std::slice::from_ref(&own), ServerAuth))),
        ("a client with the master's name", Some(forged(&master, &[us.master()], ClientAuth))),
        ("no name", Some(forged(&master, &[], ClientAuth))),
        ("two names", Some(forged(&master, &[own.clone(), us.agent(agent(2))], ClientAuth))),
    ];
    for (what, certificate) in refused {
        assert!(!gets_in(&master, certificate.as_ref()).await, "{what}");
        assert!(master.seen().is_empty(), "{what}");
    }
    // The same road with a good certificate, so that nothing above was refused for another reason.
    assert!(gets_in(&master, Some(&forged(&master, &[own], ClientAuth))).await);
}

#[tokio::test]
async fn an_agent_that_is_not_in_the_register_is_not_listened_to() {
    let master = Master::start().await;
    let stranger = master.client(agent(9)).await;
    let status = stranger.dial().await.err().expect("it is not enrolled");
    assert_eq!(status.code(), Code::PermissionDenied);
    assert!(master.seen().is_empty());
}

#[tokio::test]
async fn a_peer_that_never_shakes_hands_is_let_go() {
    use tokio::io::AsyncReadExt;
    let quick = crate::link::Patience { handshake: std::time::Duration::from_millis(50), ..Default::default() };
    let master = Master::with_patience(quick).await;
    let mut mute = tokio::net::TcpStream::connect(master.address).await.expect("connected");
    assert_eq!(mute.read(&mut [0; 16]).await.expect("closed"), 0);
}
