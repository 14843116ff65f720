//! What every operation takes besides its own input.

use std::time::Duration;

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::page::Paging;
use crate::{Operation, Rejection, check};

/// The shortest time that an operation may be given.
const LEAST: Duration = Duration::from_secs(1);

/// What a caller may ask of any operation, checked. Beside the operation's own fields on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The commit that HEAD must be at; else nothing is done.
    pub expected_head: Option<String>,
    /// Less time than the operation's budget.
    pub deadline: Option<Duration>,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Which part of a long answer, and how much of it.
    pub page: Paging,
    /// How the sandbox is chosen and kept.
    pub keep: Keep,
}

/// How a sandbox is chosen and kept, where a call says other than the policy. It can only narrow whose sandbox is
/// taken, never widen it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct Keep {
    /// One that nobody has used, also where the same task has one already.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fresh: bool,
    /// Pause it after so many seconds without use, 5 to 86400; 0: never. As the policy says if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_after_s: Option<u64>,
    /// End it after so many seconds without use, 60 to 86400. As the policy says if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_s: Option<u64>,
}

/// The fields as they stand in an input. Their doc comments are their help.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
struct Fields {
    /// The operation's id, chosen by the caller: the same id again gives the same answer, and nothing runs
    /// twice. The same as the header `Idempotency-Key`.
    #[serde(default, skip_serializing)]
    #[expect(dead_code, reason = "whoever makes the request has taken it out; here it is for the schema")]
    operation_id: Option<Uuid>,
    /// Do nothing unless HEAD is at this commit, given as its full object id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected_head: Option<String>,
    /// Give up after so many milliseconds, at least 1000 and at most what the operation takes anyway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deadline_ms: Option<u64>,
    /// Change nothing, only say what would be done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
    /// How much of a long answer is given, and from where on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output: Option<Output>,
    /// How the sandbox is chosen and kept, where this call wants other than the operator's policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sandbox: Option<Keep>,
}

/// How much of a long answer is given.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
struct Output {
    /// The most bytes of JSON, 1024 to 1048576; 32768 if not given. Only whole items are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_bytes: Option<u32>,
    /// Go on where an answer to the very same input ended: its `cursor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// Which of the fields an operation has.
fn names<O: Operation>() -> impl Iterator<Item = &'static str> {
    [
        ("operation_id", true),
        ("expected_head", O::IN_WORKSPACE),
        ("deadline_ms", true),
        ("dry_run", O::DRY_RUN),
        ("output", O::PAGES),
        ("sandbox", O::OPENS_SANDBOX),
    ]
    .into_iter()
    .filter_map(|(name, has)| has.then_some(name))
}

impl Envelope {
    /// The envelope of an operation that was asked for without any of it.
    pub const NONE: &'static Self =
        &Self { expected_head: None, deadline: None, dry_run: false, page: Paging::NONE, keep: Keep::NONE };

    /// Takes the envelope's fields out of an input. What the operation does not have stays, and is refused
    /// as any unknown field.
    pub(crate) fn take<O: Operation>(input: &mut Map<String, Value>) -> Map<String, Value> {
        names::<O>().filter_map(|name| input.remove_entry(name)).collect()
    }

    /// Reads and checks the fields. `operation` is what a cursor belongs to.
    pub(crate) fn of<O: Operation>(fields: Map<String, Value>, operation: &O) -> Result<Self, Rejection> {
        if fields.is_empty() {
            return Ok(Self { page: Paging::first::<O>(operation), ..Self::default() });
        }
        let fields: Fields = crate::declaration::read(Value::Object(fields))?;
        let page = match fields.output {
            None => Paging::first::<O>(operation),
            Some(output) => Paging::of::<O>(output.max_bytes, output.cursor.as_deref(), operation)?,
        };
        Ok(Self {
            expected_head: fields.expected_head.map(object_id).transpose()?,
            deadline: fields.deadline_ms.map(|ms| deadline(ms, O::BUDGET.time)).transpose()?,
            dry_run: fields.dry_run,
            page,
            keep: fields.sandbox.map(Keep::checked).transpose()?.unwrap_or_default(),
        })
    }

    /// A schema of an input, with the fields that its operation has.
    pub(crate) fn added_to<O: Operation>(mut schema: Schema) -> Schema {
        let fields = schemars::schema_for!(Fields).to_value();
        // An input without fields of its own has none yet.
        let properties =
            schema.ensure_object().entry("properties").or_insert_with(|| Value::Object(Map::new()));
        if let Some(properties) = properties.as_object_mut() {
            for name in names::<O>() {
                properties.insert(name.to_owned(), fields["properties"][name].clone());
            }
        }
        schema
    }
}

impl Keep {
    /// As the policy says.
    pub const NONE: Self = Self { fresh: false, pause_after_s: None, ttl_s: None };

    fn checked(self) -> Result<Self, Rejection> {
        if self.ttl_s.is_some_and(|ttl_s| !(60..=86_400).contains(&ttl_s)) {
            return Err(Rejection::argument("sandbox.ttl_s", "must be 60 to 86400"));
        }
        if self.pause_after_s.is_some_and(|after| after != 0 && !(5..=86_400).contains(&after)) {
            return Err(Rejection::argument("sandbox.pause_after_s", "must be 0, or 5 to 86400"));
        }
        Ok(self)
    }
}

fn object_id(text: String) -> Result<String, Rejection> {
    if check::reference::is_object_id(&text) {
        return Ok(text);
    }
    Err(Rejection::argument(
        "expected_head",
        "must be a full object id: 40 or 64 lower case hexadecimal digits",
    ))
}

fn deadline(ms: u64, budget: Duration) -> Result<Duration, Rejection> {
    let asked = Duration::from_millis(ms);
    if (LEAST..=budget).contains(&asked) {
        return Ok(asked);
    }
    let rule = format!("must be {} to {}", LEAST.as_millis(), budget.as_millis());
    Err(Rejection::argument("deadline_ms", rule))
}
