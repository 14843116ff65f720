//! A real Pushgateway and a real Prometheus, on free ports, with nothing kept.

use serde_json::Value;
use tempfile::TempDir;

use crate::wait::until;
use crate::{Process, system, tools};

/// A Pushgateway that runs.
#[derive(Debug)]
pub struct Pushgateway {
    url: String,
    process: Process,
    /// Where it is told whom to let in, if not everybody.
    logins: Option<TempDir>,
}

/// The user and the password that [`Pushgateway::asking`] lets in.
pub const LOGIN: (&str, &str) = ("ci", "canary:password");

/// The password's bcrypt hash, of the least cost that there is.
const HASH: &str = "$2b$04$abcdefghijklmnopqrstuuc6cA9vGR37HmMcKAdDFVCsAXLG/Ka6i";

/// A Prometheus that scrapes one Pushgateway every second.
#[derive(Debug)]
pub struct Prometheus {
    url: String,
    client: reqwest::Client,
    _process: Process,
    _dir: TempDir,
}

/// Both take port 0 and say in their log which port it became.
const FREE_PORT: &str = "--web.listen-address=127.0.0.1:0";

async fn listening(process: &mut Process) -> String {
    let address = |line: &str| {
        let address = line.split_once("Listening on\" address=")?.1;
        Some(format!("http://{}", address.trim_end_matches('"').trim()))
    };
    process.line("its address", address).await
}

fn command(address: &str) -> std::process::Command {
    let mut command = std::process::Command::new(tools::pushgateway());
    // Debian's build keeps what was pushed in a system directory unless told otherwise.
    command.args([address, "--persistence.file="]);
    command
}

impl Pushgateway {
    /// Starts it; returns when it listens.
    pub async fn start() -> Self {
        let mut process = Process::start("pushgateway", command(FREE_PORT));
        Self { url: listening(&mut process).await, process, logins: None }
    }

    /// Starts one that lets in nobody but [`LOGIN`].
    pub async fn asking() -> Self {
        let dir = system::temporary();
        let config = dir.path().join("web.yml");
        if let Err(error) =
            std::fs::write(&config, format!("basic_auth_users: {{{}: \"{HASH}\"}}\n", LOGIN.0))
        {
            panic!("{}: {error}", config.display());
        }
        let mut command = command(FREE_PORT);
        command.arg(format!("--web.config.file={}", config.display()));
        let mut process = Process::start("pushgateway", command);
        Self { url: listening(&mut process).await, process, logins: Some(dir) }
    }

    /// Kills it with all that it knows, and starts another at the same address.
    pub async fn killed_and_started(self) -> Self {
        let Self { url, process, .. } = self;
        process.kill().await;
        let address = format!("--web.listen-address={}", url.trim_start_matches("http://"));
        let mut process = Process::start("pushgateway", command(&address));
        Self { url: listening(&mut process).await, process, logins: None }
    }

    /// Its address, for `PUSHGATEWAY_URL`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it shows to Prometheus.
    pub async fn metrics(&self) -> String {
        let mut request = system::client().get(format!("{}/metrics", self.url));
        if self.logins.is_some() {
            request = request.basic_auth(LOGIN.0, Some(LOGIN.1));
        }
        let answer = request.send().await;
        match answer {
            Ok(answer) => answer.text().await.unwrap_or_default(),
            Err(error) => panic!("pushgateway: {error}"),
        }
    }
}

impl Prometheus {
    /// Starts it; returns when it listens. The labels of what was pushed are honoured, as they must be.
    pub async fn scraping(pushgateway: &Pushgateway) -> Self {
        let dir = system::temporary();
        let config = dir.path().join("prometheus.yml");
        let target = pushgateway.url.trim_start_matches("http://");
        let text = format!(
            "global: {{scrape_interval: 1s}}\nscrape_configs:\n  - job_name: pushgateway\n    honor_labels: true\n    \
             static_configs: [{{targets: ['{target}']}}]\n"
        );
        if let Err(error) = std::fs::write(&config, text) {
            panic!("{}: {error}", config.display());
        }
        let data = dir.path().join("data");
        Self::started(&config, &data, &[], dir).await
    }

    /// Starts it over blocks that are there, however old, taking what is written to it.
    pub async fn over(blocks: &std::path::Path) -> Self {
        let dir = system::temporary();
        let config = dir.path().join("prometheus.yml");
        if let Err(error) = std::fs::write(&config, "global: {scrape_interval: 1m}\n") {
            panic!("{}: {error}", config.display());
        }
        let arguments = ["--storage.tsdb.retention.time=10y", "--web.enable-remote-write-receiver"];
        Self::started(&config, blocks, &arguments, dir).await
    }

    async fn started(config: &std::path::Path, data: &std::path::Path, more: &[&str], dir: TempDir) -> Self {
        let mut command = std::process::Command::new(tools::prometheus());
        command.arg(format!("--config.file={}", config.display())).arg(FREE_PORT).args(more);
        command.arg(format!("--storage.tsdb.path={}", data.display()));
        let mut process = Process::start("prometheus", command);
        let url = listening(&mut process).await;
        Self { url, client: system::client(), _process: process, _dir: dir }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Every value of an expression at an instant, by its labels as JSON.
    pub async fn values_at(&self, expression: &str, at: jiff::Timestamp) -> Vec<(Value, f64)> {
        let time = at.as_second().to_string();
        let request = self.client.get(format!("{}/api/v1/query", self.url));
        let sent = request.query(&[("query", expression), ("time", &time)]).send().await;
        let text = match sent {
            Ok(answer) => answer.text().await.unwrap_or_default(),
            Err(error) => panic!("{expression}: {error}"),
        };
        let answer: Value = serde_json::from_str(&text).unwrap_or_default();
        assert_eq!(answer["status"], "success", "{expression}: {text}");
        let found = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        let value = |one: &Value| one["value"][1].as_str().and_then(|text| text.parse().ok());
        found.iter().filter_map(|one| Some((one["metric"].clone(), value(one)?))).collect()
    }

    /// The one value of an expression now, as Prometheus writes it (`8`, `0.5`); `None` while there is none.
    pub async fn value(&self, expression: &str) -> Option<String> {
        let request = self.client.get(format!("{}/api/v1/query", self.url)).query(&[("query", expression)]);
        let text = request.send().await.ok()?.text().await.ok()?;
        let answer: Value = serde_json::from_str(&text).ok()?;
        assert_ne!(answer["status"], "error", "{expression}: {answer}");
        let found = answer["data"]["result"].as_array()?;
        assert!(found.len() < 2, "{expression} has several values: {answer}");
        found.first()?["value"][1].as_str().map(str::to_owned)
    }

    /// Everything that an expression gives at an instant, in seconds since 1970: label sets and values as
    /// Prometheus writes them. An expression that it refuses fails the test.
    pub async fn all_at(&self, expression: &str, at: f64) -> Vec<(Value, String)> {
        let at = at.to_string();
        let query = [("query", expression), ("time", &at)];
        let answer = self.client.get(format!("{}/api/v1/query", self.url)).query(&query).send().await;
        let text = match answer {
            Ok(answer) => answer.text().await.unwrap_or_default(),
            Err(error) => panic!("{expression}: {error}"),
        };
        let answer: Value = serde_json::from_str(&text).unwrap_or_default();
        assert_eq!(answer["status"], "success", "{expression}: {text}");
        let found = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        let pair =
            |one: Value| (one["metric"].clone(), one["value"][1].as_str().unwrap_or_default().to_owned());
        found.into_iter().map(pair).collect()
    }

    /// Waits until an expression has this value.
    pub async fn reaches(&self, expression: &str, wanted: &str) {
        let what = format!("{expression} is {wanted}");
        until(&what, async || self.value(expression).await.filter(|value| value == wanted)).await;
    }

    /// Waits until an expression has a value above this one; that value.
    pub async fn rises(&self, expression: &str, above: f64) -> f64 {
        let what = format!("{expression} is above {above}");
        let number = async || self.value(expression).await?.parse().ok().filter(|value| *value > above);
        until(&what, number).await
    }
}
