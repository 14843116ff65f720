//! Parts of files, and files only when they changed.

use axum::http::{HeaderMap, HeaderName, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822::{DateTimeParser, DateTimePrinter};

/// What of a file is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    /// From this byte on, so many bytes.
    Range {
        start: u64,
        length: u64,
    },
    /// The caller has it already.
    Unchanged,
    /// There is nothing in the range.
    Outside,
}

/// Whether the request asks for less than the file, perhaps.
pub(super) fn is_asked(headers: &HeaderMap) -> bool {
    let names = [header::RANGE, header::IF_MODIFIED_SINCE, header::IF_NONE_MATCH, header::IF_RANGE];
    names.iter().any(|name| headers.contains_key(name))
}

/// What a request asks for of a file of `size` bytes, last changed at `modified`.
pub(super) fn asked(headers: &HeaderMap, size: u64, modified: Timestamp) -> Part {
    // To the second, as HTTP tells times.
    let modified_s = modified.as_second();
    let time = |name: HeaderName| text(headers, &name).and_then(parse_time);
    let unchanged = match text(headers, &header::IF_NONE_MATCH) {
        // Files have no tags here, so that only "any" can match.
        Some(tags) => tags.trim() == "*",
        None => time(header::IF_MODIFIED_SINCE).is_some_and(|since| modified_s <= since.as_second()),
    };
    if unchanged {
        return Part::Unchanged;
    }
    let still_the_same = !headers.contains_key(header::IF_RANGE)
        || time(header::IF_RANGE).is_some_and(|then| then.as_second() == modified_s);
    match text(headers, &header::RANGE) {
        Some(range) if still_the_same => parse_range(range, size),
        _ => Part::Whole,
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// A time as HTTP tells it; none when it is before the year zero.
pub(super) fn print_time(time: Timestamp) -> Option<String> {
    DateTimePrinter::new().timestamp_to_rfc9110_string(&time).ok()
}

fn parse_time(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text).ok()
}

/// One range. Several at once, and units that are unknown, may be answered with the whole file, and are.
fn parse_range(text: &str, size: u64) -> Part {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|range| range.trim().split_once('-'))
    else {
        return Part::Whole;
    };
    let (start, end) = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(start), Ok(last)) if start <= last => (start, last.saturating_add(1).min(size)),
        (Ok(start), Err(_)) if last.is_empty() => (start, size),
        (Err(_), Ok(length)) if first.is_empty() => (size.saturating_sub(length), size),
        _ => return Part::Whole,
    };
    if start >= size { Part::Outside } else { Part::Range { start, length: end.saturating_sub(start) } }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn ask(pairs: &[(HeaderName, &str)]) -> Part {
        let headers = pairs
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::try_from(*value).unwrap()))
            .collect();
        asked(&headers, 10, "2026-01-02T03:04:05.5Z".parse().unwrap())
    }

    #[test]
    fn ranges_are_cut_to_the_file() {
        for (range, part) in [
            ("bytes=0-3", Part::Range { start: 0, length: 4 }),
            ("bytes=4-", Part::Range { start: 4, length: 6 }),
            ("bytes=-3", Part::Range { start: 7, length: 3 }),
            ("bytes=-30", Part::Range { start: 0, length: 10 }),
            ("bytes=8-99", Part::Range { start: 8, length: 2 }),
            ("bytes=10-", Part::Outside),
            ("bytes=3-2", Part::Whole),
            ("bytes=0-1,3-4", Part::Whole),
            ("lines=0-1", Part::Whole),
        ] {
            assert_eq!(ask(&[(header::RANGE, range)]), part, "{range}");
        }
    }

    #[test]
    fn a_file_is_sent_again_only_when_it_changed() {
        let (same, before) = ("Fri, 02 Jan 2026 03:04:05 GMT", "Fri, 02 Jan 2026 03:04:04 GMT");
        assert_eq!(ask(&[(header::IF_MODIFIED_SINCE, same)]), Part::Unchanged);
        assert_eq!(ask(&[(header::IF_MODIFIED_SINCE, before)]), Part::Whole);
        assert_eq!(ask(&[(header::IF_NONE_MATCH, "*")]), Part::Unchanged);
        assert_eq!(ask(&[(header::IF_NONE_MATCH, "\"a\""), (header::IF_MODIFIED_SINCE, same)]), Part::Whole);
        let part = Part::Range { start: 0, length: 1 };
        assert_eq!(ask(&[(header::IF_RANGE, same), (header::RANGE, "bytes=0-0")]), part);
        assert_eq!(ask(&[(header::IF_RANGE, before), (header::RANGE, "bytes=0-0")]), Part::Whole);
        assert_eq!(print_time("2026-01-02T03:04:05.5Z".parse().unwrap()).as_deref(), Some(same));
    }
}
