//! What a row of the route table says. `routes` holds the rows.

use std::future::Future;
use std::pin::Pin;

use axum::http::Method;
use utoipa::ToSchema;
use utoipa::openapi::{Ref, RefOr, Schema};

use super::answer::Answer;
use super::call::Call;
use super::idempotency::Keys;
use super::limits::BODY_BYTES;

/// The right that a request needs. There is no default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    /// Look.
    Read,
    /// Trigger and cancel.
    Run,
    /// The verbs of a lane.
    Deploy,
    /// Agents and tokens.
    Admin,
    /// Nobody is asked; the list of reasons is closed.
    Public(Why),
}

/// Why a route asks nobody who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// It says `ok`, no more.
    Health,
    /// The signature of the body is the proof.
    SignedDelivery,
    /// The proof of the join token is.
    Enrolment,
}

/// What carries a request out.
pub(super) type Handler = fn(Call) -> Pin<Box<dyn Future<Output = Answer> + Send>>;

/// A shape, for the OpenAPI document.
#[derive(Clone)]
pub(super) struct Shape {
    pub(super) reference: RefOr<Schema>,
    pub(super) components: Vec<(String, RefOr<Schema>)>,
}

impl Shape {
    fn of<T: ToSchema>() -> Self {
        let mut components = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut components);
        Self { reference: RefOr::Ref(Ref::from_schema_name(T::name())), components }
    }
}

/// What a success holds.
#[derive(Clone)]
pub(super) enum Gives {
    /// Nothing.
    Nothing,
    /// JSON.
    Json(Shape),
    /// A list of these in pages.
    Pages(Shape),
    /// Something else, by its content type.
    Other(&'static str),
}

/// A row of the table.
#[derive(Clone)]
pub(super) struct Route {
    pub(super) method: Method,
    /// Whole path; `{name}` is a parameter.
    pub(super) path: &'static str,
    pub(super) right: Right,
    /// The most bytes of a body.
    pub(super) body_bytes: usize,
    /// A sentence for the OpenAPI document.
    pub(super) about: &'static str,
    /// Query parameters, each with a sentence; any other is refused.
    pub(super) query: &'static [(&'static str, &'static str)],
    pub(super) takes: Option<Shape>,
    /// Status of a success.
    pub(super) status: u16,
    pub(super) gives: Gives,
    /// What becomes of an `Idempotency-Key`.
    pub(super) keys: Keys,
    pub(super) handler: Handler,
}

impl Route {
    pub(super) fn get(path: &'static str, right: Right, about: &'static str, handler: Handler) -> Self {
        Self::new(Method::GET, path, right, about, handler)
    }

    pub(super) fn post(path: &'static str, right: Right, about: &'static str, handler: Handler) -> Self {
        Self::new(Method::POST, path, right, about, handler)
    }

    pub(super) fn put(path: &'static str, right: Right, about: &'static str, handler: Handler) -> Self {
        Self::new(Method::PUT, path, right, about, handler)
    }

    pub(super) fn delete(path: &'static str, right: Right, about: &'static str, handler: Handler) -> Self {
        Self::new(Method::DELETE, path, right, about, handler)
    }

    fn new(method: Method, path: &'static str, right: Right, about: &'static str, handler: Handler) -> Self {
        let (body_bytes, query, takes, status, gives) = (BODY_BYTES, &[][..], None, 200, Gives::Nothing);
        let keys = match right {
            Right::Read | Right::Public(_) => Keys::Ignored,
            Right::Run | Right::Deploy | Right::Admin if method == Method::POST => Keys::Kept,
            Right::Run | Right::Deploy | Right::Admin => Keys::Ignored,
        };
        Self { method, path, right, body_bytes, about, query, takes, status, gives, keys, handler }
    }

    /// The answer holds a secret, and is not given again.
    pub(super) fn keyless(mut self) -> Self {
        self.keys = Keys::Refused;
        self
    }

    pub(super) fn query(mut self, query: &'static [(&'static str, &'static str)]) -> Self {
        self.query = query;
        self
    }

    pub(super) fn body_bytes(mut self, bytes: usize) -> Self {
        self.body_bytes = bytes;
        self
    }

    pub(super) fn takes<T: ToSchema>(mut self) -> Self {
        self.takes = Some(Shape::of::<T>());
        self
    }

    pub(super) fn gives<T: ToSchema>(mut self, status: u16) -> Self {
        (self.status, self.gives) = (status, Gives::Json(Shape::of::<T>()));
        self
    }

    pub(super) fn pages<T: ToSchema>(mut self) -> Self {
        self.gives = Gives::Pages(Shape::of::<T>());
        self
    }

    pub(super) fn other(mut self, content_type: &'static str) -> Self {
        self.gives = Gives::Other(content_type);
        self
    }

    pub(super) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }
}
