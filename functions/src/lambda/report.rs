//! The function `report`: over HTTP for whoever may see everything, otherwise for whoever may invoke it.

use gitledger_operations::Rejection;
use lambda_runtime::Error;
use serde_json::{Value, json};

use super::journal::Note;
use super::operation::principal;
use super::serve::Told;
use crate::report::{Question, Terms, tell};
use crate::trigger::{self, Caller, Trigger};
use crate::{Refusal, World};

/// One invocation. The whole ledger is read for each.
pub(super) async fn handle(world: &World, event: &Value) -> Result<Told, Error> {
    let caller = Trigger::caller(event);
    let asked = match Trigger::read(event.clone()) {
        Ok(Trigger::Http(http)) => {
            let allowed = principal(world, "report", &http).and_then(|asking| asking.check_all(false));
            allowed.and_then(|()| of_query(event))
        }
        Ok(Trigger::Direct(event)) => question(event),
        Ok(_) => Ok(Question::default()),
        Err(refusal) => Err(refusal),
    };
    let told = match asked {
        Err(refusal) => Err(refusal),
        Ok(asked) => {
            let terms = Terms::of(asked, &world.prices, &world.sandbox_policy);
            tell(world.ledger.as_ref(), &terms).await.map_err(Refusal::from)
        }
    };
    let outcome = match &told {
        Ok(_) => "done",
        Err(Refusal::Fault(_)) => "fault",
        Err(_) => "rejected",
    };
    let answer = match told {
        Ok(report) => trigger::shown(caller, json!(report)),
        // So that an asynchronous one is tried again.
        Err(Refusal::Fault(reason)) if caller == Caller::Direct => return Err(reason.into()),
        Err(refusal) => trigger::write(caller, Err(refusal)),
    };
    Ok((answer, Note { outcome, ..Note::default() }))
}

/// As API Gateway tells of what follows the question mark: text by name.
fn of_query(event: &Value) -> Result<Question, Refusal> {
    let given = event.get("queryStringParameters").and_then(Value::as_object);
    let number = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
    let fields = given.into_iter().flatten();
    let fields = fields.map(|(name, value)| (name.clone(), value.as_str().map_or(Value::Null, number)));
    question(Value::Object(fields.collect()))
}

fn question(fields: Value) -> Result<Question, Refusal> {
    let question: Question = serde_json::from_value(fields).map_err(|error| {
        Rejection::argument("days, advice", format!("must be a number and true or false: {error}"))
    })?;
    Ok(question.checked()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_read_from_a_query_and_from_json_and_another_is_refused() {
        let of = |query: Value| of_query(&json!({"queryStringParameters": query}));
        let wanted = Question { days: Some(7), advice: Some(false) };
        assert_eq!(of(json!({"days": "7", "advice": "false"})).unwrap(), wanted);
        assert_eq!(question(json!({"days": 7, "advice": false})).unwrap(), wanted);
        assert_eq!(of_query(&json!({})).unwrap(), Question::default());
        for wrong in [json!({"days": "0"}), json!({"days": "week"}), json!({"day": "7"})] {
            assert!(matches!(of(wrong.clone()), Err(Refusal::Rejected(_))), "{wrong}");
        }
    }
}
