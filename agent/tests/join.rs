//! `windlass-agent join` against a master's HTTP port that is played here: what is sent, what is written, what is refused.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::JoinHandle;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, SanType,
};
use ring::digest::{SHA256, digest};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde_json::{Value, json};
use windlass_agent::join::proof_message;

const CLUSTER: &str = "0190b2b0-0000-7000-8000-000000000001";
const AGENT: &str = "0190b2b0-0000-7000-8000-00000000000a";
const TOKEN: &str = "0123456789abcdef";
const SEED: [u8; 32] = [7; 32];

struct Ca {
    pem: String,
    pin: [u8; 32],
    issuer: Issuer<'static, KeyPair>,
}

fn ca() -> Ca {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let certificate = params.self_signed(&key).expect("self-signed");
    let pin = digest(&SHA256, certificate.der()).as_ref().try_into().expect("32 bytes");
    Ca { pem: certificate.pem(), pin, issuer: Issuer::new(params, key) }
}

fn token(ca: &Ca) -> String {
    let pin: String = ca.pin.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("WLJ1{pin}::{TOKEN}:{}\n", URL_SAFE_NO_PAD.encode(SEED))
}

/// Reads one request and gives one answer; says what was asked.
fn answer_once(listener: &TcpListener, answer: impl FnOnce(&Value) -> (u16, Value)) -> Value {
    let (stream, _) = listener.accept().expect("somebody dials");
    let mut reader = BufReader::new(stream.try_clone().expect("a descriptor"));
    let mut length = 0;
    let mut head = String::new();
    while reader.read_line(&mut head).expect("a line") > 2 {
        let line = head.split_off(0).to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a number");
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("the body");
    let asked = serde_json::from_slice(&body).expect("JSON");
    let (status, said) = answer(&asked);
    write_answer(stream, status, &said.to_string());
    asked
}

fn write_answer(mut stream: TcpStream, status: u16, text: &str) {
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        text.len()
    );
    stream.write_all((head + text).as_bytes()).expect("answered");
}

/// What a right master answers, after checking the proof.
fn enrol(ca: &Ca, asked: &Value) -> (u16, Value) {
    let pem = asked["csr"].as_str().expect("a request");
    let mut csr = CertificateSigningRequestParams::from_pem(pem).expect("a request");
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = base64::engine::general_purpose::STANDARD.decode(body).expect("base64");
    let proof = URL_SAFE_NO_PAD.decode(asked["proof"].as_str().expect("a proof")).expect("base64url");
    let public = Ed25519KeyPair::from_seed_unchecked(&SEED).expect("a seed");
    let message = proof_message(&ca.pin, asked["token_id"].as_str().expect("an id"), &der);
    UnparsedPublicKey::new(&ED25519, public.public_key().as_ref()).verify(&message, &proof).expect("it is proven");
    let uri = format!("spiffe://{CLUSTER}/agent/{AGENT}");
    csr.params.subject_alt_names = vec![SanType::URI(uri.as_str().try_into().expect("a URI"))];
    csr.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let chain = csr.signed_by(&ca.issuer).expect("signed").pem();
    let register =
        json!({ "name": "web1", "labels": {}, "projects": ["shop"], "environments": ["production"], "jobs": false });
    let answer = json!({
        "cluster_id": CLUSTER, "agent_id": AGENT, "chain": chain, "ca": ca.pem, "agents_port": 8471, "register": register
    });
    (200, answer)
}

fn windlass_agent(folder: &Path, args: &[&str], stdin: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_windlass-agent"))
        .args(args)
        .arg("--config")
        .arg(folder.join("agent.toml"))
        .arg("--state-dir")
        .arg(folder.join("state"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    // A program that refused before it read its input has closed it.
    _ = child.stdin.take().expect("piped").write_all(stdin.as_bytes());
    child.wait_with_output().expect("it ends")
}

fn play(answer: impl FnOnce(&Value) -> (u16, Value) + Send + 'static) -> (String, JoinHandle<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    (url, std::thread::spawn(move || answer_once(&listener, answer)))
}

#[test]
fn a_host_joins_and_is_then_ready_and_a_repeated_join_asks_with_the_same_key() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let (first_ca, second_ca) = (ca(), ca());
    let line = token(&first_ca);
    let (url, played) = play(move |asked| enrol(&first_ca, asked));
    let joined = windlass_agent(folder.path(), &["join", &url, "--token-file", "-"], &line);
    let said = String::from_utf8_lossy(&joined.stdout).into_owned() + &String::from_utf8_lossy(&joined.stderr);
    assert_eq!(joined.status.code(), Some(0), "{said}");
    assert!(said.contains(AGENT) && said.contains("agent.toml (written)"), "{said}");
    let asked = played.join().expect("played");
    assert!(!asked.to_string().contains(&URL_SAFE_NO_PAD.encode(SEED)), "the seed is never sent");
    let checked = windlass_agent(folder.path(), &["check"], "");
    assert_eq!(checked.status.code(), Some(0), "{}", String::from_utf8_lossy(&checked.stderr));
    let config = std::fs::read_to_string(folder.path().join("agent.toml")).expect("written");
    assert!(config.contains("master = \"127.0.0.1:8471\"") && config.contains("\"production\""), "{config}");

    let line = token(&second_ca);
    let (url, played) = play(move |asked| enrol(&second_ca, asked));
    let again = windlass_agent(folder.path(), &["join", &url, "--token-file", "-"], &line);
    assert_eq!(again.status.code(), Some(0), "{}", String::from_utf8_lossy(&again.stderr));
    assert!(String::from_utf8_lossy(&again.stdout).contains("left alone"));
    let key_of = |asked: &Value| {
        let pem = asked["csr"].as_str().expect("a request").to_owned();
        CertificateSigningRequestParams::from_pem(&pem).expect("a request").public_key
    };
    let second = played.join().expect("played");
    assert_eq!(
        rcgen::PublicKeyData::subject_public_key_info(&key_of(&asked)),
        rcgen::PublicKeyData::subject_public_key_info(&key_of(&second))
    );
}

#[test]
fn what_the_master_refuses_is_said_with_its_hint_and_leaves_no_identity() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let ca = ca();
    let problem = json!({
        "type": "/problems/conflict", "title": "conflict", "status": 409, "detail": "the token was used at 14:02",
        "instance": "/enrol", "code": "conflict", "request_id": "r1", "hint": "make a new one: `windlass agents token`"
    });
    let (url, played) = play(move |_| (409, problem));
    let refused = windlass_agent(folder.path(), &["join", &url, "--token-file", "-"], &token(&ca));
    played.join().expect("played");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("the token was used at 14:02") && said.contains("hint: make a new one"), "{said}");
    assert!(!folder.path().join("agent.toml").exists() && !folder.path().join("state/identity/cert.pem").exists());
}

#[test]
fn an_answer_from_another_ca_is_not_believed() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let (ours, other) = (ca(), ca());
    let line = token(&ours);
    let pin = ours.pin;
    let (url, played) = play(move |asked| {
        let (status, mut answer) = enrol(&Ca { pin, ..other }, asked);
        answer["agents_port"] = json!(1);
        (status, answer)
    });
    let refused = windlass_agent(folder.path(), &["join", &url, "--token-file", "-"], &line);
    played.join().expect("played");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("its CA is not the one that the token names"), "{said}");
    assert!(!folder.path().join("state/identity/cert.pem").exists());
}

#[test]
fn what_is_no_token_is_refused_without_dialling() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let wrong = windlass_agent(folder.path(), &["join", "http://127.0.0.1:1", "--token-file", "-"], "WLJ1oops\n");
    let said = String::from_utf8_lossy(&wrong.stderr);
    assert_eq!(wrong.status.code(), Some(2), "{said}");
    assert!(said.contains("not a join token") && said.contains("hint: ") && !said.contains("oops"), "{said}");
}
