//! What happened to sandboxes, kept for a while and told to webhooks.
//!
//! In memory: with the host its sandboxes end, and nobody asks about those of yesterday's host.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::identity;
use super::sandbox::Sandbox;
use super::webhooks::Webhooks;
use crate::limits::Limits;

/// Everyone here is one team.
pub(super) const TEAM_ID: &str = "00000000-0000-4000-8000-000000000001";
/// There is one template, and it is never built.
const BUILD_ID: &str = "00000000-0000-4000-8000-000000000002";
const EVENTS_KEPT: usize = 10_000;

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Created,
    Updated,
    Paused,
    Resumed,
    Checkpointed,
    Killed(KillReason),
}

/// Why a sandbox ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KillReason {
    Request,
    Timeout,
    /// Its envd was gone.
    Orphaned,
    /// The host ended.
    Admin,
}

impl Kind {
    /// Every type that a webhook can ask for.
    pub(super) const TYPES: [&str; 6] = [
        "sandbox.lifecycle.created",
        "sandbox.lifecycle.updated",
        "sandbox.lifecycle.paused",
        "sandbox.lifecycle.resumed",
        "sandbox.lifecycle.checkpointed",
        "sandbox.lifecycle.killed",
    ];

    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Created => (Self::TYPES[0], "create"),
            Self::Updated => (Self::TYPES[1], "update"),
            Self::Paused => (Self::TYPES[2], "pause"),
            Self::Resumed => (Self::TYPES[3], "resume"),
            Self::Checkpointed => (Self::TYPES[4], "checkpoint"),
            Self::Killed(_) => (Self::TYPES[5], "kill"),
        }
    }
}

impl KillReason {
    const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Timeout => "timeout",
            Self::Orphaned => "orphaned",
            Self::Admin => "admin",
        }
    }
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) kind: &'static str,
    label: &'static str,
    at: Timestamp,
    pub(super) sandbox_id: String,
    execution_id: String,
    template: String,
    data: Value,
}

impl Event {
    /// As webhooks are told.
    pub(super) fn delivered(&self) -> Value {
        json!({
            "id": self.id, "version": "v2", "type": self.kind, "timestamp": self.at,
            "event_category": "lifecycle", "event_label": self.label, "event_data": self.data,
            "sandbox_id": self.sandbox_id, "sandbox_execution_id": self.execution_id,
            "sandbox_template_id": self.template, "sandbox_build_id": BUILD_ID, "sandbox_team_id": TEAM_ID,
        })
    }

    /// As the events' own routes answer.
    pub(super) fn listed(&self) -> Value {
        json!({
            "id": self.id, "version": "v2", "type": self.kind, "timestamp": self.at,
            "eventCategory": "lifecycle", "eventLabel": self.label, "eventData": self.data,
            "sandboxId": self.sandbox_id, "sandboxExecutionId": self.execution_id,
            "sandboxTemplateId": self.template, "sandboxBuildId": BUILD_ID, "sandboxTeamId": TEAM_ID,
        })
    }
}

/// The events of this host, and who is told.
pub(super) struct Journal {
    events: Mutex<VecDeque<Event>>,
    pub(super) webhooks: Webhooks,
    vcpu_count: u32,
    memory_mb: u32,
}

impl Journal {
    pub(super) fn new(limits: &Limits, webhooks: Webhooks) -> Self {
        let (vcpu_count, memory_mb) = (limits.shown_cpus(), limits.shown_memory_mib());
        Self { events: Mutex::default(), webhooks, vcpu_count, memory_mb }
    }

    /// Notes what happened to `sandbox`; `more` is added to the event's data.
    pub(super) fn note(&self, kind: Kind, sandbox: &Sandbox, more: Value) {
        let Ok(id) = identity::uuid() else {
            tracing::error!("the system has no randomness: an event is lost");
            return;
        };
        let execution = sandbox.execution();
        let at = Timestamp::now();
        let mut data = json!({"sandbox_metadata": sandbox.order.metadata});
        if matches!(kind, Kind::Killed(_) | Kind::Paused) {
            data["execution"] = json!({
                "started_at": execution.started_at, "vcpu_count": self.vcpu_count,
                "memory_mb": self.memory_mb,
                "execution_time": at.duration_since(execution.started_at).as_millis(),
            });
        }
        if let Kind::Killed(reason) = kind {
            data["kill_reason"] = reason.name().into();
        }
        if let (Value::Object(data), Value::Object(more)) = (&mut data, more) {
            data.extend(more);
        }
        let (kind, label) = kind.names();
        let event = Event {
            id,
            kind,
            label,
            at,
            sandbox_id: sandbox.id.clone(),
            execution_id: execution.id,
            template: sandbox.order.template.clone(),
            data,
        };
        self.webhooks.tell(&event);
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        if events.len() == EVENTS_KEPT {
            events.pop_front();
        }
        events.push_back(event);
    }

    /// Those wanted, oldest first.
    pub(super) fn matching(&self, wanted: impl Fn(&Event) -> bool) -> Vec<Event> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.iter().filter(|event| wanted(event)).cloned().collect()
    }
}
