//! The problems that routes answer with, by status.

use gitledger_functions::Refusal;
use gitledger_functions::refusal::Problem;
use gitledger_operations::Rejection;
use serde_json::{Map, Value, json};

use super::super::BODY_BYTES_MAX;
use super::components::Components;

type Row = (u16, &'static str, &'static str, fn() -> Refusal);

/// Status, name in the document, meaning, an example.
const PROBLEMS: &[Row] = &[
    (400, "BadRequest", "The request breaks a rule; nothing has happened.", || {
        Rejection::argument("sandbox_id", "is required").into()
    }),
    (401, "Unauthorized", "An API key is needed here, and there is none or it is not good.", || {
        Refusal::Unauthenticated { rule: "is missing; this route needs an API key".to_owned() }
    }),
    (
        402,
        "BudgetExceeded",
        "The budget that this would count against is spent; nothing has happened.",
        || {
            let rule = "is over budget; the operator can raise it".to_owned();
            Rejection { code: "budget-exceeded", field: "agent_id".to_owned(), rule }.into()
        },
    ),
    (403, "Forbidden", "Whoever asks may not.", || {
        let rule = "must be this gateway".to_owned();
        Rejection { code: "forbidden", field: "Origin".to_owned(), rule }.into()
    }),
    (404, "NotFound", "There is no such thing.", || Refusal::NotFound { what: "sandbox" }),
    (413, "TooLarge", "The body is larger than any operation takes.", || Refusal::TooLarge {
        max: BODY_BYTES_MAX,
    }),
    (422, "KeyReused", "The key was used for another request.", || Refusal::KeyReused),
    (503, "Unavailable", "It could not be done now; nothing is lost. Try again with the same key.", || {
        Refusal::Fault(String::new())
    }),
];

/// Every route refuses foreign web pages, and, where keys are required, nearly every one who has none.
const EVERYWHERE: [u16; 2] = [401, 403];

/// `components.responses`.
pub(super) fn responses(components: &mut Components) -> Map<String, Value> {
    let schema = components.add_titled(super::super::route::of::<Problem>());
    let response = |(_, name, meaning, example): &Row| {
        let content = json!({"schema": schema, "example": example().problem()});
        let told = json!({"description": meaning, "content": {"application/problem+json": content}});
        ((*name).to_owned(), told)
    };
    PROBLEMS.iter().map(response).collect()
}

/// The responses of these statuses, and of those that every route has.
pub(super) fn references(statuses: &[u16]) -> Map<String, Value> {
    let wanted = |status: &u16| EVERYWHERE.contains(status) || statuses.contains(status);
    let reference = |name: &str| json!({"$ref": format!("#/components/responses/{name}")});
    let listed = PROBLEMS.iter().filter(|(status, ..)| wanted(status));
    listed.map(|(status, name, ..)| (status.to_string(), reference(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_has_the_status_that_it_stands_for() {
        for (status, name, _, example) in PROBLEMS {
            assert_eq!(example().status(), *status, "{name}");
        }
    }
}
