//! What is derived from the table of operations and the list of settings says what they say.
//!
//! `GITLEDGER_REWRITE=1 cargo test -p gitledger-tests --test surface` writes it anew.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use gitledger_functions::catalogue;
use gitledger_functions::lambda::RESUME;
use gitledger_functions::settings::VARIABLES;
use gitledger_functions::trigger::{self, Door, Trigger};
use gitledger_functions::{Refusal, Request};
use gitledger_operations::table::{self, OPERATIONS, SANDBOX_OPERATIONS};
use gitledger_operations::{Declaration, Remotes};
use gitledger_tests::workspace;
use serde_json::{Value, json};

fn rewriting() -> bool {
    std::env::var_os("GITLEDGER_REWRITE").is_some_and(|value| value == "1")
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The part of a file between two marks is what it must be, or becomes it.
fn file_has(name: &str, open: &str, close: &str, wanted: &str) {
    let file = workspace::root().join(name);
    let text = read(&file);
    let (before, rest) = text.split_once(open).unwrap_or_else(|| panic!("{name} has no {open}"));
    let (found, after) = rest.split_once(close).unwrap_or_else(|| panic!("{name} has no {close}"));
    if found != wanted && rewriting() {
        fs::write(&file, format!("{before}{open}{wanted}{close}{after}")).expect("the file is written");
        return;
    }
    assert_eq!(found, wanted, "{name}, {open}: rewrite it with GITLEDGER_REWRITE=1");
}

fn readme_has(mark: &str, wanted: &str) {
    file_has("README.md", &format!("<!-- {mark} -->\n"), &format!("<!-- /{mark} -->"), wanted);
}

/// Each is declared for one reason: by itself a program gets a test program, empty and 50 MB large.
#[test]
fn no_function_has_a_test_program_of_its_own() {
    let mut lines = String::new();
    for name in catalogue::all().iter().map(catalogue::Function::name) {
        write!(lines, "\n[[bin]]\nname = \"{name}\"\npath = \"src/bin/{name}.rs\"\ntest = false\n")
            .expect("text");
    }
    file_has("functions/Cargo.toml", "# <functions>\n", "# </functions>", &lines);
}

/// As API Gateway has them, so that `cargo lambda watch` answers where the deployed functions do.
#[test]
fn the_watcher_has_the_routes_of_the_template() {
    let mut lines = String::new();
    for function in catalogue::all() {
        let name = function.name();
        for (method, path) in function.routes() {
            writeln!(lines, "\"{path}\" = [{{ method = \"{method}\", function = \"{name}\" }}]")
                .expect("text");
        }
    }
    file_has("Cargo.toml", "# <routes>\n", "# </routes>", &lines);
}

fn fields(operation: &Declaration) -> String {
    let schema = (operation.input_schema)();
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    // What all have is told once, above the table.
    let common = ["operation_id", "deadline_ms", "expected_head"];
    let all = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let all = all.filter(|(name, _)| !common.contains(&name.as_str()));
    let (needed, optional): (Vec<_>, Vec<_>) =
        all.map(|(name, _)| name.as_str()).partition(|name| required.contains(name));
    let shown =
        |names: Vec<&str>| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match (needed.is_empty(), optional.is_empty()) {
        (_, true) => shown(needed),
        (true, _) => format!("[{}]", shown(optional)),
        _ => format!("{} [{}]", shown(needed), shown(optional)),
    }
}

#[test]
fn the_readme_lists_the_operations_of_the_table() {
    for (mark, family, operations) in
        [("operations", "git", OPERATIONS), ("sandbox-operations", "sandbox", SANDBOX_OPERATIONS)]
    {
        let mut lines =
            format!("| `POST /{family}/` | effect | input, optional in brackets | |\n|---|---|---|---|\n");
        for operation in operations {
            let effect = json!(operation.effect);
            let (name, effect) = (operation.words().1, effect.as_str().expect("a word"));
            writeln!(lines, "| `{name}` | {effect} | {} | {} |", fields(operation), operation.summary())
                .expect("text");
        }
        readme_has(mark, &lines);
    }
}

#[test]
fn the_readme_lists_every_setting() {
    let mut lines = String::from("| variable | meaning |\n|---|---|\n");
    for (name, meaning) in VARIABLES {
        writeln!(lines, "| `{name}` | {meaning} |").expect("text");
    }
    readme_has("settings", &lines);
}

/// The words by which operations of a family are asked for, sorted.
fn verbs(operations: &[Declaration]) -> Vec<&str> {
    let mut verbs: Vec<_> = operations.iter().map(|operation| operation.words().1).collect();
    verbs.sort_unstable();
    verbs
}

#[test]
fn the_document_has_every_operation_and_no_other() {
    let document = &*gitledger::gateway::openapi::DOCUMENT;
    let paths = document["paths"].as_object().expect("paths");
    for (start, operations) in [("/git/", OPERATIONS), ("/sandbox/", SANDBOX_OPERATIONS)] {
        let found: Vec<&str> = paths.keys().filter_map(|path| path.strip_prefix(start)).collect();
        assert_eq!(found, verbs(operations));
    }
    for operation in table::all() {
        let told = &paths[&operation.path()]["post"];
        let tag = if operation.words().0 == "git" { json!(operation.effect) } else { json!("sandboxes") };
        assert_eq!(told["description"], json!(operation.help()), "{}", operation.name);
        assert_eq!(told["tags"], json!([tag]), "{}", operation.name);
        if operation.signed {
            let headers = told["parameters"].to_string();
            assert!(headers.contains("e2b-signature") && told["security"] == json!([]), "{headers}");
            continue;
        }
        let reference = told["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str();
        let pointer = reference.expect("a component").trim_start_matches('#');
        let shown = &document.pointer(pointer).expect("that is there")["properties"];
        let own = Value::from((operation.input_schema)());
        let fields = |schema: &Value| schema.as_object().map(|all| all.keys().cloned().collect::<Vec<_>>());
        assert_eq!(fields(shown), fields(&own["properties"]), "{}", operation.name);
    }
}

#[test]
fn nothing_in_the_document_points_at_what_is_not_there() {
    let document = &*gitledger::gateway::openapi::DOCUMENT;
    let text = document.to_string();
    let references: Vec<&str> =
        text.split(r##""$ref":"#"##).skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(references.len() > OPERATIONS.len() * 3, "only {} references", references.len());
    for reference in references {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
}

#[test]
fn the_command_line_has_every_operation_and_no_other() {
    let command = gitledger::commands::command();
    for (family, operations) in [("git", OPERATIONS), ("sandbox", SANDBOX_OPERATIONS)] {
        let family = command.find_subcommand(family).expect("the command");
        #[allow(clippy::redundant_closure_for_method_calls)] // clap is no dependency of the tests
        let mut found: Vec<&str> = family.get_subcommands().map(|verb| verb.get_name()).collect();
        found.sort_unstable();
        assert_eq!(found, verbs(operations));
        let help = family.clone().render_help().to_string();
        for verb in found {
            let line = |line: &str| line.split_whitespace().next() == Some(verb);
            assert_eq!(help.lines().filter(|text| line(text)).count(), 1, "{verb} in:\n{help}");
        }
    }
}

/// The functions of operations: file name and contents.
fn wanted_functions() -> BTreeMap<String, String> {
    let function = |operation: &Declaration| {
        let (name, function) = (operation.name, operation.function());
        let text = format!(
            "//! The function `{function}`.\n\nfn main() -> std::process::ExitCode {{\n    \
             gitledger_functions::lambda::operation(\"{name}\")\n}}\n"
        );
        (format!("{function}.rs"), text)
    };
    table::all().map(function).collect()
}

#[test]
fn there_is_a_function_for_every_operation_and_no_other() {
    let dir = workspace::root().join("functions/src/bin");
    let of_git = |file: &PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        ["git-", "operation-", "sandbox-"].iter().any(|start| name.starts_with(start))
    };
    let files = fs::read_dir(&dir)
        .expect("the functions")
        .map(|entry| entry.expect("an entry").path())
        .filter(of_git);
    let found: BTreeMap<String, String> = files
        .map(|file| (file.file_name().unwrap_or_default().to_string_lossy().into_owned(), read(&file)))
        .collect();
    let wanted = wanted_functions();
    if found != wanted && rewriting() {
        for name in found.keys() {
            fs::remove_file(dir.join(name)).expect("removed");
        }
        for (name, text) in &wanted {
            fs::write(dir.join(name), text).expect("written");
        }
        return;
    }
    assert_eq!(found, wanted, "functions/src/bin: rewrite it with GITLEDGER_REWRITE=1");
}

/// Where the sample triggers are.
fn triggers() -> PathBuf {
    workspace::root().join("events/triggers")
}

/// What is there, by name without `.json`.
fn samples() -> BTreeMap<String, String> {
    let files = fs::read_dir(triggers()).expect("the triggers").map(|entry| entry.expect("an entry").path());
    let sample = |file: PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let name = name.strip_suffix(".json").unwrap_or_else(|| panic!("{name} is no trigger"));
        (name.to_owned(), read(&file))
    };
    files.map(sample).collect()
}

fn read_trigger(name: &str, text: &str) -> Trigger {
    let sample = serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
    Trigger::read(sample).unwrap_or_else(|refusal| panic!("{name}: {:#}", refusal.problem()))
}

/// The trigger that is written for a function; `None`: it is kept by hand.
fn wanted_trigger(function: &catalogue::Function) -> Option<String> {
    let input = match function.kind {
        // It shows how a key is said beside an input.
        catalogue::Kind::Operation(declaration) if declaration.name == "clone" => return None,
        catalogue::Kind::Operation(declaration) => {
            let mut input = declaration.example();
            // For `sed`: an example's sandbox is nobody's.
            if let Some(id) = input.get_mut("sandbox_id") {
                *id = json!("SANDBOX_ID");
            }
            input
        }
        catalogue::Kind::Other(other) => match other.name {
            "authorizer" | "projector" | "relay" | "sequencer" => return None,
            // The same stream wakes both.
            "feed" => return Some(read(&triggers().join("projector.json"))),
            // So the template's schedules say, and whoever invokes one by hand.
            _ => json!({}),
        },
    };
    Some(format!("{input:#}\n"))
}

#[test]
fn every_function_has_a_trigger_of_its_name() {
    let found = samples();
    for function in catalogue::all() {
        let name = function.name();
        let found = found.get(&name);
        let wanted = wanted_trigger(&function);
        match &wanted {
            Some(wanted) if found != Some(wanted) && rewriting() => {
                fs::write(triggers().join(format!("{name}.json")), wanted).expect("the file is written");
            }
            Some(_) => assert_eq!(found, wanted.as_ref(), "{name}: rewrite it with GITLEDGER_REWRITE=1"),
            None => assert!(found.is_some(), "{name} has no trigger, and none can be written for it"),
        }
    }
}

/// What a trigger must be, by its name: `<function>` or `<function>.<shape>`. `None`: it is nobody's.
fn shape_of_name(name: &str) -> Option<&'static str> {
    if name == "schedule" {
        return Some("a schedule");
    }
    let (function, shape) = name.split_once('.').unwrap_or((name, ""));
    catalogue::find(function)?;
    match (function, shape) {
        ("authorizer", "") | (_, "api-gateway-v1" | "api-gateway-v2") => Some("a gateway's request"),
        ("feed" | "projector" | "relay" | "sequencer", "") => Some("a table's changes"),
        (_, "function-url") => Some("a Function URL's request"),
        (_, "sqs") => Some("a queue's messages"),
        (_, "resume") => Some("the relay's"),
        (_, "") => Some("plain JSON"),
        _ => None,
    }
}

fn shape_of(trigger: &Trigger) -> &'static str {
    match trigger {
        Trigger::Http(http) if http.door == Door::FunctionUrl => "a Function URL's request",
        Trigger::Http(_) => "a gateway's request",
        Trigger::Queue(_) => "a queue's messages",
        Trigger::Changes(_) => "a table's changes",
        Trigger::Schedule => "a schedule",
        Trigger::Direct(event) if event.get(RESUME).is_some() => "the relay's",
        Trigger::Direct(_) => "plain JSON",
    }
}

#[test]
fn every_sample_trigger_is_read_as_what_its_name_says() {
    for (name, text) in samples() {
        let wanted = shape_of_name(&name).unwrap_or_else(|| panic!("{name} is of no function or shape"));
        assert_eq!(shape_of(&read_trigger(&name, &text)), wanted, "{name}");
    }
}

/// In the samples the relay is woken by the very operation that it then wants gone on with.
#[test]
fn what_the_relay_sends_names_the_operation_that_was_deferred() {
    let samples = samples();
    let Trigger::Direct(event) = read_trigger("git-clone.resume", &samples["git-clone.resume"]) else {
        panic!("no plain JSON")
    };
    let id: uuid::Uuid = event[RESUME].as_str().and_then(|id| id.parse().ok()).expect("an operation's id");
    assert_eq!(event, json!({ RESUME: id }));
    let Trigger::Changes(changes) = read_trigger("relay", &samples["relay"]) else { panic!("no changes") };
    assert_eq!(changes[0].stream(), Some(format!("operation-{id}").as_str()));
}

/// The requests in a trigger of an operation's function.
fn requests(operation: &str, sample: Trigger) -> Result<Vec<Request>, Refusal> {
    let id = uuid::Uuid::nil();
    match sample {
        // The record of an operation is looked at by its path.
        Trigger::Http(http) if http.method == "GET" => Ok(Vec::new()),
        Trigger::Http(http) => Ok(vec![trigger::of_http(operation, &http, id)?]),
        Trigger::Queue(messages) => {
            messages.into_iter().map(|message| trigger::of_message(operation, message, id)).collect()
        }
        // What the relay sends names an operation that is there, and asks for none.
        Trigger::Direct(event) if event.get(RESUME).is_some() => Ok(Vec::new()),
        Trigger::Direct(event) => Ok(vec![trigger::of_json(operation, event, id)?]),
        Trigger::Schedule | Trigger::Changes(_) => Ok(Vec::new()),
    }
}

#[test]
fn every_sample_trigger_is_a_request_that_its_function_takes() {
    let remotes = Remotes::allowing("").expect("no other remotes");
    for (name, text) in samples() {
        // `git-status.api-gateway-v2` is for `git-status`; `schedule` is for whatever is scheduled.
        let function = catalogue::find(name.split('.').next().unwrap_or_default());
        let Some(catalogue::Kind::Operation(declaration)) = function.map(|function| function.kind) else {
            continue;
        };
        let requests = requests(declaration.name, read_trigger(&name, &text));
        for request in requests.unwrap_or_else(|refusal| panic!("{name}: {:#}", refusal.problem())) {
            // It may stand in base64, so that it is replaced here only.
            let input = request.input.to_string().replace("SANDBOX_ID", "i0123456789abcdefghij");
            let input = serde_json::from_str(&input).expect("JSON");
            if let Err(rejection) = declaration.ask(input, &remotes) {
                panic!("{name}: {rejection}");
            }
        }
    }
}
