//! A commit as an item: one commit is one item, so that an append is one conditional put.

use gitledger_events::{Record, Stream};
use uuid::Uuid;

use super::item::{
    AT, Body, COMMIT, COUNT, Item, KEY, Misshapen, bytes, get_bytes, get_number, get_text, keys, number,
};
use super::lines;

/// The commit that begins at a version of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitItem {
    /// Where.
    pub stream: Stream,
    /// The version of its first event, from 1.
    pub first: u64,
    /// How many events; at least one.
    pub count: u64,
    /// The commit's id.
    pub id: Uuid,
    /// Its lines.
    pub body: Body,
}

impl CommitItem {
    /// The version of its last event.
    pub fn last(&self) -> u64 {
        self.first + self.count - 1
    }

    /// As it is put.
    pub fn into_item(self) -> Item {
        let mut item = keys(self.stream.as_str(), self.first);
        item.insert(COUNT.to_owned(), number(self.count));
        item.insert(COMMIT.to_owned(), bytes(self.id.as_bytes().as_slice()));
        self.body.put_into(&mut item);
        item
    }

    /// As it came, from a read or in a batch of the table's stream.
    pub fn from_item(item: &Item) -> Result<Self, Misshapen> {
        let stream = get_text(item, KEY)?.parse().map_err(|_| Misshapen(KEY))?;
        let first = get_number(item, AT)?;
        let count = get_number(item, COUNT)?;
        if first == 0 || count == 0 || first.checked_add(count).is_none() {
            return Err(Misshapen(COUNT));
        }
        let id = Uuid::from_slice(get_bytes(item, COMMIT)?).map_err(|_| Misshapen(COMMIT))?;
        Ok(Self { stream, first, count, id, body: Body::take_from(item)? })
    }

    /// The records in the text of its body.
    pub fn records(&self, text: &str) -> Result<Vec<Record>, String> {
        let records = (self.first..)
            .zip(text.lines())
            .map(|(version, line)| lines::event(line)?.record(self.stream.clone(), version));
        let records = records.collect::<Result<Vec<_>, _>>()?;
        if u64::try_from(records.len()) == Ok(self.count) {
            return Ok(records);
        }
        Err(format!("{} events are there, not {}", records.len(), self.count))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a panic is the report of a test
mod tests {
    use uuid::Uuid;

    use super::CommitItem;
    use crate::contract::sample::stream;
    use crate::dynamo::item::{Body, COMMIT, COUNT, number};

    #[test]
    fn a_commit_comes_back_as_it_was_and_half_a_one_does_not() {
        for body in [Body::Here(vec![0, 1, 255]), Body::Claimed("commits/x".to_owned())] {
            let commit = CommitItem { stream: stream(3), first: 7, count: 2, id: Uuid::from_u128(9), body };
            let item = commit.clone().into_item();
            assert_eq!(CommitItem::from_item(&item).unwrap(), commit);
            for name in item.keys() {
                let mut half = item.clone();
                half.remove(name);
                assert!(CommitItem::from_item(&half).is_err(), "without {name}");
            }
            for (name, wrong) in [(COUNT, number(0)), (COUNT, number(u64::MAX)), (COMMIT, number(1))] {
                let mut odd = item.clone();
                odd.insert(name.to_owned(), wrong);
                assert!(CommitItem::from_item(&odd).is_err(), "{name}");
            }
        }
    }
}
