//! Rules for ranges of lines and bytes: `10-20`, `10-` to the end, `10` alone.

use crate::Rejection;

/// From the first to the last, both included; `None` is the end.
pub type Range = (u64, Option<u64>);

/// No file is that long; and no program has to calculate with more.
const LARGEST: u64 = 1 << 40;

/// Reads a range whose numbers are at least `least`.
pub fn range(field: &str, text: &str, least: u64) -> Result<Range, Rejection> {
    let number = |digits: &str| {
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|number| plain && (least..LARGEST).contains(number))
    };
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let end = if to.is_empty() { Some(None) } else { number(to).map(Some) };
    match (number(from), end) {
        (Some(first), Some(end)) if end.is_none_or(|end| end >= first) => Ok((first, end)),
        _ => {
            let rule = format!("must be '10-20', '10-' or '10', the first number at least {least}");
            Err(Rejection::argument(field, rule))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::range;

    #[test]
    fn a_range_is_two_numbers_in_order() {
        assert_eq!(range("lines", "10-20", 1), Ok((10, Some(20))));
        assert_eq!(range("lines", "10-", 1), Ok((10, None)));
        assert_eq!(range("lines", "7", 1), Ok((7, Some(7))));
        for bad in ["", "-", "-3", "3-2", "0-1", "1-x", "+1", "1-2-3", "1,+5", "/x/", "9999999999999"] {
            assert!(range("lines", bad, 1).is_err(), "{bad:?}");
        }
    }
}
