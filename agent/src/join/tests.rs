use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, SanType,
};
use ring::digest::{SHA256, digest};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use rustls::pki_types::UnixTime;
use windlass_proto::api::{EnrolAnswer, Register};

use super::post::Address;
use super::request::new_key;
use super::*;

const CLUSTER: &str = "0190b2b0-0000-7000-8000-000000000001";
const AGENT: &str = "0190b2b0-0000-7000-8000-00000000000a";

/// The answer that a right master would give, and the token for it.
fn enrolled(key_pem: &str, cluster: &str) -> (JoinToken, EnrolAnswer) {
    let ca_key = KeyPair::generate().expect("a key");
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let ca_certificate = ca.self_signed(&ca_key).expect("self-signed");
    let ca_pin = digest(&SHA256, ca_certificate.der()).as_ref().try_into().expect("32 bytes");
    let token = JoinToken { ca_pin, id: "0123456789abcdef".to_owned(), seed: [7; 32] };
    let asked = request(&token, key_pem).expect("a request");
    let mut leaf = CertificateSigningRequestParams::from_pem(&asked.csr).expect("a request");
    let uri = format!("spiffe://{cluster}/agent/{AGENT}");
    leaf.params.subject_alt_names = vec![SanType::URI(uri.as_str().try_into().expect("a URI"))];
    leaf.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let chain = leaf.signed_by(&Issuer::new(ca, ca_key)).expect("signed").pem();
    let register = Register {
        name: "web1".to_owned(),
        labels: Default::default(),
        projects: vec!["shop".to_owned()],
        environments: vec!["production".to_owned()],
        jobs: false,
    };
    let answer = EnrolAnswer {
        chain,
        ca: ca_certificate.pem(),
        cluster_id: CLUSTER.to_owned(),
        agent_id: AGENT.to_owned(),
        agents_port: 8471,
        register,
    };
    (token, answer)
}

fn text_of(token: &JoinToken) -> String {
    let pin: String = token.ca_pin.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("WLJ1{pin}::{}:{}\n", token.id, URL_SAFE_NO_PAD.encode(token.seed))
}

#[test]
fn a_token_reads_what_it_prints_and_nothing_else() {
    let token = JoinToken { ca_pin: [0xab; 32], id: "0123456789abcdef".to_owned(), seed: [9; 32] };
    let text = text_of(&token);
    assert_eq!(text.parse(), Ok(token.clone()));
    assert!(!format!("{token:?}").contains(&URL_SAFE_NO_PAD.encode(token.seed)), "the seed is not shown");
    let trimmed = text.trim();
    for bad in [
        "",
        "WLJ1",
        &trimmed.replace("WLJ1", "WLJ2"),
        &trimmed.replace("::", ":"),
        &trimmed.replace("abab", "ab"),
        &trimmed.replace("0123456789abcdef", "0123456789ABCDEF"),
        &trimmed[..trimmed.len() - 1],
        &format!("{trimmed}A"),
    ] {
        bad.parse::<JoinToken>().expect_err(bad);
    }
}

#[test]
fn the_proof_is_by_the_seed_over_pin_token_and_request() {
    let token = JoinToken { ca_pin: [1; 32], id: "0123456789abcdef".to_owned(), seed: [9; 32] };
    let asked = request(&token, &new_key().expect("a key")).expect("a request");
    let csr = CertificateSigningRequestParams::from_pem(&asked.csr).expect("a request");
    assert!(csr.params.subject_alt_names.is_empty());
    let der = pem_body(&asked.csr);
    let public = Ed25519KeyPair::from_seed_unchecked(&token.seed).expect("a seed");
    let verify = |message: &[u8]| {
        let proof = URL_SAFE_NO_PAD.decode(&asked.proof).expect("base64url");
        UnparsedPublicKey::new(&ED25519, public.public_key().as_ref()).verify(message, &proof)
    };
    verify(&proof_message(&token.ca_pin, &token.id, &der)).expect("it fits");
    verify(&proof_message(&[2; 32], &token.id, &der)).expect_err("another CA");
    verify(&proof_message(&token.ca_pin, &token.id, b"other")).expect_err("another request");
}

fn pem_body(pem: &str) -> Vec<u8> {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    base64::engine::general_purpose::STANDARD.decode(body).expect("base64")
}

#[test]
fn an_answer_is_believed_only_with_the_pinned_ca_our_key_and_our_uri() {
    let (key, other_key) = (new_key().expect("a key"), new_key().expect("a key"));
    let (token, answer) = enrolled(&key, CLUSTER);
    check(answer.clone(), &token, &key).expect("it is right");
    let (_, stranger) = enrolled(&key, CLUSTER);
    assert!(matches!(check(stranger.clone(), &token, &key), Err(Unbelievable::Ca)));
    let with_our_ca = EnrolAnswer { ca: answer.ca.clone(), ..stranger };
    assert!(matches!(check(with_our_ca, &token, &key), Err(Unbelievable::Certificate(_))));
    let misnamed = EnrolAnswer { agent_id: CLUSTER.to_owned(), ..answer.clone() };
    assert!(matches!(check(misnamed, &token, &key), Err(Unbelievable::Agent(_))));
    assert!(matches!(check(answer, &token, &other_key), Err(Unbelievable::Certificate(_))));
    let (token, foreign) = enrolled(&key, "another-cluster");
    assert!(matches!(check(foreign, &token, &key), Err(Unbelievable::Certificate(_))));
}

fn check(answer: EnrolAnswer, token: &JoinToken, key: &str) -> Result<Enrolled, Unbelievable> {
    Enrolled::check(answer, token, key, "cd.example.org", UnixTime::now())
}

#[test]
fn a_repeated_join_takes_the_same_key_and_nobody_else_reads_it() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("a temporary directory");
    let state = crate::attempts::StateDir::new(&dir.path().join("state"));
    let first = files::key(&state).expect("made");
    assert_eq!(files::key(&state).expect("found"), first);
    let mode = std::fs::metadata(state.key()).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    std::fs::set_permissions(state.key(), std::fs::Permissions::from_mode(0o644)).expect("changed");
    let failure = files::key(&state).expect_err("others may read it");
    assert_eq!((failure.code, failure.hint), (78, Some(format!("chmod 600 {}", state.key().display()))));
}

#[test]
fn the_first_configuration_is_right_and_an_existing_one_is_left_alone() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("etc/agent.toml");
    let key = new_key().expect("a key");
    let (token, answer) = enrolled(&key, CLUSTER);
    let answer = check(answer, &token, &key).expect("it is right");
    assert!(files::write_config(&path, &answer).expect("written"));
    let config = crate::config::Config::load(&path, Path::new("/var/lib/windlass-agent")).expect("it is right");
    assert_eq!(config.master, "cd.example.org:8471");
    assert!(config.policy.projects.contains("shop") && config.policy.environments.contains("production"));
    assert!(!files::write_config(&path, &answer).expect("left alone"));
    let build = Enrolled { projects: vec![], environments: vec![], ..answer };
    let text = files::suggested(&build);
    let config = crate::config::Config::parse(&text, &path, Path::new("/var/lib/windlass-agent")).expect(&text);
    assert!(config.policy.takes_jobs() && config.policy.projects.contains("*"));
}

#[test]
fn plain_http_is_taken_on_loopback_only() {
    for good in ["https://cd.example.org:8470", "http://127.0.0.1:8470/", "http://localhost:1", "http://[::1]:8470"] {
        Address::parse(good).expect(good);
    }
    for bad in
        ["cd.example.org", "http://cd.example.org:8470", "ftp://127.0.0.1", "https://a/b", "https://u@h", "https://h:x"]
    {
        assert_eq!(Address::parse(bad).expect_err(bad).code, 2);
    }
}
