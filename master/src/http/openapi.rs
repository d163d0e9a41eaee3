//! The OpenAPI 3.1 document, made from the route table.

use axum::body::Body;
use axum::http::{Method, Response, header};
use utoipa::ToSchema;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ArrayBuilder, Object, ObjectBuilder, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Paths, Ref, RefOr, Required, Schema};
use windlass_proto::api::Problem;

use super::answer::{Answer, put};
use super::call::Call;
use super::idempotency::Keys;
use super::routes::routes;
use super::table::{Gives, Right, Route, Shape};

/// Name of the only way to sign in.
const BEARER: &str = "token";

/// `GET /openapi.json`
pub(super) async fn get(_: Call) -> Answer {
    let mut response = Response::new(Body::from(openapi_json()));
    put(&mut response, header::CONTENT_TYPE, "application/json");
    Ok(response)
}

/// The document as text.
pub fn openapi_json() -> String {
    document().to_pretty_json().expect("the document is plain data")
}

fn document() -> OpenApi {
    let mut paths = Paths::new();
    let mut schemas = vec![(Problem::name().into_owned(), <Problem as utoipa::PartialSchema>::schema())];
    Problem::schemas(&mut schemas);
    for route in routes() {
        paths.add_path_operation(route.path, vec![method(&route)], operation(&route));
        schemas.extend(shapes(&route).flat_map(|shape| shape.components.clone()));
    }
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .security_scheme(BEARER, SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)))
        .build();
    let info = InfoBuilder::new().title("Windlass").version(env!("CARGO_PKG_VERSION")).build();
    OpenApiBuilder::new().info(info).paths(paths).components(Some(components)).build()
}

fn method(route: &Route) -> HttpMethod {
    match route.method {
        Method::POST => HttpMethod::Post,
        Method::PUT => HttpMethod::Put,
        Method::DELETE => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

fn shapes(route: &Route) -> impl Iterator<Item = &Shape> {
    let gives = match &route.gives {
        Gives::Json(shape) | Gives::Pages(shape) => Some(shape),
        Gives::Nothing | Gives::Other(_) => None,
    };
    route.takes.iter().chain(gives)
}

fn operation(route: &Route) -> Operation {
    let body = route.takes.as_ref().map(|shape| {
        let content = ContentBuilder::new().schema(Some(shape.reference.clone())).build();
        RequestBodyBuilder::new().content("application/json", content).build()
    });
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
    let refused = ResponseBuilder::new().description("Not done").content("application/problem+json", problem).build();
    let operation = OperationBuilder::new()
        .summary(Some(route.about))
        .parameters(Some(parameters(route)))
        .request_body(body)
        .response(route.status.to_string(), success(route))
        .response("default", refused);
    match route.right {
        Right::Public(_) => operation.build(),
        Right::Read | Right::Run | Right::Deploy | Right::Admin => {
            operation.security(SecurityRequirement::new(BEARER, Vec::<String>::new())).build()
        }
    }
}

fn success(route: &Route) -> utoipa::openapi::Response {
    let response = ResponseBuilder::new().description("Done");
    let json = |schema: RefOr<Schema>| ContentBuilder::new().schema(Some(schema)).build();
    match &route.gives {
        Gives::Nothing => response.build(),
        Gives::Json(shape) => response.content("application/json", json(shape.reference.clone())).build(),
        Gives::Pages(shape) => response.content("application/json", json(page_of(shape))).build(),
        Gives::Other(content_type) => response.content(*content_type, ContentBuilder::new().build()).build(),
    }
}

/// `{"items": […], "next": "…"}`
fn page_of(shape: &Shape) -> RefOr<Schema> {
    let next =
        ObjectBuilder::new().schema_type(Type::String).description(Some("`cursor` of the next page, if there is one"));
    ObjectBuilder::new()
        .property("items", ArrayBuilder::new().items(shape.reference.clone()))
        .required("items")
        .property("next", next)
        .into()
}

fn parameters(route: &Route) -> Vec<Parameter> {
    let text = || Object::with_type(Type::String);
    let in_path = path_parameters(route.path).map(|name| {
        let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path).required(Required::True);
        parameter.schema(Some(text())).build()
    });
    let in_query = route.query.iter().map(|(name, about)| {
        let parameter = ParameterBuilder::new().name(*name).parameter_in(ParameterIn::Query).required(Required::False);
        parameter.description(Some(*about)).schema(Some(text())).build()
    });
    let key = (route.keys == Keys::Kept).then(|| {
        let about = "a repeat of the request within a day is answered as the first one and done once";
        let parameter = ParameterBuilder::new().name("Idempotency-Key").parameter_in(ParameterIn::Header);
        parameter.required(Required::False).description(Some(about)).schema(Some(text())).build()
    });
    in_path.chain(in_query).chain(key).collect()
}

/// The names between braces.
pub(super) fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}
