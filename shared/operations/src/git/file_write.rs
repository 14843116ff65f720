//! `file-write`: puts a file into the workspace.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gitledger_events::operation::{Effect, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::script::{Script, scratch};
use super::{room, workspace};
use crate::failure::{classify, codes};
use crate::plan::{Input, Upload};
use crate::{Budget, Context, Decision, Done, Exits, Failure, Operation, Place, Rejection, Remotes, check};

/// Writes a file of the workspace, whole and in one step: a reader sees the old contents or the new ones.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileWrite {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// The file, relative to the workspace. A symbolic link of this name is replaced; a path that leads
    /// through one is refused.
    pub path: String,
    /// The contents, at most 8 MiB.
    pub content: String,
    /// How `content` is written: as it is, or in base64.
    #[serde(default)]
    pub encoding: Encoding,
    /// May be run, or may not; if not given, as before, and a new file may not.
    #[serde(default)]
    pub executable: Option<bool>,
    /// Make folders that are missing.
    #[serde(default = "yes")]
    pub create_directories: bool,
}

/// How contents are written in JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Encoding {
    /// As it is.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// Standard base64 with padding.
    #[serde(rename = "base64")]
    Base64,
}

/// The file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileWriteOutput {
    /// As asked.
    pub path: String,
    /// The size in bytes.
    pub bytes: u64,
    /// True when there was none before.
    pub created: bool,
}

/// The most bytes of a file.
const FILE_BYTES_MAX: usize = 8 << 20;
/// Texts up to this size go with the plan, without an upload of their own.
const INLINE_BYTES_MAX: usize = 32 << 10;

fn yes() -> bool {
    true
}

impl Operation for FileWrite {
    const NAME: &'static str = "file-write";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "path": "notes.txt", "content": "hello\n"}"#;
    type Output = FileWriteOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        check::path::file("path", &self.path)?;
        if self.bytes()?.len() > FILE_BYTES_MAX {
            return Err(Rejection::argument("content", "must be at most 8 MiB"));
        }
        Ok(())
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let bytes = match self.bytes() {
            Ok(bytes) => bytes,
            Err(rejection) => return Failure::new(codes::UNKNOWN_GIT_ERROR, rejection.to_string()).into(),
        };
        let script = self.script(context, &bytes);
        let Some(exits) = rounds.first() else {
            let mut plan = script.writing(context, Self::BUDGET, rounds);
            if inline(&bytes).is_none() {
                plan.uploads.push(Upload { path: context.scratch("content"), bytes });
                plan.scratch = Some(scratch(context));
            }
            return Decision::run(plan);
        };
        if let Some(at) = script.stopped_at(exits) {
            return self.refused(at, exits).into();
        }
        let created = !script.ok(exits, "existed");
        Done::with(FileWriteOutput { path: self.path.clone(), bytes: bytes.len() as u64, created }).into()
    }

    fn recorded_input(&self) -> Value {
        json!({
            "sandbox_id": self.sandbox_id,
            "path": self.path,
            "bytes": self.bytes().map_or(0, |bytes| bytes.len()),
            "executable": self.executable,
        })
    }
}

impl FileWrite {
    fn bytes(&self) -> Result<Vec<u8>, Rejection> {
        decoded("content", &self.content, self.encoding)
    }

    /// Every name starts with `./`, so that none is taken for an option or an operator.
    fn script(&self, context: &Context<'_>, bytes: &[u8]) -> Script {
        let target = format!("./{}", self.path);
        let folder = target.rsplit_once('/').map_or(".", |(folder, _)| folder).to_owned();
        // In .git: on the same disk, and not seen by `status` if it is ever left behind.
        let temporary = format!(".git/gitledger-{}", context.operation_id);
        let script = Script::default()
            .step("links", room::inside(no_links(&folder)))
            .step("folder", folder_step(&folder, self.create_directories))
            .step("existed", room::inside(["test", "-e", &target, "-o", "-L", &target]).may_fail())
            .step("file", room::inside(["test", "!", "-d", &target]))
            .step("write", write_step(context, bytes, &temporary));
        let mode = match self.executable {
            Some(true) => room::inside(["chmod", "755", &temporary]),
            Some(false) => room::inside(["chmod", "644", &temporary]),
            // Fails where there is no file yet.
            None => room::inside(["chmod", &format!("--reference={target}"), &temporary]).may_fail(),
        };
        script.step("mode", mode).step("rename", room::inside(["mv", "-fT", &temporary, &target]))
    }

    fn refused(&self, at: &str, exits: &Exits) -> Failure {
        let code = exits.last().map_or(0, |exit| exit.code);
        let path = &self.path;
        match at {
            "links" if code == 1 => {
                Failure::new(codes::PATH_OUTSIDE_REPO, format!("{path} leads through a symbolic link."))
            }
            "folder" if code == 1 => {
                Failure::new(codes::PATH_NOT_FOUND, format!("The folder of {path} is missing or a file."))
            }
            "file" if code == 1 => Failure::new(codes::PATH_NOT_A_FILE, format!("{path} is a folder.")),
            _ => classify(exits, SideEffect::None),
        }
    }
}

/// A field's contents as bytes.
pub(super) fn decoded(field: &str, text: &str, encoding: Encoding) -> Result<Vec<u8>, Rejection> {
    match encoding {
        Encoding::Utf8 => Ok(text.as_bytes().to_vec()),
        Encoding::Base64 => STANDARD
            .decode(text)
            .map_err(|error| Rejection::argument(field, format!("must be base64: {error}"))),
    }
}

/// One `test` for all folders on the way.
pub(super) fn no_links(folder: &str) -> Vec<String> {
    let mut argv = vec!["test".to_owned(), "!".to_owned(), "-L".to_owned(), "./.git".to_owned()];
    let ends = folder.match_indices('/').map(|(at, _)| at).skip(1).chain([folder.len()]);
    for end in ends.filter(|_| folder != ".") {
        argv.extend(["-a", "!", "-L", &folder[..end]].map(str::to_owned));
    }
    argv
}

fn folder_step(folder: &str, create: bool) -> crate::Step {
    if create { room::inside(["mkdir", "-p", folder]) } else { room::inside(["test", "-d", folder]) }
}

fn write_step(context: &Context<'_>, bytes: &[u8], temporary: &str) -> crate::Step {
    match inline(bytes) {
        Some(text) => {
            room::inside(["dd", "status=none", &format!("of={temporary}")]).reading(Input::Text(text))
        }
        None => room::inside(["cp", &context.scratch("content"), temporary]),
    }
}

/// A short text, which needs no upload. No argument can carry a NUL byte.
pub(super) fn inline(bytes: &[u8]) -> Option<String> {
    let short = bytes.len() <= INLINE_BYTES_MAX && !bytes.contains(&0);
    std::str::from_utf8(bytes).ok().filter(|_| short).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_folder_on_the_way_is_looked_at() {
        assert_eq!(no_links("./a/b").join(" "), "test ! -L ./.git -a ! -L ./a -a ! -L ./a/b");
        assert_eq!(no_links(".").join(" "), "test ! -L ./.git");
    }
}
