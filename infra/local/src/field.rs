//! What a JSON Schema says about the fields of an object, for people: the flags of a command line, the lines of
//! a page.

use gitledger_operations::declaration::reflowed;
use serde_json::Value;

/// One field.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// As it is written in JSON.
    pub name: String,
    /// Its doc comment, a paragraph a line.
    pub help: String,
    /// Whether it must be given.
    pub required: bool,
    /// Whether it may be null, which then differs from every value.
    pub nullable: bool,
    /// What it is if not given, where that is something to tell.
    pub default: Option<Value>,
    /// What it is filled with.
    pub kind: Kind,
}

/// What a field is filled with.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A text.
    Text,
    /// A number.
    Number,
    /// True or false.
    Truth,
    /// One of these.
    Choice(Vec<Choice>),
    /// Any number of them.
    List(Box<Kind>),
    /// An object with these fields.
    Object(Vec<Field>),
    /// Any JSON.
    Any,
}

/// One of the values of a choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// As it is written.
    pub name: String,
    /// What it means; may be empty.
    pub help: String,
}

/// Deeper than any input or answer: what refers to itself ends here as [`Kind::Any`].
const DEPTH_MAX: usize = 6;

/// The fields of an object's schema, the required ones first; references lead into `root`.
pub fn fields(root: &Value, schema: &Value) -> Vec<Field> {
    inside(root, resolved(root, schema), DEPTH_MAX)
}

impl Kind {
    /// In a few words.
    pub fn words(&self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Number => "number".to_owned(),
            Self::Truth => "true or false".to_owned(),
            Self::Choice(all) => {
                all.iter().map(|choice| choice.name.as_str()).collect::<Vec<_>>().join(" | ")
            }
            Self::List(of) => format!("list of {}", of.words()),
            Self::Object(_) => "object".to_owned(),
            Self::Any => "any JSON".to_owned(),
        }
    }

    /// The fields of an object, or of a list's objects.
    pub fn fields(&self) -> &[Field] {
        match self {
            Self::Object(fields) => fields,
            Self::List(of) => of.fields(),
            _ => &[],
        }
    }
}

/// Follows references, as far as they lead somewhere.
fn resolved<'v>(root: &'v Value, mut schema: &'v Value) -> &'v Value {
    for _ in 0..DEPTH_MAX {
        let target = schema.get("$ref").and_then(Value::as_str);
        let Some(found) = target.and_then(|at| root.pointer(at.trim_start_matches('#'))) else { break };
        schema = found;
    }
    schema
}

fn inside(root: &Value, schema: &Value, depth: usize) -> Vec<Field> {
    let required = list(schema, "required");
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let mut all: Vec<Field> = properties
        .map(|(name, property)| {
            let (kind, nullable) = kind(root, property, depth);
            Field {
                name: name.clone(),
                help: help(property),
                required: required.iter().any(|found| found == name),
                nullable,
                default: property.get("default").filter(|default| says_something(default)).cloned(),
                kind,
            }
        })
        .collect();
    all.sort_by_key(|field| !field.required);
    all
}

fn says_something(default: &Value) -> bool {
    match default {
        Value::Null | Value::Bool(false) => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    }
}

fn help(schema: &Value) -> String {
    reflowed(schema.get("description").and_then(Value::as_str).unwrap_or_default())
}

fn list<'v>(schema: &'v Value, key: &str) -> &'v [Value] {
    schema.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// What a schema is filled with, and whether it may be null.
fn kind(root: &Value, schema: &Value, depth: usize) -> (Kind, bool) {
    if depth == 0 {
        return (Kind::Any, false);
    }
    let schema = resolved(root, schema);
    if let Some(choices) = choices(schema) {
        return (Kind::Choice(choices), false);
    }
    let alternatives = ["anyOf", "oneOf", "allOf"].map(|key| list(schema, key)).concat();
    let is_null = |schema: &&Value| schema.get("type").is_some_and(|found| found == "null");
    let (nulls, others): (Vec<&Value>, Vec<&Value>) = alternatives.iter().partition(is_null);
    if let [only] = others[..] {
        return (kind(root, only, depth - 1).0, !nulls.is_empty());
    }
    let types = match schema.get("type") {
        Some(Value::Array(types)) => types.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let nullable = types.iter().any(|found| found == "null");
    let named = types.iter().filter_map(Value::as_str).find(|found| *found != "null");
    let kind = match named {
        Some("string") => Kind::Text,
        Some("integer" | "number") => Kind::Number,
        Some("boolean") => Kind::Truth,
        Some("array") => {
            let items = schema.get("items").map(|items| kind(root, items, depth - 1).0);
            Kind::List(Box::new(items.unwrap_or(Kind::Any)))
        }
        Some("object") if schema.get("properties").is_some() => Kind::Object(inside(root, schema, depth - 1)),
        _ => Kind::Any,
    };
    (kind, nullable)
}

/// The values of an enumeration of texts, however it is written.
fn choices(schema: &Value) -> Option<Vec<Choice>> {
    let choice = |value: &Value, of: &Value| {
        value.as_str().map(|name| Choice { name: name.to_owned(), help: help(of) })
    };
    if let Some(value) = schema.get("const") {
        return Some(vec![choice(value, schema)?]);
    }
    let named = list(schema, "enum");
    if !named.is_empty() {
        return named.iter().map(|value| choice(value, &Value::Null)).collect();
    }
    let variants = list(schema, "oneOf");
    if variants.is_empty() {
        return None;
    }
    let all: Option<Vec<Vec<Choice>>> = variants.iter().map(choices).collect();
    Some(all?.concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_schema_is_read_as_schemars_writes_it() {
        let schema = json!({
            "type": "object",
            "required": ["name"],
            "properties": {
                "all": {"type": "boolean", "default": false},
                "how": {"$ref": "#/$defs/How", "description": "In which\nway.", "default": "fast"},
                "maybe": {"anyOf": [{"$ref": "#/$defs/How"}, {"type": "null"}]},
                "limit": {"type": ["integer", "null"]},
                "name": {"type": "string"},
                "parts": {"type": "array", "items": {"$ref": "#/$defs/Part"}},
            },
            "$defs": {
                "How": {"oneOf": [
                    {"const": "fast", "description": "At once.", "type": "string"},
                    {"enum": ["slow", "never"], "type": "string"},
                ]},
                "Part": {"type": "object", "properties": {"inner": {"$ref": "#/$defs/Part"}}},
            },
        });
        let all = fields(&schema, &schema);
        let named = |name: &str| all.iter().find(|field| field.name == name).unwrap().clone();
        assert_eq!(all[0].name, "name");
        assert!(all[0].required && !all[1].required);
        assert_eq!(named("how").help, "In which way.");
        assert_eq!(named("how").kind.words(), "fast | slow | never");
        assert_eq!(named("how").default, Some(json!("fast")));
        assert_eq!((named("maybe").kind, named("maybe").nullable), (named("how").kind, true));
        assert_eq!((named("limit").kind, named("limit").nullable), (Kind::Number, true));
        assert_eq!((named("all").kind, named("all").default), (Kind::Truth, None));
        assert_eq!(named("parts").kind.fields()[0].name, "inner");
    }
}
