//! One projector at a time: a lease in the item of its projection, with a fence that each taking raises.
//!
//! The lease only saves work. What keeps a projector that fell asleep from overwriting a newer state is the
//! fence in the condition of its save.

use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnValue;
use jiff::Timestamp;

use super::failure::ledger_error;
use super::item::{get_number, keys, number, text};
use super::saved::key;
use super::store::Store;
use crate::{LedgerError, ProjectionKey};

/// Raised by each taking.
pub const FENCE: &str = "f";
const HOLDER: &str = "h";
const UNTIL: &str = "u";

/// Proof of a lease: it stands until another has taken the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fence(u64);

impl Fence {
    pub(super) fn as_u64(self) -> u64 {
        self.0
    }
}

/// Takes or renews a lease. `None`: another holder has it. `lasts` is longer than any skew of clocks.
pub async fn take(
    store: &Store,
    projection: &ProjectionKey,
    holder: &str,
    now: Timestamp,
    lasts: Duration,
) -> Result<Option<Fence>, LedgerError> {
    let now_ms = u64::try_from(now.as_millisecond()).unwrap_or_default();
    let until_ms = now_ms.saturating_add(u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX));
    let updated = store.patience.ask(|| {
        store
            .client
            .update_item()
            .table_name(&store.log)
            .set_key(Some(keys(&key(projection), 0)))
            .condition_expression("attribute_not_exists(#u) OR #u < :now OR #h = :h")
            .update_expression("SET #u = :until, #h = :h ADD #f :one")
            .expression_attribute_names("#u", UNTIL)
            .expression_attribute_names("#h", HOLDER)
            .expression_attribute_names("#f", FENCE)
            .expression_attribute_values(":now", number(now_ms))
            .expression_attribute_values(":until", number(until_ms))
            .expression_attribute_values(":h", text(holder))
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::UpdatedNew)
            .send()
    });
    match updated.await {
        Ok(updated) => {
            let fence = updated.attributes().ok_or(super::item::Misshapen(FENCE));
            let fence = fence.and_then(|item| get_number(item, FENCE));
            fence.map(|fence| Some(Fence(fence))).map_err(|error| LedgerError::at("a lease", error))
        }
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(None),
            _ => Err(ledger_error("take a lease", &error)),
        },
    }
}
