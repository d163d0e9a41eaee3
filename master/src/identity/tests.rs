use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, SanType};
use ring::signature::Ed25519KeyPair;
use rustls_pki_types::UnixTime;
use windlass_core::State;
use windlass_core::answer::Refusal;
use windlass_core::input::Input;
use windlass_core::model::{AgentId, AgentName, AgentRegister, Digest, UnixMs};
use windlass_core::world::JoinTokenState;
use windlass_proto::tls::check_agent_identity;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::csr::check_csr;
use super::*;
use crate::engine::Published;
use crate::inbox::{Inbox, Submitted};

const NOW: UnixMs = UnixMs(1_790_000_000_000);
const DAY_MS: u64 = 86_400_000;

fn agent() -> AgentId {
    "0190b2b0-0000-4000-8000-00000000000a".parse().expect("an id")
}

fn cluster() -> (tempfile::TempDir, Identity) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let identity = Identity::create(&dir.path().join("identity"), NOW).expect("a new cluster");
    (dir, identity)
}

fn csr_of(key: &KeyPair, params: CertificateParams) -> String {
    params.serialize_request(key).expect("a request").pem().expect("PEM")
}

fn unix(now: UnixMs) -> UnixTime {
    UnixTime::since_unix_epoch(std::time::Duration::from_millis(now.0))
}

fn register() -> AgentRegister {
    AgentRegister {
        name: AgentName::new("web1").expect("a name"),
        labels: [("env".to_owned(), "prod".to_owned())].into(),
        projects: [].into(),
        environments: [].into(),
        jobs: false,
    }
}

fn grant(expires: u64) -> JoinGrant {
    JoinGrant { register: register(), expires: UnixMs(expires), by: "anna".to_owned() }
}

#[test]
fn an_identity_is_made_once_and_opens_as_it_was() {
    let (dir, made) = cluster();
    let path = dir.path().join("identity");
    assert!(matches!(Identity::create(&path, NOW), Err(Error::Exists(_))));
    let opened = Identity::open(&path, NOW).expect("it is there");
    assert_eq!((opened.cluster_id(), opened.ca_pin()), (made.cluster_id(), made.ca_pin()));
    opened.server_config().expect("TLS settings");
    for name in ["cluster_id", "ca.pem", "master.pem"] {
        let mode = std::fs::metadata(path.join(name)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert!(matches!(Identity::open(dir.path(), NOW), Err(Error::Missing(_))));
}

#[test]
fn a_key_that_others_can_read_is_refused_with_the_way_out() {
    let (dir, _) = cluster();
    let key = dir.path().join("identity/ca.pem");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).expect("changed");
    let error = Identity::open(&dir.path().join("identity"), NOW).expect_err("it is open to a group");
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

#[test]
fn the_masters_certificate_is_made_anew_past_half_of_its_life() {
    let (dir, _) = cluster();
    let path = dir.path().join("identity");
    let text = || std::fs::read_to_string(path.join("master.pem")).expect("a file");
    let first = text();
    Identity::open(&path, UnixMs(NOW.0 + 44 * DAY_MS)).expect("it is there");
    assert_eq!(text(), first);
    Identity::open(&path, UnixMs(NOW.0 + 46 * DAY_MS)).expect("it is there");
    assert_ne!(text(), first);
    std::fs::remove_file(path.join("master.pem")).expect("removed");
    assert!(matches!(Identity::create(&path, NOW), Err(Error::Exists(_))), "the CA is there");
    Identity::open(&path, NOW).expect("the CA signs another one").server_config().expect("TLS settings");
}

#[test]
fn an_agent_gets_the_marks_of_an_agent_and_nothing_that_it_asked_for() {
    let (_dir, identity) = cluster();
    let key = KeyPair::generate().expect("a key");
    let mut hostile =
        CertificateParams::new(vec!["master.windlass.internal".to_owned(), "10.0.0.1".to_owned()]).expect("names");
    hostile.distinguished_name.push(DnType::CommonName, "windlass master");
    hostile.subject_alt_names.push(SanType::URI("spiffe://other/master".try_into().expect("a URI")));
    hostile.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    hostile.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let chain = identity.issue_agent(&csr_of(&key, hostile), agent(), NOW).expect("signed");

    let der = windlass_proto::tls::certificates("certificate", chain.as_bytes()).expect("PEM").remove(0);
    let (_, certificate) = X509Certificate::from_der(&der).expect("a certificate");
    let uri = format!("spiffe://{}/agent/{}", identity.cluster_id(), agent());
    let names = certificate.subject_alternative_name().expect("readable").expect("there");
    assert_eq!(names.value.general_names, vec![GeneralName::URI(&uri)]);
    assert!(!certificate.is_ca());
    assert!(!certificate.subject().to_string().contains("master"));
    let purpose = certificate.extended_key_usage().expect("readable").expect("there").value;
    assert!(purpose.client_auth && !purpose.server_auth);
    assert!(certificate.validity().not_before.timestamp() <= i64::try_from(NOW.0 / 1_000).expect("small") - 3_600);
    let ca = identity.ca_pem().as_bytes();
    let pem = key.serialize_pem();
    let found = check_agent_identity(ca, chain.as_bytes(), pem.as_bytes(), identity.cluster_id(), unix(NOW));
    assert_eq!(found.expect("one of ours"), agent());
}

#[test]
fn both_kinds_of_key_are_taken_and_no_other() {
    let (_dir, identity) = cluster();
    for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ED25519] {
        let key = KeyPair::generate_for(algorithm).expect("a key");
        identity.issue_agent(&csr_of(&key, CertificateParams::default()), agent(), NOW).expect("signed");
    }
    let p384 = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).expect("a key");
    let refused = check_csr(&csr_of(&p384, CertificateParams::default()));
    assert_eq!(refused.expect_err("another curve"), CsrError::Key);
}

#[test]
fn a_request_that_its_key_did_not_sign_is_refused() {
    let key = KeyPair::generate().expect("a key");
    let pem = csr_of(&key, CertificateParams::default());
    let mut der = check_csr(&pem).expect("it is whole").der;
    let last = der.len() - 1;
    der[last] ^= 1;
    let body = base64::engine::general_purpose::STANDARD.encode(&der);
    let changed = format!("-----BEGIN CERTIFICATE REQUEST-----\n{body}\n-----END CERTIFICATE REQUEST-----\n");
    assert_eq!(check_csr(&changed).expect_err("changed"), CsrError::Signature);
    assert_eq!(check_csr("").expect_err("nothing"), CsrError::Unreadable);
    assert_eq!(check_csr(&"x".repeat(20_000)).expect_err("much"), CsrError::TooBig);
}

/// What the agent makes of its line.
fn proof_of(text: &str, pin: &[u8; 32], csr_pem: &str) -> (String, Vec<u8>) {
    let (id, seed) = text.rsplit_once("::").expect("two parts").1.split_once(':').expect("id and seed");
    let seed = URL_SAFE_NO_PAD.decode(seed).expect("base64");
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("a seed");
    let der = check_csr(csr_pem).expect("a request").der;
    (id.to_owned(), pair.sign(&proof_message(pin, id, &der)).as_ref().to_vec())
}

#[test]
fn a_join_token_has_its_form_and_only_its_seed_proves_it() {
    let (_dir, identity) = cluster();
    let (text, kept) = identity.join_token(grant(NOW.0)).expect("a token");
    assert_eq!(text.len(), 4 + 64 + 2 + 16 + 1 + 43);
    assert!(text.starts_with("WLJ1"));
    assert_eq!((kept.id.len(), kept.public_key.len()), (16, 64));
    let key = KeyPair::generate().expect("a key");
    let csr = csr_of(&key, CertificateParams::default());
    let (id, proof) = proof_of(&text, &identity.ca_pin(), &csr);
    let der = check_csr(&csr).expect("a request").der;
    let message = proof_message(&identity.ca_pin(), &id, &der);
    assert!(verify_proof(&kept.public_key, &message, &proof));
    assert!(!verify_proof(&kept.public_key, &proof_message(&[0; 32], &id, &der), &proof));
    let (_, other) = identity.join_token(grant(NOW.0)).expect("a token");
    assert!(!verify_proof(&other.public_key, &message, &proof));
    assert!(!verify_proof("no hex", &message, &proof));
}

/// An engine that decides enrolments by core's own rule.
async fn decide(state: State, mut inputs: tokio::sync::mpsc::Receiver<Submitted>) {
    while let Some(Submitted { input, reply }) = inputs.recv().await {
        let Input::Enrol(enrolment) = input else { unreachable!("only enrolments are submitted") };
        let decision = windlass_core::agent::decide::enrol(&state, NOW, enrolment);
        reply.send(decision.answer).expect("the caller waits");
    }
}

struct Enrolling {
    _dir: tempfile::TempDir,
    enroller: Enroller,
    text: String,
    engine: tokio::task::JoinSet<()>,
}

fn enrolling(expires: u64, used: Option<(Digest, AgentId, Arc<str>)>) -> Enrolling {
    let (dir, identity) = cluster();
    let (text, token) = identity.join_token(grant(expires)).expect("a token");
    let mut state = State::default();
    state.join_tokens.insert_mut(token.id.clone(), JoinTokenState { token, used });
    let (inbox, inputs) = Inbox::new(1);
    let mut engine = tokio::task::JoinSet::new();
    engine.spawn(decide(state.clone(), inputs));
    let enroller = Enroller::new(Arc::new(identity), Published::new(state), inbox);
    Enrolling { _dir: dir, enroller, text, engine }
}

fn request(enrolling: &Enrolling) -> EnrolRequest {
    let csr = csr_of(&KeyPair::generate().expect("a key"), CertificateParams::default());
    let (token, proof) = proof_of(&enrolling.text, &enrolling.enroller.identity().ca_pin(), &csr);
    EnrolRequest { token, csr, proof }
}

#[tokio::test]
async fn a_proven_stranger_becomes_the_agent_that_its_token_names() {
    let enrolling = enrolling(NOW.0 + 1, None);
    let enrolled = enrolling.enroller.enrol(request(&enrolling), NOW).await.expect("enrolled");
    assert_eq!((enrolled.name.as_str(), enrolled.register), ("web1", register()));
    let der = windlass_proto::tls::certificates("certificate", enrolled.chain.as_bytes()).expect("PEM").remove(0);
    let cluster = enrolling.enroller.identity().cluster_id();
    assert_eq!(windlass_proto::tls::agent_id_of(&der, cluster).expect("an agent"), enrolled.agent);
    assert_eq!(enrolling.engine.len(), 1);
}

#[tokio::test]
async fn an_expired_or_used_token_is_refused() {
    let expired = enrolling(NOW.0, None);
    let error = expired.enroller.enrol(request(&expired), NOW).await.expect_err("expired");
    assert!(matches!(error, EnrolError::Refused(Refusal::JoinTokenExpired(_))), "{error}");
    let used = enrolling(NOW.0 + 1, Some((Digest::of(b"another request"), agent(), "chain".into())));
    let error = used.enroller.enrol(request(&used), NOW).await.expect_err("used");
    assert!(matches!(error, EnrolError::Refused(Refusal::JoinTokenUsed(_))), "{error}");
}

#[tokio::test]
async fn five_bad_proofs_burn_a_token() {
    let enrolling = enrolling(NOW.0 + 1, None);
    let good = request(&enrolling);
    let unknown = EnrolRequest { token: "0".repeat(16), ..good.clone() };
    assert!(matches!(enrolling.enroller.enrol(unknown, NOW).await, Err(EnrolError::NotProven)));
    for _ in 0..5 {
        let bad = EnrolRequest { proof: vec![0; 64], ..good.clone() };
        assert!(matches!(enrolling.enroller.enrol(bad, NOW).await, Err(EnrolError::NotProven)));
    }
    assert!(matches!(enrolling.enroller.enrol(good, NOW).await, Err(EnrolError::NotProven)));
}

#[tokio::test]
async fn a_stopped_engine_enrols_nobody() {
    let mut enrolling = enrolling(NOW.0 + 1, None);
    enrolling.engine.shutdown().await;
    let error = enrolling.enroller.enrol(request(&enrolling), NOW).await.expect_err("nobody decides");
    assert!(matches!(error, EnrolError::Stopped(_)));
}
