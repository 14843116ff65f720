//! `infra/aws/template.yaml`: its functions, written from the catalogue, and what AWS makes of it.

use std::fmt::Write;
use std::process::Stdio;

use gitledger_functions::catalogue::{Function, Kind, Needs};
use serde_json::Value;

use crate::{tools, workspace};

/// Where it is.
pub const FILE: &str = "infra/aws/template.yaml";
/// Any: nothing in the template depends on it.
pub const REGION: &str = "us-east-1";

/// Between which lines of the template they stand.
pub const MARKS: (&str, &str) = ("  # <functions>\n", "  # </functions>");

/// Whether a function has a need.
type Needed = fn(&Needs) -> bool;

/// What each need is called among the template's policies.
const POLICIES: [(&str, Needed); 13] = [
    ("ReadsLedger", |needs| needs.reads),
    ("AppendsToLedger", |needs| needs.appends),
    ("WritesLog", |needs| needs.sequences),
    ("ScansCommits", |needs| needs.scans),
    ("SavesProjections", |needs| needs.projects),
    ("ReadsSandboxesKey", |needs| needs.sandbox_key),
    ("ReadsGitTokens", |needs| needs.git_tokens),
    ("ReadsWebhookSecret", |needs| needs.webhook_secret),
    ("ReadsApiKeys", |needs| needs.api_keys),
    ("ReadsMetricsLogins", |needs| needs.metrics_logins),
    ("InvokesOperations", |needs| needs.invokes),
    ("WritesMetrics", |needs| needs.remote_write),
    ("PutsEvents", |needs| needs.feeds),
];

/// The policies that a function has.
pub fn policies(needs: &Needs) -> Vec<&'static str> {
    POLICIES.iter().filter(|(_, has)| has(needs)).map(|(name, _)| *name).collect()
}

/// `git-clone` is `GitCloneFunction`.
pub fn resource(function: &str) -> String {
    let pascal = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    format!("{}Function", function.split('-').map(pascal).collect::<String>())
}

/// The lines of all functions.
pub fn functions(all: &[Function]) -> String {
    let mut lines = String::new();
    for function in all {
        one(&mut lines, function);
    }
    lines
}

/// Writing into a text cannot fail.
macro_rules! line {
    ($into:expr, $($text:tt)*) => {{ let _ = writeln!($into, $($text)*); }};
}

fn one(lines: &mut String, function: &Function) {
    let name = function.name();
    line!(lines, "  {}:", resource(&name));
    line!(lines, "    Type: AWS::Serverless::Function");
    line!(lines, "    Properties:");
    line!(lines, "      FunctionName: !Sub \"${{Prefix}}{name}\"");
    line!(lines, "      Description: {:?}", function.summary());
    line!(lines, "      CodeUri: ../../target/lambda/{name}/");
    line!(lines, "      MemorySize: {}", function.memory_mb);
    line!(lines, "      Timeout: {}", function.timeout.as_secs());
    let policies: Vec<String> =
        policies(&function.needs).iter().map(|policy| format!("!Ref {policy}")).collect();
    line!(lines, "      Policies: [{}]", policies.join(", "));
    if function.defers() {
        lines.push_str(ASYNCHRONOUS);
    } else if ROUNDS.contains(&name.as_str()) {
        lines.push_str(ONCE);
    }
    let events = events(function);
    if !events.is_empty() {
        line!(lines, "      Events:");
        lines.push_str(&events);
    }
}

/// An invocation that nobody waits for is tried twice more, and then put with the dead letters.
const ASYNCHRONOUS: &str = "      EventInvokeConfig:
        MaximumRetryAttempts: 2
        MaximumEventAgeInSeconds: 3600
        DestinationConfig:
          OnFailure: {Type: SQS, Destination: !GetAtt DeadLetters.Arn}
";

/// The functions that a schedule invokes and that are no operation.
const ROUNDS: [&str; 2] = ["exporter", "reaper"];

/// A round that failed, or has waited for a minute, is over: the next one does the same.
const ONCE: &str = "      EventInvokeConfig:
        MaximumRetryAttempts: 0
        MaximumEventAgeInSeconds: 60
";

fn events(function: &Function) -> String {
    let declaration = match function.kind {
        Kind::Operation(declaration) => declaration,
        Kind::Other(other) => {
            let routes = function.routes();
            let routes = routes.iter().map(|(method, path)| route("Http", method, path, false));
            return others_events(other.name) + &routes.collect::<String>();
        }
    };
    let mut lines = String::new();
    for (method, path) in function.routes() {
        let name = if method == "GET" { "Record" } else { "Http" };
        lines.push_str(&route(name, method, &path, declaration.signed));
    }
    if declaration.name == "sandbox-warm" {
        lines.push_str(&schedule("Warm", "1 minute", Some("Warms")));
    }
    lines
}

/// The pattern of a new segment in the log.
const LOG_GREW: &str = r#"{"eventName":["INSERT"],"dynamodb":{"Keys":{"k":{"S":["log"]}}}}"#;

fn others_events(name: &str) -> String {
    match name {
        "exporter" => schedule("Publish", "1 minute", Some("Publishes")),
        "reaper" => schedule("Reap", "1 minute", None),
        // Both only have to be woken: they read the log from where they were.
        "projector" => stream("LogTable", 1000, LOG_GREW, None),
        "feed" => stream("LogTable", 1000, LOG_GREW, Some("Feeds")),
        "sequencer" => stream("EventsTable", 1000, r#"{"eventName":["INSERT"]}"#, None),
        "relay" => stream(
            "EventsTable",
            100,
            r#"{"eventName":["INSERT"],"dynamodb":{"Keys":{"k":{"S":[{"prefix":"operation-"}]}}}}"#,
            None,
        ),
        _ => String::new(),
    }
}

/// A signed request is known by its signature, which the function checks.
fn route(name: &str, method: &str, path: &str, signed: bool) -> String {
    let auth = if signed { ", Auth: {Authorizer: NONE}" } else { "" };
    format!(
        "        {name}:\n          Type: HttpApi\n          Properties: {{ApiId: !Ref Api, Method: {method}, Path: \"{path}\"{auth}}}\n"
    )
}

/// Without a name of its own, which would be the same in every stack of an account. Its retries are of an invocation
/// that Lambda has not taken; of one that failed see [`ONCE`].
fn schedule(name: &str, rate: &str, condition: Option<&str>) -> String {
    let state = condition
        .map(|condition| format!("            State: !If [{condition}, ENABLED, DISABLED]\n"))
        .unwrap_or_default();
    format!(
        "        {name}:
          Type: ScheduleV2
          Properties:
            OmitName: true
            ScheduleExpression: rate({rate})
            Input: \"{{}}\"
            RetryPolicy: {{MaximumRetryAttempts: 0}}
{state}"
    )
}

fn stream(table: &str, batch: u32, filter: &str, condition: Option<&str>) -> String {
    let enabled = condition
        .map(|condition| format!("            Enabled: !If [{condition}, true, false]\n"))
        .unwrap_or_default();
    format!(
        "        Changes:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt {table}.StreamArn
            StartingPosition: TRIM_HORIZON
{enabled}            BatchSize: {batch}
            MaximumBatchingWindowInSeconds: 1
            ParallelizationFactor: 1
            FunctionResponseTypes: [ReportBatchItemFailures]
            BisectBatchOnFunctionError: true
            MaximumRetryAttempts: 100
            DestinationConfig:
              OnFailure: {{Type: SQS, Destination: !GetAtt DeadLetters.Arn}}
            FilterCriteria:
              Filters:
                - Pattern: '{filter}'
"
    )
}

/// The template as it is checked in.
pub fn text() -> String {
    let file = workspace::root().join(FILE);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// What AWS makes of a template, or why it makes nothing.
pub fn translated(template: &str) -> Result<Value, String> {
    use std::io::Write as _;
    let mut translate = tools::sam().command();
    translate.arg(workspace::root().join("tests/python/translate.py")).env("AWS_DEFAULT_REGION", REGION);
    translate.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = translate.spawn().map_err(|error| format!("Python: {error}"))?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(template.as_bytes()).map_err(|error| error.to_string())?;
    }
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}
