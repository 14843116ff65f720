//! How a process's end is told: the words are those of the original envd, which SDKs show and parse.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use serde::Serialize;

/// The end event. Zero values are left out, as protobuf's JSON does.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct End {
    #[serde(skip_serializing_if = "is_zero")]
    exit_code: i32,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    exited: bool,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_zero(code: &i32) -> bool {
    *code == 0
}

impl End {
    pub(super) fn of(exit: ExitStatus) -> Self {
        if let Some(code) = exit.code() {
            let status = format!("exit status {code}");
            let error = (code != 0).then(|| status.clone());
            return Self { exit_code: code, exited: true, status, error };
        }
        let mut status = format!("signal: {}", signal_name(exit.signal().unwrap_or_default()));
        if exit.core_dumped() {
            status.push_str(" (core dumped)");
        }
        Self { exit_code: -1, exited: false, error: Some(status.clone()), status }
    }

    /// For a process whose end could not be learnt.
    pub(super) fn unknown(error: &std::io::Error) -> Self {
        let status = format!("wait: {error}");
        Self { exit_code: -1, exited: false, error: Some(status.clone()), status }
    }
}

fn signal_name(number: i32) -> String {
    let name = match number {
        1 => "hangup",
        2 => "interrupt",
        3 => "quit",
        4 => "illegal instruction",
        5 => "trace/breakpoint trap",
        6 => "aborted",
        8 => "floating point exception",
        9 => "killed",
        11 => "segmentation fault",
        13 => "broken pipe",
        14 => "alarm clock",
        15 => "terminated",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(raw_wait_status: i32) -> serde_json::Value {
        serde_json::to_value(End::of(ExitStatus::from_raw(raw_wait_status))).unwrap()
    }

    #[test]
    fn ends_are_told_in_the_original_words() {
        assert_eq!(json(0), serde_json::json!({"exited": true, "status": "exit status 0"}));
        assert_eq!(
            json(3 << 8),
            serde_json::json!({"exitCode": 3, "exited": true, "status": "exit status 3",
                "error": "exit status 3"})
        );
        assert_eq!(
            json(9),
            serde_json::json!({"exitCode": -1, "status": "signal: killed", "error": "signal: killed"})
        );
    }
}
