//! Signed deliveries, and everything that is none.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::master::{HOOK_KEY, Master, Response, commit};
use crate::clock::wall;

/// A delivery in the making.
struct Sender<'m> {
    master: &'m Master,
    project: &'m str,
    key: &'m [u8],
    content_type: &'m str,
    at: u64,
}

impl<'m> Sender<'m> {
    fn to(master: &'m Master) -> Self {
        Self {
            master,
            project: "shop",
            key: HOOK_KEY.as_bytes(),
            content_type: "application/json",
            at: wall().0 / 1_000,
        }
    }

    fn signature(&self, id: &str, body: &[u8]) -> String {
        let signed = [id.as_bytes(), b".", self.at.to_string().as_bytes(), b".", body].concat();
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, self.key);
        format!("v1,{}", STANDARD.encode(ring::hmac::sign(&key, &signed)))
    }

    fn send(&self, id: &str, body: &[u8]) -> Response {
        let signature = self.signature(id, body);
        self.send_with(id, body, &[("webhook-signature", &signature)])
    }

    fn send_with(&self, id: &str, body: &[u8], signatures: &[(&str, &str)]) -> Response {
        let at = self.at.to_string();
        let mut headers =
            vec![("webhook-id", id), ("webhook-timestamp", at.as_str()), ("content-type", self.content_type)];
        headers.extend(signatures);
        self.master.send("POST", &format!("/hooks/{}", self.project), &headers, body)
    }
}

fn push(revision: &str) -> Value {
    json!({"branch": "main", "revision": revision, "before": "0".repeat(40), "actor": "ben"})
}

fn bytes(body: &Value) -> Vec<u8> {
    body.to_string().into_bytes()
}

#[test]
fn a_signed_delivery_makes_exactly_one_run() {
    let master = Master::start();
    let sender = Sender::to(&master);
    let body = bytes(&push(&master.revision));
    let first = sender.send("d1", &body);
    assert_eq!(
        (first.status, first.json()),
        (202, json!({"id": "d1", "run": "shop.1", "nothing": null, "again": false}))
    );
    let again = sender.send("d1", &body);
    assert_eq!(
        (again.status, again.json()),
        (200, json!({"id": "d1", "run": "shop.1", "nothing": null, "again": true}))
    );
    let twin = sender.send("d2", &body);
    assert_eq!((twin.status, &twin.json()["run"]), (200, &json!("shop.1")), "the same change within ten minutes");
    let other = sender.send("d1", &bytes(&json!({"branch": "main", "revision": master.revision})));
    assert_eq!((other.status, other.problem().as_str()), (409, "idempotency-mismatch"));
    let run = master.get("/api/v1/runs/shop.1").json();
    assert_eq!(run["trigger"]["actor"], "ben");
    assert_eq!((&run["trigger"]["kind"], &run["revision"]), (&json!("push"), &json!(master.revision)));
    let deliveries = master.get("/api/v1/projects/shop/deliveries").json();
    assert_eq!(deliveries["items"].as_array().map(Vec::len), Some(1));
    assert_eq!((&deliveries["items"][0]["id"], &deliveries["items"][0]["state"]), (&json!("d1"), &json!("run")));
}

#[test]
fn a_delivery_that_matches_nothing_is_kept_with_the_reason() {
    let master = Master::start();
    std::fs::write(
        master.repository().join("windlass.yaml"),
        "on: { push: { branches: [release] } }\njobs: { a: { run: b } }\n",
    )
    .expect("a file");
    let revision = commit(&master.repository(), "Only releases");
    let answer = Sender::to(&master).send("d1", &bytes(&push(&revision)));
    assert_eq!((answer.status, &answer.json()["run"]), (202, &Value::Null), "{}", answer.text());
    assert!(answer.json()["nothing"].is_string(), "{}", answer.text());
    assert_eq!(master.get("/api/v1/runs").json()["items"], json!([]));
}

#[test]
fn a_revision_that_is_not_on_its_branch_makes_a_run_that_failed_without_jobs() {
    let master = Master::start();
    let answer = Sender::to(&master).send("d1", &bytes(&push(&"0123456789".repeat(4))));
    assert_eq!((answer.status, &answer.json()["run"]), (202, &json!("shop.1")), "{}", answer.text());
    let run = master.get("/api/v1/runs/shop.1").json();
    assert_eq!((&run["outcome"], &run["jobs"]), (&json!("failed"), &json!([])));
    assert!(run["unread"].as_str().is_some_and(|why| why.starts_with("revision_gone")), "{run}");
}

#[test]
fn what_is_not_proven_gets_one_and_the_same_401() {
    let master = Master::start();
    let body = bytes(&push(&master.revision));
    let good = Sender::to(&master);
    let signature = good.signature("d1", &body);
    let signed_by = |key: &'static [u8]| Sender { key, ..Sender::to(&master) };
    let late = Sender { at: good.at - 301, ..Sender::to(&master) };
    let early = Sender { at: good.at + 310, ..Sender::to(&master) };
    let unknown = Sender { project: "nothing", ..Sender::to(&master) };
    let without_hook = Sender { project: "docs", ..Sender::to(&master) };
    let zeros = Sender { project: "docs", ..signed_by(&[0; 32]) };
    let sha1 = [("x-hub-signature", "sha1=0123456789abcdef")];
    let answers = [
        good.send_with("d1", &body, &[]),
        good.send_with("d1", &body, &sha1),
        good.send_with("d1", &body, &[("webhook-signature", "")]),
        good.send_with("d1", &body, &[("webhook-signature", "v1,AAAA")]),
        good.send_with("d1", &body, &[("webhook-signature", &signature[3..])]),
        good.send_with("d2", &body, &[("webhook-signature", &signature)]),
        good.send_with("d1", b"{}", &[("webhook-signature", &signature)]),
        good.send_with("d1", &body, &[("webhook-signature", &signature), ("webhook-signature", &signature)]),
        good.send("", &body),
        good.send("with space", &body),
        good.send(&"x".repeat(256), &body),
        signed_by(b"").send("d1", &body),
        signed_by(b"another key of thirty-two bytes.").send("d1", &body),
        late.send("d1", &body),
        early.send("d1", &body),
        unknown.send("d1", &body),
        without_hook.send("d1", &body),
        zeros.send("d1", &body),
    ];
    for (index, answer) in answers.iter().enumerate() {
        assert_eq!((answer.status, answer.problem().as_str()), (401, "not-signed-in"), "{index}");
        assert_eq!(answer.json()["detail"], answers[0].json()["detail"], "{index}");
    }
    assert_eq!(master.get("/api/v1/projects/shop/deliveries").json()["items"], json!([]));
}

#[test]
fn one_good_signature_among_two_is_enough_while_a_key_changes() {
    let master = Master::start();
    let sender = Sender::to(&master);
    let body = bytes(&push(&master.revision));
    let old = Sender { key: b"the key of yesterday, 32 bytes..", ..Sender::to(&master) }.signature("d1", &body);
    let both = format!("{old} {}", sender.signature("d1", &body));
    assert_eq!(sender.send_with("d1", &body, &[("webhook-signature", &both)]).status, 202);
}

#[test]
fn what_is_proven_must_still_be_a_delivery() {
    let master = Master::start();
    let sender = Sender::to(&master);
    let body = bytes(&push(&master.revision));
    for content_type in ["text/plain", "application/x-www-form-urlencoded", ""] {
        assert_eq!(Sender { content_type, ..Sender::to(&master) }.send("d1", &body).status, 415, "{content_type}");
    }
    for bad in [&b"{"[..], b"[]", b"null", b"\"x\""] {
        assert_eq!(sender.send("d1", bad).status, 400, "{}", String::from_utf8_lossy(bad));
    }
    let revision = &master.revision;
    for bad in [
        json!({"revision": revision}),
        json!({"branch": "main", "tag": "v1", "revision": revision}),
        json!({"branch": "--upload-pack=id", "revision": revision}),
        json!({"branch": "main", "revision": "HEAD"}),
        json!({"branch": "main", "revision": "0".repeat(40)}),
        json!({"branch": "main", "revision": revision, "before": "x"}),
        json!({"branch": "main", "revision": revision, "params": {"LEVEL": "full"}}),
    ] {
        let answer = sender.send("d1", &bytes(&bad));
        assert_eq!((answer.status, answer.problem().as_str()), (422, "wrong-params"), "{bad}");
    }
    assert_eq!(sender.send("d1", &vec![b' '; 1024 * 1024 + 1]).status, 413);
    assert_eq!(master.get("/api/v1/projects/shop/deliveries").json()["items"], json!([]));
}
