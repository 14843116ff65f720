//! The shapes of the control plane's answers, as far as they are used here. Unknown fields are ignored.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use crate::Secret;

/// What is asked of a new sandbox.
#[derive(Clone, Debug, Default)]
pub struct NewSandbox {
    /// What it is made from; `None` for the endpoint's own choice.
    pub template: Option<String>,
    /// How long it may live unless it is extended.
    pub life: Duration,
    /// By which it is found in the list.
    pub metadata: BTreeMap<String, String>,
    /// A repeat with the same key makes no second sandbox, where the host knows such keys.
    pub idempotency_key: Option<String>,
}

/// A sandbox that was made or woken.
#[derive(Clone, Debug, Deserialize)]
pub struct Created {
    /// Its id.
    #[serde(rename = "sandboxID")]
    pub sandbox_id: String,
    /// What it was made from.
    #[serde(rename = "templateID", default)]
    pub template: String,
    /// What its envd wants to see; `None` when it is open.
    #[serde(rename = "envdAccessToken", default, deserialize_with = "secret")]
    pub access_token: Option<Secret>,
    /// Where its envd is, when not where all are.
    #[serde(default)]
    pub domain: Option<String>,
}

/// Whether a sandbox runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It runs and costs.
    Running,
    /// It sleeps.
    Paused,
    /// A state this program does not know.
    #[serde(other)]
    Other,
}

/// A sandbox in the list.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// Its id.
    #[serde(rename = "sandboxID")]
    pub sandbox_id: String,
    /// What it was made from.
    #[serde(rename = "templateID", default)]
    pub template: String,
    /// When it was made, or woken.
    pub started_at: Timestamp,
    /// When E2B ends it.
    pub end_at: Timestamp,
    /// Virtual processors.
    pub cpu_count: u32,
    /// Memory in MiB.
    #[serde(rename = "memoryMB")]
    pub memory_mb: u32,
    /// Whether it runs.
    pub state: State,
    /// What its maker wrote on it.
    #[serde(default)]
    pub metadata: Option<BTreeMap<String, String>>,
}

/// A sandbox, in full.
#[derive(Clone, Debug, Deserialize)]
pub struct SandboxDetail {
    /// What the list says too.
    #[serde(flatten)]
    pub listed: Listed,
    /// What its envd wants to see; `None` when it is open.
    #[serde(rename = "envdAccessToken", default, deserialize_with = "secret")]
    pub access_token: Option<Secret>,
    /// Where its envd is, when not where all are.
    #[serde(default)]
    pub domain: Option<String>,
}

fn secret<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()).map(Secret::new))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_is_read_from_what_e2b_sends() {
        let text = r#"{"templateID":"base","sandboxID":"i1","clientID":"6532622b","startedAt":
            "2026-08-21T10:00:00.5Z","endAt":"2026-08-21T11:00:00Z","cpuCount":2,"memoryMB":512,"diskSizeMB":1,
            "state":"running","envdVersion":"0.6.13","envdAccessToken":"t0","domain":null,"metadata":{"a":"b"},
            "lifecycle":{"autoResume":false,"onTimeout":"kill"}}"#;
        let detail: SandboxDetail = serde_json::from_str(text).unwrap();
        assert_eq!((detail.listed.cpu_count, detail.listed.memory_mb), (2, 512));
        assert_eq!(detail.access_token.unwrap().expose(), "t0");
        assert_eq!(detail.listed.state, State::Running);
        assert_eq!(detail.listed.metadata.unwrap()["a"], "b");
    }
}
