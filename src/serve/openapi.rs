//! The OpenAPI document: made of the table of addresses and of the types of the documents.

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{
    asker::Access,
    metrics::OPEN_METRICS,
    problem::{PROBLEM_JSON, Problem},
    routes::{Media, Parameter, ROUTES, Reply, Route},
};

/// Where schemas that are used more than once stand.
const DEFINITIONS: &str = "/components/schemas";

/// The OpenAPI 3.1 document of the listener.
pub fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.definitions_path = DEFINITIONS.into());
    let mut answers = settings.clone().for_serialize().into_generator();
    let mut questions = settings.for_deserialize().into_generator();
    let mut paths = Map::new();
    for route in ROUTES {
        let operation = operation(route, &mut answers, &mut questions);
        paths.insert(route.path.to_owned(), json!({ route.method.name(): operation }));
    }
    let mut schemas = questions.take_definitions(true);
    schemas.append(&mut answers.take_definitions(true));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Portcullis",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0" },
            "description": "What `portcullis watch` serves. Nothing here can have anything removed: a caller can ask to look \
                            again, stop all writing, and let it go on. Text that came from an API stands in JSON as it is; \
                            control characters and those that turn text around are written as escapes.",
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The token of the listener. Callers on the same machine that ask for a loopback host need none.",
                },
            },
        },
    })
}

fn operation(route: &Route, answers: &mut SchemaGenerator, questions: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    for reply in route.replies {
        responses.insert(reply.status.to_string(), response(reply, answers));
    }
    let guarded: &[u16] = match route.access {
        Access::Open => &[],
        Access::Signed => &[401, 403],
        Access::Metrics | Access::Token => &[401, 403],
    };
    let timed: &[u16] = &[408];
    let unavailable: &[u16] = if route.path.starts_with("/v1/") { &[503] } else { &[] };
    for status in guarded.iter().chain(route.problems).chain(timed).chain(unavailable) {
        let problem = answers.subschema_for::<Problem>();
        let content = json!({ PROBLEM_JSON: { "schema": problem } });
        let what = axum::http::StatusCode::from_u16(*status).ok().and_then(|status| status.canonical_reason());
        responses
            .entry(status.to_string())
            .or_insert_with(|| json!({ "description": what.unwrap_or("A problem"), "content": content }));
    }
    let security = match route.access {
        Access::Open | Access::Signed => json!([]),
        // Without one where it is open, or the caller is on the same machine.
        Access::Metrics | Access::Token => json!([{}, { "token": [] }]),
    };
    let mut operation = Map::new();
    operation.insert("summary".to_owned(), json!(route.summary));
    operation.insert("operationId".to_owned(), json!(operation_id(route)));
    operation.insert("responses".to_owned(), json!(responses));
    operation.insert("security".to_owned(), security);
    if !route.parameters.is_empty() {
        operation.insert("parameters".to_owned(), route.parameters.iter().map(parameter).collect());
    }
    let body = match (route.body, route.access) {
        (Some(schema), _) => Some(json!(schema(questions))),
        (None, Access::Signed) => Some(json!({ "type": "object", "description": "As the Git host sends it" })),
        (None, _) => None,
    };
    if let Some(schema) = body {
        let body = json!({ "required": true, "content": { "application/json": { "schema": schema } } });
        operation.insert("requestBody".to_owned(), body);
    }
    Value::Object(operation)
}

fn response(reply: &Reply, answers: &mut SchemaGenerator) -> Value {
    let content = match reply.media {
        Media::Json(schema) => json!({ "application/json": { "schema": schema(answers) } }),
        Media::AnyJson => json!({ "application/json": { "schema": { "type": "object" } } }),
        Media::Html => json!({ "text/html": { "schema": { "type": "string" } } }),
        Media::OpenMetrics => json!({ OPEN_METRICS: { "schema": { "type": "string" } } }),
    };
    json!({ "description": reply.what, "content": content })
}

fn parameter(parameter: &Parameter) -> Value {
    let (shape, format) = parameter.shape;
    let schema = match format {
        Some(format) => json!({ "type": shape, "format": format }),
        None => json!({ "type": shape }),
    };
    json!({
        "name": parameter.name,
        "in": if parameter.in_path { "path" } else { "query" },
        "required": parameter.in_path,
        "description": parameter.what,
        "schema": schema,
    })
}

/// `getTargetsNamePlan`: unique, since it is made of method and path.
fn operation_id(route: &Route) -> String {
    let words = route.path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.fold(route.method.name().to_owned(), |mut id, word| {
        let (first, rest) = word.split_at(1);
        id.push_str(&first.to_ascii_uppercase());
        id.push_str(rest);
        id
    })
}
