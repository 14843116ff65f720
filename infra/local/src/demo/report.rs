//! What the demo shows at its end: a table for people, or JSON.

use std::time::Duration;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use gitledger_events::Elapsed;
use gitledger_functions::Answer;
use gitledger_projections::Summary;
use gitledger_projections::cost::SandboxUsage;
use gitledger_projections::cost::prices::day_of;
use serde_json::json;

use super::scene::Scene;

/// Shows how it went and what it cost.
pub async fn show(
    json: bool,
    scene: &Scene,
    seen: &[Answer],
    wall: Duration,
    disagreements: &[String],
) -> Result<(), String> {
    let now = scene.system.world.clock.now();
    let (summary, costs) = {
        let folded = scene.system.world.projector.caught_up().await.map_err(|error| error.to_string())?;
        let prices = &scene.system.world.prices;
        // What charges for the functions in AWS only is left out.
        let today = day_of(now.as_microsecond());
        let charges = |list: &&str| {
            prices.row(list, today).is_some_and(|row| row.of(SandboxUsage::DEFAULT_HOUR).as_u64() > 0)
        };
        let lists = prices.lists().into_iter().filter(charges);
        let costs: Vec<(String, f64)> = lists
            .map(|list| (list.to_owned(), folded.metrics.spent(prices, list, now).rounded().as_dollars_f64()))
            .collect();
        (folded.summary.clone(), costs)
    };
    if json {
        println!(
            "{}",
            json!({"operations": summary, "wall_seconds": wall.as_secs_f64(), "cost_dollars":
                costs.iter().map(|(name, dollars)| (name.clone(), json!(dollars))).collect::<serde_json::Map<_, _>>(),
                "agree": disagreements.is_empty(), "disagreements": disagreements, "data": scene.data_dir})
        );
        return Ok(());
    }
    println!("{}", table(&summary));
    let boxes = &summary.sandboxes;
    println!(
        "\n{} agents, {} operations in {:.1} s; acme/app is generated, acme/second is {}",
        scene.agents,
        seen.len(),
        wall.as_secs_f64(),
        scene.stage.second
    );
    println!(
        "sandboxes   {} created, {} reused, {} lost;  {} conflicts, {} pushes tried again",
        boxes.created, boxes.reused, boxes.lost, summary.conflicts, summary.push_retries
    );
    let prices: Vec<String> = costs.iter().map(|(name, dollars)| format!("${dollars:.6} ({name})")).collect();
    println!("cost        {}", prices.join(", "));
    verdict(scene, disagreements);
    Ok(())
}

fn verdict(scene: &Scene, disagreements: &[String]) {
    if disagreements.is_empty() {
        println!("\nThe ledger, the remote's references and the metrics agree.");
    } else {
        println!("\nThey do not agree:");
        for line in disagreements {
            println!("  {line}");
        }
    }
    let data = scene.data_dir.display();
    println!("Look at it:   gitledger events --data {data}");
    println!("              gitledger dashboard --data {data} --export report.html");
    println!("Start yours:  gitledger up");
}

fn table(summary: &Summary) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["operation", "count", "ok", "failed", "p50 ms", "p95 ms", "failures"]);
    for (name, operation) in &summary.operations {
        let failures: Vec<String> =
            operation.failures.iter().map(|(code, count)| format!("{count} {code}")).collect();
        table.add_row([
            name.clone(),
            operation.count.to_string(),
            operation.succeeded.to_string(),
            operation.failed().to_string(),
            milliseconds(operation.durations.percentile(50)),
            milliseconds(operation.durations.percentile(95)),
            failures.join(", "),
        ]);
    }
    for column in 1..6 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn milliseconds(elapsed: Option<Elapsed>) -> String {
    elapsed.map_or_else(|| "-".to_owned(), |elapsed| format!("{:.1}", elapsed.as_millis_f64()))
}
