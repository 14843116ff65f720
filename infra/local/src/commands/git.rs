//! `gitledger git <operation>` and `gitledger sandbox <operation>`: call a running gateway.

use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command};
use gitledger_events::operation::Effect;
use gitledger_functions::access::ApiKey;
use gitledger_operations::Declaration;
use gitledger_operations::table::{OPERATIONS, SANDBOX_OPERATIONS};
use serde_json::Value;

use super::{Finished, git_arguments, shown};
use crate::calling;

const EXAMPLES: &str = "\
Examples:
  gitledger git clone --repo-url https://github.com/acme/app --agent-id a1 --task-id t1
  gitledger git status --sandbox-id i0123456789abcdefghij --json
  gitledger git push --sandbox-id i0123456789abcdefghij --commit-message 'first' --idempotency-key retry-1

GITLEDGER_API_KEY holds the API key, where the gateway needs one.";

const SANDBOX_EXAMPLES: &str = "\
Examples:
  gitledger sandbox create --agent-id a1 --task-id t1
  gitledger sandbox list --phase running
  gitledger sandbox keep-alive --sandbox-id i0123456789abcdefghij --timeout-s 1800

GITLEDGER_API_KEY holds the API key, where the gateway needs one.";

/// The operations that are asked for by one command.
pub struct Family {
    /// The command.
    pub name: &'static str,
    about: &'static str,
    examples: &'static str,
    groups: &'static [(Effect, &'static str)],
    operations: &'static [Declaration],
}

/// Both commands.
pub const FAMILIES: [Family; 2] = [
    Family {
        name: "git",
        about: "Asks a running `gitledger up` for a git operation",
        examples: EXAMPLES,
        groups: &[
            (Effect::Reads, "change nothing"),
            (Effect::Writes, "change the workspace"),
            (Effect::Publishes, "change the remote"),
        ],
        operations: OPERATIONS,
    },
    Family {
        name: "sandbox",
        about: "Asks a running `gitledger up` about sandboxes",
        examples: SANDBOX_EXAMPLES,
        groups: &[(Effect::Reads, "change nothing"), (Effect::Writes, "change sandboxes")],
        operations: SANDBOX_OPERATIONS,
    },
];

/// clap's own but for the list of subcommands, which cannot be grouped.
const TEMPLATE: &str =
    "{about-with-newline}\n{usage-heading} {usage}\n\n{before-help}Options:\n{options}{after-help}";

/// The operations by what they may do to the world.
fn operations(family: &Family) -> String {
    let verbs = || family.operations.iter().map(|operation| operation.words().1);
    let width = verbs().map(str::len).max().unwrap_or_default();
    let mut lines = Vec::new();
    for (effect, meaning) in family.groups {
        lines.push(format!("Operations that {meaning}:"));
        for operation in family.operations.iter().filter(|operation| operation.effect == *effect) {
            lines.push(format!("  {:width$}  {}", operation.words().1, cut(&operation.summary())));
        }
        lines.push(String::new());
    }
    lines.push(format!("`gitledger {} <operation> --help` shows its fields", family.name));
    lines.join("\n")
}

/// What fits on a line; the operation's own help has the rest.
fn cut(text: &str) -> String {
    const CHARS_MAX: usize = 72;
    if text.chars().count() <= CHARS_MAX {
        return text.to_owned();
    }
    let head: String = text.chars().take(CHARS_MAX).collect();
    head.rsplit_once(' ').map_or(head.as_str(), |(whole, _)| whole).to_owned() + " …"
}

/// The command with a subcommand per operation.
pub fn command(family: &Family) -> Command {
    let shared = |name: &'static str| Arg::new(name).long(name).global(true).help_heading("Gateway");
    let url = shared("url").env("GITLEDGER_URL").value_name("URL");
    let key = shared("idempotency-key").alias("key").value_name("KEY");
    let json = shared("json").action(ArgAction::SetTrue);
    Command::new(family.name)
        .about(family.about)
        .help_template(TEMPLATE)
        .before_help(operations(family))
        .after_help(family.examples)
        .arg_required_else_help(true)
        .subcommand_required(true)
        .arg(url.default_value("http://127.0.0.1:8000").help("Where the gateway is"))
        .arg(key.help("The same key again gets the recorded answer"))
        .arg(json.help("The whole answer as JSON"))
        .subcommands(git_arguments::subcommands(family.operations))
}

/// Runs the command.
pub async fn run(family: &Family, matches: &ArgMatches) -> Finished {
    let Some((name, matches)) = matches.subcommand() else { return Err("which operation?".to_owned()) };
    let named = |operation: &&Declaration| operation.words().1 == name;
    let operation =
        family.operations.iter().find(named).ok_or_else(|| format!("{name} is not an operation"))?;
    let input = git_arguments::input(operation, matches)?;
    let text = |id: &str| matches.get_one::<String>(id).cloned();
    let url = text("url").unwrap_or_default();
    let api_key = gitledger_functions::settings::api_key().map_err(|error| error.to_string())?;
    let (status, answer) = call(&url, operation, text("idempotency-key"), api_key.as_ref(), &input).await?;
    if matches.get_flag("json") {
        println!("{answer}");
    } else {
        show(&answer);
    }
    Ok(exit(status, &answer))
}

async fn call(
    url: &str,
    operation: &Declaration,
    key: Option<String>,
    api_key: Option<&ApiKey>,
    input: &Value,
) -> Result<(u16, Value), String> {
    let mut request = calling::post(&calling::client(url)?, url.trim_end_matches('/'), operation.name, input);
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    if let Some(api_key) = api_key {
        // Marked as sensitive by the client.
        request = request.bearer_auth(api_key.expose());
    }
    let unreachable = |error: reqwest::Error| {
        format!("no answer from {url}: {}; start `gitledger up`, or name another --url", error.without_url())
    };
    let response = request.send().await.map_err(unreachable)?;
    let status = response.status().as_u16();
    let answer =
        response.json().await.map_err(|error| format!("{url} is not a gitledger gateway: {error}"))?;
    Ok((status, calling::answer(status, answer)))
}

/// 0 done, 1 failed or unknown, 2 refused.
fn exit(status: u16, answer: &Value) -> ExitCode {
    match answer["outcome"].as_str() {
        Some("succeeded") => ExitCode::SUCCESS,
        Some(_) => ExitCode::from(1),
        None if status < 400 => ExitCode::SUCCESS,
        None => ExitCode::from(2),
    }
}

/// The answer for people.
fn show(answer: &Value) {
    if let Some(output) = answer["output"].as_object() {
        print!("{}", shown::lines(output));
    }
    if let Some(failure) = answer["failure"].as_object() {
        let field = |name: &str| failure.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        eprintln!("{}: {}", field("code"), field("message"));
        if !field("remedy").is_empty() {
            eprintln!("what to do: {}", field("remedy"));
        }
        if let Some(output) = failure.get("output").and_then(Value::as_object) {
            eprint!("{}", shown::lines(output));
        }
    }
    if let Some(rule) = answer["rule"].as_str() {
        eprintln!("refused: {} {rule}", answer["field"].as_str().unwrap_or_default());
    }
    if let Some(id) = answer["operation_id"].as_str() {
        let total = &answer["timing"]["total_ms"];
        eprintln!("operation {id}, {total} ms");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_idempotency_key_goes_by_its_short_name_too() {
        let status = ["git", "status", "--sandbox-id", "i0123456789abcdefghij"];
        for name in ["--idempotency-key", "--key"] {
            let matches =
                command(&FAMILIES[0]).try_get_matches_from(status.iter().chain(&[name, "retry-1"])).unwrap();
            let (_, matches) = matches.subcommand().unwrap();
            assert_eq!(matches.get_one::<String>("idempotency-key").unwrap(), "retry-1", "{name}");
        }
    }
}
