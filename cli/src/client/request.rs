//! Requests and their answers. A problem of the master becomes an error that carries it whole.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::{Response, StatusCode};
use ureq::{Agent, Body};
use windlass_proto::api::{BASE, Page, Problem};

use super::account::{Account, is_loopback};
use super::stream::Streamed;
use crate::error::{Error, Result};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an answer may take to begin; longer than any `wait`.
const ANSWER: Duration = Duration::from_secs(60);
/// The most bytes of an answer that is read at once.
const ANSWER_BYTES: u64 = 64 * 1024 * 1024;
/// Items that a list is asked for at once.
const PAGE: usize = 200;

/// Query parameters; those without a value are left out.
pub type Query<'a> = [(&'a str, Option<String>)];

/// A client of one master.
#[derive(Debug, Clone)]
pub struct Client {
    agent: Agent,
    account: Account,
}

impl Client {
    /// For this account.
    pub fn new(account: Account) -> Self {
        let on_this_machine =
            account.url.parse::<ureq::http::Uri>().is_ok_and(|uri| uri.host().is_some_and(is_loopback));
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(ANSWER))
            .user_agent(concat!("windlass/", env!("CARGO_PKG_VERSION")));
        if on_this_machine {
            config = config.proxy(None);
        }
        Self { agent: config.build().new_agent(), account }
    }

    /// The address of the master.
    pub fn url(&self) -> &str {
        &self.account.url
    }

    /// Reads one thing below `/api/v1`.
    pub fn get<T: DeserializeOwned>(&self, path: &str, query: &Query<'_>) -> Result<T> {
        let url = self.address(path, query);
        let answer = self.agent.get(&url).header("Authorization", self.bearer()).call();
        self.understood(&url, answer)
    }

    /// Asks for something to be done. The key makes a repeated request the same request.
    pub fn post<B: Serialize, T: DeserializeOwned>(&self, path: &str, body: &B) -> Result<T> {
        let url = self.address(path, &[]);
        let key = uuid::Uuid::new_v4().to_string();
        let request = self.agent.post(&url).header("Authorization", self.bearer()).header("Idempotency-Key", key);
        self.understood(&url, request.send_json(body))
    }

    /// Asks for a secret. Its answer is kept nowhere, so that it cannot be given twice.
    pub fn post_for_secret<B: Serialize, T: DeserializeOwned>(&self, path: &str, body: &B) -> Result<T> {
        let url = self.address(path, &[]);
        let request = self.agent.post(&url).header("Authorization", self.bearer());
        self.understood(&url, request.send_json(body))
    }

    /// Puts bytes that are kept nowhere here.
    pub fn put_bytes<T: DeserializeOwned>(&self, path: &str, query: &Query<'_>, body: &[u8]) -> Result<T> {
        let url = self.address(path, query);
        let request = self.agent.put(&url).header("Authorization", self.bearer());
        self.understood(&url, request.header("Content-Type", "application/octet-stream").send(body))
    }

    /// Deletes one thing.
    pub fn delete(&self, path: &str, query: &Query<'_>) -> Result<()> {
        let url = self.address(path, query);
        let answer = self.agent.delete(&url).header("Authorization", self.bearer()).call();
        self.understood(&url, answer)
    }

    /// The newest items of a list, `limit` at most.
    pub fn list<T: DeserializeOwned>(&self, path: &str, query: &Query<'_>, limit: usize) -> Result<Vec<T>> {
        let (mut items, mut cursor) = (Vec::new(), None);
        while items.len() < limit {
            let wanted = (limit - items.len()).min(PAGE).to_string();
            let mut asked = query.to_vec();
            asked.extend([("limit", Some(wanted)), ("cursor", cursor)]);
            let page: Page<T> = self.get(path, &asked)?;
            items.extend(page.items);
            match page.next {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        items.truncate(limit);
        Ok(items)
    }

    /// Everything in a list that is not paged.
    pub fn all<T: DeserializeOwned>(&self, path: &str, query: &Query<'_>) -> Result<Vec<T>> {
        Ok(self.get::<Page<T>>(path, query)?.items)
    }

    /// An answer whose body is read as it comes.
    pub fn stream(&self, path: &str, query: &Query<'_>, header: Option<(&str, &str)>) -> Result<Streamed> {
        let url = self.address(path, query);
        let mut request = self.agent.get(&url).header("Authorization", self.bearer());
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let answer = self.reached(request.call())?;
        let answer = refused(&url, answer)?;
        Ok(Streamed::new(url, answer))
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.account.token)
    }

    fn address(&self, path: &str, query: &Query<'_>) -> String {
        let pairs = query.iter().filter_map(|(name, value)| Some(format!("{name}={}", encoded(value.as_deref()?))));
        let pairs: Vec<String> = pairs.collect();
        let mark = if pairs.is_empty() { "" } else { "?" };
        format!("{}{BASE}{path}{mark}{}", self.account.url, pairs.join("&"))
    }

    fn reached(&self, answer: std::result::Result<Response<Body>, ureq::Error>) -> Result<Response<Body>> {
        answer.map_err(|source| Error::NotReachable { url: self.account.url.clone(), source })
    }

    fn understood<T: DeserializeOwned>(
        &self,
        url: &str,
        answer: std::result::Result<Response<Body>, ureq::Error>,
    ) -> Result<T> {
        let mut answer = refused(url, self.reached(answer)?)?;
        let status = answer.status().as_u16();
        let bytes = answer.body_mut().with_config().limit(ANSWER_BYTES).read_to_vec();
        let bytes = bytes.map_err(|source| Error::NotReachable { url: url.to_owned(), source })?;
        let bytes = if bytes.is_empty() { b"null".to_vec() } else { bytes };
        serde_json::from_slice(&bytes).map_err(|error| not_understood(url, status, error.to_string()))
    }
}

/// Turns every status but 2xx into an error.
pub(crate) fn refused(url: &str, mut answer: Response<Body>) -> Result<Response<Body>> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let bytes = answer.body_mut().with_config().limit(ANSWER_BYTES).read_to_vec().unwrap_or_default();
    match serde_json::from_slice::<Problem>(&bytes) {
        Ok(problem) => Err(Error::Problem(Box::new(problem))),
        Err(_) => Err(not_understood(url, status.as_u16(), reason(status))),
    }
}

fn reason(status: StatusCode) -> String {
    status.canonical_reason().unwrap_or("no known status").to_owned()
}

fn not_understood(url: &str, status: u16, why: String) -> Error {
    Error::NotUnderstood { url: url.to_owned(), status, why }
}

/// Percent-encodes all but unreserved characters.
pub(crate) fn encoded(text: &str) -> String {
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes().map(|b| if unreserved(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_a_query_are_encoded() {
        assert_eq!(encoded("release/1.0 & ä"), "release%2F1.0%20%26%20%C3%A4");
        let account = Account::new("http://127.0.0.1:1", "wl_x").expect("it is right");
        let client = Client::new(account);
        let query = [("branch", Some("a b".to_owned())), ("outcome", None), ("limit", Some("2".to_owned()))];
        assert_eq!(client.address("/runs", &query), "http://127.0.0.1:1/api/v1/runs?branch=a%20b&limit=2");
    }
}
