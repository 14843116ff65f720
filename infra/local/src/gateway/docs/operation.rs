//! One operation on the page: what it takes, what it answers, how to ask, and a form to try it.

use maud::{Markup, html};
use serde_json::Value;

use super::{paragraphs, prose, text};
use crate::field::{Choice, Field, Kind, fields};

/// The part of the page that shows one operation.
pub(super) fn shown(document: &Value, path: &str, method: &str, told: &Value, host: &str) -> Markup {
    let content = &told["requestBody"]["content"]["application/json"];
    let input = fields(document, &content["schema"]);
    let answer = &told["responses"]["200"]["content"]["application/json"]["schema"];
    // An operation's answer is the same around its output: only the output is shown.
    let output = fields(document, answer.pointer("/properties/output").unwrap_or(answer));
    let parameters: Vec<&Value> = parameters(document, told).collect();
    let example = content.get("example");
    html! {
        details.operation data-words={ (path) " " (text(&told["summary"])) } {
            summary {
                span.method.{ (method) } { (method.to_uppercase()) }
                code.path { (path) }
                span.summary { (prose(text(&told["summary"]))) }
            }
            div.body id=(text(&told["operationId"])) {
                (paragraphs(text(&told["description"])))
                @if let Some(seconds) = told["x-time-limit-s"].as_u64() {
                    p.note { "Takes at most " (seconds) " s." }
                }
                @if !parameters.is_empty() { h4 { "Parameters" } (parameter_list(&parameters)) }
                @if !input.is_empty() { h4 { "Input" } (field_list(&input)) }
                @if !output.is_empty() { h4 { "Output" } div.output { (field_list(&output)) } }
                h4 { "Example" }
                pre tabindex="0" { code { (curl(path, method, example, host)) } }
                h4 { "Statuses" }
                (statuses(document, told))
                (form(path, method, &parameters, example))
            }
        }
    }
}

fn parameters<'d>(document: &'d Value, told: &'d Value) -> impl Iterator<Item = &'d Value> {
    told["parameters"].as_array().into_iter().flatten().map(|one| pointed(document, one))
}

fn pointed<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    let target = value.get("$ref").and_then(Value::as_str);
    target.and_then(|at| document.pointer(at.trim_start_matches('#'))).unwrap_or(value)
}

fn parameter_list(parameters: &[&Value]) -> Markup {
    html! {
        dl {
            @for one in parameters {
                dt {
                    code { (text(&one["name"])) } " "
                    span.kind { "in the " (text(&one["in"])) }
                    @if one["required"] == true { " " span.required { "required" } }
                }
                dd { (prose(text(&one["description"]))) }
            }
        }
    }
}

fn field_list(all: &[Field]) -> Markup {
    html! {
        dl {
            @for field in all {
                dt {
                    code { (field.name) } " "
                    span.kind { (field.kind.words()) @if field.nullable { " or null" } }
                    @if field.required { " " span.required { "required" } }
                    @if let Some(default) = &field.default { " " span.kind { "default " code { (default) } } }
                }
                dd {
                    (paragraphs(&field.help))
                    @if let Kind::Choice(all) = &field.kind { (choices(all)) }
                    @if !field.kind.fields().is_empty() { (field_list(field.kind.fields())) }
                }
            }
        }
    }
}

/// The values with their meanings; without meanings, the field's line has said it all.
fn choices(all: &[Choice]) -> Markup {
    html! {
        @if all.iter().any(|choice| !choice.help.is_empty()) {
            ul.choices { @for choice in all { li { code { (choice.name) } " " (prose(&choice.help)) } } }
        }
    }
}

/// How to ask with curl; nothing in it means anything to a shell.
fn curl(path: &str, method: &str, example: Option<&Value>, host: &str) -> String {
    let address = format!("http://{host}{path}");
    let address = if address.contains(['{', '&', '?']) { format!("'{address}'") } else { address };
    match (example, method) {
        (Some(example), _) => {
            format!("curl -s --json '{}' \\\n  {address}", example.to_string().replace('\'', "'\\''"))
        }
        (None, "get") => format!("curl -s {address}"),
        (None, method) => format!("curl -s -X {} {address}", method.to_uppercase()),
    }
}

fn statuses(document: &Value, told: &Value) -> Markup {
    let all = told["responses"].as_object().into_iter().flatten();
    html! {
        ul.statuses {
            @for (status, response) in all {
                li { code { (status) } " " (prose(text(&pointed(document, response)["description"]))) }
            }
        }
    }
}

/// Shown by the page's script, which sends it.
fn form(path: &str, method: &str, parameters: &[&Value], example: Option<&Value>) -> Markup {
    html! {
        form.try data-method=(method) data-path=(path) {
            h4 { "Try it" }
            @for one in parameters {
                label {
                    (text(&one["name"]))
                    input name=(text(&one["name"])) data-in=(text(&one["in"])) autocomplete="off"
                        required[one["required"] == true];
                }
            }
            @if let Some(example) = example {
                label { "Body" textarea name="body" spellcheck="false" rows="6" { (format!("{example:#}")) } }
            }
            button type="submit" { "Send " (method.to_uppercase()) }
            output aria-live="polite" {}
        }
    }
}
