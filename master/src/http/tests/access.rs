//! Tokens and enrolment.

use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::Ed25519KeyPair;
use serde_json::{Value, json};
use windlass_core::State;
use windlass_core::model::UnixMs;

use super::master::Master;
use crate::http::auth::authorize;
use crate::http::table::Right;
use crate::identity::{new_api_token, proof_message};

#[test]
fn a_token_is_good_until_it_expires() {
    let (text, kept) = new_api_token("anna", UnixMs(1_000)).expect("random bytes");
    let mut state = State::default();
    state.tokens.insert_mut(kept.id.clone(), kept);
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {text}")).expect("visible"));
    for right in [Right::Read, Right::Run, Right::Deploy, Right::Admin] {
        let caller = authorize(&state, &headers, right, UnixMs(999)).expect("it is good");
        assert_eq!(caller.map(|caller| caller.subject), Some("anna".to_owned()));
        assert!(authorize(&state, &headers, right, UnixMs(1_000)).is_err());
        assert!(authorize(&State::default(), &headers, right, UnixMs(999)).is_err());
    }
}

#[test]
fn a_new_token_speaks_for_its_subject() {
    let master = Master::start();
    let me = master.get("/api/v1/me").json();
    assert_eq!((&me["subject"], &me["grants"]), (&json!("admin"), &json!(["admin"])));
    let made = master.post("/api/v1/tokens", &json!({"subject": "ci-shop", "days": 1}));
    assert_eq!(made.status, 201, "{}", made.text());
    let token = made.json()["token"].as_str().expect("shown once").to_owned();
    let me = master.send("GET", "/api/v1/me", &[("authorization", &format!("Bearer {token}"))], b"").json();
    assert_eq!(me["subject"], "ci-shop");
    for bad in
        [json!({"subject": "A B"}), json!({"subject": "a", "days": 0}), json!({"subject": "a", "days": 366}), json!({})]
    {
        assert_eq!(master.post("/api/v1/tokens", &bad).status, 422, "{bad}");
    }
}

/// What an agent posts for this join token.
fn request(token: &str, key: &rcgen::KeyPair) -> Value {
    let (pin, rest) = token.strip_prefix("WLJ1").and_then(|rest| rest.split_once("::")).expect("a join token");
    let (id, seed) = rest.split_once(':').expect("a join token");
    let pin: Vec<u8> = (0..32).map(|i| u8::from_str_radix(&pin[2 * i..2 * i + 2], 16).expect("hex")).collect();
    let seed = URL_SAFE_NO_PAD.decode(seed).expect("base64url");
    let csr = rcgen::CertificateParams::default().serialize_request(key).expect("a request");
    let message = proof_message(&pin.try_into().expect("32 bytes"), id, csr.der());
    let proof = Ed25519KeyPair::from_seed_unchecked(&seed).expect("a seed").sign(&message);
    json!({"token_id": id, "csr": csr.pem().expect("PEM"), "proof": URL_SAFE_NO_PAD.encode(proof)})
}

/// Makes an agent of this name, which never dials.
pub(super) fn enrol(master: &Master, name: &str) {
    let token = master.post("/api/v1/join-tokens", &json!({ "name": name })).json();
    let key = rcgen::KeyPair::generate().expect("a key");
    let body = request(token["token"].as_str().expect("shown once"), &key).to_string();
    let answer = master.send("POST", "/enrol", &[("content-type", "application/json")], body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn an_agent_enrols_once_with_its_join_token() {
    let master = Master::start();
    let asked = json!({"name": "web1", "labels": {"role": "web"}, "environments": ["production"]});
    let made = master.post("/api/v1/join-tokens", &asked);
    assert_eq!(made.status, 201, "{}", made.text());
    let token = made.json()["token"].as_str().expect("shown once").to_owned();
    let key = rcgen::KeyPair::generate().expect("a key");
    let enrol = |body: &Value| {
        let headers = [("content-type", "application/json")];
        master.send("POST", "/enrol", &headers, body.to_string().as_bytes())
    };
    let good = request(&token, &key);
    let mut forged = good.clone();
    forged["proof"] = json!(URL_SAFE_NO_PAD.encode([0; 64]));
    assert_eq!((enrol(&forged).status, enrol(&forged).problem().as_str()), (401, "not-signed-in"));
    let first = enrol(&good);
    assert_eq!(first.status, 200, "{}", first.text());
    assert_eq!(first.json()["register"]["name"], "web1");
    assert!(first.json()["agents_port"].as_u64().is_some_and(|port| port > 0));
    assert_eq!(enrol(&good).json()["chain"], first.json()["chain"], "the same request gets the same answer");
    let other = enrol(&request(&token, &rcgen::KeyPair::generate().expect("a key")));
    assert_eq!((other.status, other.problem().as_str()), (409, "conflict"));
    let agent = master.get("/api/v1/agents/web1").json();
    assert_eq!((&agent["state"], &agent["id"]), (&json!("enrolled"), &first.json()["agent_id"]));
    assert_eq!(agent["register"]["environments"], json!(["production"]));
    assert_eq!(master.get("/api/v1/agents").json()["items"], json!([agent]));
}

#[test]
fn a_join_token_fixes_only_what_operators_know() {
    let master = Master::start();
    for bad in [
        json!({"name": "../x"}),
        json!({"name": "web1", "environments": ["nowhere"]}),
        json!({"name": "web1", "projects": ["nothing"]}),
        json!({"name": "web1", "labels": {"__proto__": "x"}}),
        json!({"name": "web1", "labels": {"role": "a\nb"}}),
        json!({"name": "web1", "expires_in_secs": 0}),
        json!({"name": "web1", "expires_in_secs": 86_401}),
        json!({"name": "web1", "hold": true}),
    ] {
        let answer = master.post("/api/v1/join-tokens", &bad);
        assert_eq!((answer.status, answer.problem().as_str()), (422, "wrong-params"), "{bad}");
    }
}
