//! An output for people: names and values, lists by line, rows as a table.

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use gitledger_operations::check::text::printable_tail;
use serde_json::{Map, Value};

/// An object as lines. What is empty is left out; what could move a terminal's cursor is made visible.
pub fn lines(fields: &Map<String, Value>) -> String {
    let mut text = String::new();
    for (name, value) in fields {
        field(&mut text, "", name, value);
    }
    printable_tail(&text, usize::MAX)
}

fn field(text: &mut String, indent: &str, name: &str, value: &Value) {
    match value {
        Value::Null => {}
        Value::String(said) if said.contains('\n') => {
            // Whole texts stand alone, to be copied.
            text.push_str(&format!("{indent}{name}:\n{}\n", said.trim_end_matches('\n')));
        }
        Value::Array(items) if items.is_empty() => {}
        Value::Array(items) => {
            text.push_str(&format!("{indent}{name}:\n"));
            list(text, &format!("{indent}  "), items);
        }
        Value::Object(fields) if fields.is_empty() => {}
        Value::Object(fields) => {
            text.push_str(&format!("{indent}{name}:\n"));
            fields.iter().for_each(|(name, value)| field(text, &format!("{indent}  "), name, value));
        }
        one => text.push_str(&format!("{indent}{name}: {}\n", word(one))),
    }
}

fn list(text: &mut String, indent: &str, items: &[Value]) {
    let rows: Option<Vec<&Map<String, Value>>> = items.iter().map(row).collect();
    if let Some(rows) = rows {
        return table(rows).lines().for_each(|line| text.push_str(&format!("{indent}{}\n", line.trim_end())));
    }
    for item in items {
        match item {
            Value::Object(fields) => {
                fields.iter().for_each(|(name, value)| field(text, indent, name, value));
                text.push('\n');
            }
            one => text.push_str(&format!("{indent}{}\n", word(one))),
        }
    }
}

/// An object whose values fit into cells.
fn row(item: &Value) -> Option<&Map<String, Value>> {
    let fits = |value: &Value| match value {
        Value::Array(_) | Value::Object(_) => false,
        Value::String(text) => !text.contains('\n') && text.len() <= 100,
        _ => true,
    };
    item.as_object().filter(|fields| !fields.is_empty() && fields.values().all(fits))
}

fn table(rows: Vec<&Map<String, Value>>) -> String {
    let mut names: Vec<&String> = Vec::new();
    for (name, _) in rows.iter().flat_map(|row| row.iter()).filter(|(_, value)| !value.is_null()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(&names);
    for row in rows {
        table.add_row(names.iter().map(|name| row.get(*name).map(word).unwrap_or_default()));
    }
    table.to_string()
}

fn word(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_output_reads_as_a_page() {
        let output = json!({
            "branch": "main", "none": null, "empty": [], "files": ["a", "b"],
            "rows": [{"path": "a", "xy": "M."}, {"path": "long", "xy": "??"}],
            "commits": [{"oid": "1", "author": {"name": "A"}}],
            "patch": "+a\n-b\n",
        });
        let found = lines(output.as_object().unwrap());
        let wanted = "branch: main\ncommits:\n  author:\n    name: A\n  oid: 1\n\nfiles:\n  a\n  b\n\
                      patch:\n+a\n-b\nrows:\n   path  xy\n   a     M.\n   long  ??\n";
        assert_eq!(found, wanted);
    }

    #[test]
    fn a_file_name_cannot_move_the_cursor() {
        let output = json!({"path": "a\u{1b}[2Jb"});
        assert_eq!(lines(output.as_object().unwrap()), "path: a\u{fffd}[2Jb\n");
    }
}
