//! An output for people: names and values, lists by line, rows as a table.

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use gitledger_operations::check::text::printable_tail;
use serde_json::{Map, Value};

/// An object as lines. What is empty is left out; what could move a terminal's cursor is made visible.
pub fn lines(fields: &Map<String, Value>) -> String {
    let mut page = Vec::new();
    for (name, value) in fields {
        field(&mut page, "", name, value);
    }
    // Every line has its end.
    page.push(String::new());
    printable_tail(&page.join("\n"), usize::MAX)
}

fn field(page: &mut Vec<String>, indent: &str, name: &str, value: &Value) {
    let inside = format!("{indent}  ");
    match value {
        Value::Null => {}
        Value::String(said) if said.is_empty() => {}
        Value::String(said) if said.contains('\n') => {
            // Whole texts stand alone, to be copied.
            page.push(format!("{indent}{name}:\n{}", said.trim_end_matches('\n')));
        }
        Value::Array(items) if items.is_empty() => {}
        Value::Array(items) => {
            page.push(format!("{indent}{name}:"));
            list(page, &inside, items);
        }
        Value::Object(fields) if fields.is_empty() => {}
        Value::Object(fields) => {
            page.push(format!("{indent}{name}:"));
            fields.iter().for_each(|(name, value)| field(page, &inside, name, value));
        }
        one => page.push(format!("{indent}{name}: {}", word(one))),
    }
}

fn list(page: &mut Vec<String>, indent: &str, items: &[Value]) {
    let rows: Option<Vec<&Map<String, Value>>> = items.iter().map(row).collect();
    if let Some(rows) = rows {
        // A table begins each line with a blank of its own.
        let shown = |line: &str| format!("{indent}{}", line.strip_prefix(' ').unwrap_or(line).trim_end());
        return page.extend(table(&rows).lines().map(shown));
    }
    for item in items {
        match item {
            Value::Object(fields) => {
                fields.iter().for_each(|(name, value)| field(page, indent, name, value));
                page.push(String::new());
            }
            one => page.push(format!("{indent}{}", word(one))),
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

fn table(rows: &[&Map<String, Value>]) -> String {
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
            "rows": [{"old": "x", "path": "long"}, {"old": null, "path": "a"}],
            "commits": [{"oid": "1", "author": {"name": "A"}}],
            "patch": "+a\n-b\n",
        });
        let found = lines(output.as_object().unwrap());
        let wanted = "branch: main\ncommits:\n  author:\n    name: A\n  oid: 1\n\nfiles:\n  a\n  b\n\
                      patch:\n+a\n-b\nrows:\n  old  path\n  x    long\n       a\n";
        assert_eq!(found, wanted);
    }

    #[test]
    fn a_file_name_cannot_move_the_cursor() {
        let output = json!({"path": "a\u{1b}[2Jb"});
        assert_eq!(lines(output.as_object().unwrap()), "path: a\u{fffd}[2Jb\n");
    }
}
