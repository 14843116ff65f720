//! The template as a file: written from the catalogue, translated, linted.

use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;

use gitledger_functions::catalogue;
use gitledger_tests::template::{FILE, MARKS, REGION, functions, resource};
use gitledger_tests::{tools, workspace};
use serde_json::{Value, json};

pub(crate) use gitledger_tests::template::{text, translated};

/// What cfn-lint says about a translated template, warnings too; empty when it says nothing.
fn linted(template: &Value) -> String {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("template.json");
    fs::write(&file, template.to_string()).expect("a file");
    let sam = tools::sam();
    let lint = sam.script("cfn-lint").unwrap_or_else(|error| panic!("{error}"));
    let mut lint = std::process::Command::new(lint);
    lint.args(["--regions", REGION, "--format", "parseable", "--"]).arg(&file).stdin(Stdio::null());
    let output = lint.output().expect("cfn-lint starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() || !said.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    said
}

#[test]
fn the_template_has_every_function_of_the_catalogue_and_no_other() {
    let (text, wanted) = (text(), functions(&catalogue::all()));
    let (open, close) = MARKS;
    let (before, rest) = text.split_once(open).unwrap_or_else(|| panic!("{FILE} has no {open}"));
    let (found, after) = rest.split_once(close).unwrap_or_else(|| panic!("{FILE} has no {close}"));
    let others = [before, after].concat();
    assert!(!others.contains("AWS::Serverless::Function\n"), "a function stands outside of the marks");
    if found != wanted && std::env::var_os("GITLEDGER_REWRITE").is_some_and(|value| value == "1") {
        fs::write(workspace::root().join(FILE), format!("{before}{open}{wanted}{close}{after}"))
            .expect("written");
        return;
    }
    assert_eq!(found, wanted, "{FILE}: rewrite it with GITLEDGER_REWRITE=1");
}

#[test]
fn aws_takes_the_template_without_an_error_or_a_warning() {
    let translated = translated(&text()).unwrap_or_else(|error| panic!("{error}"));
    let resources = translated["Resources"].as_object().expect("resources");
    println!("{} resources, {} bytes", resources.len(), translated.to_string().len());
    // What CloudFormation takes at most.
    assert!(resources.len() <= 500, "{} resources", resources.len());
    assert!(translated.to_string().len() <= 1_000_000, "{} bytes", translated.to_string().len());
    for function in catalogue::all() {
        let name = resource(&function.name());
        assert_eq!(resources[&name]["Type"], "AWS::Lambda::Function", "{name}");
        assert_eq!(resources[&name]["Properties"]["Handler"], "bootstrap", "{name}");
    }
    let said = linted(&translated);
    assert!(said.is_empty(), "{said}");
}

#[test]
fn somebodys_own_authorities_come_to_every_function_or_to_none() {
    let translated = translated(&text()).unwrap_or_else(|error| panic!("{error}"));
    for function in catalogue::all() {
        let properties = &translated["Resources"][resource(&function.name())]["Properties"];
        let [layers, file] =
            [&properties["Layers"], &properties["Environment"]["Variables"]["SSL_CERT_FILE"]];
        assert_eq!(
            layers["Fn::If"],
            json!(["HasAuthorities", [{"Ref": "AuthoritiesLayer"}], {"Ref": "AWS::NoValue"}])
        );
        // An empty one is none: what is compiled in holds.
        assert_eq!(file["Fn::If"], json!(["HasAuthorities", "/opt/authorities.pem", ""]));
    }
}

#[test]
fn the_guide_has_every_parameter_and_output_and_no_other() {
    let translated = translated(&text()).unwrap_or_else(|error| panic!("{error}"));
    let guide = "infra/aws/README.md";
    let said = fs::read_to_string(workspace::root().join(guide)).expect("the guide");
    let said: String =
        said.split("## Settings").nth(1).into_iter().flat_map(|rest| rest.split("```").take(1)).collect();
    let rows =
        said.lines().filter(|line| line.starts_with("| `")).filter_map(|line| line.split(" | ").next());
    let listed: BTreeSet<&str> =
        rows.flat_map(|names| names.split('`').skip(1).step_by(2)).filter(|name| !name.is_empty()).collect();
    let parameters = translated["Parameters"].as_object().expect("parameters");
    assert_eq!(listed, parameters.keys().map(String::as_str).collect(), "{guide}");
    let texts = ["README.md", guide]
        .map(|name| fs::read_to_string(workspace::root().join(name)).expect(name))
        .concat();
    for output in translated["Outputs"].as_object().expect("outputs").keys() {
        assert!(texts.contains(&format!("\"${output}")), "{output} is in no command of README.md or {guide}");
    }
}

/// What a resource may be called by, which is one in an account and region.
const NAMES: [&str; 7] =
    ["BucketName", "FunctionName", "LogGroupName", "ManagedPolicyName", "Name", "RoleName", "TableName"];

/// In the same account, with another prefix; or in another account and region with the same one, and the same account
/// of E2B's.
#[test]
fn a_second_stack_takes_nothing_from_the_first() {
    let translated = translated(&text()).unwrap_or_else(|error| panic!("{error}"));
    for (resource, declared) in translated["Resources"].as_object().expect("resources") {
        for name in NAMES.map(|name| &declared["Properties"][name]) {
            // Another resource's is that one's own.
            let another = name.get("Ref").or_else(|| name.get("Fn::GetAtt")).is_some();
            let is = name.is_null() || another || name["Fn::Sub"].to_string().contains("${Prefix}");
            assert!(is, "{resource}: {name}");
        }
        let mark = &declared["Properties"]["Environment"]["Variables"]["GITLEDGER_DEPLOYMENT"];
        if declared["Type"] == "AWS::Lambda::Function" {
            assert_eq!(mark["Fn::Sub"], "${Prefix}${AWS::AccountId}-${AWS::Region}", "{resource}");
        }
    }
}

/// Lambda itself tries an invocation twice more that nobody waits for; a schedule's retries are other ones.
#[test]
fn a_round_that_failed_is_not_tried_again_before_the_next() {
    let translated = translated(&text()).unwrap_or_else(|error| panic!("{error}"));
    for function in ["ExporterFunction", "ReaperFunction"] {
        let name = format!("{function}EventInvokeConfig");
        let once = &translated["Resources"][&name]["Properties"];
        assert_eq!(once["FunctionName"]["Ref"], function);
        assert_eq!(
            (once["MaximumRetryAttempts"].as_u64(), once["MaximumEventAgeInSeconds"].as_u64()),
            (Some(0), Some(60)),
            "{name}"
        );
    }
}

/// Four mistakes that people make, of which the linter alone, on the template as it is written, sees one.
#[test]
fn an_error_in_the_template_is_found() {
    let text = text();
    for (right, wrong, found) in [
        (
            "            BisectBatchOnFunctionError: true",
            "            BisectBatchOnFunctionErrors: true",
            "BisectBatchOnFunctionErrors",
        ),
        ("Stream: !GetAtt LogTable.StreamArn", "Stream: !GetAtt LogTable.StreamArm", "StreamArm"),
        ("    Runtime: provided.al2023", "    Runtime: provided.al2032", "provided.al2032"),
        (
            "        GITLEDGER_BUCKET: !Ref LargeItems",
            "        GITLEDGER_BUCKET: !Ref LargeItem",
            "LargeItem",
        ),
    ] {
        assert!(text.contains(right), "{right}");
        let said = match translated(&text.replacen(right, wrong, 1)) {
            Err(said) => said,
            Ok(translated) => linted(&translated),
        };
        assert!(said.contains(found), "{wrong} is not found: {said:?}");
    }
}
