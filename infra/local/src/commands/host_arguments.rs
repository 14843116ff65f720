//! Arguments of the local sandbox host, wherever it is started: trouble for experiments, and limits.

use std::ops::RangeInclusive;
use std::time::Duration;

use gitledger_projections::simulation::latency::duration;
use gitledger_sandbox_host::{Egress, HostOptions, Limits, Network, Trouble};

/// How the local sandbox host is to behave.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Local sandboxes")]
// The commands that take them have a group of this name already.
#[group(skip)]
pub struct Arguments {
    /// How long making a sandbox takes at least: `3s`, `250ms`, or a range to choose from, `2s..8s`.
    #[arg(long, value_name = "TIME", value_parser = latency, default_value = "0s")]
    create_latency: RangeInclusive<Duration>,
    /// The share of sandboxes that cannot be made, 0 to 1.
    #[arg(long, value_name = "SHARE", value_parser = share, default_value_t = 0.0)]
    fail_rate: f64,
    /// Where chance starts, for both; the same seed gives the same trouble again.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    trouble_seed: u64,
    /// Sandboxes at once, paused ones too; more are refused.
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    sandboxes_max: usize,
    /// Processes and threads of one sandbox at once; 0: no limit.
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().processes)]
    sandbox_processes: u32,
    /// Memory of one sandbox in MiB, where control groups allow, else of each of its processes; 0: no limit.
    #[arg(long, value_name = "MIB", default_value_t = Limits::default().memory_mib)]
    sandbox_memory: u32,
    /// Processors' worth of time of one sandbox, where control groups allow; 0: no limit.
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().cpus)]
    sandbox_cpus: u32,
    /// One file in a sandbox, in MiB; 0: no limit.
    #[arg(long, value_name = "MIB", default_value_t = Limits::default().file_mib)]
    sandbox_file: u64,
    /// All files of one sandbox in MiB, measured about every second; 0: no limit.
    #[arg(long, value_name = "MIB", default_value_t = Limits::default().disk_mib)]
    sandbox_disk: u64,
    /// Open files of one process in a sandbox; 0: no limit.
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().open_files)]
    sandbox_open_files: u64,
    /// What sandboxes reach of the network: all that this machine does (open), or only what the host's egress
    /// proxy lets through (proxied): the public internet, and what `--admit-private` names.
    #[arg(long, value_name = "KIND", value_enum, default_value_t = NetworkKind::Open)]
    sandbox_network: NetworkKind,
    /// With `proxied`: only these hosts, as `github.com` or `*.example.com`; may be given several times.
    #[arg(long, value_name = "HOST")]
    allow_host: Vec<String>,
    /// With `proxied`: this host and port although its address is private, as `127.0.0.1:8090`; may be given
    /// several times.
    #[arg(long, value_name = "HOST:PORT")]
    admit_private: Vec<String>,
}

/// What of the network sandboxes reach.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum NetworkKind {
    Open,
    Proxied,
}

/// What the arguments say, for the host's options.
#[derive(Clone, Debug, Default)]
pub struct Tuning {
    /// The most sandboxes at once; `None`: the host's own default.
    pub sandboxes_max: Option<usize>,
    limits: Limits,
    trouble: Trouble,
    network: Network,
}

impl Tuning {
    /// Puts it into the host's options.
    pub fn set(self, options: &mut HostOptions) {
        options.sandboxes_max = self.sandboxes_max.unwrap_or(options.sandboxes_max);
        (options.limits, options.trouble, options.network) = (self.limits, self.trouble, self.network);
    }
}

impl Arguments {
    /// What they say together.
    pub fn tuning(self) -> Tuning {
        let limits = Limits {
            processes: self.sandbox_processes,
            memory_mib: self.sandbox_memory,
            cpus: self.sandbox_cpus,
            file_mib: self.sandbox_file,
            disk_mib: self.sandbox_disk,
            open_files: self.sandbox_open_files,
        };
        let trouble = Trouble {
            create_latency: self.create_latency,
            fail_rate: self.fail_rate,
            seed: self.trouble_seed,
        };
        let network = match self.sandbox_network {
            NetworkKind::Open => Network::Open,
            NetworkKind::Proxied => {
                Network::Proxied(Egress { allow: self.allow_host, admit_private: self.admit_private })
            }
        };
        Tuning { sandboxes_max: Some(self.sandboxes_max), limits, trouble, network }
    }
}

fn latency(text: &str) -> Result<RangeInclusive<Duration>, String> {
    let (least, most) = text.split_once("..").unwrap_or((text, text));
    let (least, most) = (Duration::from_micros(duration(least)?), Duration::from_micros(duration(most)?));
    if least > most { Err("the range is upside down".into()) } else { Ok(least..=most) }
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| format!("'{text}' is no number"))?;
    (0.0..=1.0).contains(&share).then_some(share).ok_or_else(|| "it must be between 0 and 1".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_is_one_time_or_a_range() {
        let (two, eight) = (Duration::from_secs(2), Duration::from_secs(8));
        assert_eq!(latency("2s..8s"), Ok(two..=eight));
        assert_eq!(latency("2..8"), Ok(two..=eight));
        assert_eq!(latency("250ms"), Ok(Duration::from_millis(250)..=Duration::from_millis(250)));
        for bad in ["8s..2s", "", "fast", "-1s", "2s..", "NaN", "1e30s"] {
            assert!(latency(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_share_is_between_nothing_and_everything() {
        assert_eq!(share("0.05"), Ok(0.05));
        for bad in ["1.1", "-0.1", "NaN", "5%"] {
            assert!(share(bad).is_err(), "{bad}");
        }
    }
}
