//! Under what a workload is simulated: the policy, the platform, and chance.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::latency::Latency;
use super::workload::Workload;
use crate::SandboxPolicy;

/// Everything that can be otherwise.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The policy, as in production.
    pub policy: SandboxPolicy,
    /// Processors of a sandbox.
    pub vcpu: u32,
    /// Memory of a sandbox, in MiB.
    pub memory_mb: u32,
    /// The most sandboxes that run at once; what is over it is refused, as E2B refuses it. 0: no limit.
    pub limit: u32,
    /// How long making a sandbox takes. `None`: as it was recorded.
    pub creation: Option<Latency>,
    /// How long waking one takes. `None`: as it was recorded.
    pub resume: Option<Latency>,
    /// How often the reaper looks, in microseconds.
    pub reap_every: u64,
    /// How often the pool is looked at, in microseconds.
    pub fill_every: u64,
    /// Where chance starts.
    pub seed: u64,
}

/// A setting in a few words, for tables and JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "SandboxSetting")]
pub struct Brief {
    /// Sandboxes that wait in the pool.
    pub pool: u32,
    /// Paused after so many idle seconds; 0: never.
    pub pause_after_s: u64,
    /// Ended after so many.
    pub ttl_s: u64,
    /// Which may be used again.
    pub reuse: crate::sandbox_policy::ReuseRule,
    /// Processors.
    pub vcpu: u32,
    /// Memory in MiB.
    pub memory_mb: u32,
    /// The most at once; 0: no limit.
    pub limit: u32,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            policy: SandboxPolicy::default(),
            vcpu: 2,
            memory_mb: 512,
            limit: 0,
            creation: None,
            resume: None,
            reap_every: 10_000_000,
            fill_every: 1_000_000,
            seed: 1,
        }
    }
}

impl Setting {
    /// In a few words.
    pub fn brief(&self) -> Brief {
        Brief {
            pool: self.policy.pool,
            pause_after_s: self.policy.pause_after_s,
            ttl_s: self.policy.ttl_s,
            reuse: self.policy.reuse,
            vcpu: self.vcpu,
            memory_mb: self.memory_mb,
            limit: self.limit,
        }
    }

    /// How long making a sandbox takes: as set, as recorded, or about what E2B's take.
    pub(super) fn creation(&self, workload: &Workload) -> Latency {
        let usual = Latency::Around(600_000, 1_500_000);
        self.creation.clone().unwrap_or_else(|| Latency::recorded_or(&workload.creation, usual))
    }

    /// How long waking one takes: as set, as recorded, or about what E2B's take.
    pub(super) fn resume(&self, workload: &Workload) -> Latency {
        let usual = Latency::Around(800_000, 1_600_000);
        self.resume.clone().unwrap_or_else(|| Latency::recorded_or(&workload.resume, usual))
    }
}
