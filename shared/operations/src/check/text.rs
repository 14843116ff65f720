//! Rules for texts, and how a text from outside is made fit to be shown.

use serde_json::Value;

use crate::Rejection;

/// The longest message or other free text, in bytes.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;
/// The longest id (agent, task), in bytes.
pub const ID_BYTES_MAX: usize = 64;

/// Refuses NUL bytes anywhere in an input: no argument, path or name can carry one.
pub fn no_control_bytes(input: &Value) -> Result<(), Rejection> {
    walk(input, &mut String::new())
}

fn walk(value: &Value, path: &mut String) -> Result<(), Rejection> {
    let length = path.len();
    match value {
        Value::String(text) if text.contains('\0') => {
            Err(Rejection::argument(path.trim_start_matches('.'), "must not contain a NUL byte"))
        }
        Value::Array(items) => items.iter().enumerate().try_for_each(|(index, item)| {
            path.extend(["[", &index.to_string(), "]"]);
            walk(item, path)?;
            path.truncate(length);
            Ok(())
        }),
        Value::Object(fields) => fields.iter().try_for_each(|(name, item)| {
            path.push('.');
            path.push_str(&name.replace('\0', "\u{fffd}"));
            walk(item, path)?;
            path.truncate(length);
            Ok(())
        }),
        _ => Ok(()),
    }
}

/// An id that may be part of a branch name: letters, digits, `.`, `_`, `-`; first a letter or a digit.
pub fn id(field: &str, text: &str) -> Result<(), Rejection> {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    let fits = !text.is_empty()
        && text.len() <= ID_BYTES_MAX
        && text.bytes().all(inner)
        && text.as_bytes()[0].is_ascii_alphanumeric()
        && !text.contains("..")
        && !text.ends_with('.')
        && !text.to_ascii_lowercase().ends_with(".lock");
    if fits {
        return Ok(());
    }
    let rule = "must be 1 to 64 letters, digits, '.', '_' or '-', starting with a letter or digit, \
                without '..', not ending with '.' or '.lock'";
    Err(Rejection::argument(field, rule))
}

/// A free text that is not empty and not too long.
pub fn message(field: &str, text: &str) -> Result<(), Rejection> {
    if text.trim().is_empty() {
        return Err(Rejection::argument(field, "must not be empty"));
    }
    if text.len() > TEXT_BYTES_MAX {
        return Err(Rejection::argument(field, format!("must be at most {TEXT_BYTES_MAX} bytes")));
    }
    Ok(())
}

/// One line of text that is not empty and has no control characters.
pub fn line(field: &str, text: &str, bytes_max: usize) -> Result<(), Rejection> {
    if !text.is_empty() && text.len() <= bytes_max && !text.chars().any(char::is_control) {
        return Ok(());
    }
    let rule = format!("must be one line of 1 to {bytes_max} bytes, without control characters");
    Err(Rejection::argument(field, rule))
}

/// The start of a text, at most `bytes` long.
pub fn start(text: &str, bytes: usize) -> String {
    text[..text.floor_char_boundary(bytes)].to_owned()
}

/// The end of a text from outside, at most `bytes` long, without what could move a terminal's cursor or
/// hide text: control characters and bidirectional marks become `\u{fffd}`, but for line ends and tabs.
pub fn printable_tail(text: &str, bytes: usize) -> String {
    let mut start = text.len().saturating_sub(bytes);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    printable(&text[start..].replace("\r\n", "\n"))
}

/// A text from outside without what could move a terminal's cursor or hide text.
pub(crate) fn printable(text: &str) -> String {
    let shown = |c: char| if hides(c) && c != '\n' && c != '\t' { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

/// Whether a character is not seen, or changes how others are seen: control characters, zero widths and
/// bidirectional marks.
pub fn hides(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_nul_byte_is_named_by_its_field() {
        let rejection = no_control_bytes(&json!({"files": ["a", "b\0c"]})).unwrap_err();
        assert_eq!(rejection.field, "files[1]");
    }

    #[test]
    fn an_id_cannot_be_an_option_or_a_path() {
        for bad in ["", "-x", "a/b", "a b", "..", ".a", "a..b", "a.lock", "ä", "a\nb"] {
            assert!(id("agent_id", bad).is_err(), "{bad:?}");
        }
        assert!(id("agent_id", "agent-7_x.y").is_ok());
    }

    #[test]
    fn terminal_escapes_do_not_get_through() {
        assert_eq!(printable_tail("a\u{1b}[2Jb\u{202e}c\n", 100), "a\u{fffd}[2Jb\u{fffd}c\n");
    }
}
