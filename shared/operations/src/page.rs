//! Long answers in pages: whole items only, everything left out is named, and the next page begins exactly
//! where the last one ended.

use std::hash::{DefaultHasher, Hash, Hasher};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::failure::codes;
use crate::{Failure, Operation, Rejection};

/// What an answer may have, in bytes of JSON, if nothing else is asked.
pub const DEFAULT_BYTES: usize = 32 << 10;
/// Names of what is left out have at least so much room.
const NAMES_BYTES_MIN: usize = 1024;
const BYTES: std::ops::RangeInclusive<u32> = 1024..=1 << 20;

/// Which page is asked for, and how large it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paging {
    /// Bytes of JSON.
    pub max_bytes: usize,
    /// Where to go on; `None` for the first page.
    pub at: Option<Cursor>,
    /// What was asked, so that a cursor is not used with another question.
    query: u64,
}

/// A place in a long answer. On the wire it is opaque text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// What the answer was taken from: object ids, or [`digest`] of what has none. The next page is
    /// taken from the same.
    #[serde(rename = "p")]
    pub pins: Vec<String>,
    /// So many items were given before.
    #[serde(rename = "s")]
    pub skip: usize,
    #[serde(rename = "q")]
    query: u64,
}

/// What a paged answer says of what it leaves out; flattened into the output of every operation that pages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Page {
    /// True when something was left out, of this page or because it comes on a later one.
    pub truncated: bool,
    /// The names of what comes on later pages, as far as they are known and there is room.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub omitted: Vec<String>,
    /// Gives the next page, put into `output.cursor` with the rest of the input unchanged. `None` at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

impl Default for Paging {
    fn default() -> Self {
        Self::NONE
    }
}

impl Paging {
    /// The first page of the default size.
    pub const NONE: Self = Self { max_bytes: DEFAULT_BYTES, at: None, query: 0 };

    /// The first page of the default size, of this question.
    pub(crate) fn first<O: Operation>(operation: &O) -> Self {
        Self { query: if O::PAGES { query::<O>(operation) } else { 0 }, ..Self::NONE }
    }

    /// The page that is asked for.
    pub(crate) fn of<O: Operation>(
        max_bytes: Option<u32>,
        cursor: Option<&str>,
        operation: &O,
    ) -> Result<Self, Rejection> {
        let query = query::<O>(operation);
        if max_bytes.is_some_and(|bytes| !BYTES.contains(&bytes)) {
            let rule = format!("must be {} to {}", BYTES.start(), BYTES.end());
            return Err(Rejection::argument("output.max_bytes", rule));
        }
        let at = cursor.map(|text| Cursor::decode(text, query)).transpose()?;
        let max_bytes = max_bytes.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(DEFAULT_BYTES);
        Ok(Self { max_bytes, at, query })
    }

    /// How many items earlier pages gave.
    pub fn skip(&self) -> usize {
        self.at.as_ref().map_or(0, |at| at.skip)
    }

    /// What earlier pages were taken from.
    pub fn pins(&self) -> Option<&[String]> {
        self.at.as_ref().map(|at| at.pins.as_slice())
    }

    /// A failure if the first page was taken from something else than `pins`.
    pub fn same(&self, pins: &[String]) -> Result<(), Box<Failure>> {
        match self.pins() {
            Some(before) if before != pins => {
                let message = "What the first page was taken from has changed since.";
                Err(Box::new(Failure::new(codes::CURSOR_EXPIRED, message)))
            }
            _ => Ok(()),
        }
    }

    /// Cuts the page out of the whole list: whole items, from where the last page ended, as many as there is
    /// room for beside `other_bytes` of the answer, but at least one. `name` names an item that is left out.
    pub fn cut<T: Serialize>(
        &self,
        items: Vec<T>,
        pins: &[String],
        other_bytes: usize,
        name: impl Fn(&T) -> String,
    ) -> (Vec<T>, Page) {
        let rest = items.into_iter().skip(self.skip()).collect();
        self.window(rest, false, pins, other_bytes, json_bytes, name)
    }

    /// The same where only a part of the list is at hand: it begins where the last page ended, and `more`
    /// says that there is something after it. `size` is what an item takes of the answer; an item without a
    /// name is not named.
    pub fn window<T>(
        &self,
        mut rest: Vec<T>,
        more: bool,
        pins: &[String],
        other_bytes: usize,
        size: impl Fn(&T) -> usize,
        name: impl Fn(&T) -> String,
    ) -> (Vec<T>, Page) {
        let mut room = self.max_bytes.saturating_sub(other_bytes);
        let named_bytes =
            |item: &T| Some(name(item)).filter(|name| !name.is_empty()).map_or(0, |name| name_bytes(&name));
        // A name takes its room from the items: what is not shown has to be named.
        let sizes: Vec<(usize, usize)> =
            rest.iter().map(|item| (size(item) + 1, named_bytes(item))).collect();
        let mut names: usize = sizes.iter().map(|(_, name)| name).sum::<usize>().min(room / 2);
        let mut count = 0;
        for (item, name) in sizes {
            names = names.saturating_sub(name);
            if count > 0 && item + names > room {
                break;
            }
            room = room.saturating_sub(item);
            count += 1;
        }
        let later: Vec<String> = rest[count..].iter().map(name).filter(|name| !name.is_empty()).collect();
        let more = more || count < rest.len();
        rest.truncate(count);
        let cursor = more.then(|| self.next(pins, self.skip() + count));
        (rest, Page { truncated: more, omitted: named(later.into_iter(), room), cursor })
    }

    /// The cursor of what comes after `skip` items.
    pub fn next(&self, pins: &[String], skip: usize) -> String {
        Cursor { pins: pins.to_vec(), skip, query: self.query }.encode()
    }
}

impl Cursor {
    fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Only what this very question gave, as far as its shape can tell. A cursor is no secret and no
    /// permission: pins must still be checked as any value from outside.
    fn decode(text: &str, query: u64) -> Result<Self, Rejection> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() <= 4096);
        let cursor: Option<Self> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let plain = |pin: &String| pin.bytes().all(|byte| byte.is_ascii_hexdigit());
        match cursor {
            Some(cursor) if cursor.query == query && cursor.pins.iter().all(plain) => Ok(cursor),
            _ => {
                Err(Rejection::argument("output.cursor", "must be the cursor of an answer to the same input"))
            }
        }
    }
}

/// A pin for what has no object id, such as the state of a working tree.
pub fn digest(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// How long something is as JSON.
pub fn json_bytes<T: Serialize + ?Sized>(value: &T) -> usize {
    serde_json::to_string(value).map_or(0, |text| text.len())
}

/// How much of a text takes at most so many bytes of JSON, in bytes of the text: whole characters, and where
/// there is one in the later half, up to a line's end. What is not UTF-8 counts as its replacement.
pub fn json_prefix(text: &[u8], room: usize) -> usize {
    let cost = |c: char| match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\u{0}'..='\u{1f}' => 6,
        c => c.len_utf8(),
    };
    let characters = text.utf8_chunks().flat_map(|chunk| {
        let broken = Some((chunk.invalid().len(), 3)).filter(|(bytes, _)| *bytes > 0);
        chunk.valid().chars().map(move |c| (c.len_utf8(), cost(c))).chain(broken)
    });
    let (mut end, mut used) = (0, 0);
    for (bytes, cost) in characters {
        used += cost;
        if used > room {
            let line = text[..end].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            return if line > end / 2 { line } else { end };
        }
        end += bytes;
    }
    end
}

/// As many names as there is room for; then how many more there are.
pub(crate) fn named(names: impl ExactSizeIterator<Item = String>, room: usize) -> Vec<String> {
    let mut room = room.max(NAMES_BYTES_MIN);
    let total = names.len();
    let mut told = Vec::new();
    for name in names {
        let bytes = name_bytes(&name);
        if bytes > room && !told.is_empty() {
            told.push(format!("... and {} more", total - told.len()));
            break;
        }
        room = room.saturating_sub(bytes);
        told.push(name);
    }
    told
}

/// What a name takes of the answer.
pub(crate) fn name_bytes(name: &str) -> usize {
    json_bytes(name) + 1
}

fn query<O: Operation>(operation: &O) -> u64 {
    let mut hasher = DefaultHasher::new();
    O::NAME.hash(&mut hasher);
    serde_json::to_string(operation).unwrap_or_default().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn paging(max_bytes: usize, at: Option<&str>) -> Paging {
        Paging { max_bytes, at: at.map(|text| Cursor::decode(text, 7).unwrap()), query: 7 }
    }

    #[test]
    fn pages_together_are_the_whole_and_every_item_left_out_is_named() {
        let items: Vec<String> = (0..400).map(|number| format!("file-{number:03}")).collect();
        let mut cursor = None;
        let mut all = Vec::new();
        let mut pages = 0;
        loop {
            let (shown, page) =
                paging(2000, cursor.as_deref()).cut(items.clone(), &["ab".to_owned()], 100, Clone::clone);
            all.extend(shown);
            pages += 1;
            if all.len() < 400 && 400 - all.len() < 60 {
                assert_eq!(page.omitted, items[all.len()..], "all are named where there is room");
            }
            cursor = page.cursor;
            assert_eq!(cursor.is_some(), page.truncated);
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(all, items);
        assert!(pages >= 3);
    }

    #[test]
    fn an_item_over_the_limit_comes_alone() {
        let items = vec!["x".repeat(5000), "y".to_owned()];
        let (shown, page) = paging(1024, None).cut(items, &[], 0, |item| item[..1].to_owned());
        assert_eq!((shown.len(), page.omitted), (1, vec!["y".to_owned()]));
    }

    #[test]
    fn the_part_of_a_text_that_fits_is_measured_as_json() {
        for (text, room, fits) in [
            ("a\"b", 3, 2),
            ("\u{1}\u{1}", 11, 1),
            ("\u{e9}\u{e9}", 3, 2),
            ("ab\ncd", 5, 3),
            ("ab", 9, 2),
            ("a\nbcdef", 6, 5),
        ] {
            assert_eq!(json_prefix(text.as_bytes(), room), fits, "{text:?}");
            assert!(json_bytes(&text[..fits]) <= room + 2);
        }
    }

    #[test]
    fn a_cursor_of_another_question_or_with_a_pin_that_is_no_id_is_refused() {
        let cursor = paging(2000, None).next(&["ab".to_owned()], 3);
        assert!(Cursor::decode(&cursor, 8).is_err());
        let option = Cursor { pins: vec!["--output=x".to_owned()], skip: 0, query: 7 }.encode();
        assert!(Cursor::decode(&option, 7).is_err());
        for text in ["", "%", "e30"] {
            assert!(Cursor::decode(text, 7).is_err(), "{text:?}");
        }
        assert!(paging(2000, Some(&cursor)).same(&["ac".to_owned()]).is_err());
    }
}
