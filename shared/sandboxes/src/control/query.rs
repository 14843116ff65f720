//! The metadata filter of the list: encoded three times, because E2B decodes it three times.

use std::collections::BTreeMap;
use std::fmt::Write;

/// Percent-encodes everything but letters, digits and `-._~`.
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            quoted.push(char::from(byte));
        } else {
            let _ = write!(quoted, "%{byte:02X}"); // writing to a String cannot fail
        }
    }
    quoted
}

/// The value of the `metadata` parameter as it stands in the URL: pairs quoted, joined as a form (which
/// quotes again), put into a query (which quotes once more).
pub(super) fn metadata(pairs: &BTreeMap<String, String>) -> String {
    let twice = |text: &str| quote(&quote(text));
    let form: Vec<_> = pairs.iter().map(|(key, value)| format!("{}={}", twice(key), twice(value))).collect();
    quote(&form.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_is_what_the_official_clients_send() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(metadata(&BTreeMap::from([pair("a", "b c")])), "a%3Db%252520c");
        assert_eq!(metadata(&BTreeMap::from([pair("a", "1"), pair("b", "2")])), "a%3D1%26b%3D2");
        assert_eq!(metadata(&BTreeMap::new()), "");
    }
}
