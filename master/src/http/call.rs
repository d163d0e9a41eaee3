//! What a handler is given: one request whose path, token, query and body were checked against its row of the table.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use windlass_core::input::RequestKey;
use windlass_core::model::Duration;
use windlass_core::{Answer as Answered, Input};
use windlass_proto::api::ProblemKind;

use super::api::Api;
use super::auth::Caller;
use super::limits::{PAGE_DEFAULT, PAGE_MAX, WAIT_MAX};
use super::problem::Refused;

/// One request.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) api: Api,
    /// None on public routes.
    pub(super) caller: Option<Caller>,
    /// Of the path, decoded.
    pub(super) params: BTreeMap<String, String>,
    /// Of the query; each at most once.
    pub(super) query: BTreeMap<String, String>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The body is not wanted.
    pub(super) head: bool,
    /// By which a repeat of it is known.
    pub(super) key: Option<RequestKey>,
    /// What the first request with the key was answered.
    pub(super) earlier: Option<Answered>,
    /// It turned out to be a repeat.
    pub(super) is_repeat: Arc<AtomicBool>,
}

impl Call {
    /// Who asks. Routes that ask nobody who they are do not call this.
    pub(super) fn subject(&self) -> &str {
        self.caller.as_ref().map_or("nobody", |caller| &caller.subject)
    }

    /// A part of the path; what is no such id cannot exist.
    pub(super) fn param<T: FromStr>(&self, name: &str) -> Result<T, Refused> {
        let text = self.text_param(name);
        text.parse().map_err(|_| Refused::not_found(format_args!("{name} {:?}", cut(text))))
    }

    /// A part of the path as it stands.
    pub(super) fn text_param(&self, name: &str) -> &str {
        self.params.get(name).map_or("", String::as_str)
    }

    /// A query parameter, if it is there.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// A query parameter of another type, if it is there.
    pub(super) fn value<T: FromStr>(&self, name: &str, what: &str) -> Result<Option<T>, Refused> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let wrong = || Refused::member(ProblemKind::BadRequest, name, format!("{:?} is not {what}", cut(text)));
        text.parse().map(Some).map_err(|_| wrong())
    }

    /// True or false.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Refused> {
        Ok(self.value(name, "`true` or `false`")?.unwrap_or(false))
    }

    /// How many items a page may have.
    pub(super) fn limit(&self) -> Result<usize, Refused> {
        let limit: Option<u32> = self.value("limit", "a number from 1 to 1000")?;
        match limit {
            None => Ok(PAGE_DEFAULT),
            Some(0) => Err(Refused::member(ProblemKind::BadRequest, "limit", "a page has at least 1 item")),
            Some(limit) => Ok(PAGE_MAX.min(limit as usize)),
        }
    }

    /// How long the caller wants to wait for a change; none: not at all.
    pub(super) fn wait(&self) -> Result<Option<std::time::Duration>, Refused> {
        let Some(text) = self.text("wait") else { return Ok(None) };
        let span = Duration::parse(text)
            .map_err(|error| Refused::member(ProblemKind::BadRequest, "wait", error.to_string()))?;
        Ok(Some(WAIT_MAX.min(std::time::Duration::from_millis(span.ms()))))
    }

    /// The body as JSON of this shape; an empty body is an empty object.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Refused> {
        if self.body.is_empty() {
            return parse(b"{}");
        }
        self.demand_json()?;
        parse(&self.body)
    }

    /// 415 unless the request says that its body is JSON.
    pub(super) fn demand_json(&self) -> Result<(), Refused> {
        let content_type = self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let kind = content_type.split(';').next().unwrap_or("").trim();
        if kind.eq_ignore_ascii_case("application/json") {
            return Ok(());
        }
        Err(Refused::new(ProblemKind::UnsupportedType, format!("{:?} is not application/json", cut(kind))))
    }

    /// What the first request with this key was answered by the engine; none: this is the first, or it has none.
    pub(super) fn earlier(&self) -> Option<&Answered> {
        self.earlier.as_ref()
    }

    /// Has the engine take an input: once, if the request has a key.
    pub(super) async fn submit(&self, input: Input) -> Result<Answered, Refused> {
        let Some(key) = self.key.clone() else { return Ok(self.api.inbox.submit(input).await?) };
        let input = Input::Once { key, input: Box::new(input) };
        match self.api.inbox.submit(input).await? {
            Answered::Again(first) => {
                self.is_repeat.store(true, Ordering::Relaxed);
                Ok(*first)
            }
            answered => Ok(answered),
        }
    }
}

/// What was given, fit for an answer.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(64).collect()
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    // A list would be taken for a struct with its members in order.
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(Refused::new(ProblemKind::BadRequest, "the body is not a JSON object"));
    }
    serde_json::from_slice(body).map_err(|error| {
        let kind = match error.classify() {
            serde_json::error::Category::Data => ProblemKind::WrongParams,
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof => ProblemKind::BadRequest,
        };
        Refused::new(
            kind,
            format!("the body does not fit: {}", error.to_string().chars().take(200).collect::<String>()),
        )
    })
}
