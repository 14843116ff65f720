//! Under what is simulated: the policy in force, and what of it is to be otherwise.

use std::path::Path;

use gitledger_functions::Settings;
use gitledger_projections::sandbox_policy::ReuseRule;
use gitledger_projections::simulation::latency::duration;
use gitledger_projections::simulation::{Latency, Setting};

/// What may be otherwise.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "What is otherwise")]
#[group(skip)]
pub struct Arguments {
    /// A sandbox ends after so long without use: `30m`, `8h`.
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    ttl: Option<u64>,
    /// An idle sandbox is paused after so long; 0: never.
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    pause_after: Option<u64>,
    /// So many sandboxes wait ready in the pool.
    #[arg(long, value_name = "NUMBER")]
    pool: Option<u32>,
    /// Which sandbox that has the repository may be used again.
    #[arg(long, value_name = "RULE", value_enum)]
    reuse: Option<Rule>,
    /// With `--reuse repo`: only what was idle for so long is taken from another task.
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    share_after: Option<u64>,
    /// Processors of a sandbox.
    #[arg(long, value_name = "NUMBER", default_value_t = 2)]
    vcpu: u32,
    /// Memory of a sandbox, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 512)]
    memory: u32,
    /// At most so many sandboxes run at once, what is over it is refused; 0: any number.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    limit: u32,
    /// How long making a sandbox takes: `900ms`, `2s..8s` or `p50=1s,p95=4s`; default: as it was recorded.
    #[arg(long, value_name = "TIME")]
    create_latency: Option<Latency>,
    /// How long waking one takes; default: as it was recorded.
    #[arg(long, value_name = "TIME")]
    resume_latency: Option<Latency>,
    /// Where chance starts; the same seed gives the same outcome.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Rule {
    Never,
    Task,
    Repo,
}

impl Arguments {
    /// The policy of the data directory, or the default one, with what is to be otherwise.
    pub fn setting(&self, data: &Path, in_force: bool) -> Result<Setting, String> {
        let mut setting = Setting { vcpu: self.vcpu, memory_mb: self.memory, ..Setting::default() };
        if in_force {
            let mut settings = Settings::from_env().map_err(|error| error.to_string())?;
            data.clone_into(&mut settings.data_dir);
            setting.policy = settings.policies().map_err(|error| error.to_string())?.sandboxes;
        }
        let policy = &mut setting.policy;
        policy.ttl_s = self.ttl.unwrap_or(policy.ttl_s);
        policy.pause_after_s = self.pause_after.unwrap_or(policy.pause_after_s);
        policy.pool = self.pool.unwrap_or(policy.pool);
        policy.share_after_s = self.share_after.unwrap_or(policy.share_after_s);
        if let Some(rule) = self.reuse {
            policy.reuse = match rule {
                Rule::Never => ReuseRule::Never,
                Rule::Task => ReuseRule::Task,
                Rule::Repo => ReuseRule::Repo,
            };
        }
        // A question about sharing is asked for agents that would trust each other.
        if policy.reuse == ReuseRule::Repo && policy.trust.is_empty() {
            policy.trust = vec![vec!["*".to_owned()]];
        }
        if let Some(fault) = policy.fault() {
            return Err(fault.to_owned());
        }
        setting.limit = self.limit;
        setting.creation.clone_from(&self.create_latency);
        setting.resume.clone_from(&self.resume_latency);
        setting.seed = self.seed;
        Ok(setting)
    }
}

fn seconds(text: &str) -> Result<u64, String> {
    duration(text).map(|micros| micros / 1_000_000)
}
