//! What requests cost, by the published rules: sizes of items, and units of capacity.
//!
//! A write unit is up to 1 KB of one item, a read unit up to 4 KB read consistently or 8 KB eventually; a page of
//! a query is paid by the sum of its items, and at least half a unit or one. The price of a unit is not in here.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

/// Bytes of an item: names and values.
#[allow(clippy::implicit_hasher)] // an item is what the SDK says
pub fn item_bytes(item: &HashMap<String, AttributeValue>) -> usize {
    item.iter().map(|(name, value)| name.len() + value_bytes(value)).sum()
}

fn value_bytes(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::N(number) => number_bytes(number),
        AttributeValue::M(map) => 3 + map.len() + item_bytes(map),
        AttributeValue::L(list) => 3 + list.len() + list.iter().map(value_bytes).sum::<usize>(),
        AttributeValue::Ss(texts) => texts.iter().map(String::len).sum(),
        AttributeValue::Ns(numbers) => numbers.iter().map(|number| number_bytes(number)).sum(),
        AttributeValue::Bs(all) => all.iter().map(|bytes| bytes.as_ref().len()).sum(),
        _ => 1,
    }
}

/// One byte for two significant digits, one more, and one for a sign.
fn number_bytes(number: &str) -> usize {
    let digits = number.trim_start_matches('-').trim_start_matches('0').trim_end_matches('0');
    digits.bytes().filter(u8::is_ascii_digit).count().div_ceil(2) + 1 + usize::from(number.starts_with('-'))
}

/// Units of one put, update or delete of an item that has so many bytes, before or after, whichever is more.
/// Also of one that fails on its condition.
pub fn write_units(bytes: usize) -> usize {
    bytes.div_ceil(1024).max(1)
}

/// Half units of one get or page that gives so many bytes. Half units, because that is the smallest there is.
pub fn read_half_units(bytes: usize, consistent: bool) -> usize {
    bytes.div_ceil(4096).max(1) * if consistent { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::{item_bytes, number_bytes, read_half_units, write_units};
    use crate::dynamo::item::{bytes, number, text};

    #[test]
    fn sizes_follow_the_published_rules() {
        let item = [("k", text("operation")), ("at", number(1)), ("b", bytes(vec![0; 100]))];
        let item = item.map(|(name, value)| (name.to_owned(), value)).into();
        assert_eq!(item_bytes(&item), (1 + 9) + (2 + 2) + (1 + 100));
        for (number, bytes) in [("0", 1), ("1", 2), ("100", 2), ("123", 3), ("-12", 3), ("1.5", 2)] {
            assert_eq!(number_bytes(number), bytes, "{number}");
        }
    }

    #[test]
    fn units_follow_the_published_rules() {
        assert_eq!([0, 1, 1024, 1025, 400 * 1024].map(write_units), [1, 1, 1, 2, 400]);
        assert_eq!([0, 4096, 4097].map(|bytes| read_half_units(bytes, false)), [1, 1, 2]);
        assert_eq!([0, 4096, 4097].map(|bytes| read_half_units(bytes, true)), [2, 2, 4]);
    }
}
