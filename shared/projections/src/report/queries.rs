//! Commands that give the report's figures from the ledger's own events, by another way than the report's.

use super::criteria::{MONTH_DAYS, Window};
use crate::counting::HOUSEKEEPING;
use crate::replay::figures::date;

/// The command for one criterion's value.
pub fn query(id: &str, window: &Window<'_>, position: u64) -> String {
    let from = date(window.first);
    // A day ends where the next begins; of the last only what the ledger held counts.
    let events = |filter: &str| {
        format!(
            "gitledger events --json | jq -s '[.[] | select(.position <= {position} and .time >= \"{from}\")] | {filter}'"
        )
    };
    let own = HOUSEKEEPING.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(",");
    let callers = format!("((.operation // \"\") | IN({own}) | not)");
    match id {
        "p95" => events(&format!(
            "[.[] | select({callers} and (.type == \"gitledger.OperationSucceeded\" or (.type == \
             \"gitledger.OperationFailed\" and .data.git_ms + .data.sandbox_wait_ms > 0))) | .data.duration_ms] \
             | sort | .[((length * 95 + 99) / 100 | floor) - 1] / 1000"
        )),
        "errors" => events(&format!(
            "[.[] | select({callers} and (.type | test(\"Operation(Succeeded|Failed|Abandoned)$\")))] \
             | (map(select(.type != \"gitledger.OperationSucceeded\")) | length) / length"
        )),
        "cache-misses" => events(
            "[.[] | select(.type == \"gitledger.SandboxLeased\" and .data.reuse != \"named\")] \
             | (map(select(.data.reuse == \"new\")) | length) / length",
        ),
        "monthly-cost" => format!(
            "gitledger replay --at {position} --json | jq '[.cost[0].days | to_entries[] | select((.key | tonumber) >= {}) \
             | .value] | add / 1e9 / {} * {MONTH_DAYS}'",
            window.first,
            window.count()
        ),
        _ => format!(
            "gitledger replay --at {position} --json | jq '[.figures.days | to_entries[] | select((.key | tonumber) >= {}) \
             | .value.peak] | max'",
            window.first
        ),
    }
}
