//! The head of a CGI answer (RFC 3875, section 6): header lines, one of which may be `Status`.

use std::io;

use axum::http::header::{CONNECTION, TRANSFER_ENCODING};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

/// git's own heads have some 200 bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Reads the head: status, headers and its length in bytes. `None` as long as its end has not come.
pub(super) fn parse(bytes: &[u8]) -> io::Result<Option<(StatusCode, HeaderMap, usize)>> {
    let Some((head, length)) = split(bytes) else {
        return if bytes.len() > HEAD_BYTES_MAX { Err(invalid()) } else { Ok(None) };
    };
    let mut status = StatusCode::OK;
    let mut headers = HeaderMap::new();
    for line in head.lines() {
        let (name, value) = line.split_once(':').ok_or_else(invalid)?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("status") {
            let code = value.split(' ').next().unwrap_or_default();
            status = code.parse().map_err(|_| invalid())?;
            continue;
        }
        let name: HeaderName = name.parse().map_err(|_| invalid())?;
        // These are between the server and its caller.
        if name != CONNECTION && name != TRANSFER_ENCODING {
            headers.append(name, HeaderValue::from_str(value).map_err(|_| invalid())?);
        }
    }
    Ok(Some((status, headers, length)))
}

/// The text before the first empty line, and where that line ends.
fn split(bytes: &[u8]) -> Option<(&str, usize)> {
    let ends_with =
        |end: &[u8]| bytes.windows(end.len()).position(|window| window == end).map(|at| (at, at + end.len()));
    let (at, length) = [ends_with(b"\r\n\r\n"), ends_with(b"\n\n")].into_iter().flatten().min()?;
    let head = std::str::from_utf8(bytes.get(..at)?).ok()?;
    Some((head, length))
}

fn invalid() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "git http-backend sent no valid head")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_its_empty_line_has_come() {
        assert!(parse(b"Content-Type: text/plain\r\n").unwrap().is_none());
        let (status, headers, length) = parse(b"Content-Type: text/plain\r\n\r\nbody").unwrap().unwrap();
        assert_eq!((status, headers.len(), length), (StatusCode::OK, 1, 28));
        let (status, headers, _) = parse(b"Status: 404 Not Found\nConnection: close\n\n").unwrap().unwrap();
        assert_eq!((status, headers.len()), (StatusCode::NOT_FOUND, 0));
    }

    #[test]
    fn a_head_that_is_none_is_an_error() {
        assert!(parse(b"no colon here\r\n\r\n").is_err());
        assert!(parse(b"Status: soon\r\n\r\n").is_err());
        assert!(parse(&vec![b'a'; HEAD_BYTES_MAX + 1]).is_err());
    }
}
