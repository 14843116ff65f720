//! What the dashboard's routes answer, as types: written to the wire, into the document and into a report.

use gitledger_projections::cost::prices::day_of;
use gitledger_projections::cost::{NanoDollars, Prices, ResourceTime, SandboxUsage, Usage};
use gitledger_projections::sandbox_state::Phase;
use gitledger_projections::timeline::{CostTable, Filter, Found, Listed, Panels, Window};
use gitledger_projections::{SandboxState, Verdict};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::index::Followed;

/// The panels of a window, and how far the ledger goes.
#[derive(Serialize, JsonSchema)]
pub struct Series {
    /// The last event that is in it.
    pub position: u64,
    /// When it was made.
    pub now: Timestamp,
    /// When the first event was recorded; `null` while there is none.
    pub began: Option<Timestamp>,
    /// Operations in the whole ledger.
    pub operations_total: u64,
    /// The verdict on the window.
    pub verdict: Verdict,
    /// The panels.
    #[serde(flatten)]
    pub panels: Panels,
}

/// The sandboxes that are alive.
#[derive(Serialize, JsonSchema)]
pub struct LiveSandboxes {
    /// Each with what it has cost so far, the one that was used last first.
    pub sandboxes: Vec<LiveSandbox>,
}

/// A sandbox that runs or is paused.
#[derive(Serialize, JsonSchema)]
pub struct LiveSandbox {
    /// Its id.
    pub sandbox_id: String,
    /// Where it is in its life.
    pub phase: Phase,
    /// Who had it last.
    pub agent_id: Option<String>,
    /// For what.
    pub task_id: Option<String>,
    /// The repository in it.
    pub repo: Option<String>,
    /// The branch that is worked on in it.
    pub branch: Option<String>,
    /// The operation that holds it now.
    pub held_by: Option<Uuid>,
    /// Virtual processors.
    pub vcpu: u32,
    /// Memory, in MiB.
    pub memory_mb: u32,
    /// When its creation was recorded.
    pub created_at: Option<Timestamp>,
    /// When something was last done with it.
    pub last_used_at: Option<Timestamp>,
    /// When it ends, unless it is extended.
    pub expires_at: Option<Timestamp>,
    /// How long it has run, pauses excluded, in seconds.
    pub running_s: f64,
    /// What that costs, in billionths of a dollar.
    pub cost_nano: NanoDollars,
}

/// One operation from its request to its outcome.
#[derive(Serialize, JsonSchema)]
pub struct Story {
    /// As lists show it.
    pub operation: Listed,
    /// What its time in its sandbox cost, its share of the idle time included, in billionths of a dollar.
    pub cost_nano: NanoDollars,
    /// What happened, in order of time: its own events, and those of its sandbox that belong to it.
    pub events: Vec<StoryEvent>,
}

/// An event of a story.
#[derive(Serialize, JsonSchema)]
pub struct StoryEvent {
    /// When it was recorded.
    pub at: Timestamp,
    /// Its type.
    pub name: String,
    /// The stream that it is on.
    pub stream: String,
    /// What happened.
    pub data: Value,
}

impl Followed {
    /// The panels of a window.
    pub fn series(&self, window: &Window, prices: &Prices, now: Timestamp) -> Series {
        let panels = self.timeline.panels(window, prices, now);
        Series {
            position: self.position.as_u64(),
            now,
            began: self.timeline.began(),
            operations_total: self.timeline.operations(),
            verdict: Verdict::of(&panels.measured()),
            panels,
        }
    }

    /// The verdict on a window.
    pub fn verdict(&self, window: &Window, prices: &Prices, now: Timestamp) -> Verdict {
        Verdict::of(&self.timeline.panels(window, prices, now).measured())
    }

    /// What a window cost.
    pub fn cost(&self, window: &Window, prices: &Prices, now: Timestamp) -> CostTable {
        self.timeline.cost(window, prices, now)
    }

    /// The operations that a filter lets through.
    pub fn operations(&self, filter: &Filter) -> Found {
        self.timeline.find(filter)
    }

    /// The sandboxes that are alive.
    pub fn live_sandboxes(&self, prices: &Prices, now: Timestamp) -> LiveSandboxes {
        let mut sandboxes: Vec<LiveSandbox> =
            self.sandboxes.live().map(|state| LiveSandbox::new(state, prices, now)).collect();
        sandboxes.sort_by_key(|sandbox| std::cmp::Reverse((sandbox.last_used_at, sandbox.created_at)));
        LiveSandboxes { sandboxes }
    }
}

impl LiveSandbox {
    #[allow(clippy::cast_precision_loss)] // for display
    fn new(state: &SandboxState, prices: &Prices, now: Timestamp) -> Self {
        let running_micros = state.running_micros(now);
        let used = SandboxUsage { vcpu: state.vcpu, memory_mb: state.memory_mb, running_micros };
        // At today's prices: which day each second was of is not kept here.
        let usage = Usage::from(ResourceTime::from(used));
        Self {
            sandbox_id: state.id.clone(),
            phase: state.phase.clone(),
            agent_id: state.actor.agent_id.clone(),
            task_id: state.actor.task_id.clone(),
            repo: state.repo.as_ref().map(ToString::to_string),
            branch: state.workspace.as_ref().map(|workspace| workspace.branch.clone()),
            held_by: state.lease_at(now).map(|lease| lease.operation_id),
            vcpu: state.vcpu,
            memory_mb: state.memory_mb,
            created_at: state.created_at,
            last_used_at: state.last_used_at,
            expires_at: state.expires_at,
            running_s: running_micros as f64 / 1e6,
            cost_nano: prices.exact(day_of(now.as_microsecond()), &usage).rounded(),
        }
    }
}
