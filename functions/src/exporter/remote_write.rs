//! Prometheus' remote write 1.0, the second sink: the same snapshot straight into Prometheus, Amazon Managed Prometheus
//! (`SigV4`) or Grafana Cloud (basic authentication).
//!
//! Deliberately absent: compression. The protocol wants snappy's framing, and snappy allows literals only.

use std::time::Duration;

use gitledger_projections::metrics::MetricsSnapshot;
use gitledger_sandboxes::Secret;
use url::Url;

use super::pushgateway::client_for;
use super::sigv4::{Aws, Signing};

/// Where samples are sent, and how the sender is known.
#[derive(Clone, Debug)]
pub struct Destination {
    /// The endpoint's whole address.
    pub address: Url,
    /// Who sends.
    pub credential: Credential,
}

/// How the sender is known.
#[derive(Clone, Debug)]
pub enum Credential {
    /// Not at all.
    Plain,
    /// By a name and a password.
    Basic {
        /// The name.
        user: String,
        /// The password.
        password: Secret,
    },
    /// By a signature of AWS.
    Aws(Aws),
}

/// Writes to one destination.
pub struct RemoteWrite {
    client: reqwest::Client,
    destination: Destination,
}

impl RemoteWrite {
    /// With a limit for each try.
    pub fn to(destination: Destination, patience: Duration) -> Result<Self, reqwest::Error> {
        let client = client_for(&destination.address, patience).build()?;
        Ok(Self { client, destination })
    }

    /// Sends every sample of a snapshot.
    pub(super) async fn send(&self, numbers: &MetricsSnapshot, instance: &str) -> Result<(), reqwest::Error> {
        let body = framed(&request(numbers, instance));
        let Destination { address, credential } = &self.destination;
        let mut request = self
            .client
            .post(address.clone())
            .header("content-encoding", "snappy")
            .header("content-type", "application/x-protobuf")
            .header("x-prometheus-remote-write-version", "0.1.0");
        request = match credential {
            Credential::Plain => request,
            Credential::Basic { user, password } => request.basic_auth(user, Some(password.expose())),
            Credential::Aws(aws) => {
                let signing = Signing { aws, service: "aps", at: jiff::Timestamp::now(), also: &[] };
                signing
                    .headers("POST", address, &body)
                    .into_iter()
                    .fold(request, |request, (name, value)| request.header(name, value))
            }
        };
        let answer = request.body(body).send().await.and_then(reqwest::Response::error_for_status);
        answer.map(|_| ()).map_err(reqwest::Error::without_url)
    }
}

/// A `WriteRequest`: series (1) of labels (1: name 1, value 2) and one sample (2: value 1, milliseconds 2).
fn request(numbers: &MetricsSnapshot, instance: &str) -> Vec<u8> {
    let at = numbers.at.as_millisecond();
    let mut request = Vec::new();
    for sample in numbers.samples() {
        let mut labels = sample.labels;
        labels.insert("__name__".to_owned(), sample.name);
        labels.insert("job".to_owned(), super::JOB.to_owned());
        labels.insert("instance".to_owned(), instance.to_owned());
        let mut series = Vec::new();
        // By name, as the protocol wants them: a map has them so.
        for (name, value) in &labels {
            let mut label = Vec::new();
            bytes(&mut label, 1, name.as_bytes());
            bytes(&mut label, 2, value.as_bytes());
            bytes(&mut series, 1, &label);
        }
        let mut point = vec![(1 << 3) | 1];
        point.extend(sample.value.to_le_bytes());
        point.push(2 << 3);
        varint(&mut point, at.cast_unsigned());
        bytes(&mut series, 2, &point);
        bytes(&mut request, 1, &series);
    }
    request
}

fn bytes(out: &mut Vec<u8>, field: u8, content: &[u8]) {
    out.push((field << 3) | 2);
    varint(out, content.len() as u64);
    out.extend(content);
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(u8::try_from(number & 0x7f).unwrap_or(0) | 0x80);
        number >>= 7;
    }
    out.push(u8::try_from(number).unwrap_or(0));
}

/// Snappy's block: the length, then literals of at most 65,536 bytes.
fn framed(content: &[u8]) -> Vec<u8> {
    const TWO_BYTES_OF_LENGTH: u8 = 61 << 2;
    let mut block = Vec::with_capacity(content.len() + content.len() / 10_000 + 16);
    varint(&mut block, content.len() as u64);
    for chunk in content.chunks(65_536) {
        block.push(TWO_BYTES_OF_LENGTH);
        let less_one = u16::try_from(chunk.len() - 1).unwrap_or(u16::MAX);
        block.extend(less_one.to_le_bytes());
        block.extend(chunk);
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_written_as_protocol_buffers_and_framed_as_snappy() {
        let mut message = Vec::new();
        bytes(&mut message, 1, b"ab");
        assert_eq!(message, [0x0a, 2, b'a', b'b']);
        assert_eq!(framed(&message), [4, 0xf4, 3, 0, 0x0a, 2, b'a', b'b']);
        let mut number = Vec::new();
        varint(&mut number, 300);
        assert_eq!(number, [0xac, 2]);
        let long = vec![7; 70_000];
        let block = framed(&long);
        assert_eq!(block[..6], [0xf0, 0xa2, 4, 0xf4, 0xff, 0xff], "70,000, then a literal of 65,536");
        assert_eq!(block.len(), 70_000 + 3 + 3 + 3);
    }
}
