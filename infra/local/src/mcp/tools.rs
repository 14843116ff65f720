//! The tools: one per declaration, nothing written by hand.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use gitledger_events::operation::Effect;
use gitledger_operations::table;
use gitledger_operations::{Budget, Declaration};
use rmcp::model::{Tool, ToolAnnotations};

use super::schema;

/// Every tool, in the table's order.
pub fn all() -> &'static [Tool] {
    static TOOLS: OnceLock<Vec<Tool>> = OnceLock::new();
    TOOLS.get_or_init(|| table::all().map(tool).collect())
}

/// The tool of this name with its declaration.
pub fn find(name: &str) -> Option<(&'static Tool, &'static Declaration)> {
    all().iter().zip(table::all()).find(|(tool, _)| tool.name == name)
}

fn tool(declaration: &Declaration) -> Tool {
    let input = Arc::new(schema::input(declaration));
    let (family, verb) = declaration.words();
    let family = if family == "git" { "Git" } else { "Sandbox" };
    let title = format!("{family} {}", verb.replace('-', " "));
    Tool::new(Cow::Owned(declaration.tool()), Cow::<str>::Owned(declaration.help()), input)
        .with_title(title.clone())
        .with_raw_output_schema(Arc::new(schema::output(declaration)))
        .with_annotations(annotations(declaration, title))
}

/// Hints, which clients must not trust. Every call may be repeated under its `idempotency_key`.
fn annotations(declaration: &Declaration, title: String) -> ToolAnnotations {
    ToolAnnotations::with_title(title)
        .read_only(declaration.effect == Effect::Reads)
        .destructive(declaration.destructive)
        .idempotent(true)
        .open_world(is_open_world(declaration))
}

/// Whether it talks to a remote: what it sees there is not of this system's making.
fn is_open_world(declaration: &Declaration) -> bool {
    declaration.effect == Effect::Publishes || declaration.budget.time >= Budget::REMOTE.time
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_a_tool_and_every_tool_an_operation() {
        let names: Vec<&str> = all().iter().map(|tool| tool.name.as_ref()).collect();
        let wanted: Vec<String> = table::all().map(Declaration::tool).collect();
        assert_eq!(names, wanted);
        for (tool, declaration) in all().iter().zip(table::all()) {
            assert_eq!(find(&tool.name).map(|(_, found)| found.name), Some(declaration.name));
        }
        assert!(find("git_file-write").is_none() && find("status").is_none());
        assert!(find("sandbox_create").is_some() && find("git_sandbox_create").is_none());
    }

    #[test]
    fn hints_follow_from_the_declaration() {
        let hints = |name: &str| find(name).and_then(|(tool, _)| tool.annotations.clone()).unwrap();
        assert_eq!(hints("git_status").read_only_hint, Some(true));
        assert_eq!(hints("git_status").open_world_hint, Some(false));
        assert_eq!(hints("git_commit").read_only_hint, Some(false));
        assert_eq!(hints("git_fetch").open_world_hint, Some(true));
        assert_eq!(hints("git_push").open_world_hint, Some(true));
    }
}
