//! An input that an operation takes: the same example on every surface, made from its schema.
//!
//! A field that needs a particular value says so where it stands, `#[schemars(example = "...")]`; an operation
//! that needs particular fields says so on its type.

use serde_json::{Map, Value, json};

use crate::Declaration;

/// What fields of these names are usually filled with.
fn usual(name: &str) -> Option<Value> {
    Some(match name {
        "sandbox_id" => json!("i0123456789abcdefghij"),
        "repo_url" => json!("https://github.com/acme/app"),
        "agent_id" => json!("a1"),
        "task_id" => json!("t1"),
        "path" => json!("README.md"),
        "files" | "paths" => json!(["README.md"]),
        "content" => json!("hello\n"),
        "message" => json!("first"),
        "branch" | "name" => json!("feature"),
        "revision" => json!("HEAD"),
        _ => return None,
    })
}

/// Deeper than any input: ends what refers to itself.
const DEPTH_MAX: usize = 8;

impl Declaration {
    /// An input that it takes: what is required, and nothing else.
    pub fn example(&self) -> Value {
        let root = Value::from((self.input_schema)());
        value(&root, &root, DEPTH_MAX)
    }
}

/// A value of a schema: its own example, its only or first choice, its default, or something of its type.
fn value(root: &Value, schema: &Value, depth: usize) -> Value {
    let first = |key: &str| schema.get(key).and_then(|all| all.get(0));
    if let Some(given) = first("examples").or_else(|| schema.get("default")).or_else(|| schema.get("const")) {
        return given.clone();
    }
    if let Some(choice) = first("enum") {
        return choice.clone();
    }
    if depth == 0 {
        return Value::Null;
    }
    let target =
        schema.get("$ref").and_then(Value::as_str).and_then(|at| root.pointer(at.trim_start_matches('#')));
    if let Some(other) =
        target.or_else(|| first("oneOf")).or_else(|| first("anyOf")).or_else(|| first("allOf"))
    {
        return value(root, other, depth - 1);
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("object") => object(root, schema, depth - 1),
        Some("array") => {
            schema.get("items").map(|items| json!([value(root, items, depth - 1)])).unwrap_or_default()
        }
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        Some("boolean") => json!(true),
        _ => json!("example"),
    }
}

fn object(root: &Value, schema: &Value, depth: usize) -> Value {
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    let mut made = Map::new();
    for name in required.filter_map(Value::as_str) {
        let property = &schema["properties"][name];
        let given = property.get("examples").and_then(|all| all.get(0)).cloned();
        let usual = given.or_else(|| usual(name));
        made.insert(name.to_owned(), usual.unwrap_or_else(|| value(root, property, depth)));
    }
    Value::Object(made)
}

#[cfg(test)]
mod tests {
    use crate::{Remotes, table};

    #[test]
    fn every_operation_takes_its_own_example() {
        let remotes = Remotes::allowing("").expect("no other remotes");
        for operation in table::OPERATIONS {
            let example = operation.example();
            if let Err(rejection) = operation.ask(example.clone(), &remotes) {
                panic!("{}: {example}: {rejection}; say #[schemars(example = ...)]", operation.name);
            }
        }
    }
}
