//! An answer, or a refusal, as a tool's result.
//!
//! One flat object, as the original's five tools gave it: `success`, `error`, the output's fields, and the
//! fields of gitledger's own answer. Given twice, as MCP wants it: structured, and as text.
//!
//! What is not a success is a result with `isError`, and not a protocol error: MCP keeps those for calls that
//! reach no tool, and clients do not show them to the model. So git's no (with code, remedy and whether to try
//! again), the caller's mistake (with field and rule) and trouble of our own are all told to who can act.

use gitledger_operations::Declaration;
use rmcp::model::{CallToolResult, ContentBlock};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::schema;

/// A tool's result, its verdict first.
#[derive(Debug, Serialize)]
struct Told {
    success: bool,
    error: Option<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// What the answer to a request looks like. `Err`: the refusal's `application/problem+json`.
pub fn of(declaration: &Declaration, told: Result<Value, Value>) -> CallToolResult {
    let told = match told {
        Ok(answer) => answered(declaration, answer),
        Err(problem) => refused(declaration, &problem),
    };
    let text = serde_json::to_string_pretty(&told).unwrap_or_default();
    let structured = json!(told);
    let mut result = if told.success {
        CallToolResult::structured(structured)
    } else {
        CallToolResult::structured_error(structured)
    };
    result.content = vec![ContentBlock::text(text)];
    result
}

/// The output's fields go beside the answer's. A failure's output (the conflicts of a pull, the commit of a
/// push that was refused) does so as well, and is not told again inside `failure`.
fn answered(declaration: &Declaration, answer: Value) -> Told {
    let Value::Object(mut rest) = answer else {
        return Told { success: false, error: None, rest: Map::new() };
    };
    let of_success = rest.remove(schema::WHOLE);
    let of_failure =
        rest.get_mut("failure").and_then(Value::as_object_mut).and_then(|it| it.remove("output"));
    match of_success.or(of_failure) {
        Some(Value::Object(fields)) if schema::is_told_flat(declaration) => {
            rest.extend(fields.into_iter().map(|(name, field)| (schema::placed(&name), field)));
        }
        Some(other) if !other.is_null() => {
            rest.insert(schema::WHOLE.to_owned(), other);
        }
        _ => {}
    }
    let success = rest.get("outcome").is_some_and(|outcome| outcome == "succeeded");
    let failure = rest.get("failure").and_then(|failure| failure["message"].as_str());
    let error = (!success).then(|| failure.unwrap_or("the outcome is not known").to_owned());
    Told { success, error, rest }
}

/// Names the argument as the caller wrote it: over HTTP the key is a header.
fn refused(declaration: &Declaration, problem: &Value) -> Told {
    let text = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
    let field = if text("field") == "Idempotency-Key" { schema::KEY.to_owned() } else { text("field") };
    let rule = text("rule").replace("Idempotency-Key", schema::KEY);
    let error = format!("{field} {rule}");
    let refusal = json!({"code": text("code"), "field": field, "rule": rule});
    let rest = [("operation", json!(declaration.name)), ("refusal", refusal)];
    let rest = rest.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Told { success: false, error: Some(error), rest }
}

#[cfg(test)]
mod tests {
    use gitledger_operations::table;

    use super::*;

    fn of_status(told: Result<Value, Value>) -> CallToolResult {
        of(table::find("status").unwrap(), told)
    }

    #[test]
    fn an_output_lies_flat_beside_the_answer_and_is_told_twice() {
        let answer = json!({"operation_id": "i", "operation": "status", "outcome": "succeeded",
            "output": {"modified": ["a"], "current_branch": "main", "operation": "mine"}, "replayed": false});
        let result = of_status(Ok(answer));
        let structured = result.structured_content.clone().unwrap();
        assert_eq!(result.is_error, Some(false));
        assert_eq!((&structured["success"], &structured["error"]), (&json!(true), &Value::Null));
        assert_eq!((&structured["modified"], structured.get("output")), (&json!(["a"]), None));
        assert_eq!(structured["operation"], "status", "the answer's own names are its own");
        assert_eq!(structured["output_operation"], "mine");
        let text = result.content[0].as_text().unwrap().text.clone();
        assert!(text.starts_with("{\n  \"success\": true,\n  \"error\": null,\n"), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), structured);
    }

    #[test]
    fn a_failure_says_why_and_shows_what_it_has() {
        let answer = json!({"operation": "status", "outcome": "failed",
            "failure": {"code": "merge-conflict", "message": "2 files", "output": {"modified": ["x"]}}});
        let result = of_status(Ok(answer));
        let structured = result.structured_content.unwrap();
        assert_eq!(result.is_error, Some(true));
        assert_eq!((&structured["success"], &structured["error"]), (&json!(false), &json!("2 files")));
        assert_eq!(structured["failure"], json!({"code": "merge-conflict", "message": "2 files"}));
        assert_eq!(structured["modified"], json!(["x"]));
    }

    #[test]
    fn an_outcome_that_is_not_known_is_no_success() {
        let answer = json!({"operation": "push", "outcome": "unknown", "failure": {"message": "ask again"}});
        let structured = of_status(Ok(answer)).structured_content.unwrap();
        assert_eq!((&structured["success"], &structured["error"]), (&json!(false), &json!("ask again")));
    }

    #[test]
    fn a_refusal_names_the_argument_as_the_caller_wrote_it() {
        let problem = json!({"code": "c", "field": "Idempotency-Key", "rule": "was used"});
        let result = of_status(Err(problem));
        let structured = result.structured_content.unwrap();
        assert_eq!((result.is_error, &structured["success"]), (Some(true), &json!(false)));
        assert_eq!(structured["refusal"]["field"], "idempotency_key");
        assert_eq!(structured["error"], "idempotency_key was used");
    }
}
