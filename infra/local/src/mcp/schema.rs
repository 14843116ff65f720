//! The shapes of a tool's input and result, made from the declaration's own.

use std::sync::OnceLock;

use gitledger_functions::Answer;
use gitledger_functions::request::KEY_BYTES_MAX;
use gitledger_operations::Declaration;
use gitledger_operations::declaration::reflowed;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// The argument that every tool takes beside its operation's own.
pub const KEY: &str = "idempotency_key";

/// A tool's arguments: the operation's input and [`KEY`].
pub fn input(declaration: &Declaration) -> Map<String, Value> {
    let mut schema = plain((declaration.input_schema)().to_value());
    let mut fields = taken(&mut schema, "properties");
    let about = "The same key again gets the recorded answer of the first call; nothing runs twice.";
    let key = json!({"type": "string", "description": about, "minLength": 1, "maxLength": KEY_BYTES_MAX});
    fields.insert(KEY.to_owned(), key);
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), Value::Object(fields));
    schema
}

/// A tool's result: `success`, `error`, the fields of the answer, and the operation's own output among them.
/// Required is only what every result has; what an operation gives is there when it succeeded.
pub fn output(declaration: &Declaration) -> Map<String, Value> {
    let mut own = plain((declaration.output_schema)().to_value());
    let definitions = own.remove("$defs");
    let mut fields = envelope().clone();
    if is_flat(&own) {
        for (name, field) in taken(&mut own, "properties") {
            fields.insert(placed(&name), field);
        }
    } else {
        fields.insert(WHOLE.to_owned(), Value::Object(own));
    }
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), Value::Object(fields));
    schema.insert("required".to_owned(), json!(["success", "error", "operation"]));
    if let Some(definitions) = definitions {
        schema.insert("$defs".to_owned(), definitions);
    }
    schema
}

/// Where an output goes that is no object with fields.
pub const WHOLE: &str = "output";

/// Whether the operation's output is told field by field.
pub fn is_told_flat(declaration: &Declaration) -> bool {
    is_flat((declaration.output_schema)().to_value().as_object().unwrap_or(&Map::new()))
}

fn is_flat(schema: &Map<String, Value>) -> bool {
    schema.contains_key("properties")
        && !["oneOf", "anyOf", "allOf", "$ref"].iter().any(|word| schema.contains_key(*word))
}

/// Where a field of an operation's output is told: under its own name, or as `output_<name>` where that is a
/// field of every result. None of the original's result fields is, but `success` and `error`, which are the
/// same there and here.
pub fn placed(name: &str) -> String {
    if envelope().contains_key(name) { format!("output_{name}") } else { name.to_owned() }
}

/// The fields of every result, by name: the answer's but its `output`, and what MCP's callers need besides.
pub fn envelope() -> &'static Map<String, Value> {
    static ENVELOPE: OnceLock<Map<String, Value>> = OnceLock::new();
    ENVELOPE.get_or_init(|| {
        // Inline, so that its names cannot meet those of an operation's own definitions.
        let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
        let schema = settings.into_generator().into_root_schema_for::<Answer>();
        let mut schema = schema.to_value();
        // Told beside it, as the output of a success is.
        if let Some(failure) = schema["properties"]["failure"]["properties"].as_object_mut() {
            failure.remove(WHOLE);
        }
        let mut fields = taken(&mut plain(schema), "properties");
        fields.remove(WHOLE);
        let said = "True when it was done; a repeat of something done, too.";
        fields.insert("success".to_owned(), json!({"type": "boolean", "description": said}));
        let said = "Why not, for people; null when it was done.";
        fields.insert(
            "error".to_owned(),
            json!({"anyOf": [{"type": "string"}, {"type": "null"}], "description": said}),
        );
        fields.insert("refusal".to_owned(), refusal());
        fields
    })
}

fn refusal() -> Value {
    json!({
        "type": "object",
        "description": "There when nothing was done because of the call itself, or because of trouble of the \
            service's own.",
        "properties": {
            "code": {"type": "string", "description": "Stable."},
            "field": {"type": "string", "description": "Which argument."},
            "rule": {"type": "string", "description": "What must hold."},
        },
        "required": ["code", "field", "rule"],
    })
}

fn taken(schema: &mut Map<String, Value>, name: &str) -> Map<String, Value> {
    match schema.remove(name) {
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// Without what a tool says elsewhere: its name, its description.
fn plain(schema: Value) -> Map<String, Value> {
    let Value::Object(mut schema) = schema else { return Map::new() };
    for said_elsewhere in ["$schema", "title", "description"] {
        schema.remove(said_elsewhere);
    }
    schema.values_mut().for_each(portable);
    schema
}

/// In words that every client knows. Formats of numbers are Rust's and no JSON Schema's; not every dialect has
/// several types in one place; where a doc comment's lines end says nothing.
fn portable(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(portable),
        Value::Object(schema) => {
            let text = |name: &str| schema.get(name).and_then(Value::as_str);
            let of_numbers =
                |format: &str| ["int", "uint", "float", "double"].iter().any(|kind| format.starts_with(kind));
            let about = text("description").map(reflowed);
            if text("format").is_some_and(of_numbers) {
                schema.remove("format");
            }
            if let Some(about) = about {
                schema.insert("description".to_owned(), json!(about));
            }
            split_nullable(schema);
            schema.values_mut().for_each(portable);
        }
        _ => {}
    }
}

/// `{"type": ["string", "null"]}` is `{"anyOf": [{"type": "string"}, {"type": "null"}]}`.
fn split_nullable(schema: &mut Map<String, Value>) {
    let kind = match schema.get("type").and_then(Value::as_array).map(Vec::as_slice) {
        Some([kind, null]) if null == "null" => kind.clone(),
        _ => return,
    };
    let mut branch = std::mem::take(schema);
    for of_both in ["description", "default"] {
        if let Some(value) = branch.remove(of_both) {
            schema.insert(of_both.to_owned(), value);
        }
    }
    branch.insert("type".to_owned(), kind);
    schema.insert("anyOf".to_owned(), json!([branch, {"type": "null"}]));
}
