//! Events that a projection could not fold: put aside, listed, and folded later in one transaction with the state.

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{Delete, TransactWriteItem, Update};

use super::failure::ledger_error;
use super::item::{AT, KEY, get_number, get_text, keys, text};
use super::saved::{Save, Seen, key as saved_key};
use super::store::{Ask, Range, Store};
use crate::{LedgerError, ParkedEvent, Position, ProjectionKey, SavedProjection};

const REASON: &str = "r";
/// A reason is for people, and bounded.
const REASON_BYTES_MAX: usize = 4096;

fn key(projection: &ProjectionKey) -> String {
    format!("parked#{}@{}", projection.name, projection.version)
}

/// Puts an event aside; see [`crate::Ledger::park`].
pub async fn park(
    store: &Store,
    projection: &ProjectionKey,
    position: Position,
    reason: &str,
) -> Result<(), LedgerError> {
    let mut item = keys(&key(projection), position.as_u64());
    let end = reason.floor_char_boundary(REASON_BYTES_MAX);
    item.insert(REASON.to_owned(), text(reason.get(..end).unwrap_or_default()));
    let put = store
        .patience
        .ask(|| store.client.put_item().table_name(&store.log).set_item(Some(item.clone())).send());
    put.await.map_err(|error| ledger_error("park", &error))?;
    Ok(())
}

/// What is put aside; see [`crate::Ledger::parked`].
pub async fn list(store: &Store, projection: &ProjectionKey) -> Result<Vec<ParkedEvent>, LedgerError> {
    let ask = Ask {
        table: &store.log,
        key: &key(projection),
        range: Range::From(0),
        limit: None,
        consistent: true,
        after: None,
    };
    let parked = store.all(ask).await?;
    let parked = parked.iter().map(|item| {
        let reason = get_text(item, REASON)?.to_owned();
        Ok(ParkedEvent { position: Position::from_u64(get_number(item, AT)?), reason })
    });
    parked
        .collect::<Result<_, _>>()
        .map_err(|error: super::item::Misshapen| LedgerError::at("a parked event", error))
}

/// Saves a state into which a parked event is folded, and takes the event off the list, both or neither.
///
/// `Ok(false)`: another projector saved in between, or the event is not parked any more; nothing was written.
pub async fn unpark(
    store: &Store,
    projection: &ProjectionKey,
    position: Position,
    expected: Position,
    saved: &SavedProjection,
    seen: &Seen,
) -> Result<bool, LedgerError> {
    let save = Save::new(store, projection, expected, saved, seen).await?;
    let mut update = Update::builder()
        .table_name(&store.log)
        .set_key(Some(keys(&saved_key(projection), 0)))
        .condition_expression(&save.condition)
        .update_expression(&save.expression);
    for (name, is) in &save.names {
        update = update.expression_attribute_names(*name, *is);
    }
    for (name, is) in &save.values {
        update = update.expression_attribute_values(name, is.clone());
    }
    let delete = Delete::builder()
        .table_name(&store.log)
        .set_key(Some(keys(&key(projection), position.as_u64())))
        .condition_expression("attribute_exists(#k)")
        .expression_attribute_names("#k", KEY)
        .build();
    let (Ok(update), Ok(delete)) = (update.build(), delete) else {
        return Err(LedgerError::Engine("a transaction cannot be built".to_owned()));
    };
    let items = [
        TransactWriteItem::builder().update(update).build(),
        TransactWriteItem::builder().delete(delete).build(),
    ];
    let before = store.get(&saved_key(projection), 0).await?;
    // The token makes a retry of the same request the same transaction.
    let done = store.patience.ask(|| {
        let request = store.client.transact_write_items().client_request_token(save.id.to_string());
        request.set_transact_items(Some(items.to_vec())).send()
    });
    let stood = match done.await {
        Ok(_) => true,
        Err(error) => match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(_)) => {
                save.is_in(store.get(&saved_key(projection), 0).await?.as_ref())
            }
            _ => return Err(ledger_error("unpark", &error)),
        },
    };
    if stood {
        seen.note(projection, save.id);
    }
    save.tidy(store, stood, before.as_ref()).await;
    Ok(stood)
}
