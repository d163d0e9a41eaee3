use std::path::Path;

use windlass_core::model::Probe;

use super::*;
use crate::release::fixture::{Heard, NEW, OLD, change, env, fast_gate, layout, serve};
use crate::release::place::Place;

/// Checks a service whose `/healthz` answers by number of the question and whose identity names `named`.
fn check_of(
    named: &'static str,
    health: impl Fn(usize) -> (u16, &'static str) + Send + 'static,
) -> (Result<()>, String) {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let address = serve(move |_, path| match path {
        "/release" => (200, named.to_owned()),
        _ => {
            let (status, body) = health(asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
            (status, body.to_owned())
        }
    });
    let (_dir, layout) = layout();
    let mut spec = change(&layout).spec;
    let url = |path: &str| Probe::Http(format!("http://127.0.0.1:1{path}"));
    spec.identity = url("/release");
    spec.gates = [("up".to_owned(), fast_gate(url("/healthz")))].into();
    let place = Place { root: layout.root().to_owned(), http: Some(address.to_string()) };
    let (heard, env) = (Heard::default(), env());
    let prober = Prober { place: &place, dir: Path::new("/"), env: &env };
    let result = check(&spec, NEW, Patience::AfterStart, prober, &heard.log());
    (result, heard.text())
}

#[test]
fn a_service_that_answers_well_passes() {
    let (result, log) = check_of(NEW, |_| (200, "ok"));
    assert!(result.is_ok(), "{log}");
    assert!(log.contains("gate up good\n") && log.contains("identity good\n"), "{log}");
    assert!(log.contains(&format!("check ({NEW} answers)")), "{log}");
}

#[test]
fn three_errors_in_a_row_fail_with_the_first_line_of_the_body() {
    let (result, log) = check_of(NEW, |_| (500, "KeyError: 'TAX_API_KEY'\nsecond line"));
    let error = result.expect_err("it is broken").to_string();
    assert!(
        log.contains("gate up FAILED: 500 Internal Server Error: KeyError: 'TAX_API_KEY', 3 times in a row"),
        "{log}"
    );
    assert!(error.starts_with("check failed: gate up: 500") && !log.contains("second line"), "{error}");
}

#[test]
fn a_service_that_flips_never_passes_even_if_its_last_sample_is_good() {
    let (result, log) = check_of(NEW, |n| if n % 2 == 0 || n > 40 { (200, "ok") } else { (503, "") });
    assert!(result.is_err() && log.contains("gate up FAILED: it flaps"), "{log}");
}

#[test]
fn a_service_that_recovers_at_once_passes() {
    let (result, log) = check_of(NEW, |n| if n < 2 { (503, "warming up") } else { (200, "ok") });
    assert!(result.is_ok(), "{log}");
    assert!(log.contains("gate up bad: 503 Service Unavailable: warming up\n"), "{log}");
}

#[test]
fn another_release_in_the_running_process_fails_however_good_its_gates_are() {
    let (result, log) = check_of(OLD, |_| (200, "ok"));
    assert!(result.is_err() && log.contains(&format!("identity FAILED: the running process names {OLD}")), "{log}");
}

#[test]
fn a_redirect_is_not_followed_and_not_good() {
    let (result, log) = check_of(NEW, |_| (302, ""));
    assert!(result.is_err() && log.contains("gate up FAILED: 302 Found"), "{log}");
}

#[test]
fn nothing_that_listens_is_named() {
    let (_dir, layout) = layout();
    let mut spec = change(&layout).spec;
    spec.gates = [("up".to_owned(), fast_gate(Probe::Http("http://127.0.0.1:1/".to_owned())))].into();
    let place = Place { root: layout.root().to_owned(), http: None };
    let (heard, env) = (Heard::default(), env());
    let prober = Prober { place: &place, dir: Path::new("/"), env: &env };
    assert!(check(&spec, NEW, Patience::OfRunning, prober, &heard.log()).is_err());
    assert!(heard.text().contains("gate up bad: connection refused\n"), "{}", heard.text());
}
