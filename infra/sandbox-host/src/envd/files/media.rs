//! The media type of a file, by its name or its first bytes.

use std::path::Path;

/// The most that is looked at to tell text from other content.
pub(super) const LOOK_BYTES: usize = 512;

const BY_EXTENSION: [(&str, &str); 16] = [
    ("avif", "image/avif"),
    ("css", "text/css; charset=utf-8"),
    ("gif", "image/gif"),
    ("htm", "text/html; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("wasm", "application/wasm"),
    ("webp", "image/webp"),
    ("xml", "text/xml; charset=utf-8"),
];

/// The type that a name's ending tells.
pub(super) fn by_name(path: &Path) -> Option<&'static str> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    BY_EXTENSION.iter().find(|(known, _)| *known == extension).map(|(_, media)| *media)
}

/// Text, or anything. Nothing finer: a browser that is told a type by guess may run what it should not.
pub(super) fn by_content(start: &[u8]) -> &'static str {
    let control = |byte: &u8| matches!(byte, 0..=0x08 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f);
    if start.iter().any(control) { "application/octet-stream" } else { "text/plain; charset=utf-8" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_before_content() {
        assert_eq!(by_name(Path::new("/a/b.PNG")), Some("image/png"));
        assert_eq!(by_name(Path::new("/a.b/c")), None);
        assert_eq!(by_content("grüße\n".as_bytes()), "text/plain; charset=utf-8");
        assert_eq!(by_content(b"\x7fELF\x01"), "application/octet-stream");
    }
}
