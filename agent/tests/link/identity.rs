//! A cluster's CA with one master and one agent.

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType};
use windlass_proto::tls::{MASTER_DNS, Names};

const CLUSTER: &str = "0190b2b0-0000-7000-8000-000000000001";
const AGENT: &str = "0190b2b0-0000-7000-8000-00000000000a";

pub struct Pair {
    pub cert: String,
    pub key: String,
}

pub struct Cluster {
    pub ca: String,
    pub master: Pair,
    pub agent: Pair,
}

impl Cluster {
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let ca = params.self_signed(&key).expect("self-signed").pem();
        let issuer = Issuer::new(params, key);
        let names = Names { cluster_id: CLUSTER };
        let dns = SanType::DnsName(MASTER_DNS.try_into().expect("a name"));
        let master = leaf(&issuer, vec![dns, uri(&names.master())], ExtendedKeyUsagePurpose::ServerAuth);
        let agent = names.agent(AGENT.parse().expect("an id"));
        let agent = leaf(&issuer, vec![uri(&agent)], ExtendedKeyUsagePurpose::ClientAuth);
        Self { ca, master, agent }
    }
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().expect("a URI"))
}

fn leaf(issuer: &Issuer<'_, KeyPair>, names: Vec<SanType>, usage: ExtendedKeyUsagePurpose) -> Pair {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.subject_alt_names = names;
    params.extended_key_usages = vec![usage];
    let cert = params.signed_by(&key, issuer).expect("signed").pem();
    Pair { cert, key: key.serialize_pem() }
}
