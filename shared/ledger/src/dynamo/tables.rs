//! The two tables, for engines on which no template is deployed.

use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, StreamSpecification,
    StreamViewType,
};

use super::failure::ledger_error;
use super::item::{AT, KEY};
use super::store::Store;
use crate::LedgerError;

pub async fn create(store: &Store) -> Result<(), LedgerError> {
    create_table(store, &store.events, true).await?;
    create_table(store, &store.log, false).await
}

async fn create_table(store: &Store, name: &str, streamed: bool) -> Result<(), LedgerError> {
    let stream = StreamSpecification::builder()
        .stream_enabled(true)
        .stream_view_type(StreamViewType::NewImage)
        .build()
        .map_err(|error| LedgerError::at("a table's stream", error))?;
    let created = store
        .client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(vec![key(KEY, KeyType::Hash)?, key(AT, KeyType::Range)?]))
        .set_attribute_definitions(Some(vec![
            attribute(KEY, ScalarAttributeType::S)?,
            attribute(AT, ScalarAttributeType::N)?,
        ]))
        .set_stream_specification(streamed.then_some(stream))
        .send()
        .await;
    match created {
        Ok(_) => Ok(()),
        Err(error) => match error.as_service_error() {
            Some(CreateTableError::ResourceInUseException(_)) => Ok(()),
            _ => Err(ledger_error("create a table", &error)),
        },
    }
}

fn key(name: &str, kind: KeyType) -> Result<KeySchemaElement, LedgerError> {
    let key = KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    key.map_err(|error| LedgerError::at("a table's key", error))
}

fn attribute(name: &str, kind: ScalarAttributeType) -> Result<AttributeDefinition, LedgerError> {
    let attribute = AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build();
    attribute.map_err(|error| LedgerError::at("a table's key", error))
}
