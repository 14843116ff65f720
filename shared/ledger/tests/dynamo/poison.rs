//! What no function of ours would write: events of an unknown type, damaged bytes, a past that was long ago.

use std::io::Write;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_types::Blob;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use gitledger_events::{Fact, Stream};
use gitledger_ledger::contract::sample::{event, stream};
use gitledger_ledger::dynamo::{DynamoSettings, Transport};
use uuid::Uuid;

use super::engine::client;

/// A type that nobody knows.
pub const TYPE: &str = "MoonLanded";

fn engine(settings: &DynamoSettings) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(settings.region.clone()))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .endpoint_url(settings.endpoint.as_ref().unwrap().as_str().trim_end_matches('/'))
        .http_client(Transport::new(client()));
    Client::from_conf(config.build())
}

async fn put(settings: &DynamoSettings, stream: &Stream, events: usize, body: Vec<u8>) {
    let put = engine(settings).put_item().table_name(&settings.events_table);
    put.item("k", AttributeValue::S(stream.to_string()))
        .item("at", AttributeValue::N("1".to_owned()))
        .item("n", AttributeValue::N(events.to_string()))
        .item("c", AttributeValue::B(Blob::new(Uuid::now_v7().into_bytes())))
        .item("b", AttributeValue::B(Blob::new(body)))
        .send()
        .await
        .unwrap();
}

fn squeezed(lines: &[String]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(lines.join("\n").as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn line(name: &str, data: &str) -> String {
    let (id, nil) = (Uuid::now_v7(), Uuid::nil());
    format!(r#"["{id}","{name}",0,{{"schema_version":1,"correlation_id":"{nil}"}},{data}]"#)
}

fn good() -> String {
    let fact: Fact = event("").fact;
    line(fact.name(), fact.to_json().unwrap().get())
}

/// A whole stream of so many events, one of which is of the unknown type.
pub async fn append(settings: &DynamoSettings, number: usize, events: usize) {
    let lines: Vec<String> =
        (0..events).map(|at| if at == number % events { line(TYPE, "{}") } else { good() }).collect();
    put(settings, &stream(u128::try_from(number).unwrap()), events, squeezed(&lines)).await;
}

/// A stream of four events, the second and the last of which have no envelope.
pub async fn append_broken(settings: &DynamoSettings, number: u128) {
    let lines = [good(), "[1,2]".to_owned(), good(), "{}".to_owned()];
    put(settings, &stream(number), lines.len(), squeezed(&lines)).await;
}

/// A stream of one event, damaged.
pub async fn append_damaged(settings: &DynamoSettings, number: u128) -> Stream {
    let stream = stream(number);
    put(settings, &stream, 1, b"no bytes of ours".to_vec()).await;
    stream
}

/// The same, whole.
pub async fn mend(settings: &DynamoSettings, stream: Stream) {
    put(settings, &stream, 1, squeezed(&[good()])).await;
}

/// The digests that begin at these positions were written long ago.
pub async fn age_digests(settings: &DynamoSettings, at: [u64; 2]) {
    for at in at {
        let update = engine(settings).update_item().table_name(&settings.log_table);
        update
            .key("k", AttributeValue::S("digest".to_owned()))
            .key("at", AttributeValue::N(at.to_string()))
            .update_expression("SET w = :w")
            .condition_expression("attribute_exists(w)")
            .expression_attribute_values(":w", AttributeValue::N("1".to_owned()))
            .send()
            .await
            .unwrap();
    }
}
