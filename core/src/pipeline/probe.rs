//! What is executed and what is asked: commands of steps, hooks and gates, and addresses of probes.

use super::limits::URL_BYTES;
use super::read::{Object, Reader};
use super::spec::{Run, Shell, Span};
use super::words::quote;
use super::yaml::{Node, Value};
use crate::model::{Code, Probe};

impl Reader<'_> {
    /// A script, or program and arguments; a script is marked for `sh`.
    pub(super) fn run(&mut self, node: &Node, key: &str) -> Option<Run> {
        if let Value::List(_) = &node.value {
            return self.argv(node, key).map(Run::List);
        }
        let text = self.text(node, key)?;
        if text.trim().is_empty() {
            self.wrong_type(node, &format!("`{key}`"), "a command");
            return None;
        }
        self.refuse_templates(&text, node.span);
        Some(Run::Script { text, shell: Shell::Sh })
    }

    /// Program and arguments, executed as they stand.
    pub(super) fn argv(&mut self, node: &Node, key: &str) -> Option<Vec<String>> {
        let items = self.texts(node, key)?;
        for item in &items {
            self.refuse_templates(&item.value, item.span);
        }
        if items.first().is_none_or(|program| program.value.trim().is_empty()) {
            self.findings.error(
                node.span,
                Code::WrongType,
                format!("`{key}` names no program"),
                "write for example `[make, test]`",
            );
            return None;
        }
        Some(items.into_iter().map(|item| item.value).collect())
    }

    /// Script or list as one command line, for what needs no file: hooks and probes.
    pub(super) fn command_line(&mut self, node: &Node, key: &str) -> Option<Vec<String>> {
        Some(match self.run(node, key)? {
            Run::List(argv) => argv,
            Run::Script { text, .. } => vec!["/bin/sh".to_owned(), "-ec".to_owned(), text],
        })
    }

    /// Exactly one way to ask.
    pub(super) fn probe(&mut self, object: &Object<'_>) -> Option<Probe> {
        let given: Vec<(&str, &Node)> =
            ["http", "tcp", "command"].into_iter().filter_map(|way| Some((way, object.get(way)?))).collect();
        match given.as_slice() {
            [("http", node)] => self.address(node).map(Probe::Http),
            [("tcp", node)] => self.endpoint(node).map(Probe::Tcp),
            [(_, node)] => self.command_line(node, "command").map(Probe::Command),
            [(first, _), (second, _), ..] => {
                let at = object.key(second).unwrap_or(object.span);
                let text = format!("{} has both `{first}` and `{second}`", object.what);
                self.findings.error(at, Code::Clash, text, "keep one of them");
                None
            }
            [] => {
                let text = format!("{} has neither `http` nor `command`", object.what);
                let hint = "write `http: \"http://127.0.0.1:8080/healthz\"`";
                self.findings.error(object.span, Code::MissingKey, text, hint);
                None
            }
        }
    }

    fn endpoint(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node, "tcp")?;
        if text.len() <= URL_BYTES
            && is_authority(&text)
            && text.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'))
        {
            return Some(text);
        }
        let hint = "write host and port, as `127.0.0.1:5432`";
        self.findings.error(node.span, Code::BadPath, format!("{} is not a host and a port", quote(&text)), hint);
        None
    }

    fn address(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node, "http")?;
        if is_http(&text) {
            return Some(text);
        }
        let hint = "write an address as `http://127.0.0.1:8080/healthz`";
        self.findings.error(node.span, Code::BadPath, format!("{} is not an http address", quote(&text)), hint);
        None
    }

    /// Other systems put values into commands by text; here that would be a silent mistake.
    fn refuse_templates(&mut self, text: &str, within: Span) {
        if text.contains("${{") {
            let at = self.findings.locate(within, "${{");
            let hint =
                "values come by environment: write `$NAME`, and `env: { NAME: … }`; see `WINDLASS_BRANCH` and others";
            self.findings.error(at, Code::BadExpression, "nothing is substituted into a command", hint);
        }
    }
}

/// `http` or `https`, a host with or without port, a path; no user and no blanks.
fn is_http(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")) else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    text.len() <= URL_BYTES && text.bytes().all(|b| b.is_ascii_graphic()) && is_authority(authority)
}

/// A host, with a port or without.
fn is_authority(authority: &str) -> bool {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        Some(_) | None => (authority, None),
    };
    let host_fits = match host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(address) => address.parse::<core::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_')),
    };
    let port_fits =
        port.is_none_or(|port| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|n| n > 0));
    host_fits && port_fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_has_a_host_and_a_port() {
        for good in ["127.0.0.1:5432", "db.internal:1", "[::1]:80"] {
            assert!(is_authority(good), "{good}");
        }
        for bad in ["", ":80", "h:0", "h:70000", "h:", "h:80/x", "u@h:1", "[::1:80", "h h:1"] {
            assert!(!is_authority(bad), "{bad}");
        }
    }

    #[test]
    fn an_address_has_a_host_and_no_surprises() {
        for good in
            ["http://127.0.0.1:8080/healthz", "https://shop.example.org", "http://[::1]:80/x?y=1", "http://localhost"]
        {
            assert!(is_http(good), "{good}");
        }
        for bad in [
            "",
            "ftp://x",
            "http://",
            "http:///x",
            "HTTP://x",
            "http://a b",
            "http://u:p@h/",
            "http://h:0/",
            "http://h:70000",
            "http://h:/",
            "http://[::1",
            "http://h\n/",
            "//h",
            "http://h:+1/",
            "http://ä/",
        ] {
            assert!(!is_http(bad), "{bad}");
        }
    }
}
