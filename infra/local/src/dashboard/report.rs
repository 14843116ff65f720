//! The self-contained report: page, style, script and data in one file, which works from a disk.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gitledger_ledger::LedgerError;
use gitledger_projections::cost::Prices;
use gitledger_projections::timeline::filter::Outcome;
use gitledger_projections::timeline::{CostTable, Filter, Found, Order, Window};
use jiff::Timestamp;
use maud::{PreEscaped, html};
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::shapes::{LiveSandboxes, Series, Story};
use super::{Index, page};

/// So many operations of the window go into a report, the newest.
const OPERATIONS_MAX: usize = 2000;
/// So many of them with their whole story: the newest, and besides them so many that failed, and the slowest.
const STORIES_MAX: usize = 100;

/// What a report carries: what the gateway would have answered.
#[derive(Serialize)]
pub struct Report {
    series: Series,
    cost: CostTable,
    sandboxes: LiveSandboxes,
    operations: Found,
    stories: BTreeMap<Uuid, Story>,
    /// Which program made it.
    version: &'static str,
}

impl Report {
    /// The report of a window; without a beginning it goes from the first event, without an end until now.
    pub async fn of(
        index: &Index,
        prices: &Prices,
        from: Option<Timestamp>,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Self, LedgerError> {
        let (mut report, wanted) = {
            let followed = index.caught_up().await?;
            let newest = followed.timeline.newest().unwrap_or(now);
            let until = until.unwrap_or(now.min(newest.max(from.unwrap_or(newest))));
            let from = from.or(followed.timeline.began()).unwrap_or(until);
            let window = Window::covering(from, until, None);
            let filter = Filter {
                from: window.from(),
                until: window.until(),
                limit: OPERATIONS_MAX,
                ..Filter::default()
            };
            let some =
                |filter: Filter| followed.operations(&Filter { limit: STORIES_MAX, ..filter }).operations;
            let failed = Filter { outcome: Some(Outcome::Failed), ..filter.clone() };
            let slowest = Filter { order: Order::Slowest, ..filter.clone() };
            let wanted = [filter.clone(), failed, slowest].map(some).into_iter().flatten();
            let wanted: Vec<Uuid> = wanted.map(|operation| operation.id).collect();
            let report = Self {
                series: followed.series(&window, prices, now),
                cost: followed.cost(&window, prices, now),
                sandboxes: followed.live_sandboxes(prices, now),
                operations: followed.operations(&filter),
                stories: BTreeMap::new(),
                version: env!("CARGO_PKG_VERSION"),
            };
            (report, wanted)
        };
        for id in wanted {
            if let Some(story) = index.story(id, prices, now).await? {
                report.stories.insert(id, story);
            }
        }
        Ok(report)
    }

    /// How many operations are in it, and how many there are in its window.
    pub fn operations(&self) -> (usize, u64) {
        (self.operations.operations.len(), self.operations.total)
    }

    /// The report as a page of HTML.
    pub fn page(&self) -> Result<String, serde_json::Error> {
        // A `<` could end the element that holds the data; in JSON it can be written otherwise.
        let data = serde_json::to_string(self)?.replace('<', "\\u003c");
        let digest = |text: &str| STANDARD.encode(Sha256::digest(text));
        let policy = format!(
            "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; img-src data:; base-uri 'none'; \
             form-action 'none'",
            digest(page::SCRIPT),
            digest(page::STYLE)
        );
        let head = html! {
            meta http-equiv="Content-Security-Policy" content=(policy);
            style { (PreEscaped(page::STYLE)) }
        };
        let tail = html! {
            script type="application/json" id="report" { (PreEscaped(data)) }
            script { (PreEscaped(page::SCRIPT)) }
        };
        Ok(page::skeleton("gitledger report", &head, &tail))
    }
}
