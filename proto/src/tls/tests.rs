use std::io::{Read, Write};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};
use rustls::pki_types::{ServerName, UnixTime};

use super::*;

const CLUSTER: &str = "0190b2b0-0000-7000-8000-000000000001";
const AGENT: &str = "0190b2b0-0000-7000-8000-00000000000a";

struct Ca {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

struct Pair {
    cert: String,
    key: String,
}

fn ca() -> Ca {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "windlass test CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let certificate = params.self_signed(&key).expect("self-signed");
    Ca { pem: certificate.pem(), issuer: Issuer::new(params, key) }
}

impl Ca {
    fn sign(&self, uris: &[String], dns: &[&str], usage: &[ExtendedKeyUsagePurpose]) -> Pair {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "a leaf");
        params.subject_alt_names =
            dns.iter().map(|name| SanType::DnsName((*name).try_into().expect("a name"))).collect();
        let uris = uris.iter().map(|uri| SanType::URI(uri.as_str().try_into().expect("a URI")));
        params.subject_alt_names.extend(uris);
        params.extended_key_usages = usage.to_vec();
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        Pair { cert: certificate.pem(), key: key.serialize_pem() }
    }

    fn master(&self, cluster: &str) -> Pair {
        self.sign(&[Names { cluster_id: cluster }.master()], &[MASTER_DNS], &[ExtendedKeyUsagePurpose::ServerAuth])
    }

    fn agent(&self, cluster: &str) -> Pair {
        self.sign(&[agent_uri(cluster)], &[], &[ExtendedKeyUsagePurpose::ClientAuth])
    }
}

fn agent_uri(cluster: &str) -> String {
    Names { cluster_id: cluster }.agent(AGENT.parse().expect("an id"))
}

/// Carries a whole handshake and one byte each way over memory.
fn handshake(server: ServerConfig, client: ClientConfig) -> Result<(), rustls::Error> {
    let name = ServerName::try_from("any.address.example").expect("a name");
    let mut client = rustls::ClientConnection::new(Arc::new(client), name)?;
    let mut server = rustls::ServerConnection::new(Arc::new(server))?;
    client.writer().write_all(b"?").expect("buffered");
    server.writer().write_all(b"!").expect("buffered");
    for _ in 0..6 {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).expect("memory");
        server.read_tls(&mut &wire[..]).expect("memory");
        server.process_new_packets()?;
        wire.clear();
        server.write_tls(&mut wire).expect("memory");
        client.read_tls(&mut &wire[..]).expect("memory");
        client.process_new_packets()?;
    }
    let mut byte = [0; 1];
    server.reader().read_exact(&mut byte).expect("the client's byte came through");
    client.reader().read_exact(&mut byte).expect("the server's byte came through");
    Ok(())
}

fn meet(ca: &Ca, master: &Pair, agent: &Pair) -> Result<(), rustls::Error> {
    let server =
        server_config(ca.pem.as_bytes(), master.cert.as_bytes(), master.key.as_bytes()).expect("server settings");
    let client =
        client_config(ca.pem.as_bytes(), agent.cert.as_bytes(), agent.key.as_bytes()).expect("client settings");
    handshake(server, client)
}

#[test]
fn master_and_agent_of_one_cluster_meet_whatever_the_address_is() {
    let ca = ca();
    meet(&ca, &ca.master(CLUSTER), &ca.agent(CLUSTER)).expect("they meet");
}

#[test]
fn an_agent_of_another_cluster_or_ca_is_refused() {
    let (ours, theirs) = (ca(), ca());
    meet(&ours, &ours.master(CLUSTER), &ours.agent("other-cluster")).expect_err("another cluster");
    let master = ours.master(CLUSTER);
    let stranger = theirs.agent(CLUSTER);
    let server = server_config(ours.pem.as_bytes(), master.cert.as_bytes(), master.key.as_bytes()).expect("server");
    let client = client_config(ours.pem.as_bytes(), stranger.cert.as_bytes(), stranger.key.as_bytes()).expect("client");
    handshake(server, client).expect_err("another CA");
}

#[test]
fn an_agent_certificate_cannot_serve_as_a_master() {
    let ca = ca();
    let agent = ca.agent(CLUSTER);
    let posing = ca.sign(&[agent_uri(CLUSTER)], &[MASTER_DNS], &[ExtendedKeyUsagePurpose::ServerAuth]);
    let error =
        server_config(ca.pem.as_bytes(), agent.cert.as_bytes(), agent.key.as_bytes()).expect_err("not a master's");
    assert!(matches!(error, Error::Master(_)), "{error}");
    let other_cluster = ca.master("other-cluster");
    meet(&ca, &other_cluster, &agent).expect_err("the master of another cluster");
    let client = client_config(ca.pem.as_bytes(), agent.cert.as_bytes(), agent.key.as_bytes()).expect("client");
    let server = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&version::TLS13])
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(
            certificates("certificate", posing.cert.as_bytes()).expect("PEM"),
            key(posing.key.as_bytes()).expect("PEM"),
        )
        .expect("settings");
    handshake(server, client).expect_err("an agent's URI with a server's purpose");
}

#[test]
fn a_certificate_names_exactly_one_agent_for_clients_only() {
    use ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
    let ca = ca();
    let uri = agent_uri(CLUSTER);
    let of = |pair: &Pair| {
        let chain = certificates("certificate", pair.cert.as_bytes()).expect("PEM");
        agent_id_of(&chain[0], CLUSTER)
    };
    assert_eq!(of(&ca.agent(CLUSTER)), Ok(AGENT.parse().expect("an id")));
    assert_eq!(of(&ca.sign(std::slice::from_ref(&uri), &[], &[])), Err(NotAnAgent::Purpose));
    assert_eq!(of(&ca.sign(std::slice::from_ref(&uri), &[], &[ClientAuth, ServerAuth])), Err(NotAnAgent::Purpose));
    assert_eq!(of(&ca.sign(&[uri.clone(), uri.clone()], &[], &[ClientAuth])), Err(NotAnAgent::Names));
    assert_eq!(of(&ca.sign(std::slice::from_ref(&uri), &["web1"], &[ClientAuth])), Err(NotAnAgent::Names));
    assert_eq!(of(&ca.sign(&[], &[], &[ClientAuth])), Err(NotAnAgent::Names));
    for bad in [uri.to_uppercase(), format!("{uri}/x"), Names { cluster_id: CLUSTER }.master(), agent_uri("b")] {
        assert_eq!(of(&ca.sign(std::slice::from_ref(&bad), &[], &[ClientAuth])), Err(NotAnAgent::Uri(bad)));
    }
}

#[test]
fn a_fresh_identity_must_chain_to_the_ca_and_carry_our_key() {
    let (ca, other) = (ca(), ca());
    let (agent, stranger) = (ca.agent(CLUSTER), other.agent(CLUSTER));
    let check = |pair: &Pair, key: &Pair, cluster| {
        check_agent_identity(ca.pem.as_bytes(), pair.cert.as_bytes(), key.key.as_bytes(), cluster, UnixTime::now())
    };
    assert_eq!(check(&agent, &agent, CLUSTER).expect("ours").to_string(), AGENT);
    assert!(matches!(check(&agent, &stranger, CLUSTER), Err(Error::OtherKey)));
    assert!(matches!(check(&stranger, &stranger, CLUSTER), Err(Error::Tls(_))));
    assert!(matches!(check(&agent, &agent, "other"), Err(Error::Agent(_))));
}
