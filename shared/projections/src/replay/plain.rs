//! JSON as this project writes it, read without a general reader: no spaces, no escapes where we look, times in UTC.
//!
//! Whatever is otherwise gives `None`, and the caller takes a reader that knows all of JSON: so this one may be
//! narrow, but what it does read it reads as that one does. What is passed over is checked to be JSON all the same:
//! a record that is damaged anywhere is nobody's event.

/// Deeper than this is for the general reader.
const DEPTH_MAX: u32 = 32;
const DAY_SECONDS: i64 = 86_400;

/// An object being read.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// At the beginning of a text that should be one object.
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Reads an object to its end: each key goes to `take`, which must read or [`skip`](Self::skip) the value.
    #[inline]
    pub fn object(&mut self, mut take: impl FnMut(&'a str, &mut Self) -> Option<()>) -> Option<()> {
        self.expect(b'{')?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            let key = self.string()?;
            self.expect(b':')?;
            take(key, self)?;
            match self.next()? {
                b',' => {}
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    /// Nothing may follow.
    pub fn end(&self) -> Option<()> {
        (self.at == self.text.len()).then_some(())
    }

    /// A string without escapes.
    #[inline]
    pub fn string(&mut self) -> Option<&'a str> {
        self.expect(b'"')?;
        let start = self.at;
        let end = self.quote(start)?;
        if self.text.as_bytes().get(end) != Some(&b'"') {
            return None;
        }
        self.at = end + 1;
        self.text.get(start..end)
    }

    /// A whole number that is not negative.
    #[inline]
    pub fn whole(&mut self) -> Option<u64> {
        let (number, digits) = self.digits()?;
        let first = *self.text.as_bytes().get(self.at - digits)?;
        if digits > 18 || (first == b'0' && digits > 1) || matches!(self.peek()?, b'.' | b'e' | b'E') {
            return None;
        }
        Some(number)
    }

    /// Milliseconds with at most three decimals, as microseconds.
    #[inline]
    pub fn millis(&mut self) -> Option<u64> {
        let start = self.at;
        let (whole, digits) = self.digits()?;
        if digits > 12 || (digits > 1 && self.text.as_bytes().get(start) == Some(&b'0')) {
            return None;
        }
        let mut micros = whole * 1000;
        if self.peek()? == b'.' {
            self.at += 1;
            let (part, digits) = self.digits()?;
            micros += part * [0, 100, 10, 1].get(digits).copied()?;
        }
        (!matches!(self.peek()?, b'e' | b'E')).then_some(micros)
    }

    /// `"2026-03-10T00:00:00.123456Z"` as microseconds since 1970; nothing before.
    #[inline]
    pub fn instant(&mut self) -> Option<u64> {
        let text = self.string()?.as_bytes();
        let (fixed, rest) = text.split_first_chunk::<19>()?;
        let two = |at: usize| {
            let (tens, ones) = (fixed[at].wrapping_sub(b'0'), fixed[at + 1].wrapping_sub(b'0'));
            (tens < 10 && ones < 10).then(|| i64::from(tens) * 10 + i64::from(ones))
        };
        if [fixed[4], fixed[7], fixed[10], fixed[13], fixed[16]] != *b"--T::" {
            return None;
        }
        let (year, month, day) = (two(0)? * 100 + two(2)?, two(5)?, two(8)?);
        let (hour, minute, second) = (two(11)?, two(14)?, two(17)?);
        // The 29th and later of a month may not be: the general reader knows.
        if year < 1970 || !(1..=12).contains(&month) || !(1..=28).contains(&day) && !has_day(year, month, day)
        {
            return None;
        }
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let seconds = days(year, month, day) * DAY_SECONDS + hour * 3600 + minute * 60 + second;
        let micros = match rest {
            b"Z" => 0,
            [b'.', decimals @ .., b'Z'] if (1..=6).contains(&decimals.len()) => {
                let mut micros = 0;
                for place in 0..6 {
                    let digit = decimals.get(place).map_or(0, |digit| digit.wrapping_sub(b'0'));
                    micros = micros * 10 + u64::from((digit < 10).then_some(digit)?);
                }
                micros
            }
            _ => return None,
        };
        Some(u64::try_from(seconds).ok()? * 1_000_000 + micros)
    }

    /// Passes over a value of any kind, which must be one.
    #[inline]
    pub fn skip(&mut self) -> Option<()> {
        self.skip_within(DEPTH_MAX)
    }

    fn skip_within(&mut self, depth: u32) -> Option<()> {
        match self.peek()? {
            b'"' => self.skip_string(),
            b'{' => {
                let depth = depth.checked_sub(1)?;
                self.at += 1;
                if self.peek()? == b'}' {
                    self.at += 1;
                    return Some(());
                }
                loop {
                    self.skip_string()?;
                    self.expect(b':')?;
                    self.skip_within(depth)?;
                    match self.next()? {
                        b',' => {}
                        b'}' => return Some(()),
                        _ => return None,
                    }
                }
            }
            b'[' => {
                let depth = depth.checked_sub(1)?;
                self.at += 1;
                if self.peek()? == b']' {
                    self.at += 1;
                    return Some(());
                }
                loop {
                    self.skip_within(depth)?;
                    match self.next()? {
                        b',' => {}
                        b']' => return Some(()),
                        _ => return None,
                    }
                }
            }
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.skip_number(),
        }
    }

    /// Past its closing quote; escapes other than of whole characters are checked.
    fn skip_string(&mut self) -> Option<()> {
        self.expect(b'"')?;
        loop {
            let end = self.quote(self.at)?;
            match self.text.as_bytes().get(end..)? {
                [b'"', ..] => {
                    self.at = end + 1;
                    return Some(());
                }
                [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => self.at = end + 2,
                _ => return None,
            }
        }
    }

    fn skip_number(&mut self) -> Option<()> {
        if self.peek()? == b'-' {
            self.at += 1;
        }
        let zero = self.peek()? == b'0';
        let (_, digits) = self.digits()?;
        // More digits, or an exponent, and it may be too great.
        if (zero && digits > 1) || digits > 18 {
            return None;
        }
        if self.text.as_bytes().get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        (!matches!(self.text.as_bytes().get(self.at), Some(b'e' | b'E'))).then_some(())
    }

    /// The digits here, at least one; beyond 18 the number is wrong and the count says so.
    #[inline]
    fn digits(&mut self) -> Option<(u64, usize)> {
        let (start, mut number) = (self.at, 0u64);
        while let Some(byte) = self.text.as_bytes().get(self.at) {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
            self.at += 1;
        }
        let count = self.at - start;
        (count > 0).then_some((number, count))
    }

    /// Where the first quote, backslash or control character is, eight bytes at a time.
    #[inline]
    fn quote(&self, from: usize) -> Option<usize> {
        const ONES: u64 = 0x0101_0101_0101_0101;
        const HIGHS: u64 = 0x8080_8080_8080_8080;
        let bytes = self.text.as_bytes();
        let mut at = from;
        while let Some(word) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
            let word = u64::from_le_bytes(*word);
            let (quote, slash) = (word ^ (ONES * 0x22), word ^ (ONES * 0x5C));
            let found = (quote.wrapping_sub(ONES) & !quote)
                | (slash.wrapping_sub(ONES) & !slash)
                | (word.wrapping_sub(ONES * 0x20) & !word);
            let found = found & HIGHS;
            if found != 0 {
                // The lowest is right; a borrow can only make higher ones wrong.
                return Some(at + (found.trailing_zeros() / 8) as usize);
            }
            at += 8;
        }
        let rest = bytes.get(at..)?;
        Some(at + rest.iter().position(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\'))?)
    }

    #[inline]
    fn word(&mut self, word: &str) -> Option<()> {
        let rest = self.text.as_bytes().get(self.at..)?;
        rest.starts_with(word.as_bytes()).then(|| self.at += word.len())
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    #[inline]
    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }
}

/// Days since 1970 of a date of the Gregorian calendar, from 1970 on.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // The year begins in March, so that the leap day is its last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn has_day(year: i64, month: i64, day: i64) -> bool {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let most = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    (1..=most).contains(&day)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::Cursor;

    fn instant(text: &str) -> Option<u64> {
        Cursor::new(&format!("\"{text}\"")).instant()
    }

    #[test]
    fn an_instant_is_the_one_that_the_general_reader_reads() {
        for second in (0..4_102_444_800i64).step_by(86_400 * 9 + 3_671) {
            let at = Timestamp::from_microsecond(second * 1_000_000 + second % 1_000_000).unwrap();
            let text = at.to_string();
            assert_eq!(instant(&text), u64::try_from(at.as_microsecond()).ok(), "{text}");
        }
        for day in 1..=31 {
            for month in 1..=12 {
                for year in [1970, 2000, 2024, 2026, 2100] {
                    let text = format!("{year:04}-{month:02}-{day:02}T23:59:59.5Z");
                    let want = text.parse::<Timestamp>().ok();
                    let want = want.and_then(|at| u64::try_from(at.as_microsecond()).ok());
                    assert_eq!(instant(&text), want, "{text}");
                }
            }
        }
        for odd in ["2026-03-10T00:00:00+01:00", "2026-03-10T24:00:00Z", "2026-03-10t00:00:00Z", "", "now"] {
            assert_eq!(instant(odd), None, "{odd}");
        }
    }

    /// Whether a text is passed over as one whole value.
    fn passes(text: &str) -> bool {
        let mut cursor = Cursor::new(text);
        cursor.skip().and_then(|()| cursor.end()).is_some()
    }

    #[test]
    fn what_is_passed_over_is_json() {
        let whole = [
            r#"{"a":[1,2.5,-3,0,{"b":null}],"c":"with \"quotes\" and \\ and \n","d":true,"e":false,"f":[],"g":{}}"#,
            r#"["ä ö ü, longer than eight bytes 日本語",0.125,[[[]]]]"#,
        ];
        for text in whole {
            assert!(passes(text), "{text}");
            for (end, _) in text.char_indices() {
                assert!(!passes(&text[..end]), "cut at {end}");
            }
            // Any byte in any place: what is taken here, the general reader takes too.
            for (place, _) in text.char_indices() {
                for byte in (0u8..128).map(char::from) {
                    let mut wrong = text.to_owned();
                    wrong.insert(place, byte);
                    let known = serde_json::from_str::<serde::de::IgnoredAny>(&wrong).is_ok();
                    assert!(known || !passes(&wrong), "{wrong}");
                }
            }
        }
        assert!(!passes(&"[".repeat(100_000)));
    }
}
