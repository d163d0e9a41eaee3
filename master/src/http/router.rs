//! From the table to a router: what happens to a request before its handler sees it, the same for every row.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, RawPathParams, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, Response, Uri, header};
use axum::middleware::{self, Next};
use axum::routing::{MethodFilter, MethodRouter, on};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use windlass_proto::api::ProblemKind;

use super::answer::{Answer, put};
use super::api::Api;
use super::auth::{authorize, not_signed_in};
use super::call::{Call, cut};
use super::idempotency::{self, REPLAYED};
use super::limits::{BODY_TIME, URL_BYTES};
use super::path;
use super::problem::Refused;
use super::routes::routes;
use super::table::Route;
use crate::clock::wall;

/// The id of a request, in the answer and in our own log.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of this request, on its way through.
#[derive(Debug, Clone)]
struct RequestId(String);

/// The whole API.
pub fn router(api: Api) -> Router {
    let mut by_path: BTreeMap<&'static str, MethodRouter<Api>> = BTreeMap::new();
    for route in routes() {
        let known = by_path.remove(route.path).unwrap_or_default();
        by_path.insert(route.path, known.merge(method_router(route)));
    }
    let mut router = Router::new();
    for (path, methods) in by_path {
        router = router.route(path, methods.fallback(method_not_allowed));
    }
    router.fallback(not_found).layer(middleware::from_fn(around)).with_state(api)
}

fn method_router(route: Route) -> MethodRouter<Api> {
    let filter = match route.method {
        Method::POST => MethodFilter::POST,
        Method::PUT => MethodFilter::PUT,
        Method::DELETE => MethodFilter::DELETE,
        _ => MethodFilter::GET,
    };
    let route = Arc::new(route);
    on(filter, move |State(api): State<Api>, params: RawPathParams, request: Request| {
        let route = Arc::clone(&route);
        async move {
            let (instance, id) = (request.uri().path().to_owned(), id_of(&request));
            match call(&route, api, &params, request).await {
                Ok(response) => response,
                Err(refused) => refused.into_response(&instance, &id),
            }
        }
    })
}

/// Token before query before body: who may not ask learns nothing of how to ask.
async fn call(route: &Route, api: Api, params: &RawPathParams, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let caller = authorize(&api.published.state(), &parts.headers, route.right, wall())?;
    let query = query(route, &parts.uri)?;
    if parts.headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Refused::new(ProblemKind::UnsupportedType, "bodies of requests are not compressed"));
    }
    let body = read(body, route.body_bytes).await?;
    let params = params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let head = parts.method == Method::HEAD;
    let subject = caller.as_ref().map_or("", |caller| &caller.subject);
    let key = idempotency::key(route.keys, subject, &parts.uri, &parts.headers, &body)?;
    let earlier = key.as_ref().map_or(Ok(None), |key| api.published.state().answered(key))?;
    let is_repeat = Arc::new(AtomicBool::new(earlier.is_some()));
    let headers = parts.headers;
    let call =
        Call { api, caller, params, query, headers, body, head, key, earlier, is_repeat: Arc::clone(&is_repeat) };
    let mut response = (route.handler)(call).await?;
    if is_repeat.load(Ordering::Relaxed) {
        put(&mut response, REPLAYED, "true");
    }
    Ok(response)
}

/// The parameters that the row knows, each at most once.
fn query(route: &Route, uri: &Uri) -> Result<BTreeMap<String, String>, Refused> {
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|_| Refused::new(ProblemKind::BadRequest, "the query is not well formed"))?;
    let mut query = BTreeMap::new();
    for (name, value) in pairs {
        if value.starts_with("wl_") {
            return Err(
                not_signed_in().hint("a token belongs into the header; this one was shown to every proxy on the way")
            );
        }
        if !route.query.iter().any(|(known, _)| *known == name) {
            return Err(Refused::member(ProblemKind::BadRequest, &cut(&name), "there is no such parameter here"));
        }
        if query.insert(name.clone(), value).is_some() {
            return Err(Refused::member(ProblemKind::BadRequest, &cut(&name), "it is given twice"));
        }
    }
    Ok(query)
}

async fn read(body: Body, max_bytes: usize) -> Result<Bytes, Refused> {
    let collected = Limited::new(body, max_bytes).collect();
    match tokio::time::timeout(BODY_TIME, collected).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(Refused::new(ProblemKind::TooBig, format!("a body of at most {max_bytes} bytes is taken here")))
        }
        Ok(Err(_)) => Err(Refused::new(ProblemKind::BadRequest, "the body ended early")),
        Err(_) => Err(Refused::new(ProblemKind::TooSlow, "the body took too long")),
    }
}

/// Around every request, known or not: its id, the normal form of its path, and headers that hold for every answer.
async fn around(mut request: Request, next: Next) -> Response<Body> {
    let id = uuid::Uuid::now_v7().simple().to_string();
    request.extensions_mut().insert(RequestId(id.clone()));
    let (method, instance) = (request.method().clone(), request.uri().path().to_owned());
    let url_bytes = request.uri().path_and_query().map_or(0, |whole| whole.as_str().len());
    let mut response = if url_bytes > URL_BYTES || !path::is_normal(&instance) {
        Refused::not_found("such path").into_response(&instance, &id)
    } else {
        next.run(request).await
    };
    let status = response.status().as_u16();
    tracing::debug!(request = %id, %method, path = instance, status, "answered");
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REQUEST_ID, HeaderValue::from_str(&id).expect("hex digits are visible"));
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        let policy = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'");
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

async fn not_found(request: Request) -> Response<Body> {
    Refused::not_found("such path").into_response(request.uri().path(), &id_of(&request))
}

async fn method_not_allowed(request: Request) -> Response<Body> {
    let detail = format!("{} is not known here", cut(request.method().as_str()));
    let refused = Refused::new(ProblemKind::MethodNotAllowed, detail);
    refused.into_response(request.uri().path(), &id_of(&request))
}

fn id_of(request: &Request) -> String {
    request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default()
}
