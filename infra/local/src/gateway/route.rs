//! One route as a row of the table: where it is, what answers, and what the document says of it.

use axum::routing::{MethodFilter, MethodRouter};
use gitledger_operations::Declaration;
use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde_json::Value;

use super::Gateway;

/// One route.
pub(super) struct Route {
    pub(super) method: Method,
    /// As axum and OpenAPI write it alike: `/sandboxes/{id}`.
    pub(super) path: &'static str,
    pub(super) told: Told,
    /// What answers, on the method it is given.
    pub(super) handler: fn(MethodFilter) -> MethodRouter<Gateway>,
}

/// The methods that there are routes for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
    Delete,
}

impl Method {
    /// As in a document's path item.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Delete => "delete",
        }
    }

    pub(super) fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Delete => MethodFilter::DELETE,
        }
    }
}

/// How a route stands in the document.
pub(super) enum Told {
    /// Once for every operation of these, by its declaration.
    PerOperation(&'static [Declaration]),
    /// By these words.
    Once(Words),
}

/// What the document says about a route that is no operation's.
pub(super) struct Words {
    /// `operationId`.
    pub(super) id: &'static str,
    /// Under which it is shown.
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    /// What the summary leaves open; may be empty.
    pub(super) description: &'static str,
    /// The type that the query is read as.
    pub(super) query: Option<fn() -> Schema>,
    /// Answers that are no problems: status, meaning, body.
    pub(super) answers: &'static [(u16, &'static str, Body)],
    /// Problems by status, beside 403, which every route has.
    pub(super) problems: &'static [u16],
}

/// What an answer carries.
pub(super) enum Body {
    None,
    Json(fn() -> Schema),
    /// Text of this media type.
    Text(&'static str),
}

/// The shape of what is written.
pub(super) fn of<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>()
}

/// The fields of a query with everything they refer to in place.
pub(super) fn fields_of<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    // In a query nothing is `null`: a field that is not there has no default that could be written.
    let fields = schema.get_mut("properties").and_then(Value::as_object_mut);
    for field in fields.into_iter().flat_map(serde_json::Map::values_mut).filter_map(Value::as_object_mut) {
        if field.get("default").is_some_and(Value::is_null) {
            field.remove("default");
        }
    }
    schema
}
