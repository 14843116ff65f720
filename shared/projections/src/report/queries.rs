//! Commands that give the report's figures from the ledger's own events, by another way than the report's.

use super::advice::Platform;
use super::criteria::{MONTH_DAYS, Window};
use crate::counting::HOUSEKEEPING;
use crate::replay::figures::date;

/// What operations of callers have in common, for `select`.
fn callers() -> String {
    let own = HOUSEKEEPING.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(",");
    format!("((.operation // \"\") | IN({own}) | not)")
}

/// A filter of the events of a window, up to a position.
fn events(window: &Window<'_>, position: u64, filter: &str) -> String {
    // A day ends where the next begins; of the last only what the ledger held counts.
    let (from, until) = (date(window.first), date(window.last + 1));
    format!(
        "gitledger events --json | jq -s '[.[] | select(.position <= {position} and .time >= \"{from}\" and \
         .time < \"{until}\")] | {filter}'"
    )
}

/// The events of operations of callers that ended.
fn ended() -> String {
    format!("[.[] | select({} and (.type | test(\"Operation(Succeeded|Failed|Abandoned)$\")))]", callers())
}

/// What enters a latency, for `select`.
fn timed() -> &'static str {
    "(.type == \"gitledger.OperationSucceeded\" and .data.duration_ms > 0) or (.type == \"gitledger.OperationFailed\" \
     and .data.git_ms + .data.sandbox_wait_ms > 0)"
}

/// The commands for the figures of the first phase: those of events, and those of sandboxes' time.
pub fn baseline(window: &Window<'_>, position: u64) -> Vec<String> {
    let days = window.days_lived();
    let of_events = format!(
        "{} as $ended | ([$ended[] | select({}) | .data.duration_ms] | sort) as $ms | \
         [.[] | select(.type == \"gitledger.SandboxLeased\" and .data.reuse != \"named\") | .data.reuse] as $leased | \
         def of($percent): $ms[((length * $percent + 99) / 100 | floor) - 1] / 1000; \
         {{operations_a_day: (($ended | length) / {days}), p50_s: ($ms | of(50)), p95_s: ($ms | of(95)), \
         error_ratio: (([$ended[] | select(.type != \"gitledger.OperationSucceeded\")] | length) / ($ended | length)), \
         miss_ratio: (([$leased[] | select(. == \"new\")] | length) / ($leased | length))}}",
        ended(),
        timed()
    );
    let within = format!("(.key | tonumber) >= {} and (.key | tonumber) <= {}", window.first, window.last);
    let of_time = format!(
        "gitledger replay --at {position} --json | jq '{{dollars_a_day: ([.cost[0].days | to_entries[] | select({within}) \
         | .value] | add / 1e9 / {days}), sandboxes_at_once: ([.figures.days | to_entries[] | select({within}) | \
         .value.peak] | max)}}'"
    );
    vec![events(window, position, &of_events), of_time]
}

/// The command for the figures of the second phase.
pub fn patterns(window: &Window<'_>, position: u64) -> String {
    let filter = format!(
        "{} | {{hours: (group_by(.time[11:13]) | map({{(.[0].time[11:13]): length}}) | add), \
         agents: (group_by(.agentid) | map({{agent: .[0].agentid, operations: length}}) | sort_by(-.operations)), \
         failures: (map(select(.type != \"gitledger.OperationSucceeded\")) | group_by(.data.code) \
         | map({{code: .[0].data.code, operations: length}}) | sort_by(-.operations))}}",
        ended()
    );
    events(window, position, &filter)
}

/// The command that simulates what was asked for in a window, up to a position.
pub fn simulate(window: &Window<'_>, position: u64) -> String {
    format!("gitledger simulate --since {}T00:00:00Z --at {position}", date(window.first))
}

/// The command for what one's own machines cost a month: as many as the most sandboxes at once need. `simulate` is the
/// command for the policy in force.
pub fn self_hosted(simulate: &str, (vcpu, memory_mb): (u32, u32), machine: &Platform) -> String {
    let processors = u64::from(machine.vcpu) * u64::from(machine.overcommit.max(1));
    format!(
        "{simulate} --json | jq '.figures.peak | [(. * {vcpu} / {} | ceil), (. * {memory_mb} / {} | ceil), 1] | max * {}'",
        processors.max(1),
        machine.memory_mb.max(1),
        machine.monthly_dollars
    )
}

/// The command for one criterion's value.
pub fn query(id: &str, window: &Window<'_>, position: u64) -> String {
    let events = |filter: &str| events(window, position, filter);
    let callers = callers();
    match id {
        "p95" => events(&format!(
            "[.[] | select({callers} and ({})) | .data.duration_ms] | sort | .[((length * 95 + 99) / 100 | floor) - 1] / 1000",
            timed()
        )),
        "errors" => events(&format!(
            "{} | (map(select(.type != \"gitledger.OperationSucceeded\")) | length) / length",
            ended()
        )),
        "cache-misses" => events(
            "[.[] | select(.type == \"gitledger.SandboxLeased\" and .data.reuse != \"named\")] \
             | (map(select(.data.reuse == \"new\")) | length) / length",
        ),
        "monthly-cost" => format!(
            "gitledger replay --at {position} --json | jq '[.cost[0].days | to_entries[] | select((.key | tonumber) >= {}) \
             | .value] | add / 1e9 / {} * {MONTH_DAYS}{}'",
            window.first,
            window.days_lived(),
            if window.tells_a_month() { "" } else { " | null" }
        ),
        _ => format!(
            "gitledger replay --at {position} --json | jq '[.figures.days | to_entries[] | select((.key | tonumber) >= {}) \
             | .value.peak] | max'",
            window.first
        ),
    }
}
