//! An operation without its type: what every surface is derived from.

use gitledger_events::operation::Effect;
use schemars::Schema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::envelope::Envelope;
use crate::guard::Guard;
use crate::record::Wants;
use crate::{Budget, Context, Decision, Exits, Operation, Place, Rejection, Remotes, Undo, check};

/// One line of [`crate::table::OPERATIONS`].
#[derive(Clone, Copy)]
#[allow(clippy::struct_excessive_bools)] // independent answers to independent questions
pub struct Declaration {
    /// The name on every surface.
    pub name: &'static str,
    /// What it may do to the world.
    pub effect: Effect,
    /// What it may take.
    pub budget: Budget,
    /// True when its answer shows contents of files, which are never recorded.
    pub shows_contents: bool,
    /// True when something may be lost for good.
    pub destructive: bool,
    /// True when it can be asked to change nothing and only say what it would do.
    pub dry_run: bool,
    /// True when the answer comes in pages.
    pub pages: bool,
    /// True for E2B's webhook, see [`Operation::SIGNED`].
    pub signed: bool,
    /// How it can be undone.
    pub undo: Undo,
    example: &'static str,
    /// Shape of the input, the envelope's fields included; its description is the help.
    pub input_schema: fn() -> Schema,
    /// Shape of the answer.
    pub output_schema: fn() -> Schema,
    parse: fn(Value) -> Result<Box<dyn Asked>, Rejection>,
}

/// An input of some operation, its type forgotten.
pub trait Asked: Send + Sync {
    /// Where it runs.
    fn place(&self) -> Place<'_>;
    /// Checks what types cannot; see [`Operation::check`].
    fn check(&self, remotes: &Remotes) -> Result<(), Rejection>;
    /// What to do next; see [`Operation::decide`].
    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Answered>;
    /// The input as the ledger keeps it.
    fn recorded_input(&self) -> Value;
    /// What it needs to know of the ledger.
    fn wants(&self) -> Wants;
    /// What was asked besides.
    fn envelope(&self) -> &Envelope;
}

/// An answer without its type.
#[derive(Debug, Default)]
pub struct Answered {
    /// For the caller.
    pub output: Value,
    /// For the ledger, when it is not kept whole.
    pub recorded: Option<Value>,
}

impl Declaration {
    /// The line of one operation.
    pub const fn of<O: Operation>() -> Self {
        Self {
            name: O::NAME,
            effect: O::EFFECT,
            budget: O::BUDGET,
            shows_contents: O::SHOWS_CONTENTS,
            destructive: O::DESTRUCTIVE,
            dry_run: O::DRY_RUN,
            pages: O::PAGES,
            signed: O::SIGNED,
            undo: O::UNDO,
            example: O::EXAMPLE,
            input_schema: || Envelope::added_to::<O>(schemars::schema_for!(O)),
            output_schema: output_schema::<O>,
            parse: parse::<O>,
        }
    }

    /// Reads and checks an input.
    pub fn ask(&self, input: Value, remotes: &Remotes) -> Result<Box<dyn Asked>, Rejection> {
        check::text::no_control_bytes(&input)?;
        let asked = (self.parse)(input)?;
        asked.check(remotes)?;
        Ok(asked)
    }

    /// An input that it takes: the same on every surface.
    pub fn example(&self) -> Value {
        serde_json::from_str(self.example).unwrap_or_default()
    }

    /// The two words by which it is asked for: `git commit`, `sandbox create`.
    pub fn words(&self) -> (&'static str, &'static str) {
        self.name.strip_prefix("sandbox-").map_or(("git", self.name), |verb| ("sandbox", verb))
    }

    /// The path of its route: `/git/commit`, `/sandbox/create`.
    pub fn path(&self) -> String {
        let (family, verb) = self.words();
        format!("/{family}/{verb}")
    }

    /// The name of its tool: `git_branch_create`, `sandbox_create`.
    pub fn tool(&self) -> String {
        let (family, verb) = self.words();
        format!("{family}_{}", verb.replace('-', "_"))
    }

    /// The name of its function: `git-<name>`, but for what asks about operations or sandboxes.
    pub fn function(&self) -> String {
        let own = ["operation-", "sandbox-"].iter().any(|start| self.name.starts_with(start));
        if own { self.name.to_owned() } else { format!("git-{}", self.name) }
    }

    /// What it is for: the first paragraph of the input type's doc comment.
    pub fn help(&self) -> String {
        let schema = (self.input_schema)();
        reflowed(schema.get("description").and_then(Value::as_str).unwrap_or_default())
    }

    /// The first clause of the help, without a full stop.
    pub fn summary(&self) -> String {
        let help = self.help();
        let end = [". ", ": ", "; ", "\n"].iter().filter_map(|end| help.find(end)).min();
        end.map_or(help.as_str(), |end| &help[..end]).trim_end_matches('.').to_owned()
    }
}

/// A doc comment for callers: paragraphs as one line each, because where its lines end says nothing, and what is
/// `None` here is null there.
pub fn reflowed(text: &str) -> String {
    let text = text.replace("`None`", "`null`");
    let paragraph = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.split("\n\n").map(paragraph).collect::<Vec<_>>().join("\n\n")
}

/// The answer as it is written, where an empty field may be left out; the input's schema is of what is read.
fn output_schema<O: Operation>() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<O::Output>()
}

struct Typed<O> {
    operation: O,
    envelope: Envelope,
    /// The envelope's fields as they were given, for the ledger.
    fields: Map<String, Value>,
}

impl<O: Operation> Asked for Typed<O> {
    fn place(&self) -> Place<'_> {
        self.operation.place()
    }

    fn check(&self, remotes: &Remotes) -> Result<(), Rejection> {
        self.operation.check(remotes)
    }

    /// The operation's own decision, with what the envelope asks for around its first plan.
    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Answered> {
        let context = &Context { envelope: &self.envelope, ..context.clone() };
        let changes = O::EFFECT != Effect::Reads && !self.envelope.dry_run;
        let guard = Guard {
            expected_head: self.envelope.expected_head.as_deref(),
            snapshot: changes && self.operation.endangers_files(),
            writes: O::EFFECT != Effect::Reads,
        };
        let (rounds, kept) = match guard.passed(context, rounds) {
            Ok(passed) => passed,
            Err(failure) => return failure.into(),
        };
        match self.operation.decide(context, &rounds) {
            Decision::Run { announce, after, plan } if rounds.is_empty() => {
                Decision::Run { announce, after, plan: guard.around(context, plan) }
            }
            Decision::Run { announce, after, plan } => Decision::Run { announce, after, plan },
            Decision::Failed(failure) => Decision::Failed(failure),
            Decision::Done(mut done) => {
                done.refs_changed.extend(kept);
                done.map(answered::<O>).into()
            }
        }
    }

    fn recorded_input(&self) -> Value {
        let mut recorded = self.operation.recorded_input();
        if let Some(object) = recorded.as_object_mut() {
            object.extend(self.fields.clone());
        }
        recorded
    }

    fn wants(&self) -> Wants {
        self.operation.wants()
    }

    fn envelope(&self) -> &Envelope {
        &self.envelope
    }
}

fn answered<O: Operation>(output: O::Output) -> Answered {
    Answered {
        recorded: O::recorded_output(&output),
        output: serde_json::to_value(output).unwrap_or(Value::Null),
    }
}

/// Reads an input and what was asked besides.
fn parse<O: Operation>(input: Value) -> Result<Box<dyn Asked>, Rejection> {
    let Value::Object(mut input) = input else {
        return Err(Rejection::argument("body", "must be a JSON object"));
    };
    let fields = Envelope::take::<O>(&mut input);
    let operation: O = read(Value::Object(input))?;
    let envelope = Envelope::of(fields.clone(), &operation)?;
    Ok(Box::new(Typed { operation, envelope, fields }))
}

/// Reads a shape, naming the field that does not fit and the rule it breaks.
pub(crate) fn read<T: DeserializeOwned>(input: Value) -> Result<T, Rejection> {
    serde_path_to_error::deserialize(input)
        .map_err(|error| shape_rejection(&error.path().to_string(), &error.inner().to_string()))
}

/// serde says what is wrong in words; the field is in the path, or between the first backticks where the
/// path ends at the object (a missing field, an unknown field).
fn shape_rejection(path: &str, message: &str) -> Rejection {
    let message = message.split(" at line ").next().unwrap_or(message);
    let named = message.split('`').nth(1).unwrap_or("body");
    // The path may end at the object or at the field itself.
    let inner = |object: &str| format!("{}.{named}", object.trim_end_matches(&format!(".{named}")));
    let named = &if path == "." || path == named { named.to_owned() } else { inner(path) };
    if message.starts_with("missing field") {
        Rejection::argument(within(path, named), "is required")
    } else if message.starts_with("unknown field") {
        let known = message.split_once(", ").map_or("", |(_, known)| known);
        Rejection::argument(within(path, named), format!("is not a field of this operation; {known}"))
    } else {
        let field = if path == "." { "body" } else { path };
        Rejection::argument(field, message)
    }
}

/// A field of the object that a path leads to: `output.cursor`.
fn within(path: &str, field: &str) -> String {
    let outer = path.strip_suffix(field).unwrap_or(path).trim_matches('.');
    if outer.is_empty() { field.to_owned() } else { format!("{outer}.{field}") }
}
