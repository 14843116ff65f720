//! Lists of paths: how git is asked for them, and how many of them an answer tells.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::room;
use super::script::Script;
use crate::plan::Input;
use crate::{Context, Exit, Step};

/// The most bytes of paths that an answer tells.
const TOLD_BYTES: usize = 24 << 10;

/// Paths that an operation is about; flattened into the output of those that change files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Told {
    /// The paths, relative to the workspace and sorted.
    pub paths: Vec<String>,
    /// How many there are, those left out of `paths` included.
    pub total: u64,
    /// True when `paths` does not have all of them.
    pub truncated: bool,
}

/// The step with these paths, which are taken literally.
pub(crate) fn with_paths(step: Step, files: &[String]) -> Step {
    step.with(["--pathspec-from-file=-", "--pathspec-file-nul"]).reading(Input::Fields(files.to_vec()))
}

/// The step with these paths as its last arguments, for commands that read none.
pub(crate) fn and_paths(step: Step, files: &[String]) -> Step {
    step.with(["--"]).with(files)
}

/// Lists the files that differ: staged ones with `--cached`, else those of the working tree; from the
/// commit that is the next argument, else from HEAD or from what is staged.
pub(crate) fn differing(staged: bool) -> Step {
    let argv = ["diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--no-textconv"];
    // No operation here touches what is inside a submodule, but which commit it is at can be staged.
    let submodules = if staged { "--ignore-submodules=none" } else { "--ignore-submodules=all" };
    Step::git(argv).with([submodules]).with(staged.then_some("--cached"))
}

/// Ends the plan with 1 where anything exists at one of the paths that `list` prints, NUL after each. The
/// plan needs a scratch directory.
pub(crate) fn absent(script: Script, context: &Context<'_>, list: Step) -> Script {
    let (listed, found) = (context.scratch("listed"), context.scratch("found"));
    let look = room::inside(["xargs", "-0", "-r", "-a", &listed, "stat", "--format=%n", "--"]);
    script
        .step("gone", list.writing(&listed).may_fail())
        .step("found", look.writing(&found).may_fail())
        .step("absent", room::inside(["test", "!", "-s", &found]))
}

/// The paths that a step printed, NUL after each: sorted, each once. A cut text loses its last one.
pub(crate) fn read(exit: Option<&Exit>) -> Vec<String> {
    let bytes = exit.map_or(&[][..], |exit| &exit.stdout);
    let whole = bytes.iter().rposition(|byte| *byte == 0).unwrap_or(0);
    let paths = bytes[..whole].split(|byte| *byte == 0).filter(|path| !path.is_empty());
    let mut paths: Vec<String> = paths.map(|path| String::from_utf8_lossy(path).into_owned()).collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

/// As many of them as there is room for. `cut`: there were more than could be read.
pub(crate) fn told(mut paths: Vec<String>, cut: bool) -> Told {
    let total = u64::try_from(paths.len()).unwrap_or(u64::MAX);
    let mut bytes = 0;
    let fits = |path: &&String| {
        bytes += path.len() + 3;
        bytes <= TOLD_BYTES
    };
    let count = paths.iter().take_while(fits).count();
    let truncated = cut || count < paths.len();
    paths.truncate(count);
    Told { paths, total, truncated }
}

/// What a listing step printed, as an answer tells it.
pub(crate) fn tell(exit: Option<&Exit>) -> Told {
    told(read(exit), exit.is_some_and(|exit| exit.omitted_bytes > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_while_there_is_room_and_counted_all() {
        let paths: Vec<String> = (0..2000).map(|number| format!("a-long-folder/file-{number:04}")).collect();
        let told = told(paths.clone(), false);
        assert!(told.truncated && told.paths.len() < 1000);
        assert_eq!((told.total, &told.paths[..2]), (2000, &paths[..2]));
    }

    #[test]
    fn a_path_is_told_once_and_a_cut_one_is_not() {
        let exit = Exit { stdout: b"b\0a\0b\0c".to_vec(), omitted_bytes: 1, ..Exit::default() };
        let told = tell(Some(&exit));
        assert_eq!((told.paths, told.total, told.truncated), (vec!["a".into(), "b".into()], 2, true));
    }

    #[test]
    fn no_bytes_make_it_panic() {
        for stdout in crate::git::noise::noise(500, b"a/\0\n\xff") {
            tell(Some(&Exit { stdout, ..Exit::default() }));
        }
    }
}
