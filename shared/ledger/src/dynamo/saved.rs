//! Saved projections: state, position and the save's id, its fence, in one item, written by one conditional request.
//!
//! A save also fails when another save of the same position came after the state that this process has loaded
//! or saved last: a parked event may have been folded in by then ([`super::retry`]).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use uuid::Uuid;

use super::failure::ledger_error;
use super::item::{
    BODY, Body, CLAIM, Item, Misshapen, bytes, get_bytes, get_number, get_text, keys, number, text,
};
use super::lines;
use super::store::{Store, value};
use crate::{LedgerError, Position, ProjectionKey, SavedProjection};

/// Everything up to here is folded in.
pub const POSITION: &str = "p";
/// Which save this is.
const SAVE: &str = "w";
/// A state that a newer one replaces is looked for so many times.
const LOOKS_MAX: usize = 5;

/// The partition of a projection.
pub fn key(projection: &ProjectionKey) -> String {
    format!("projection#{}@{}", projection.name, projection.version)
}

/// The newest save of each projection that this process knows.
#[derive(Debug, Default)]
pub struct Seen(Mutex<HashMap<ProjectionKey, Uuid>>);

impl Seen {
    fn get(&self, projection: &ProjectionKey) -> Option<Uuid> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(projection).copied()
    }

    pub fn note(&self, projection: &ProjectionKey, save: Uuid) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(projection.clone(), save);
    }
}

/// An update that saves a state. The same save is known again by its id, so a lost answer costs nothing.
pub struct Save {
    pub id: Uuid,
    pub condition: String,
    pub expression: String,
    pub names: Vec<(&'static str, &'static str)>,
    pub values: Vec<(String, aws_sdk_dynamodb::types::AttributeValue)>,
    /// What lies in the bucket for it.
    claimed: Option<String>,
}

impl Save {
    /// Prepares a save: squeezes the state and brings a large one to the bucket.
    pub async fn new(
        store: &Store,
        projection: &ProjectionKey,
        expected: Position,
        saved: &SavedProjection,
        seen: &Seen,
    ) -> Result<Self, LedgerError> {
        let id = Uuid::now_v7();
        let squeezed = lines::squeeze_bytes(&saved.state);
        let squeezed = squeezed.map_err(|error| LedgerError::at("a state cannot be squeezed", error))?;
        let body = store.claim(|| format!("{}/{}-{id}", key(projection), saved.position), squeezed).await?;
        let names = vec![("#p", POSITION), ("#w", SAVE), ("#b", BODY), ("#s", CLAIM)];
        let mut values = vec![
            value(":expected", number(expected.as_u64())),
            value(":p", number(saved.position.as_u64())),
            value(":w", bytes(id.as_bytes().as_slice())),
        ];
        let mut condition = "#p = :expected".to_owned();
        if let Some(seen) = seen.get(projection) {
            condition.push_str(" AND #w = :seen");
            values.push(value(":seen", bytes(seen.as_bytes().as_slice())));
        }
        if expected == Position::START {
            condition = format!("(({condition}) OR attribute_not_exists(#p))");
        }
        let (kept, other, claimed) = match body {
            Body::Here(body) => {
                values.push(value(":body", bytes(body)));
                ("#b", "#s", None)
            }
            Body::Claimed(name) => {
                values.push(value(":body", text(name.clone())));
                ("#s", "#b", Some(name))
            }
        };
        let expression = format!("SET #p = :p, #w = :w, {kept} = :body REMOVE {other}");
        Ok(Self { id, condition, expression, names, values, claimed })
    }

    /// Whether what is there now is this very save.
    pub fn is_in(&self, item: Option<&Item>) -> bool {
        item.and_then(|item| get_bytes(item, SAVE).ok()) == Some(self.id.as_bytes().as_slice())
    }

    /// Lets go of what lies in the bucket for nothing: for a save that did not happen, or the one before it.
    pub async fn tidy(&self, store: &Store, stood: bool, before: Option<&Item>) {
        let idle = if stood {
            before.and_then(|item| get_text(item, CLAIM).ok()).map(str::to_owned)
        } else {
            self.claimed.clone()
        };
        if let (Some(claims), Some(name)) = (&store.claims, idle)
            && let Err(error) = claims.delete(&name).await
        {
            // Nothing points to it, and the bucket's rules end only what was deleted or replaced: by its age it
            // cannot be told from the state that counts.
            tracing::warn!(name, %error, "a replaced state stays in the bucket");
        }
    }
}

/// Saves; see [`crate::Ledger::save_projection`].
pub async fn save(
    store: &Store,
    projection: &ProjectionKey,
    expected: Position,
    saved: &SavedProjection,
    seen: &Seen,
) -> Result<bool, LedgerError> {
    let save = Save::new(store, projection, expected, saved, seen).await?;
    let updated = store.patience.ask(|| {
        let mut request = store
            .client
            .update_item()
            .table_name(&store.log)
            .set_key(Some(keys(&key(projection), 0)))
            .condition_expression(&save.condition)
            .update_expression(&save.expression)
            .return_values(aws_sdk_dynamodb::types::ReturnValue::UpdatedOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        for (name, is) in &save.names {
            request = request.expression_attribute_names(*name, *is);
        }
        for (name, is) in &save.values {
            request = request.expression_attribute_values(name, is.clone());
        }
        request.send()
    });
    let error = match updated.await {
        Ok(updated) => {
            seen.note(projection, save.id);
            save.tidy(store, true, updated.attributes()).await;
            return Ok(true);
        }
        Err(error) => error,
    };
    let found = match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(failed)) => failed.item().cloned(),
        _ => return Err(ledger_error("save a projection", &error)),
    };
    let found = match found {
        Some(item) => Some(item),
        None => store.get(&key(projection), 0).await?,
    };
    let stood = save.is_in(found.as_ref());
    if stood {
        seen.note(projection, save.id);
    } else {
        save.tidy(store, false, None).await;
    }
    Ok(stood)
}

/// Loads; see [`crate::Ledger::load_projection`].
pub async fn load(
    store: &Store,
    projection: &ProjectionKey,
    seen: &Seen,
) -> Result<Option<SavedProjection>, LedgerError> {
    for _ in 0..LOOKS_MAX {
        let Some(item) = store.get(&key(projection), 0).await? else { return Ok(None) };
        let position = get_number(&item, POSITION).map_err(unreadable)?;
        let body = Body::take_from(&item).map_err(unreadable)?;
        let claimed = matches!(body, Body::Claimed(_));
        match store.redeem(body).await {
            Ok(squeezed) => {
                let state = lines::unfold_bytes(&squeezed)
                    .map_err(|reason| LedgerError::Unreadable { position, reason })?;
                if let Some(save) = get_bytes(&item, SAVE).ok().and_then(|save| Uuid::from_slice(save).ok()) {
                    seen.note(projection, save);
                }
                return Ok(Some(SavedProjection { position: Position::from_u64(position), state }));
            }
            // Another save may have replaced it since the item was read.
            Err(_) if claimed => {}
            Err(error) => return Err(error),
        }
    }
    Err(LedgerError::Engine("the saved state is not in the bucket".to_owned()))
}

fn unreadable(error: Misshapen) -> LedgerError {
    LedgerError::at("a saved projection", error)
}
