//! `submodule-update`: brings submodules to the commits that are recorded, by our own fetch and checkout.
//!
//! A repository's `.gitmodules` is a stranger's text. So `git submodule` itself is never run: each URL is
//! resolved here and admitted like any other, each is fetched in the clean room with the credential of its
//! own host, and files are written by a git without a credential. Deliberately absent: commands that
//! `.gitmodules` names for the update, and submodules of submodules.

mod admission;
mod modules;
mod script;

use gitledger_events::operation::{Effect, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::admission::Job;
use super::script::Script;
use super::workspace;
use crate::failure::{classify, codes};
use crate::plan::Ended;
use crate::{
    Budget, Code, Context, Decision, Done, Exits, Failure, Operation, Place, Rejection, Remotes, Step, check,
};

/// Fetches submodules and puts their files where the repository records them, each at the recorded commit,
/// without a branch. Every URL must be admitted like that of a clone. Submodules of submodules are not
/// looked at; changes in a submodule that are not committed are not overwritten.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmoduleUpdate {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// The submodules' paths, at most 16; all that `.gitmodules` names if empty.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Only the last commits of each: from 1.
    #[serde(default)]
    pub depth: Option<u32>,
}

/// What became of each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubmoduleUpdateOutput {
    /// One for each submodule that was looked at.
    pub submodules: Vec<Submodule>,
    /// Paths that there was no room or no time for; name them in another request.
    pub remaining: Vec<String>,
}

/// What became of one submodule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Submodule {
    /// Relative to the workspace.
    pub path: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The recorded commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Where it came from; only what was admitted is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Why it failed: a code as of a failed operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Why it failed, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What became of a submodule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is at the recorded commit now.
    Updated,
    /// It was there already.
    Unchanged,
    /// `.gitmodules` says that it is not to be updated.
    Skipped,
    /// It is as it was.
    #[default]
    Failed,
}

/// Each is a round trip of its own.
const SUBMODULES_MAX: usize = 16;

impl Operation for SubmoduleUpdate {
    const NAME: &'static str = "submodule-update";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::REMOTE;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "paths": ["vendor/lib"], "depth": 1}"#;
    type Output = SubmoduleUpdateOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        check::path::paths("paths", &self.paths)?;
        if self.paths.len() > SUBMODULES_MAX {
            return Err(Rejection::argument("paths", format!("must be at most {SUBMODULES_MAX} paths")));
        }
        if self.depth == Some(0) {
            return Err(Rejection::argument("depth", "must be at least 1"));
        }
        Ok(())
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        let remote = match workspace::remote(context) {
            Ok(remote) => remote,
            Err(failure) => return failure.into(),
        };
        let run = |script: Script| Decision::run(script.reading(context, Self::BUDGET, rounds));
        let listing = script::modules();
        let Some((listed, rounds_after)) = rounds.split_first() else { return run(listing) };
        if let Some(failure) = listing.failure(listed, SideEffect::None) {
            return failure.into();
        }
        let entries = modules::read(listing.exit(listed, "modules"));
        let mut paths: Vec<String> =
            if self.paths.is_empty() { modules::paths(&entries) } else { self.paths.clone() };
        let remaining = paths.split_off(paths.len().min(SUBMODULES_MAX));
        if paths.is_empty() {
            return Done::with(SubmoduleUpdateOutput::default()).into();
        }
        let staging = Script::default().step("staged", script::staged(&paths));
        let Some((staged, updates)) = rounds_after.split_first() else { return run(staging) };
        if let Some(failure) = staging.failure(staged, SideEffect::None) {
            return failure.into();
        }
        let links = modules::links(staging.exit(staged, "staged"));
        let jobs = paths.into_iter().map(|path| {
            let link = links.iter().find(|link| link.path == path);
            // What `.gitmodules` names and nobody has recorded is nobody's submodule.
            let wanted = link.is_some() || !self.paths.is_empty();
            wanted.then(|| {
                admission::job(&path, &entries, link, &remote, context.remotes).map_err(|no| (path, no))
            })
        });
        let output = SubmoduleUpdateOutput { submodules: Vec::new(), remaining };
        self.each(context, jobs.flatten().collect(), updates, rounds, output)
    }
}

/// Why a submodule is not looked at.
#[derive(Debug)]
struct Refused {
    code: Option<Code>,
    message: String,
}

impl SubmoduleUpdate {
    /// One round trip for each that is not refused.
    fn each(
        &self,
        context: &Context<'_>,
        jobs: Vec<Result<Job, (String, Refused)>>,
        mut updates: &[Exits],
        rounds: &[Exits],
        mut output: SubmoduleUpdateOutput,
    ) -> Decision<SubmoduleUpdateOutput> {
        let mut late = false;
        for job in jobs {
            let job = match job {
                Ok(job) => job,
                Err((path, refused)) => {
                    output.submodules.push(told(path, refused));
                    continue;
                }
            };
            if late {
                output.remaining.insert(0, job.path);
                continue;
            }
            let script = script::update(context, &job, self.depth);
            let Some((exits, rest)) = updates.split_first() else {
                let mut plan = script.talking(context, &job.remote, Self::BUDGET, rounds);
                plan.uploads = script::uploads(context, &job);
                return Decision::run(plan);
            };
            updates = rest;
            late = exits.ended != Ended::Normally;
            output.submodules.push(read(&script, exits, job));
        }
        end(output)
    }
}

/// Everything as it should be, or a failure that has the same to show.
fn end(output: SubmoduleUpdateOutput) -> Decision<SubmoduleUpdateOutput> {
    let of = |outcome: Outcome| output.submodules.iter().filter(move |one| one.outcome == outcome);
    let failed = of(Outcome::Failed).count();
    if failed == 0 {
        return Done::with(output).into();
    }
    let touched = of(Outcome::Updated).next().is_some();
    let message = format!("{failed} of {} submodules could not be updated.", output.submodules.len());
    Failure {
        side_effect: if touched { SideEffect::Applied } else { SideEffect::None },
        output: serde_json::to_value(&output).ok(),
        ..Failure::new(codes::SUBMODULE_ERROR, message)
    }
    .into()
}

fn told(path: String, refused: Refused) -> Submodule {
    Submodule {
        path,
        outcome: if refused.code.is_some() { Outcome::Failed } else { Outcome::Skipped },
        code: refused.code.map(|code| code.name.to_owned()),
        message: Some(refused.message),
        ..Submodule::default()
    }
}

fn read(script: &Script, exits: &Exits, job: Job) -> Submodule {
    let told = Submodule {
        path: job.path,
        commit: Some(job.commit.clone()),
        url: Some(job.remote.url().to_owned()),
        ..Submodule::default()
    };
    let failure = match script.stopped_at(exits) {
        None => {
            let unchanged = script.line(exits, "before").as_ref() == Some(&job.commit);
            let outcome = if unchanged { Outcome::Unchanged } else { Outcome::Updated };
            return Submodule { outcome, ..told };
        }
        Some("safe") if exits.ended == Ended::Normally => {
            let message = "A part of its path is a symbolic link, or a repository of its own is there.";
            Failure::new(codes::PATH_OUTSIDE_REPO, message)
        }
        Some(_) => classify(exits, SideEffect::None),
    };
    let message = check::text::printable_tail(&failure.message, 500);
    Submodule { code: Some(failure.code.name.to_owned()), message: Some(message), ..told }
}

/// git on a submodule's repository, without a credential. Named in full: nothing is looked for.
fn inside<I>(job: &Job, arguments: I) -> Step
where
    I: IntoIterator,
    I::Item: Into<String>,
{
    let places = [format!("GIT_DIR={}", job.git_dir()), format!("GIT_WORK_TREE=./{}", job.path)];
    let fixed = std::iter::once("env".to_owned()).chain(places).chain(["git".to_owned()]);
    Step::new(crate::context::WORKSPACE, fixed.chain(arguments.into_iter().map(Into::into)))
}
