//! An operation's example as a line that a shell takes.

use gitledger_operations::Declaration;
use serde_json::Value;

use super::git_flags::{Flag, is_switch};

/// `gitledger git <operation>`, or `gitledger sandbox <operation>`, with the flags that make its example.
pub fn line(operation: &Declaration, flags: &[Flag]) -> String {
    let example = operation.example();
    let (family, verb) = operation.words();
    let mut words = vec![format!("gitledger {family} {verb}")];
    for flag in flags {
        let pointer = format!("/{}", flag.path.join("/"));
        let Some(value) = example.pointer(&pointer) else { continue };
        let values = match value {
            Value::Array(items) => items.iter().collect(),
            one => vec![one],
        };
        for value in values {
            words.push(format!("--{}", flag.long()));
            if !is_switch(&flag.field) {
                words.push(quoted(value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
            }
        }
    }
    words.join(" ")
}

/// A word that a shell leaves as it is.
fn quoted(text: String) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:@%+=,".contains(&b);
    if !text.is_empty() && text.bytes().all(plain) {
        text
    } else if text.contains(char::is_control) {
        let text = text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n").replace('\t', "\\t");
        format!("$'{text}'")
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}
