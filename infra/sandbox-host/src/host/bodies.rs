//! The control plane's JSON, in and out.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::api_error::ApiError;
use super::egress::NetworkBody;
use super::sandbox::{OnTimeout, Order, Sandbox};
use super::snapshots::Snapshot;
use crate::ENVD_VERSION;
use crate::limits::Limits;

/// Deprecated, but required by the schema.
const CLIENT_ID: &str = "6532622b";
/// The longest a sandbox may be asked to run.
const TIMEOUT_MAX_H: i64 = 24;
const TIMEOUT_MAX_S: i64 = TIMEOUT_MAX_H * 3600;

/// `POST /sandboxes`, `POST /v2/sandboxes`. Not to be shown: it can hold credentials.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewSandbox {
    #[serde(rename = "templateID")]
    pub(super) template_id: String,
    timeout: Option<i64>,
    auto_pause: Option<bool>,
    auto_pause_memory: Option<bool>,
    auto_resume: Option<AutoResume>,
    secure: Option<bool>,
    #[serde(rename = "allow_internet_access")]
    allow_internet_access: Option<bool>,
    metadata: Option<BTreeMap<String, String>>,
    env_vars: Option<BTreeMap<String, String>>,
    network: Option<NetworkBody>,
    mcp: Option<Value>,
    iam: Option<Value>,
    volume_mounts: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct AutoResume {
    #[serde(default)]
    enabled: bool,
}

impl NewSandbox {
    /// What is to be made. `secured` is the v2 route: always with a token, and with the longer default.
    pub(super) fn order(self, secured: bool, from: Option<&Snapshot>) -> Result<Order, ApiError> {
        // Ignoring these would give less protection, or less of a machine, than was asked for.
        let refused = [("mcp", &self.mcp), ("iam", &self.iam), ("volumeMounts", &self.volume_mounts)];
        if let Some((name, _)) = refused.into_iter().find(|(_, value)| value.as_ref().is_some_and(asks)) {
            return Err(ApiError::bad_request(format!("{name} is not supported by the local sandbox host")));
        }
        let network = self.allow_internet_access;
        let mut body = self.network.unwrap_or_default();
        body.allow_internet_access = network;
        let rules = body.rules().map_err(ApiError::bad_request)?;
        let mut env_vars = from.map(|snapshot| snapshot.env_vars.clone()).unwrap_or_default();
        env_vars.extend(self.env_vars.unwrap_or_default());
        let pause = OnTimeout::Pause { memory: self.auto_pause_memory.unwrap_or(true) };
        Ok(Order {
            template: from.map_or_else(|| self.template_id.clone(), |snapshot| snapshot.template.clone()),
            alias: from.map_or(self.template_id, |snapshot| snapshot.alias().to_owned()),
            timeout: start_timeout(self.timeout, if secured { 300 } else { 15 })?,
            on_timeout: if self.auto_pause == Some(true) { pause } else { OnTimeout::Kill },
            auto_resume: self.auto_resume.is_some_and(|resume| resume.enabled),
            network: network.unwrap_or(true),
            rules,
            secure: secured || self.secure.unwrap_or(false),
            metadata: self.metadata.unwrap_or_default(),
            env_vars,
        })
    }
}

/// Whether an optional part of a request asks for anything.
fn asks(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Object(fields) => fields.values().any(asks),
        Value::Array(items) => !items.is_empty(),
        _ => true,
    }
}

/// A timeout that starts or restarts a sandbox, in seconds.
pub(super) fn start_timeout(asked_s: Option<i64>, default_s: i64) -> Result<SignedDuration, ApiError> {
    match asked_s.unwrap_or(default_s) {
        ..=0 => Err(ApiError::bad_request("Timeout must be greater than 0")),
        TIMEOUT_MAX_S.. if asked_s != Some(TIMEOUT_MAX_S) => {
            Err(ApiError::bad_request(format!("Timeout cannot be greater than {TIMEOUT_MAX_H} hours")))
        }
        seconds => Ok(SignedDuration::from_secs(seconds)),
    }
}

/// A timeout for a running sandbox, in seconds: nothing and less end it at once, too much is cut.
pub(super) fn new_timeout(asked_s: i64) -> SignedDuration {
    SignedDuration::from_secs(asked_s.clamp(0, TIMEOUT_MAX_S))
}

/// `{timeout}` of timeout, connect and resume.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TimeoutBody {
    pub(super) timeout: Option<i64>,
}

/// `{duration}` of refreshes.
#[derive(Debug, Default, Deserialize)]
pub(super) struct RefreshBody {
    pub(super) duration: Option<i64>,
}

/// `{memory}` of pause.
#[derive(Debug, Default, Deserialize)]
pub(super) struct PauseBody {
    pub(super) memory: Option<bool>,
}

/// What create and connect answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SandboxBody<'a> {
    #[serde(rename = "templateID")]
    template_id: &'a str,
    #[serde(rename = "sandboxID")]
    sandbox_id: &'a str,
    #[serde(rename = "clientID")]
    client_id: &'static str,
    envd_version: &'static str,
    alias: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    envd_access_token: Option<&'a str>,
    /// Always null: ports of a sandbox cannot be reached through the host.
    traffic_access_token: Option<&'a str>,
    domain: Option<&'a str>,
}

impl<'a> SandboxBody<'a> {
    pub(super) fn of(sandbox: &'a Sandbox, domain: Option<&'a str>) -> Self {
        Self {
            template_id: &sandbox.order.template,
            sandbox_id: &sandbox.id,
            client_id: CLIENT_ID,
            envd_version: ENVD_VERSION,
            alias: &sandbox.order.alias,
            envd_access_token: sandbox.token.as_deref(),
            traffic_access_token: None,
            domain,
        }
    }
}

/// What lists answer for each sandbox.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListedBody<'a> {
    #[serde(rename = "templateID")]
    template_id: &'a str,
    #[serde(rename = "sandboxID")]
    sandbox_id: &'a str,
    #[serde(rename = "clientID")]
    client_id: &'static str,
    alias: &'a str,
    started_at: Timestamp,
    end_at: Timestamp,
    cpu_count: u32,
    #[serde(rename = "memoryMB")]
    memory_mb: u32,
    #[serde(rename = "diskSizeMB")]
    disk_size_mb: u64,
    state: &'static str,
    envd_version: &'static str,
    metadata: &'a BTreeMap<String, String>,
}

impl<'a> ListedBody<'a> {
    pub(super) fn of(sandbox: &'a Sandbox, limits: &Limits) -> Self {
        let status = sandbox.status();
        Self {
            template_id: &sandbox.order.template,
            sandbox_id: &sandbox.id,
            client_id: CLIENT_ID,
            alias: &sandbox.order.alias,
            started_at: sandbox.started_at,
            end_at: status.end_at,
            cpu_count: limits.shown_cpus(),
            memory_mb: limits.shown_memory_mib(),
            disk_size_mb: limits.shown_disk_mib(),
            state: status.phase.name(),
            envd_version: ENVD_VERSION,
            metadata: &sandbox.order.metadata,
        }
    }
}

/// What one sandbox's own route answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DetailBody<'a> {
    #[serde(flatten)]
    listed: ListedBody<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    envd_access_token: Option<&'a str>,
    domain: Option<&'a str>,
    allow_internet_access: bool,
    lifecycle: Lifecycle,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Lifecycle {
    auto_resume: bool,
    on_timeout: &'static str,
}

impl<'a> DetailBody<'a> {
    pub(super) fn of(sandbox: &'a Sandbox, domain: Option<&'a str>, limits: &Limits) -> Self {
        let order = &sandbox.order;
        Self {
            listed: ListedBody::of(sandbox, limits),
            envd_access_token: sandbox.token.as_deref(),
            domain,
            allow_internet_access: order.network,
            lifecycle: Lifecycle {
                auto_resume: order.auto_resume,
                on_timeout: match order.on_timeout {
                    OnTimeout::Kill => "kill",
                    OnTimeout::Pause { .. } => "pause",
                },
            },
        }
    }
}
