//! The function of one operation, whatever invokes it.

use std::time::Duration;

use gitledger_events::Stream;
use gitledger_sandboxes::Trace;
use lambda_runtime::Error;
use serde_json::{Value, json};
use uuid::Uuid;

use super::invocation::Invocation;
use super::journal::Note;
use super::serve::{OperationFault, Told};
use crate::access::Principal;
use crate::answer::Outcome;
use crate::story::{Turn, resume};
use crate::trigger::{self, Authority, Caller, Http, Message, Trigger};
use crate::{Answer, Refusal, Request, World, operate};

/// How long an operation is gone on with where the platform does not say when it ends.
const TURN: Duration = Duration::from_mins(10);

/// One invocation.
pub(super) async fn handle(
    world: &World,
    name: &'static str,
    invocation: &Invocation,
    event: Value,
) -> Result<Told, Error> {
    let caller = Trigger::caller(&event);
    // An event source takes any answer for the whole batch done, and never brings it again.
    let is_batch = event.get("Records").is_some();
    match Trigger::read(event) {
        Err(refusal) if is_batch => Err(refusal.to_string().into()),
        Err(refusal) => Ok(told(caller, name, Err(refusal), None)),
        Ok(Trigger::Http(http)) => Ok(Box::pin(of_http(world, name, invocation, &http, caller)).await),
        Ok(Trigger::Queue(messages)) => Ok(Box::pin(of_queue(world, name, invocation, messages)).await),
        Ok(Trigger::Changes(_)) => Err("an operation is not asked for by a table's stream".into()),
        Ok(Trigger::Schedule) => of_json(world, name, invocation, json!({})).await,
        Ok(Trigger::Direct(event)) => match resumed(&event) {
            Some(id) => go_on(world, name, invocation, id).await,
            None => of_json(world, name, invocation, event).await,
        },
    }
}

async fn of_http(
    world: &World,
    name: &'static str,
    invocation: &Invocation,
    http: &Http,
    caller: Caller,
) -> Told {
    let trace = invocation.trace_of(Some(http));
    let answer = match principal(world, name, http) {
        Err(refusal) => Err(refusal),
        // The one thing that is looked at by its path.
        Ok(principal) if name == "operation-get" && http.method == "GET" => {
            recorded(world, &principal, &http.path).await
        }
        Ok(principal) => match trigger::of_http(name, http, world.clock.id()) {
            Ok(request) => asked(world, invocation, request.by(principal), trace).await,
            Err(refusal) => Err(refusal),
        },
    };
    told(caller, name, answer, trace)
}

/// Whoever may invoke a function without HTTP was let in by IAM. A fault is an error of the invocation, so that
/// an asynchronous one is tried again.
async fn of_json(
    world: &World,
    name: &'static str,
    invocation: &Invocation,
    event: Value,
) -> Result<Told, Error> {
    let trace = invocation.trace_of(None);
    let request = match trigger::of_json(name, event, world.clock.id()) {
        Ok(request) => request,
        Err(refusal) => return Ok(told(Caller::Direct, name, Err(refusal), trace)),
    };
    let operation_id = request.operation_id;
    match asked(world, invocation, request, trace).await {
        Err(Refusal::Fault(reason)) => Err(OperationFault { operation_id, reason }.into()),
        answer => Ok(told(Caller::Direct, name, answer, trace)),
    }
}

/// One message after the other. Those that are no requests, that could not be worked on, and that have no outcome
/// yet come again, and in the end to the dead letters.
async fn of_queue(
    world: &World,
    name: &'static str,
    invocation: &Invocation,
    messages: Vec<Message>,
) -> Told {
    let all = messages.len();
    let mut again = Vec::new();
    for message in messages {
        let id = message.id.clone();
        let answer = match trigger::of_message(name, message, world.clock.id()) {
            Ok(request) => {
                let trace = request.trace.or(invocation.trace);
                asked(world, invocation, request, trace).await
            }
            Err(refusal) => Err(refusal),
        };
        match answer {
            Ok(answer) if answer.outcome != Outcome::Unknown => {}
            Ok(_) => again.push(id),
            Err(refusal) => {
                tracing::warn!(message_id = id, %refusal, "message not done");
                again.push(id);
            }
        }
    }
    let note = Note { outcome: "done", batch: Some((all, again.len())), ..Note::default() };
    (trigger::failures(&again), note)
}

async fn asked(
    world: &World,
    invocation: &Invocation,
    request: Request,
    trace: Option<Trace>,
) -> Result<Answer, Refusal> {
    let span = tracing::Span::current();
    span.record("operation_id", tracing::field::display(request.operation_id));
    if let Some(trace) = trace {
        span.record("trace_id", tracing::field::display(trace.id.simple()));
    }
    let request = Request { trace, ..request.patient(invocation.patience()) };
    operate(world, request).await
}

/// The operation that the relay wants gone on with.
fn resumed(event: &Value) -> Option<Uuid> {
    let fields = event.as_object().filter(|fields| fields.len() == 1)?;
    fields.get(super::RESUME)?.as_str()?.parse().ok()
}

async fn go_on(world: &World, name: &'static str, invocation: &Invocation, id: Uuid) -> Result<Told, Error> {
    tracing::Span::current().record("operation_id", tracing::field::display(id));
    let patience = invocation.patience().unwrap_or(TURN);
    let turn = Turn { by: invocation.request_id.clone(), patience };
    match resume(world, id, &turn).await {
        Err(Refusal::Fault(reason)) => Err(OperationFault { operation_id: id, reason }.into()),
        answer => {
            let answer = answer.map(|answer| world.price(answer));
            Ok(told(Caller::Direct, name, answer, None))
        }
    }
}

/// Who asks over HTTP: whom an authoriser let in, or whoever has a good key where keys are required. A signed request
/// has no key: its signature is checked before anything is done.
pub(super) fn principal(world: &World, operation: &str, http: &Http) -> Result<Principal, Refusal> {
    match &http.authority {
        Some(Authority::Key(grant)) => Ok(Principal::Key(std::sync::Arc::new(grant.as_ref().clone()))),
        None if world.access.required() && !trigger::is_signed(operation) => {
            world.access.principal(http.header("authorization"), world.clock.now())
        }
        Some(Authority::Iam) | None => Ok(Principal::Operator),
    }
}

/// `GET /operations/{id}`: the recorded answer, as far as the key may see it.
async fn recorded(world: &World, principal: &Principal, path: &str) -> Result<Answer, Refusal> {
    let missing = Refusal::NotFound { what: "operation" };
    // A domain of one's own may put more before it.
    let id = path.rsplit_once("/operations/").and_then(|(_, id)| id.parse::<Uuid>().ok());
    let Some(id) = id else { return Err(missing) };
    let records = world.ledger.read_stream(&Stream::operation(id), 1).await?;
    Answer::shown(id, &records, principal).map(|answer| world.price(answer)).ok_or(missing)
}

fn told(caller: Caller, name: &str, answer: Result<Answer, Refusal>, trace: Option<Trace>) -> Told {
    if let Err(Refusal::Fault(reason)) = &answer {
        tracing::error!(operation = name, %reason, "fault");
    }
    let outcome = match &answer {
        Ok(answer) => match answer.outcome {
            Outcome::Succeeded => "succeeded",
            Outcome::Failed => "failed",
            Outcome::Unknown => "unknown",
        },
        Err(Refusal::Fault(_)) => "fault",
        Err(_) => "rejected",
    };
    let operation_id = answer.as_ref().ok().map(|answer| answer.operation_id);
    (trigger::write(caller, answer), Note { outcome, operation_id, trace, ..Note::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_resumption_is_taken_for_one() {
        let sample = include_str!("../../../events/triggers/git-clone.resume.json");
        assert!(resumed(&serde_json::from_str(sample).unwrap()).is_some());
        for other in [json!({}), json!({"resume": 7}), json!({"resume": "x"}), json!({"sandbox_id": "i1"})] {
            assert_eq!(resumed(&other), None, "{other}");
        }
    }
}
