//! An operation without its type: what every surface is derived from.

use gitledger_events::operation::Effect;
use schemars::Schema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::{Budget, Context, Decision, Exits, Operation, Place, Rejection, Remotes, check};

/// One line of [`crate::table::OPERATIONS`].
#[derive(Clone, Copy)]
pub struct Declaration {
    /// The name on every surface.
    pub name: &'static str,
    /// What it may do to the world.
    pub effect: Effect,
    /// What it may take.
    pub budget: Budget,
    /// True when its answer shows contents of files, which are never recorded.
    pub shows_contents: bool,
    /// Shape of the input; its description is the help.
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
            input_schema: || schemars::schema_for!(O),
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

struct Typed<O>(O);

impl<O: Operation> Asked for Typed<O> {
    fn place(&self) -> Place<'_> {
        self.0.place()
    }

    fn check(&self, remotes: &Remotes) -> Result<(), Rejection> {
        self.0.check(remotes)
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Answered> {
        match self.0.decide(context, rounds) {
            Decision::Run { announce, after, plan } => Decision::Run { announce, after, plan },
            Decision::Failed(failure) => Decision::Failed(failure),
            Decision::Done(done) => done.map(answered::<O>).into(),
        }
    }

    fn recorded_input(&self) -> Value {
        self.0.recorded_input()
    }
}

fn answered<O: Operation>(output: O::Output) -> Answered {
    Answered {
        recorded: O::recorded_output(&output),
        output: serde_json::to_value(output).unwrap_or(Value::Null),
    }
}

/// Reads an input, naming the field that does not fit and the rule it breaks.
fn parse<O: Operation>(input: Value) -> Result<Box<dyn Asked>, Rejection> {
    if !input.is_object() {
        return Err(Rejection::argument("body", "must be a JSON object"));
    }
    match serde_path_to_error::deserialize::<_, O>(input) {
        Ok(operation) => Ok(Box::new(Typed(operation))),
        Err(error) => Err(shape_rejection(&error.path().to_string(), &error.inner().to_string())),
    }
}

/// serde says what is wrong in words; the field is in the path, or between the first backticks where the
/// path ends at the object (a missing field, an unknown field).
fn shape_rejection(path: &str, message: &str) -> Rejection {
    let message = message.split(" at line ").next().unwrap_or(message);
    let named = message.split('`').nth(1).unwrap_or("body");
    if message.starts_with("missing field") {
        Rejection::argument(named, "is required")
    } else if message.starts_with("unknown field") {
        let known = message.split_once(", ").map_or("", |(_, known)| known);
        Rejection::argument(named, format!("is not a field of this operation; {known}"))
    } else {
        let field = if path == "." { "body" } else { path };
        Rejection::argument(field, message)
    }
}
