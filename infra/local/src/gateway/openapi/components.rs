//! `components.schemas`: every schema once, the definitions inside them brought up beside them.
//!
//! A definition keeps its name unless another one of that name says something else: then each is named after
//! the schema it is from, so that no name depends on an order.

use std::collections::BTreeMap;

use gitledger_operations::declaration::reflowed;
use schemars::Schema;
use schemars::transform::{RecursiveTransform, Transform};
use serde_json::{Map, Value, json};

/// The schemas so far: by name, each with itself among the definitions that it may refer to.
#[derive(Default)]
pub(super) struct Components {
    parts: BTreeMap<String, Map<String, Value>>,
}

/// `merge-preview` is `MergePreview`.
pub(super) fn pascal(name: &str) -> String {
    let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    name.split('-').filter(|word| !word.is_empty() && word.is_ascii()).map(capital).collect()
}

impl Components {
    /// Takes a schema in; what to write where it is meant.
    pub(super) fn add(&mut self, name: String, mut schema: Schema) -> Value {
        RecursiveTransform(|schema: &mut Schema| {
            if let Some(Value::String(text)) = schema.get_mut("description") {
                *text = reflowed(text);
            }
        })
        .transform(&mut schema);
        schema.remove("$schema");
        schema.remove("title");
        let mut definitions = match schema.remove("$defs") {
            Some(Value::Object(definitions)) => definitions,
            _ => Map::new(),
        };
        let reference = reference(&name);
        definitions.insert(name.clone(), schema.into());
        self.parts.insert(name, definitions);
        reference
    }

    /// The same under the schema's own title; a schema without one stays where it is.
    pub(super) fn add_titled(&mut self, schema: Schema) -> Value {
        match schema.get("title").and_then(Value::as_str).map(str::to_owned) {
            Some(title) => self.add(title, schema),
            None => schema.into(),
        }
    }

    /// All of them, referring to each other.
    pub(super) fn finished(self) -> Map<String, Value> {
        let mut all = Map::new();
        for (owner, definitions) in &self.parts {
            let names = self.names(owner, definitions);
            for (name, definition) in definitions {
                all.insert(names[name].clone(), pointed(definition, owner, &names));
            }
        }
        all
    }

    /// What one schema's definitions are called in the document.
    fn names(&self, owner: &str, definitions: &Map<String, Value>) -> BTreeMap<String, String> {
        let called = |name: &String| {
            let meant = meaning(name, definitions);
            let others = self.parts.values().filter(|other| other.contains_key(name));
            let same = others.map(|other| meaning(name, other)).all(|other| other == meant);
            if same || name == owner { name.clone() } else { format!("{owner}{name}") }
        };
        definitions.keys().map(|name| (name.clone(), called(name))).collect()
    }
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// A schema whose references lead to components.
fn pointed(schema: &Value, owner: &str, names: &BTreeMap<String, String>) -> Value {
    let Ok(mut schema) = Schema::try_from(schema.clone()) else { return schema.clone() };
    RecursiveTransform(|schema: &mut Schema| {
        if let Some(Value::String(target)) = schema.get_mut("$ref") {
            let name = target.strip_prefix("#/$defs/").and_then(|name| names.get(name));
            let name = if target == "#" { owner } else { name.map_or("", String::as_str) };
            *target = format!("#/components/schemas/{name}");
        }
    })
    .transform(&mut schema);
    schema.into()
}

/// A definition with all that it refers to.
fn meaning<'d>(name: &str, definitions: &'d Map<String, Value>) -> BTreeMap<&'d str, &'d Value> {
    let mut found = BTreeMap::new();
    let mut open = vec![name.to_owned()];
    while let Some(name) = open.pop() {
        let Some((name, definition)) = definitions.get_key_value(&name) else { continue };
        if found.insert(name.as_str(), definition).is_none() {
            let text = definition.to_string();
            let referred = |other: &&String| text.contains(&format!("\"#/$defs/{other}\""));
            open.extend(definitions.keys().filter(referred).cloned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemars::json_schema;

    fn with(definition: &Value) -> Schema {
        json_schema!({
            "properties": {"a": {"$ref": "#/$defs/Outer"}},
            "$defs": {"Outer": {"items": {"$ref": "#/$defs/Inner"}}, "Inner": definition},
        })
    }

    #[test]
    fn a_definition_that_says_the_same_is_there_once() {
        let mut components = Components::default();
        for name in ["One", "Two"] {
            components.add(name.to_owned(), with(&json!({"type": "string"})));
        }
        let all = components.finished();
        assert_eq!(all.keys().collect::<Vec<_>>(), ["Inner", "One", "Outer", "Two"]);
        assert_eq!(all["Two"]["properties"]["a"], reference("Outer"));
        assert_eq!(all["Outer"]["items"], reference("Inner"));
    }

    #[test]
    fn definitions_that_differ_deep_down_are_told_apart() {
        let mut components = Components::default();
        components.add("One".to_owned(), with(&json!({"type": "string"})));
        components.add("Two".to_owned(), with(&json!({"type": "integer"})));
        let all = components.finished();
        assert_eq!(all["OneOuter"]["items"], reference("OneInner"));
        assert_eq!(all["TwoOuter"]["items"], reference("TwoInner"));
        assert_eq!(all["TwoInner"], json!({"type": "integer"}));
        assert!(!all.contains_key("Outer"));
    }
}
