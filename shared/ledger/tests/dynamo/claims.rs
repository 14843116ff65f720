//! What no item can hold lies in a bucket.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use gitledger_ledger::dynamo::{Bucket, Bulk, Claims, DynamoLedger, Patience, S3, Transport};
use gitledger_ledger::{Ledger, LedgerError, Position, ProjectionKey, SavedProjection};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::engine::{Engine, client};
use super::sequencing::Dice;

const KEY: ProjectionKey = ProjectionKey { name: "large", version: 1 };

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

#[async_trait]
impl Bulk for Memory {
    async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), LedgerError> {
        self.0.lock().unwrap().insert(name.to_owned(), bytes);
        Ok(())
    }
    async fn get(&self, name: &str) -> Result<Vec<u8>, LedgerError> {
        let found = self.0.lock().unwrap().get(name).cloned();
        found.ok_or_else(|| LedgerError::Engine("not there".to_owned()))
    }
    async fn delete(&self, name: &str) -> Result<(), LedgerError> {
        self.0.lock().unwrap().remove(name);
        Ok(())
    }
}

/// Half a megabyte that cannot be squeezed.
fn large(position: u64) -> SavedProjection {
    let mut dice = Dice(position);
    let state = (0..500_000).map(|_| u8::try_from(dice.below(256)).unwrap()).collect();
    SavedProjection { position: Position::from_u64(position), state }
}

#[tokio::test]
async fn a_state_that_no_item_can_hold_is_swapped_in_the_bucket() {
    let engine = Engine::start();
    let (plain, settings) = engine.ledger().await;
    match plain.save_projection(&KEY, Position::START, large(1)).await {
        Err(LedgerError::Full(_)) => assert_eq!(plain.load_projection(&KEY).await.unwrap(), None),
        other => panic!("without a bucket: {other:?}"),
    }
    let bulk = Memory::default();
    let open = || {
        let transport = Transport::new(client());
        DynamoLedger::over(settings.clone(), transport, Some(Claims::new(bulk.clone())), Patience::default())
    };
    let (ledger, other) = (open(), open());
    for (expected, position) in [(0, 1), (1, 2)] {
        assert!(ledger.save_projection(&KEY, Position::from_u64(expected), large(position)).await.unwrap());
        assert!(!other.save_projection(&KEY, Position::from_u64(expected), large(9)).await.unwrap());
        assert_eq!(other.load_projection(&KEY).await.unwrap(), Some(large(position)));
        assert_eq!(bulk.0.lock().unwrap().len(), 1, "only the state that is pointed to is kept");
    }
    let small = SavedProjection { position: Position::from_u64(3), state: b"small".to_vec() };
    assert!(ledger.save_projection(&KEY, Position::from_u64(2), small.clone()).await.unwrap());
    assert_eq!(other.load_projection(&KEY).await.unwrap(), Some(small));
    assert_eq!(bulk.0.lock().unwrap().len(), 0);
}

/// Enough of S3 to see what a client says to it.
async fn answer(mut stream: TcpStream, bulk: Memory) -> std::io::Result<()> {
    let mut reader = BufReader::new(&mut stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let header = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(name));
        line.map(|value| value.trim().to_owned()).unwrap_or_default()
    };
    let mut body = vec![0; header("content-length:").parse().unwrap_or(0)];
    reader.read_exact(&mut body).await?;
    let (method, name) = head.split_once(' ').unwrap();
    let name = name.split_once(' ').unwrap().0.trim_start_matches("/claims/").to_owned();
    let signed = header("authorization:").starts_with("AWS4-HMAC-SHA256 Credential=local/")
        && header("authorization:").contains("/eu-central-1/s3/aws4_request")
        && header("x-amz-content-sha256:").len() == 64;
    let (status, answer) = match method {
        _ if !signed => (403, Vec::new()),
        "PUT" => (200, bulk.put(&name, body).await.map(|()| Vec::new()).unwrap()),
        "GET" => bulk.get(&name).await.map_or((404, Vec::new()), |found| (200, found)),
        _ => (204, bulk.delete(&name).await.map(|()| Vec::new()).unwrap()),
    };
    let head =
        format!("HTTP/1.1 {status} .\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", answer.len());
    stream.write_all(&[head.as_bytes(), &answer].concat()).await
}

#[tokio::test]
async fn a_bucket_is_asked_with_signed_requests() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let bulk = Memory::default();
    tokio::spawn({
        let bulk = bulk.clone();
        async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(answer(stream, bulk.clone()));
            }
        }
    });
    let keys = super::engine::named(&endpoint, "s3").keys;
    let bucket = Bucket { name: "claims".to_owned(), endpoint: Some(endpoint) };
    let s3 = S3::new(&bucket, "eu-central-1", keys, client()).unwrap();
    let name = "projection#large@1/7-x";
    s3.put(name, vec![0, 255, 10]).await.unwrap();
    assert_eq!(s3.get(name).await.unwrap(), [0, 255, 10]);
    assert_eq!(bulk.0.lock().unwrap().len(), 1);
    s3.delete(name).await.unwrap();
    assert!(s3.get(name).await.is_err());
}
