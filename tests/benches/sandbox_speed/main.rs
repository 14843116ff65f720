//! How fast sandboxes are: made, used and used again, and how fast the host answers while one of its
//! sandboxes goes wild. One table, with ratios.
//!
//! `cargo bench -p gitledger-tests --bench sandbox_speed`; `SANDBOX_SPEED_PAIRS=20` for a short look.

mod clones;
mod local;
mod table;
mod trouble;

use table::Table;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("runtime");
    let pairs = std::env::var("SANDBOX_SPEED_PAIRS").ok();
    let pairs = pairs.map_or(200, |text| text.parse().expect("SANDBOX_SPEED_PAIRS must be a number"));
    runtime.block_on(async {
        let mut table = Table::default();
        let place = local::Place::start(&[]).await;
        local::create(&place, pairs, &mut table).await;
        local::spawn(&place, pairs, &mut table).await;
        place.end().await;
        clones::clones(&mut table).await;
        trouble::trouble(&mut table).await;
        table.print();
    });
}
