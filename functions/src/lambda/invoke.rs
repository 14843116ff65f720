//! Asynchronous invocation: Lambda keeps the request, tries it again, and in the end puts it with the dead letters.

use serde_json::Value;

use super::signed::{self, Service};
use crate::Refusal;
use crate::settings::Aws;

/// Hands a request over to another function.
pub(super) async fn asynchronously(aws: &Aws, function: &str, payload: &Value) -> Result<(), Refusal> {
    let path = format!("/2015-03-31/functions/{function}/invocations");
    let service = Service { name: "lambda", path: &path, target: None };
    let headers = [("x-amz-invocation-type", "Event")];
    let sent = signed::post(aws, &service, &headers, payload).await;
    sent.map(drop).map_err(|error| Refusal::Fault(format!("{function} was not invoked: {error}")))
}
