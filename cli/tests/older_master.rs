//! `windlass status` beside a master of an earlier release, which does not know `GET /api/v1/master`.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::Command;

/// Answers one request with an empty list, or as masters answer for what they do not have.
fn answer(listener: &TcpListener) -> std::io::Result<()> {
    let (mut stream, _) = listener.accept()?;
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let (status, kind, body) = if first.contains("/api/v1/master ") {
        let problem = r#"{"type": "/problems/not-found", "title": "There is no such thing", "status": 404,
            "detail": "there is nothing at /api/v1/master", "instance": "/api/v1/master", "code": "not-found", "request_id": "1"}"#;
        ("404 Not Found", "application/problem+json", problem)
    } else {
        ("200 OK", "application/json", r#"{"items": [], "next": null}"#)
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn status_says_that_the_master_is_older_and_shows_the_rest() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let _master = std::thread::spawn(move || while answer(&listener).is_ok() {});
    let mut program = Command::new(env!("CARGO_BIN_EXE_windlass"));
    program.arg("status").env("LANG", "C.UTF-8").env("WINDLASS_URL", url).env("WINDLASS_TOKEN", "wl_x");
    let output = program.output().expect("it runs");
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{err}");
    assert!(err.starts_with("this master is older than this client"), "{err}");
    assert!(!err.contains("error["), "{err}");
    assert!(!output.stdout.is_empty(), "the lanes are told");
}
