//! The OpenAPI 3.1 document of the gateway, made from the table of routes and the table of operations.
//!
//! Plain JSON and no model of OpenAPI: the official validator reads the document in the tests. Deliberately
//! absent: 405, which belongs to the methods that a path does not have.

mod components;
mod operation;
mod problems;

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use gitledger_operations::declaration::reflowed;
use schemars::Schema;
use serde_json::{Map, Value, json};

use self::components::Components;
use super::access;
use super::route::{Body, Route, Told, Words};
use super::table::ROUTES;

const ABOUT: &str = "Runs git for AI agents in sandboxes and keeps a ledger of everything that happened.\n\n\
    Whether git did it is in the answer's `outcome`, not in the HTTP status: a failure of git is an answer, 200. \
    A mistake in the request is a 4xx `application/problem+json` that names field and rule, and nothing has \
    happened. Every route refuses web pages of other origins (403) and methods that it does not have (405). \
    Content types of requests are not looked at: every body is read as JSON.";

/// What the routes are grouped by, in the order in which the groups are shown.
const TAGS: &[(&str, &str)] = &[
    ("reads", "Operations that change nothing."),
    ("writes", "Operations that change the workspace."),
    ("publishes", "Operations that change the remote."),
    ("sandboxes", "The machines in which git runs."),
    ("ledger", "What happened."),
    ("dashboard", "What happened, added up by event time."),
    ("gateway", "The gateway itself."),
];

/// `GET /openapi.json`.
pub(super) async fn served() -> Response {
    static TEXT: LazyLock<String> = LazyLock::new(|| format!("{:#}\n", *DOCUMENT));
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}

/// The document; it depends on the program alone.
pub static DOCUMENT: LazyLock<Value> = LazyLock::new(document);

fn document() -> Value {
    let mut components = Components::default();
    let mut paths = Map::new();
    for route in ROUTES {
        match &route.told {
            Told::Once(words) => {
                put(&mut paths, route, route.path, words.told(route, &mut components));
            }
            Told::PerOperation(operations) => {
                for declaration in *operations {
                    let told = operation::told(declaration, &mut components);
                    put(&mut paths, route, &declaration.path(), told);
                }
            }
        }
    }
    let problems = problems::responses(&mut components);
    let tags: Vec<Value> =
        TAGS.iter().map(|(name, text)| json!({"name": name, "description": text})).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "gitledger",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": tags,
        // On loopback a key is not needed unless it is asked for; elsewhere it always is.
        "security": [{"apiKey": []}, {}],
        "paths": paths,
        "components": {
            "schemas": components.finished(),
            "responses": problems,
            "securitySchemes": {"apiKey": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "glk_<id>_<secret>",
                "description": "Made with `gitledger keys create`. Needed wherever the gateway is reached from \
                                elsewhere than its own machine.",
            }},
            "parameters": {"IdempotencyKey": operation::idempotency_key(), "Prefer": operation::prefer()},
        },
    })
}

fn put(paths: &mut Map<String, Value>, route: &Route, path: &str, told: Value) {
    let item = paths.entry(path).or_insert_with(|| json!({}));
    item[route.method.key()] = told;
}

impl Words {
    fn told(&self, route: &Route, components: &mut Components) -> Value {
        let mut told = json!({
            "operationId": self.id,
            "tags": [self.tag],
            "summary": self.summary,
            "parameters": self.parameters(route.path),
            "responses": self.responses(components),
        });
        if access::is_open(route.path) {
            told["security"] = json!([]);
        }
        if !self.description.is_empty() {
            told["description"] = self.description.into();
        }
        told
    }

    fn parameters(&self, path: &str) -> Vec<Value> {
        let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let in_path = |name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string", "minLength": 1}});
        let mut all: Vec<Value> = names.map(in_path).collect();
        all.extend(self.query.iter().flat_map(|query| in_query(&query())));
        all
    }

    fn responses(&self, components: &mut Components) -> Map<String, Value> {
        let mut all = problems::references(self.problems);
        for (status, meaning, body) in self.answers {
            let mut response = json!({"description": meaning});
            match body {
                Body::None => {}
                Body::Text(media) => response["content"] = json!({*media: {"schema": {"type": "string"}}}),
                Body::Json(schema) => {
                    let schema = components.add_titled(schema());
                    response["content"] = json!({"application/json": {"schema": schema}});
                }
            }
            if *status == 202 {
                response["headers"] = operation::look_again();
            }
            all.insert(status.to_string(), response);
        }
        all
    }
}

/// A parameter per field of the type that the query is read as.
fn in_query(schema: &Schema) -> Vec<Value> {
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let parameter = |(name, property): (&String, &Value)| {
        let mut schema = property.clone();
        let text = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        let text = reflowed(text.as_ref().and_then(Value::as_str).unwrap_or_default());
        json!({"name": name, "in": "query", "required": false, "description": text, "schema": schema})
    };
    properties.map(parameter).collect()
}
