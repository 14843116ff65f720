//! Counts what requests cost, by the published rules, from what goes over the wire.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::Blob;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gitledger_ledger::dynamo::Transport;
use gitledger_ledger::dynamo::units::{item_bytes, read_half_units, write_units};
use serde_json::Value;

use super::engine::client;

/// Units so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Units {
    pub written: usize,
    pub read_halves: usize,
    pub requests: usize,
}

/// A transport with a meter.
#[derive(Clone, Debug)]
pub struct Metered {
    connector: Transport,
    units: Arc<Mutex<Units>>,
}

impl Metered {
    pub fn new() -> Self {
        Self { connector: Transport::new(client()), units: Arc::default() }
    }

    /// The units since this was asked for last.
    pub fn take(&self) -> Units {
        std::mem::take(&mut self.units.lock().unwrap())
    }
}

impl HttpClient for Metered {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Metered {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
        let asked: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let metered = self.clone();
        HttpConnectorFuture::new(async move {
            let answer = metered.connector.call(request).await?;
            let given: Value = serde_json::from_slice(answer.body().bytes().unwrap()).unwrap();
            metered.count(&target, &asked, &given);
            Ok(answer)
        })
    }
}

impl Metered {
    fn count(&self, target: &str, asked: &Value, given: &Value) {
        let mut units = self.units.lock().unwrap();
        units.requests += 1;
        let consistent = asked["ConsistentRead"].as_bool().unwrap_or(false);
        match target.rsplit_once('.').unwrap().1 {
            "PutItem" => units.written += write_units(item_bytes(&item(&asked["Item"]))),
            "UpdateItem" => {
                // Keys and values; of the names, which are as long as in any item of ours, a few bytes more.
                let values = item_bytes(&item(&asked["ExpressionAttributeValues"]));
                units.written += write_units(item_bytes(&item(&asked["Key"])) + values);
            }
            "GetItem" => units.read_halves += read_half_units(item_bytes(&item(&given["Item"])), consistent),
            "Query" => {
                let items = given["Items"].as_array().unwrap();
                let bytes = items.iter().map(|one| item_bytes(&item(one))).sum();
                units.read_halves += read_half_units(bytes, consistent);
            }
            other => panic!("{other} is not metered"),
        }
    }
}

fn item(json: &Value) -> HashMap<String, AttributeValue> {
    let attributes = json.as_object().into_iter().flatten();
    attributes.map(|(name, value)| (name.clone(), attribute(value))).collect()
}

fn attribute(value: &Value) -> AttributeValue {
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    let value = value.as_str().unwrap().to_owned();
    match kind.as_str() {
        "S" => AttributeValue::S(value),
        "N" => AttributeValue::N(value),
        "B" => AttributeValue::B(Blob::new(STANDARD.decode(value).unwrap())),
        other => panic!("{other} is not metered"),
    }
}
