//! The arguments of `gitledger git <operation>` and `gitledger sandbox <operation>`, made from the table: a flag per field of the input.
//!
//! A field inside an object is `--object.field`. What no flag can say, `--input` can: the whole input as JSON.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, builder::PossibleValue};
use gitledger_operations::Declaration;
use serde_json::{Map, Value, json};

use super::git_example;
use super::git_flags::{Flag, flags, is_switch};
use crate::field::Kind;

/// A subcommand per operation.
pub fn subcommands(operations: &[Declaration]) -> Vec<Command> {
    operations.iter().map(subcommand).collect()
}

fn subcommand(operation: &Declaration) -> Command {
    let flags = flags(operation);
    let command = Command::new(operation.words().1)
        .about(operation.summary())
        .long_about(operation.help())
        .override_usage(usage(operation, &flags))
        .after_help(format!("Example:\n  {}", git_example::line(operation, &flags)))
        .next_help_heading("Input");
    let whole = Arg::new("input").long("input").value_name("JSON|@FILE|-").display_order(3);
    let whole = whole.help("The whole input as JSON, from a file or from standard input; flags go over it");
    flags.iter().fold(command, |command, flag| command.arg(argument(flag))).arg(whole)
}

/// clap leaves out of it what `--input` can stand for.
fn usage(operation: &Declaration, flags: &[Flag]) -> String {
    let required = flags.iter().filter(|flag| flag.required).map(|flag| format!("--{} <…>", flag.long()));
    let (family, verb) = operation.words();
    let words = [format!("gitledger {family} {verb}")].into_iter().chain(required);
    words.chain(["[OPTIONS]".to_owned()]).collect::<Vec<_>>().join(" ")
}

fn argument(flag: &Flag) -> Arg {
    let told = |default: &Value| default.as_str().map_or_else(|| default.to_string(), str::to_owned);
    let help = match &flag.field.default {
        None => flag.field.help.clone(),
        Some(default) => format!("{} [default: {}]", flag.field.help, told(default)),
    };
    // What must be given stands first.
    let order = if flag.required { 1 } else { 2 };
    let argument = Arg::new(flag.id()).long(flag.long()).help(help.trim().to_owned()).display_order(order);
    if is_switch(&flag.field) {
        return argument.action(ArgAction::SetTrue);
    }
    let argument = match &flag.field.kind {
        Kind::List(_) => argument.action(ArgAction::Append),
        _ => argument.action(ArgAction::Set),
    };
    let argument = if flag.required { argument.required_unless_present("input") } else { argument };
    filled(argument, &flag.field.kind)
}

/// What follows a flag.
fn filled(argument: Arg, kind: &Kind) -> Arg {
    match kind {
        Kind::Truth => {
            argument.value_name("true|false").hide_possible_values(true).value_parser(["true", "false"])
        }
        Kind::Number => argument.value_name("N").allow_negative_numbers(true),
        Kind::Text => argument.value_name("TEXT").allow_hyphen_values(true),
        Kind::Choice(all) => {
            let value = |choice: &crate::field::Choice| {
                let value = PossibleValue::new(choice.name.clone());
                if choice.help.is_empty() { value } else { value.help(choice.help.clone()) }
            };
            argument.value_name("CHOICE").value_parser(PossibleValuesParser::new(all.iter().map(value)))
        }
        Kind::List(of) => filled(argument, of),
        Kind::Object(_) | Kind::Any => argument.value_name("JSON").allow_hyphen_values(true),
    }
}

/// The input that a command line means.
pub fn input(operation: &Declaration, matches: &ArgMatches) -> Result<Value, String> {
    let mut input = match matches.get_one::<String>("input") {
        None => json!({}),
        Some(text) => {
            let text = contents("--input", text)?;
            serde_json::from_str(&text).map_err(|error| format!("--input is not JSON: {error}"))?
        }
    };
    for flag in flags(operation) {
        if let Some(value) = given(&flag, matches)? {
            put(&mut input, &flag.path, value);
        }
    }
    Ok(input)
}

fn given(flag: &Flag, matches: &ArgMatches) -> Result<Option<Value>, String> {
    let id = flag.id();
    if is_switch(&flag.field) {
        return Ok(matches.get_flag(&id).then_some(Value::Bool(true)));
    }
    let Some(texts) = matches.get_many::<String>(&id) else { return Ok(None) };
    match &flag.field.kind {
        Kind::List(of) => texts.map(|text| single(flag, of, text)).collect::<Result<_, _>>().map(Some),
        kind => matches.get_one::<String>(&id).map(|text| single(flag, kind, text)).transpose(),
    }
}

fn single(flag: &Flag, kind: &Kind, text: &str) -> Result<Value, String> {
    match kind {
        // What is no JSON goes on as text; the service names the field and the rule.
        Kind::Number | Kind::Truth | Kind::Object(_) | Kind::Any => {
            Ok(serde_json::from_str(text).unwrap_or_else(|_| text.into()))
        }
        Kind::Text if flag.field.name == "content" => contents("--content", text).map(Value::String),
        _ => Ok(text.into()),
    }
}

/// Puts a value into an object in the input, making the objects on the way. What is no object stays, and the
/// service says so.
fn put(input: &mut Value, path: &[String], value: Value) {
    let Some((name, rest)) = path.split_first() else { return *input = value };
    if input.is_null() {
        *input = Value::Object(Map::new());
    }
    if let Some(fields) = input.as_object_mut() {
        put(fields.entry(name).or_insert(Value::Null), rest, value);
    }
}

/// A text as it is, `-` for standard input, or `@FILE`.
fn contents(flag: &str, text: &str) -> Result<String, String> {
    if text == "-" {
        return std::io::read_to_string(std::io::stdin()).map_err(|error| format!("{flag} -: {error}"));
    }
    match text.strip_prefix('@') {
        Some(file) => std::fs::read_to_string(file).map_err(|error| format!("{flag} @{file}: {error}")),
        None => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::fields;
    use gitledger_operations::table;

    fn parsed(operation: &str, arguments: &[&str]) -> Value {
        let declaration = table::find(operation).expect("an operation");
        let words = [&[operation], arguments].concat();
        let matches = subcommand(declaration).try_get_matches_from(words).expect("a command line");
        input(declaration, &matches).expect("an input")
    }

    #[test]
    fn every_operation_is_a_command_whose_flags_are_its_fields() {
        for operation in table::all() {
            let command = subcommand(operation);
            command.clone().debug_assert();
            let schema = Value::from((operation.input_schema)());
            for field in fields(&schema, &schema) {
                let of_field = |argument: &Arg| {
                    let id = argument.get_id().as_str().trim_start_matches("field:").to_owned();
                    id == field.name || id.starts_with(&format!("{}.", field.name))
                };
                assert!(command.get_arguments().any(of_field), "{}: {}", operation.name, field.name);
            }
        }
    }

    #[test]
    fn the_example_in_the_help_is_the_example_everywhere() {
        for operation in table::all() {
            let line = git_example::line(operation, &flags(operation));
            let words = std::process::Command::new("bash")
                .args(["-c", &format!("printf '%s\\0' {line}")])
                .output()
                .expect("bash");
            let words = String::from_utf8(words.stdout).expect("text");
            let words: Vec<&str> = words.trim_end_matches('\0').split('\0').collect();
            let (family, verb) = operation.words();
            assert_eq!(words[..3], ["gitledger", family, verb]);
            assert_eq!(parsed(operation.name, &words[3..]), operation.example(), "{line}");
        }
    }

    #[test]
    fn flags_go_over_the_whole_input_and_reach_into_objects() {
        let found =
            parsed("diff", &["--input", r#"{"sandbox_id": "i1", "staged": true}"#, "--sandbox-id", "i2"]);
        assert_eq!(found, json!({"sandbox_id": "i2", "staged": true}));
        let mut input = json!({"output": {"cursor": "c"}});
        put(&mut input, &["output".to_owned(), "max_bytes".to_owned()], json!(7));
        assert_eq!(input, json!({"output": {"cursor": "c", "max_bytes": 7}}));
    }

    #[test]
    fn a_truth_value_that_may_be_missing_can_be_said_to_be_false() {
        let write = ["--sandbox-id", "i1", "--path", "a", "--content", "b"];
        let with = |more: &[&str]| parsed("file-write", &[&write, more].concat());
        assert_eq!(with(&[]).get("executable"), None);
        assert_eq!(with(&["--executable", "false"])["executable"], json!(false));
        assert_eq!(with(&["--create-directories", "false"])["create_directories"], json!(false));
    }
}
