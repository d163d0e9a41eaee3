//! The table, walked: nobody without a token, no second spelling, and a document that agrees.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::master::Master;
use crate::http::idempotency::Keys;
use crate::http::openapi::{openapi_json, path_parameters};
use crate::http::routes::routes;
use crate::http::table::{Right, Why};
use crate::identity::new_api_token;

/// A path with something in each of its parameters.
fn filled(path: &str) -> String {
    path_parameters(path).fold(path.to_owned(), |filled, name| {
        let value = match name {
            "run" => "shop.1",
            "deployment" => "shop.production.1",
            "attempt" => "1",
            _ => "shop",
        };
        filled.replace(&format!("{{{name}}}"), value)
    })
}

#[test]
fn the_master_says_how_it_is() {
    let master = Master::start();
    let own = master.get("/api/v1/master").json();
    assert_eq!((&own["lost_runs"], &own["stopped"]), (&json!([]), &json!([])), "{own}");
    assert!(own["epoch"].as_u64().is_some_and(|epoch| epoch > 0), "{own}");
    assert!(own["clock_ahead_ms"].as_i64().is_some_and(|ahead| ahead.abs() < 60_000), "{own}");
    let (total, free) = (own["disk"]["total_bytes"].as_u64(), own["disk"]["free_bytes"].as_u64());
    assert!(total > free && free.is_some(), "{own}");
    let level = own["disk"]["level"].as_str().expect("a word");
    assert!(["plenty", "low", "tight", "stop"].contains(&level), "{own}");
}

#[test]
fn without_a_good_token_every_route_that_is_not_public_answers_401() {
    let master = Master::start();
    let (stranger, _) = new_api_token("anna", windlass_core::model::UnixMs(u64::MAX)).expect("random bytes");
    let good = &master.token;
    let credentials = [
        None,
        Some("Bearer wl_".to_owned()),
        Some(format!("Bearer {stranger}")),
        Some(format!("Bearer {good}0")),
        Some(format!("Basic {good}")),
        Some(format!("bearer {good} {good}")),
        Some(format!("Bearer {}", "x".repeat(4096))),
    ];
    for route in routes().iter().filter(|route| !matches!(route.right, Right::Public(_))) {
        for credential in &credentials {
            let headers: Vec<_> = credential.iter().map(|value| ("authorization", value.as_str())).collect();
            let response = master.send(route.method.as_str(), &filled(route.path), &headers, b"{}");
            assert_eq!(response.status, 401, "{} with {credential:?}", route.path);
            assert_eq!(response.problem(), "not-signed-in");
        }
    }
    let twice = [("authorization", &*format!("Bearer {good}")), ("authorization", &*format!("Bearer {good}"))];
    assert_eq!(master.send("GET", "/api/v1/me", &twice, b"").status, 401);
}

#[test]
fn the_list_of_public_routes_is_closed() {
    let public: Vec<_> = routes()
        .into_iter()
        .filter_map(|route| match route.right {
            Right::Public(why) => Some((route.path, why)),
            Right::Read | Right::Run | Right::Deploy | Right::Admin => None,
        })
        .collect();
    let wanted = [
        ("/healthz", Why::Health),
        ("/readyz", Why::Health),
        ("/hooks/{project}", Why::SignedDelivery),
        ("/enrol", Why::Enrolment),
    ];
    assert_eq!(public, wanted);
}

#[test]
fn a_token_in_the_query_is_refused_even_beside_a_good_one() {
    let master = Master::start();
    let path = format!("/api/v1/runs?branch={}", master.token);
    assert_eq!(master.get(&path).status, 401);
    assert_eq!(master.send("GET", &format!("/api/v1/me?token={}", master.token), &[], b"").status, 401);
}

#[test]
fn no_second_spelling_of_a_path_is_a_path() {
    let master = Master::start();
    for route in routes() {
        let path = filled(route.path);
        let mutated = [
            format!("/{path}"),
            format!("{path}/"),
            format!("{path};.jsp"),
            format!("{path}/RPC2"),
            format!("{path}%00"),
            format!("{path}%2e"),
            format!("/x/..{path}"),
            format!("/.{path}"),
            path.replacen('/', "//", 2),
            path.replacen("/api", "/API", 1).replacen("/h", "/H", 1).replacen("/r", "/R", 1).replacen("/e", "/E", 1),
            path.replacen('/', "/%2f", 1),
        ];
        for path in mutated {
            for signed_in in [true, false] {
                let method = route.method.as_str();
                let response = if signed_in {
                    master.ask(method, &path, &[], b"{}")
                } else {
                    master.send(method, &path, &[], b"{}")
                };
                assert!((400..=405).contains(&response.status), "{method} {path}: {}", response.status);
            }
        }
    }
}

#[test]
fn unknown_paths_and_methods_are_problems_too() {
    let master = Master::start();
    for path in ["/", "/api", "/api/v1", "/api/v1/users/1/tokens/RPC2", "/favicon.ico"] {
        let response = master.get(path);
        assert_eq!((response.status, response.problem().as_str()), (404, "not-found"), "{path}");
    }
    for (method, path) in
        [("DELETE", "/api/v1/runs"), ("POST", "/healthz"), ("PUT", "/api/v1/tokens"), ("GET", "/enrol")]
    {
        let response = master.ask(method, path, &[], b"");
        assert_eq!((response.status, response.problem().as_str()), (405, "method-not-allowed"), "{method} {path}");
    }
    let headers =
        [("x-http-method-override", "POST"), ("x-original-url", "/api/v1/tokens"), ("x-rewrite-url", "/healthz")];
    assert_eq!(master.ask("GET", "/api/v1/nothing", &headers, b"").status, 404, "headers choose no route");
}

#[test]
fn every_answer_says_what_a_browser_may_not_do_with_it() {
    let master = Master::start();
    for response in [master.get("/healthz"), master.get("/api/v1/me"), master.get("/nothing")] {
        assert_eq!(response.headers["x-content-type-options"], "nosniff");
        assert_eq!(response.headers["referrer-policy"], "no-referrer");
        assert_eq!(response.headers["cache-control"], "no-store");
        assert!(response.headers["content-security-policy"].contains("default-src 'none'"));
    }
}

#[test]
fn queries_are_strict() {
    let master = Master::start();
    for path in [
        "/api/v1/runs?projcet=shop",
        "/api/v1/runs?project=shop&project=docs",
        "/api/v1/runs?project=../x",
        "/api/v1/runs?outcome=green",
        "/api/v1/runs?cursor=abc",
        "/api/v1/runs?limit=0",
        "/api/v1/runs?limit=-1",
        "/api/v1/runs?limit=1_000",
        "/api/v1/runs?limit=99999999999999999999",
        "/api/v1/me?x=1",
        "/api/v1/events?kind=run.exploded",
    ] {
        let response = master.get(path);
        assert_eq!((response.status, response.problem().as_str()), (400, "bad-request"), "{path}");
    }
    assert_eq!(master.get("/api/v1/runs?limit=5000").status, 200, "more than a page holds is clamped");
}

#[test]
fn bodies_are_strict() {
    let master = Master::start();
    let lint = |headers: &[(&str, &str)], body: &[u8]| master.ask("POST", "/api/v1/lint", headers, body).status;
    let json = ("content-type", "application/json");
    let good = br#"{"text": "jobs: {}"}"#;
    assert_eq!(lint(&[json], good), 200);
    assert_eq!(lint(&[], good), 415);
    assert_eq!(lint(&[("content-type", "text/plain")], good), 415);
    assert_eq!(lint(&[json, ("content-encoding", "gzip")], good), 415);
    for bad in [&b"[]"[..], b"{", b"{\"text\": \"\"} x", b"\xef\xbb\xbf{}", b"NaN", b"{\"text\": \"\xff\"}", b"\"x\""] {
        assert_eq!(lint(&[json], bad), 400, "{}", String::from_utf8_lossy(bad));
    }
    let deep = format!("{{\"text\": {}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    for bad in [r#"{"text": "", "text": ""}"#, r#"{"text": "", "x": 1}"#, "{}", &deep] {
        assert!(matches!(lint(&[json], bad.as_bytes()), 400 | 422), "{}", &bad[..20.min(bad.len())]);
    }
    let large = vec![b' '; 600 * 1024];
    let response = master.ask("POST", "/api/v1/lint", &[json], &large);
    assert_eq!((response.status, response.problem().as_str()), (413, "too-big"));
}

#[test]
fn malformed_requests_are_refused() {
    let master = Master::start();
    let many: String = (0..101).map(|n| format!("x-{n}: 1\r\n")).collect();
    let both = "content-length: 2\r\ntransfer-encoding: chunked\r\n";
    let head =
        |headers: &str| format!("GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n").into_bytes();
    assert_eq!(master.raw(&head("")).status, 200);
    for headers in [many.as_str(), "x: a\r\n b: c\r\n", "x : y\r\n"] {
        assert!(matches!(master.raw(&head(headers)).status, 400 | 431), "{}", &headers[..8]);
    }
    let long = format!("x: {}\r\n", "y".repeat(20 * 1024));
    assert!(matches!(master.raw(&head(&long)).status, 400 | 431));
    let long_path = master.get(&format!("/api/v1/{}", "x".repeat(9 * 1024)));
    assert!(matches!(long_path.status, 404 | 414 | 431), "{}", long_path.status);
    let smuggled = format!(
        "POST /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{both}\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n"
    );
    assert!((400..500).contains(&master.raw(smuggled.as_bytes()).status));
}

#[test]
fn the_openapi_document_agrees_with_the_table() {
    let document: Value = serde_json::from_str(&openapi_json()).expect("it is JSON");
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    let paths = document["paths"].as_object().expect("paths");
    let described: BTreeSet<(String, String)> = paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().expect("operations").keys();
            methods.map(|method| (method.to_uppercase(), path.clone())).collect::<Vec<_>>()
        })
        .collect();
    let table: BTreeSet<_> = routes().iter().map(|route| (route.method.to_string(), route.path.to_owned())).collect();
    assert_eq!(described, table);
    for route in routes() {
        let operation = &document["paths"][route.path][route.method.as_str().to_lowercase()];
        let is_public = matches!(route.right, Right::Public(_));
        assert_eq!(operation["security"].is_array(), !is_public, "{}", route.path);
        assert!(operation["responses"][route.status.to_string()].is_object(), "{}", route.path);
        let named: BTreeSet<&str> =
            operation["parameters"].as_array().into_iter().flatten().filter_map(|one| one["name"].as_str()).collect();
        let key = (route.keys == Keys::Kept).then_some("Idempotency-Key");
        let wanted: BTreeSet<&str> =
            path_parameters(route.path).chain(route.query.iter().map(|(name, _)| *name)).chain(key).collect();
        assert_eq!(named, wanted, "{}", route.path);
    }
}

#[test]
fn every_reference_of_the_openapi_document_leads_somewhere() {
    let document: Value = serde_json::from_str(&openapi_json()).expect("it is JSON");
    let mut references = BTreeSet::new();
    collect(&document, &mut references);
    assert!(references.len() > 20, "{references:?}");
    for reference in references {
        let pointer = reference.strip_prefix('#').expect("they stay inside the document");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

fn collect(value: &Value, references: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            references.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| collect(member, references));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
