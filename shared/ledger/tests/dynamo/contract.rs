//! The contract, on DynamoDB.

use std::sync::Arc;

use gitledger_ledger::Ledger;
use gitledger_ledger::contract::CASES;

use super::engine::Engine;
use super::sequenced::Sequenced;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn dynamodb_keeps_every_promise() {
    let engine = Engine::start();
    let mut broken = Vec::new();
    for case in CASES {
        let (ledger, settings) = engine.ledger().await;
        let ledger: Arc<dyn Ledger> = Arc::new(Sequenced::new(ledger, &settings));
        let began = std::time::Instant::now();
        if let Err(how) = (case.run)(ledger).await {
            broken.push(format!("{}: {how}", case.name));
        }
        println!("{:>8.1?} {}", began.elapsed(), case.name);
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
