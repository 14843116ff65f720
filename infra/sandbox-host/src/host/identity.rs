//! Names that nobody can guess.

use std::io;

/// Letters and digits that may stand in a host name.
const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
/// The largest multiple of the alphabet in a byte; what is above would favour the first letters.
const FAIR: u8 = 252;
const ID_LETTERS: usize = 20;
const TOKEN_BYTES: usize = 32;

/// `i` and 20 letters and digits.
pub(super) fn sandbox_id() -> io::Result<String> {
    let mut id = String::from("i");
    let mut bytes = [0; ID_LETTERS];
    while id.len() <= ID_LETTERS {
        fill(&mut bytes)?;
        for byte in bytes.into_iter().filter(|byte| *byte < FAIR) {
            if id.len() <= ID_LETTERS {
                id.push(char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]));
            }
        }
    }
    Ok(id)
}

/// 256 random bits, in hexadecimal.
pub(super) fn token() -> io::Result<String> {
    let mut bytes = [0; TOKEN_BYTES];
    fill(&mut bytes)?;
    Ok(hexadecimal(&bytes))
}

/// A random UUID, version 4.
pub(super) fn uuid() -> io::Result<String> {
    let mut bytes = [0; 16];
    fill(&mut bytes)?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = hexadecimal(&bytes);
    Ok([&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-"))
}

/// Two letters per byte.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        for half in [byte >> 4, byte & 15] {
            text.push(char::from(b"0123456789abcdef"[usize::from(half)]));
        }
        text
    })
}

fn fill(bytes: &mut [u8]) -> io::Result<()> {
    getrandom::fill(bytes).map_err(|error| io::Error::other(error.to_string()))
}

/// The id meant: clients may append the deprecated `-<clientid>`. None when it is not one.
pub(super) fn parse_id(text: &str) -> Option<&str> {
    let id = text.split('-').next().unwrap_or_default();
    let fits = id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    (fits && !id.is_empty()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_distinct_and_readable() {
        let (first, second) = (sandbox_id().unwrap(), sandbox_id().unwrap());
        assert_ne!(first, second);
        assert_eq!(first.len(), 21);
        assert_eq!(parse_id(&first), Some(first.as_str()));
        assert_eq!(parse_id(&format!("{first}-6532622b")), Some(first.as_str()));
        assert_eq!(token().unwrap().len(), 64);
        assert_eq!(uuid().unwrap().len(), 36);
        assert_eq!(uuid().unwrap().as_bytes()[14], b'4');
    }

    #[test]
    fn what_cannot_stand_in_a_host_name_is_no_id() {
        for bad in ["", "-a", "a.b", "a_b", "A", "../x", "a/b"] {
            assert_eq!(parse_id(bad), None, "{bad}");
        }
    }
}
