//! The two tables and the bucket, with the few requests that are made of them.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, HttpClient, Region};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};

use super::claims::Claims;
use super::failure::ledger_error;
use super::item::{AT, BODY_BYTES_MAX, Body, Item, KEY, keys, number, text};
use super::lines;
use super::patience::Patience;
use super::settings::DynamoSettings;
use crate::LedgerError;

/// Partitions of the log's table, besides [`super::segment::LOG`] and those of projections.
pub struct LogKey;

impl LogKey {
    /// Which streams got how far in which part of the log.
    pub const DIGEST: &str = "digest";
}

/// Where a put went.
#[derive(Debug)]
pub enum Put {
    /// It is there.
    Done,
    /// Something else was there already, or the same from an earlier try.
    Taken(Item),
}

/// Which items of a partition are asked for.
#[derive(Clone, Copy, Debug)]
pub enum Range {
    /// From this sort key on, upwards.
    From(u64),
    /// From this sort key on, downwards.
    DownFrom(u64),
}

/// What is asked of a partition.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// The table.
    pub table: &'a str,
    /// The partition.
    pub key: &'a str,
    /// Which of it.
    pub range: Range,
    /// At most so many items.
    pub limit: Option<i32>,
    /// Whether everything acknowledged must be seen; costs twice as much.
    pub consistent: bool,
    /// Where the page before has ended.
    pub after: Option<Item>,
}

/// Tables, bucket and patience.
#[derive(Clone, Debug)]
pub struct Store {
    /// The SDK.
    pub client: Client,
    /// The table of commits.
    pub events: String,
    /// The table of the log.
    pub log: String,
    /// Where claim checks lie.
    pub claims: Option<Claims>,
    /// How often a request is tried.
    pub patience: Patience,
}

impl Store {
    /// Connects nothing yet.
    pub fn new(
        settings: DynamoSettings,
        transport: impl HttpClient + 'static,
        claims: Option<Claims>,
        patience: Patience,
    ) -> Self {
        let keys = settings.keys;
        let credentials = Credentials::new(keys.id, keys.secret, keys.session_token, None, "gitledger");
        let mut config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(settings.region))
            .credentials_provider(credentials)
            .http_client(transport)
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled());
        if let Some(endpoint) = settings.endpoint {
            config = config.endpoint_url(endpoint.as_str().trim_end_matches('/'));
        }
        Self {
            client: Client::from_conf(config.build()),
            events: settings.events_table,
            log: settings.log_table,
            claims,
            patience,
        }
    }

    /// Puts an item where none is.
    pub async fn put_new(&self, table: &str, item: Item) -> Result<Put, LedgerError> {
        let put = self.patience.ask(|| {
            self.client
                .put_item()
                .table_name(table)
                .set_item(Some(item.clone()))
                .condition_expression("attribute_not_exists(#k)")
                .expression_attribute_names("#k", KEY)
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .send()
        });
        let Err(error) = put.await else { return Ok(Put::Done) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => match failed.item() {
                Some(found) => Ok(Put::Taken(found.clone())),
                // An engine that does not tell what is there.
                None => Ok(Put::Taken(self.get_at(table, &item).await?.unwrap_or_default())),
            },
            _ => Err(ledger_error("put", &error)),
        }
    }

    async fn get_at(&self, table: &str, item: &Item) -> Result<Option<Item>, LedgerError> {
        let part = |name: &str| item.get(name).map(|value| (name.to_owned(), value.clone()));
        self.get_item(table, part(KEY).into_iter().chain(part(AT)).collect()).await
    }

    /// An item of the log's table, as it is now.
    pub async fn get(&self, key: &str, at: u64) -> Result<Option<Item>, LedgerError> {
        self.get_item(&self.log, keys(key, at)).await
    }

    async fn get_item(&self, table: &str, keys: Item) -> Result<Option<Item>, LedgerError> {
        let got = self.patience.ask(|| {
            let request = self.client.get_item().table_name(table).consistent_read(true);
            request.set_key(Some(keys.clone())).send()
        });
        Ok(got.await.map_err(|error| ledger_error("get", &error))?.item)
    }

    /// One page, and where the next begins.
    pub async fn page(&self, ask: &Ask<'_>) -> Result<(Vec<Item>, Option<Item>), LedgerError> {
        let (condition, at, forward) = match ask.range {
            Range::From(at) => ("#k = :k AND #at >= :at", at, true),
            Range::DownFrom(at) => ("#k = :k AND #at <= :at", at, false),
        };
        let got = self.patience.ask(|| {
            self.client
                .query()
                .table_name(ask.table)
                .key_condition_expression(condition)
                .expression_attribute_names("#k", KEY)
                .expression_attribute_names("#at", AT)
                .expression_attribute_values(":k", text(ask.key))
                .expression_attribute_values(":at", number(at))
                .scan_index_forward(forward)
                .consistent_read(ask.consistent)
                .set_limit(ask.limit)
                .set_exclusive_start_key(ask.after.clone())
                .send()
        });
        let page = got.await.map_err(|error| ledger_error("query", &error))?;
        Ok((page.items.unwrap_or_default(), page.last_evaluated_key))
    }

    /// All pages. A page ends at 1 MB, whatever is still there.
    pub async fn all(&self, mut ask: Ask<'_>) -> Result<Vec<Item>, LedgerError> {
        let mut all = Vec::new();
        loop {
            let (items, next) = self.page(&ask).await?;
            all.extend(items);
            if next.is_none() {
                return Ok(all);
            }
            ask.after = next;
        }
    }

    /// Keeps bytes in the item if it can hold them, else in the bucket under this name.
    ///
    /// [`LedgerError::Full`]: they are too large, and there is no bucket.
    pub async fn claim(&self, name: impl FnOnce() -> String, body: Vec<u8>) -> Result<Body, LedgerError> {
        if body.len() <= BODY_BYTES_MAX {
            return Ok(Body::Here(body));
        }
        let Some(claims) = &self.claims else {
            let reason = format!("{} bytes fit in no item, and no bucket is set", body.len());
            return Err(LedgerError::Full(reason));
        };
        let name = name();
        claims.put(&name, body).await?;
        Ok(Body::Claimed(name))
    }

    /// The bytes of a body.
    pub async fn redeem(&self, body: Body) -> Result<Vec<u8>, LedgerError> {
        match body {
            Body::Here(bytes) => Ok(bytes),
            Body::Claimed(name) => match &self.claims {
                Some(claims) => claims.get(&name).await,
                None => Err(LedgerError::Engine(format!("{name} is in a bucket, and none is set"))),
            },
        }
    }

    /// The text of a body. What cannot be unfolded is unreadable at this position or version.
    pub async fn text(&self, body: Body, position: u64) -> Result<String, LedgerError> {
        let bytes = self.redeem(body).await?;
        lines::unfold(&bytes).map_err(|reason| LedgerError::Unreadable { position, reason })
    }
}

/// A value of an expression.
pub fn value(name: &str, value: AttributeValue) -> (String, AttributeValue) {
    (name.to_owned(), value)
}
