//! What each function may do, from the template as AWS has it: its own role, the policies on that role, and nothing
//! that its entry in the catalogue does not call for.

use std::collections::{BTreeMap, BTreeSet};

use gitledger_functions::catalogue::{self, Function, Kind};
use gitledger_tests::template::resource;
use serde_json::{Map, Value};

use crate::bucket::{COMMITS, SEGMENTS, STATES};
use crate::template::{text, translated};

/// One thing that a role may do: an action on a resource, as the template writes it.
type Permission = (String, String);

/// AWS's own policies: for logs and traces, and for being invoked with a table's stream.
const OF_AWS: [&str; 3] =
    ["AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess", "AWSLambdaDynamoDBExecutionRole"];

/// The functions that a table's stream wakes.
const FOLLOWERS: [&str; 4] = ["feed", "projector", "relay", "sequencer"];

fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(all) => all.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

/// A resource as it is written, in one short text: `EventsTable.Arn`, `ApiKeys`.
fn shown(resource: &Value) -> String {
    match resource {
        Value::String(text) => text.clone(),
        Value::Object(of) => match of.iter().next() {
            Some((kind, Value::String(name))) if kind == "Ref" || kind == "Fn::Sub" => name.clone(),
            // With the parameter; without it the same on nothing.
            Some((kind, Value::Array(all))) if kind == "Fn::If" => shown(&all[1]),
            Some((kind, Value::Array(path))) if kind == "Fn::GetAtt" => {
                path.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(".")
            }
            // A text with variables, and what they stand for.
            Some((kind, Value::Array(sub))) if kind == "Fn::Sub" => {
                sub[0].as_str().unwrap_or_default().to_owned()
            }
            _ => resource.to_string(),
        },
        other => other.to_string(),
    }
}

fn permissions(document: &Value) -> Vec<Permission> {
    let mut all = Vec::new();
    for statement in list(&document["Statement"]) {
        assert_eq!(statement["Effect"], "Allow", "{statement}");
        assert!(statement["NotAction"].is_null() && statement["NotResource"].is_null(), "{statement}");
        for action in list(&statement["Action"]) {
            for resource in list(&statement["Resource"]) {
                all.push((action.as_str().expect("an action").to_owned(), shown(resource)));
            }
        }
    }
    all
}

struct Role {
    permissions: Vec<Permission>,
    of_aws: BTreeSet<String>,
}

fn role(resources: &Map<String, Value>, function: &str) -> Role {
    let role =
        resources[function]["Properties"]["Role"]["Fn::GetAtt"][0].as_str().expect("a role of its own");
    assert_eq!(role, format!("{function}Role"));
    let properties = &resources[role]["Properties"];
    let mut found = Role { permissions: Vec::new(), of_aws: BTreeSet::new() };
    for policy in list(&properties["Policies"]) {
        found.permissions.extend(permissions(&policy["PolicyDocument"]));
    }
    for arn in list(&properties["ManagedPolicyArns"]) {
        if let Some(name) = arn["Ref"].as_str() {
            found.permissions.extend(permissions(&resources[name]["Properties"]["PolicyDocument"]));
        } else {
            let name = shown(arn);
            found.of_aws.insert(name.rsplit('/').next().unwrap_or_default().to_owned());
        }
    }
    found
}

/// The objects in the bucket whose names begin so.
fn objects(begin: &str) -> String {
    format!("${{LargeItems.Arn}}/{begin}*")
}

/// What a function may do by its entry.
fn wanted(function: &Function) -> BTreeSet<Permission> {
    let needs = function.needs;
    let objects = [COMMITS, SEGMENTS, STATES].map(objects);
    let [commits, segments, states] = objects.each_ref().map(String::as_str);
    let mut wanted: Vec<(&str, &str)> = Vec::new();
    if needs.reads {
        for table in ["EventsTable.Arn", "LogTable.Arn"] {
            wanted.extend([("dynamodb:GetItem", table), ("dynamodb:Query", table)]);
        }
        wanted.extend([commits, segments, states].map(|objects| ("s3:GetObject", objects)));
    }
    if needs.appends {
        wanted.extend([("dynamodb:PutItem", "EventsTable.Arn"), ("s3:PutObject", commits)]);
    }
    if needs.sequences || needs.projects {
        wanted.extend([("dynamodb:PutItem", "LogTable.Arn"), ("dynamodb:UpdateItem", "LogTable.Arn")]);
    }
    if needs.sequences {
        wanted.push(("s3:PutObject", segments));
    }
    if needs.projects {
        wanted.push(("dynamodb:DeleteItem", "LogTable.Arn"));
        wanted.extend([("s3:PutObject", states), ("s3:DeleteObject", states)]);
    }
    if needs.scans {
        wanted.push(("dynamodb:Scan", "EventsTable.Arn"));
    }
    for (needed, secret) in [
        (needs.sandbox_key, "SandboxesKey"),
        (needs.git_tokens, "GitTokens"),
        (needs.webhook_secret, "WebhookSecret"),
        (needs.api_keys, "ApiKeys"),
        (needs.metrics_logins, "MetricsLogins"),
    ] {
        wanted.extend(needed.then_some(("secretsmanager:GetSecretValue", secret)));
    }
    if needs.remote_write {
        wanted.push(("aps:RemoteWrite", "RemoteWriteWorkspace"));
    }
    let follows = matches!(function.kind, Kind::Other(other) if FOLLOWERS.contains(&other.name));
    if function.defers() || follows {
        wanted.push(("sqs:SendMessage", "DeadLetters.Arn"));
    }
    let mut wanted: BTreeSet<Permission> =
        wanted.into_iter().map(|(action, resource)| (action.to_owned(), resource.to_owned())).collect();
    if needs.invokes {
        for family in ["git", "operation", "sandbox"] {
            let functions = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function";
            wanted.insert(("lambda:InvokeFunction".to_owned(), format!("{functions}:${{Prefix}}{family}-*")));
        }
    }
    if needs.feeds {
        wanted.insert((
            "events:PutEvents".to_owned(),
            "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/${Bus}".to_owned(),
        ));
    }
    wanted
}

#[test]
fn no_function_can_do_what_it_does_not_need() {
    let translated = translated(&text()).unwrap_or_else(|error| panic!("{error}"));
    let resources = translated["Resources"].as_object().expect("resources");
    let mut readers: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for function in catalogue::all() {
        let name = function.name();
        let role = role(resources, &resource(&name));
        let found: BTreeSet<Permission> = role.permissions.into_iter().collect();
        assert_eq!(found, wanted(&function), "{name}");
        for (action, resource) in &found {
            assert!(!action.contains('*') && resource != "*", "{name}: {action} on {resource}");
        }
        for policy in &role.of_aws {
            assert!(OF_AWS.contains(&policy.as_str()), "{name}: {policy}");
        }
        let follows = role.of_aws.contains("AWSLambdaDynamoDBExecutionRole");
        assert_eq!(follows, FOLLOWERS.contains(&name.as_str()), "{name}");
        for secret in ["SandboxesKey", "GitTokens", "WebhookSecret", "ApiKeys", "MetricsLogins"] {
            let reads = ("secretsmanager:GetSecretValue".to_owned(), secret.to_owned());
            if found.contains(&reads) {
                readers.entry(secret).or_default().push(name.clone());
            }
        }
    }
    assert_eq!(readers["ApiKeys"], ["authorizer"]);
    assert_eq!(readers["WebhookSecret"], ["sandbox-lifecycle"]);
    assert_eq!(readers["MetricsLogins"], ["exporter"]);
    assert!(
        !readers["GitTokens"]
            .iter()
            .any(|name| ["git-status", "git-commit", "git-init"].contains(&name.as_str()))
    );
    assert!(
        !readers["SandboxesKey"]
            .iter()
            .any(|name| ["operation-get", "projector", "exporter"].contains(&name.as_str()))
    );
}

/// The log is the sequencer's and the projections are the projector's, though one table has both.
#[test]
fn who_writes_the_log_does_not_write_projections() {
    let translated = translated(&text()).unwrap_or_else(|error| panic!("{error}"));
    let keys = |policy: &str| {
        let statements = &translated["Resources"][policy]["Properties"]["PolicyDocument"]["Statement"];
        let of_table =
            list(statements).into_iter().find(|statement| shown(&statement["Resource"]) == "LogTable.Arn");
        let condition = &of_table.expect("the table's statement")["Condition"]["ForAllValues:StringLike"];
        list(&condition["dynamodb:LeadingKeys"]).iter().map(|key| shown(key)).collect::<Vec<_>>()
    };
    assert_eq!(keys("WritesLog"), ["log", "digest"]);
    assert_eq!(keys("SavesProjections"), ["projection#*", "parked#*"]);
}

/// Nor an older version of anything. More than read it a policy may one kind of object, or none.
#[test]
fn nobody_takes_a_commit_or_a_segment_away() {
    let translated = translated(&text()).unwrap_or_else(|error| panic!("{error}"));
    let resources = translated["Resources"].as_object().expect("resources");
    let policies = resources.values().filter(|resource| resource["Type"] == "AWS::IAM::ManagedPolicy");
    let all = policies.flat_map(|policy| permissions(&policy["Properties"]["PolicyDocument"]));
    let found: BTreeSet<Permission> = all
        .filter(|(action, resource)| {
            (action.starts_with("s3:") || resource.contains("LargeItems")) && action != "s3:GetObject"
        })
        .collect();
    let wanted = [
        ("s3:DeleteObject", STATES),
        ("s3:PutObject", COMMITS),
        ("s3:PutObject", SEGMENTS),
        ("s3:PutObject", STATES),
    ];
    let wanted = wanted.map(|(action, begin)| (action.to_owned(), objects(begin)));
    assert_eq!(found, BTreeSet::from(wanted));
}
