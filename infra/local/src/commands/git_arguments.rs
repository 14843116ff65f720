//! The arguments of `gitledger git <operation>`, made from the table: a flag per field of the input.

use clap::{Arg, ArgAction, ArgMatches, Command};
use gitledger_operations::{Declaration, declaration, table};
use serde_json::{Map, Value};

/// A subcommand per operation.
pub fn subcommands() -> Vec<Command> {
    table::OPERATIONS.iter().map(subcommand).collect()
}

fn subcommand(operation: &Declaration) -> Command {
    let schema = (operation.input_schema)();
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let mut command = Command::new(operation.name).about(operation.summary()).long_about(operation.help());
    for (name, property) in properties(&schema) {
        command = command.arg(argument(name, property, required.contains(&name.as_str())));
    }
    command
}

fn properties(schema: &schemars::Schema) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}

fn argument(name: &str, property: &Value, required: bool) -> Arg {
    let help = declaration::reflowed(property.get("description").and_then(Value::as_str).unwrap_or_default());
    let argument = Arg::new(name.to_owned()).long(name.replace('_', "-")).help(help);
    // What must be given stands first.
    let argument = argument.display_order(if required { 1 } else { 2 });
    match kind(property) {
        Kind::Flag => argument.action(ArgAction::SetTrue),
        // The default of such a flag is true; `--x false` turns it off.
        Kind::Choice => argument.action(ArgAction::Set).value_name("true|false"),
        Kind::List => argument.action(ArgAction::Append).value_name("VALUE"),
        Kind::Number => argument.action(ArgAction::Set).value_name("N").required(required),
        Kind::Text => {
            argument.action(ArgAction::Set).value_name("TEXT").allow_hyphen_values(true).required(required)
        }
    }
}

/// How a field is written on a command line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Flag,
    Choice,
    List,
    Number,
    Text,
}

fn kind(property: &Value) -> Kind {
    let is = |name: &str| match property.get("type") {
        Some(Value::String(found)) => found == name,
        Some(Value::Array(found)) => found.iter().any(|found| found == name),
        _ => false,
    };
    if is("boolean") {
        let on = property.get("default").and_then(Value::as_bool) == Some(true);
        if on { Kind::Choice } else { Kind::Flag }
    } else if is("array") {
        Kind::List
    } else if is("integer") || is("number") {
        Kind::Number
    } else {
        Kind::Text
    }
}

/// The input that a command line means. A text may be `-` for standard input or `@FILE` for a file where
/// the field is `content`.
pub fn input(operation: &Declaration, matches: &ArgMatches) -> Result<Value, String> {
    let schema = (operation.input_schema)();
    let mut input = Map::new();
    for (name, property) in properties(&schema) {
        let value = match kind(property) {
            Kind::Flag => matches.get_flag(name).then_some(Value::Bool(true)),
            Kind::List => {
                matches.get_many::<String>(name).map(|values| values.cloned().map(Value::String).collect())
            }
            kind => matches.get_one::<String>(name).map(|text| single(name, kind, text)).transpose()?,
        };
        if let Some(value) = value {
            input.insert(name.clone(), value);
        }
    }
    Ok(Value::Object(input))
}

fn single(name: &str, kind: Kind, text: &str) -> Result<Value, String> {
    match kind {
        // What is not a number or a truth value goes on as text; the service names the field and the rule.
        Kind::Number | Kind::Choice => Ok(serde_json::from_str(text).unwrap_or_else(|_| text.into())),
        _ if name == "content" => contents(text).map(Value::String),
        _ => Ok(text.into()),
    }
}

fn contents(text: &str) -> Result<String, String> {
    if text == "-" {
        return std::io::read_to_string(std::io::stdin()).map_err(|error| format!("--content -: {error}"));
    }
    match text.strip_prefix('@') {
        Some(file) => std::fs::read_to_string(file).map_err(|error| format!("--content @{file}: {error}")),
        None => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_a_command_whose_flags_are_its_fields() {
        for operation in table::OPERATIONS {
            let command = subcommand(operation);
            command.clone().debug_assert();
            let schema = (operation.input_schema)();
            assert_eq!(properties(&schema).count(), command.get_arguments().count(), "{}", operation.name);
        }
    }
}
