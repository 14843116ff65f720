//! Items and their attributes. Names are short: they count in every item's size.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_types::Blob;

/// An item, by attribute.
pub type Item = HashMap<String, AttributeValue>;

/// The partition key of both tables: a stream's name, or what [`super::store::LogKey`] says.
pub const KEY: &str = "k";
/// The sort key of both tables: a version or a position.
pub const AT: &str = "at";
/// How many events.
pub const COUNT: &str = "n";
/// A commit's id.
pub const COMMIT: &str = "c";
/// What is kept.
pub const BODY: &str = "b";
/// The name in the bucket of what is kept there instead of in [`BODY`].
pub const CLAIM: &str = "s";

/// The most bytes of a body within an item: 400 KB less keys, names and a margin.
pub const BODY_BYTES_MAX: usize = 380 * 1024;

/// An attribute is not there, or is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("item has no valid {0:?}")]
pub struct Misshapen(pub &'static str);

/// A number.
pub fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A text.
pub fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// Bytes.
pub fn bytes(value: impl Into<Vec<u8>>) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

/// The two keys of an item.
pub fn keys(key: &str, at: u64) -> Item {
    Item::from([(KEY.to_owned(), text(key)), (AT.to_owned(), number(at))])
}

/// A number of an item.
pub fn get_number(item: &Item, name: &'static str) -> Result<u64, Misshapen> {
    match item.get(name) {
        Some(AttributeValue::N(value)) => value.parse().map_err(|_| Misshapen(name)),
        _ => Err(Misshapen(name)),
    }
}

/// A text of an item.
pub fn get_text<'a>(item: &'a Item, name: &'static str) -> Result<&'a str, Misshapen> {
    match item.get(name) {
        Some(AttributeValue::S(value)) => Ok(value),
        _ => Err(Misshapen(name)),
    }
}

/// Bytes of an item.
pub fn get_bytes<'a>(item: &'a Item, name: &'static str) -> Result<&'a [u8], Misshapen> {
    match item.get(name) {
        Some(AttributeValue::B(value)) => Ok(value.as_ref()),
        _ => Err(Misshapen(name)),
    }
}

/// What an item keeps: in itself, or in the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// The bytes.
    Here(Vec<u8>),
    /// Their name in the bucket.
    Claimed(String),
}

impl Body {
    /// Adds itself to an item.
    pub fn put_into(self, item: &mut Item) {
        match self {
            Self::Here(body) => item.insert(BODY.to_owned(), bytes(body)),
            Self::Claimed(name) => item.insert(CLAIM.to_owned(), text(name)),
        };
    }

    /// Takes itself out of an item.
    pub fn take_from(item: &Item) -> Result<Self, Misshapen> {
        if item.contains_key(CLAIM) {
            return Ok(Self::Claimed(get_text(item, CLAIM)?.to_owned()));
        }
        Ok(Self::Here(get_bytes(item, BODY)?.to_vec()))
    }
}
