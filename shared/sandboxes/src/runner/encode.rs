//! A plan as one process: a program and its arguments. Pure.

use std::time::Duration;

use gitledger_operations::hardening;
use gitledger_operations::plan::{Input, Plan, Sink, Step};

use crate::SandboxError;
use crate::envd::ProcessStart;

/// What every plan runs. Deliberately without a single placeholder.
pub(super) const SCRIPT: &str = include_str!("runner.sh");
/// Linux takes no longer argument (128 KiB with its NUL).
const ARGUMENT_BYTES_MAX: usize = 128 * 1024 - 1;
/// Half of what Linux takes with the usual 8 MiB stack, for arguments and environment together.
const TOTAL_BYTES_MAX: usize = 1024 * 1024;
/// How long git has to clean up behind itself before it is killed.
const KILL_AFTER: &str = "--kill-after=5s";
/// envd's own limit comes later, because it kills only the process that it started.
const BACKSTOP: Duration = Duration::from_secs(15);

/// The process that runs a plan. `nonce` is random, different for each run, and hexadecimal.
///
/// Fails when an argument holds a NUL byte, or when the whole is larger than a process's arguments may be.
pub fn encode(plan: &Plan, nonce: &str, tag: &str) -> Result<ProcessStart, SandboxError> {
    let mut envs = hardening::environment(plan.writes);
    envs.extend(plan.env.iter().cloned());
    let timeout = plan.timeout.max(Duration::from_millis(1)); // 0 would mean no limit at all
    let looks_only = !plan.writes && plan.remote.is_none();
    let mut args: Vec<String> = vec![
        // Privileged mode: bash takes no functions, options or start file from the environment.
        "--norc".into(),
        "--noprofile".into(),
        "-p".into(),
        "-c".into(),
        SCRIPT.into(),
        "gitledger".into(),
        nonce.into(),
        kept(&envs),
        plan.scratch.clone().unwrap_or_default(),
        flag(plan.writes),
        if looks_only { timeout.as_secs().max(1).to_string() } else { String::new() },
    ];
    for (index, step) in plan.steps.iter().enumerate() {
        let gives = plan.steps.iter().flat_map(|later| &later.given).any(|given| given.step == index);
        push(step, nonce, gives, &mut args);
    }
    check(&args, &envs)?;
    let (cmd, args, timeout) = if looks_only {
        ("bash", args, timeout)
    } else {
        ("timeout", limited(timeout, args), timeout + BACKSTOP)
    };
    Ok(ProcessStart { cmd: cmd.into(), args, envs, cwd: None, tag: tag.to_owned(), timeout })
}

/// Under `timeout`, which stops the whole process group, git's helpers included, and lets git clean up.
/// What only looks does without, because it leaves nothing behind and is over in less time than another
/// process takes to start: envd stops the script, and a limit on processor time what the script has started.
fn limited(timeout: Duration, bash: Vec<String>) -> Vec<String> {
    let limit = format!("{}.{:03}s", timeout.as_secs(), timeout.subsec_millis());
    [KILL_AFTER.into(), limit, "bash".into()].into_iter().chain(bash).collect()
}

/// The names that the script leaves in the environment.
fn kept(envs: &[(String, String)]) -> String {
    envs.iter().fold(String::from(" "), |names, (name, _)| names + name + " ")
}

/// `gives`: a later step has what this one prints among its arguments. The nonce marks both ends, because
/// nobody can have guessed it.
fn push(step: &Step, nonce: &str, gives: bool, args: &mut Vec<String>) {
    args.push(step.dir.clone());
    let (kind, values): (&str, &[String]) = match &step.stdin {
        Input::Nothing => ("nothing", &[]),
        Input::Text(text) => ("text", std::slice::from_ref(text)),
        // printf would print one NUL for no fields.
        Input::Fields(fields) if fields.is_empty() => ("nothing", &[]),
        Input::Fields(fields) => ("fields", fields),
        Input::File(path) => ("file", std::slice::from_ref(path)),
    };
    args.push(kind.into());
    args.push(values.len().to_string());
    args.extend(values.iter().cloned());
    args.push(match &step.stdout {
        Sink::Answer if gives => nonce.to_owned(),
        Sink::Answer => String::new(),
        Sink::File(path) => path.clone(),
    });
    args.push(flag(step.may_fail));
    args.push(step.argv.len().to_string());
    let argument = |(at, text): (usize, &String)| match step.given.iter().find(|one| one.argument == at) {
        Some(one) => format!("{nonce}:{}", one.step),
        None => text.clone(),
    };
    args.extend(step.argv.iter().enumerate().map(argument));
}

fn flag(on: bool) -> String {
    if on { "1" } else { "0" }.into()
}

/// Fails where a process cannot be told this.
pub(super) fn check(args: &[String], envs: &[(String, String)]) -> Result<(), SandboxError> {
    let texts = args.iter().chain(envs.iter().flat_map(|(name, value)| [name, value]));
    let mut total = 0;
    for text in texts {
        if text.contains('\0') {
            return Err(SandboxError::Plan("an argument holds a NUL byte".into()));
        }
        if text.len() > ARGUMENT_BYTES_MAX {
            let message = format!("an argument is {} bytes; at most {ARGUMENT_BYTES_MAX} fit", text.len());
            return Err(SandboxError::Plan(message));
        }
        total += text.len() + 1 + size_of::<usize>();
    }
    if total > TOTAL_BYTES_MAX {
        return Err(SandboxError::Plan(format!("it is {total} bytes; at most {TOTAL_BYTES_MAX} fit")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(steps: Vec<Step>) -> Plan {
        let timeout = Duration::from_millis(2500);
        Plan { steps, writes: true, timeout, output_bytes: 1000, ..Plan::default() }
    }

    #[test]
    fn nothing_of_a_plan_gets_into_the_script() {
        let step = Step::git(["commit", "-F", "-"]).reading(Input::Text("$(id) `id`".into()));
        let start = encode(&plan(vec![step]), "aa", "t").unwrap();
        assert_eq!(start.cmd, "timeout");
        assert_eq!(start.args[1], "2.500s");
        assert_eq!(start.args[7], SCRIPT);
        let tail = ["workspace", "text", "1", "$(id) `id`", "", "0", "4", "git", "commit", "-F", "-"];
        assert!(start.args.ends_with(&tail.map(String::from)));
        assert_eq!(start.timeout, Duration::from_millis(17_500));
    }

    #[test]
    fn an_argument_that_a_step_finds_out_is_named_by_its_place() {
        let steps = vec![Step::git(["write-tree"]), Step::git(["commit-tree", "-m", "m"]).given(0)];
        let start = encode(&plan(steps), "aa", "t").unwrap();
        let tail = ["aa", "0", "2", "git", "write-tree", "workspace", "nothing", "0", "", "0", "5", "git"];
        let rest = ["commit-tree", "-m", "m", "aa:0"];
        assert!(
            start
                .args
                .ends_with(&tail.iter().chain(&rest).map(|text| (*text).to_owned()).collect::<Vec<_>>())
        );
    }

    #[test]
    fn what_only_looks_is_one_process_less_and_limited_all_the_same() {
        let looks = Plan { writes: false, ..plan(vec![Step::git(["status"])]) };
        let start = encode(&looks, "aa", "t").unwrap();
        assert_eq!((start.cmd.as_str(), start.timeout), ("bash", looks.timeout));
        assert_eq!(start.args[10], "2", "seconds of processor time");
        let asks = encode(&Plan { writes: true, ..looks }, "aa", "t").unwrap();
        assert_eq!(asks.cmd, "timeout");
    }

    #[test]
    fn what_a_process_cannot_be_told_is_refused() {
        let nul = plan(vec![Step::git(["a\0b"])]);
        assert!(matches!(encode(&nul, "aa", "t"), Err(SandboxError::Plan(_))));
        let long = plan(vec![Step::git(["x".repeat(200_000)])]);
        assert!(matches!(encode(&long, "aa", "t"), Err(SandboxError::Plan(_))));
        let much = plan(vec![Step::git(vec!["x".repeat(100); 20_000])]);
        assert!(matches!(encode(&much, "aa", "t"), Err(SandboxError::Plan(_))));
    }

    #[test]
    fn every_variable_of_the_plan_is_kept() {
        let plan = Plan { env: vec![("GIT_AUTHOR_NAME".into(), "a".into())], ..plan(vec![]) };
        let start = encode(&plan, "aa", "t").unwrap();
        let kept = &start.args[10];
        assert!(
            kept.contains(" GIT_AUTHOR_NAME ")
                && kept.contains(" HOME ")
                && kept.contains(" GIT_CONFIG_PARAMETERS ")
        );
    }
}
