//! The fields of an operation's input as flags.

use gitledger_operations::Declaration;
use serde_json::Value;

use crate::field::{Field, Kind, fields};

/// The flags of every operation, which a field of the same name gives way to.
pub const TAKEN: &[&str] = &["url", "key", "json", "input", "help", "version"];

/// A field with its place in the input.
pub struct Flag {
    /// The names that lead to it.
    pub path: Vec<String>,
    /// Whether every input has it.
    pub required: bool,
    /// What it is.
    pub field: Field,
}

impl Flag {
    /// Without dashes.
    pub fn long(&self) -> String {
        let long = self.path.join(".").replace('_', "-");
        if TAKEN.contains(&long.as_str()) { format!("field-{long}") } else { long }
    }

    /// By which clap knows it.
    pub fn id(&self) -> String {
        format!("field:{}", self.path.join("."))
    }
}

/// The fields of an operation as flags: objects by their fields.
pub fn flags(operation: &Declaration) -> Vec<Flag> {
    let root = Value::from((operation.input_schema)());
    let mut found = Vec::new();
    flatten(fields(&root, &root), &[], true, &mut found);
    found
}

fn flatten(all: Vec<Field>, above: &[String], required: bool, found: &mut Vec<Flag>) {
    for field in all {
        let path = [above, std::slice::from_ref(&field.name)].concat();
        let required = required && field.required;
        match field.kind {
            Kind::Object(inner) if !inner.is_empty() => flatten(inner, &path, required, found),
            _ => found.push(Flag { path, required, field }),
        }
    }
}

/// Off unless it is there. Where off is not the default, or is not the same as not given, it takes a value.
pub fn is_switch(field: &Field) -> bool {
    field.kind == Kind::Truth && !field.required && !field.nullable && field.default.is_none()
}
