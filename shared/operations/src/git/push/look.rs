//! Looks up at the remote what became of a push whose answer was lost.
//!
//! Two users: the push itself, in its own workspace, and the reaper, in a sandbox that has none.

use std::time::Duration;

use gitledger_events::operation::PushPrepared;

use super::Push;
use crate::clean_room::{self, CREDENTIAL, ROOM};
use crate::git::room;
use crate::git::script::{Script, scratch};
use crate::git::workspace::is_oid;
use crate::plan::Ended;
use crate::{Context, Exit, Exits, Operation, Plan, Remote, Step};

/// What the remote shows of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The reference is what was pushed.
    Landed,
    /// It landed, and somebody has built upon it since.
    Superseded,
    /// It is not there. While the pushing process may still live this can change: a push is only given up
    /// after a repeat of it was answered, or when its sandbox is gone.
    NotLanded,
    /// It cannot be told: the remote could not be asked, or the reference was rewritten or removed.
    Unknown,
}

/// Asks the remote from a sandbox without a workspace. Only commits are fetched, no files, where the
/// remote can do that.
pub fn verify(context: &Context<'_>, remote: &Remote, prepared: &PushPrepared) -> Plan {
    Plan {
        steps: alone(context, remote, prepared).into_iter().collect(),
        scratch: Some(scratch(context)),
        remote: Some(remote.clone()),
        credential: Some(context.scratch(CREDENTIAL)),
        // The room is outside of any workspace, but git may need to fetch.
        writes: true,
        timeout: Duration::from_mins(1),
        output_bytes: Push::BUDGET.output_bytes,
        ..Plan::default()
    }
}

/// Reads the exits of [`verify`].
pub fn verdict(exits: &Exits, prepared: &PushPrepared) -> Verdict {
    judge(exits, 1, prepared).0
}

/// `ls-remote`, `fetch`, `new`, `old`: the four that are judged, after what makes the room.
fn alone(context: &Context<'_>, remote: &Remote, prepared: &PushPrepared) -> [Step; 5] {
    let room = context.scratch(ROOM);
    let inside = |step: Step| {
        let mut step = step.inside(".");
        // There is no workspace to borrow objects from.
        step.argv.retain(|argument| !argument.starts_with("GIT_OBJECT_DIRECTORY="));
        step
    };
    let [tip, fetch, new, old] = judged(context, remote, prepared, &["--filter=tree:0"]).map(inside);
    [Step::new(".", ["git", "init", "--quiet", "--bare", "--template=", &room]), tip, fetch, new, old]
}

fn judged(context: &Context<'_>, remote: &Remote, prepared: &PushPrepared, options: &[&str]) -> [Step; 4] {
    let reference = prepared.reference.as_str();
    let refspec = format!("+{reference}:refs/gitledger/tip");
    let fetch = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head"];
    let fetch = clean_room::git(context, remote, fetch).with(options.iter().copied());
    let ancestor = |oid: &str| {
        room::local(context, ["merge-base", "--is-ancestor", oid, "refs/gitledger/tip"]).may_fail()
    };
    [
        room::ls_remote(context, remote, &[reference]),
        fetch.with(["--end-of-options", remote.url(), &refspec]).may_fail(),
        ancestor(&prepared.new),
        ancestor(prepared.old.as_deref().unwrap_or(&prepared.new)),
    ]
}

/// The same look from the workspace that pushed.
pub(super) fn script(context: &Context<'_>, remote: &Remote, prepared: &PushPrepared) -> Script {
    let names = ["tip", "fetch", "new", "old"];
    let opened = room::open(Script::default(), context);
    names
        .into_iter()
        .zip(judged(context, remote, prepared, &[]))
        .fold(opened, |script, (name, step)| script.step(name, step))
}

/// The table: what the tip is, and how it stands to what was pushed and to what was there. `first` is the
/// index of `ls-remote`. The tip comes with it, where the remote told one.
pub(super) fn judge(exits: &Exits, first: usize, prepared: &PushPrepared) -> (Verdict, Option<String>) {
    let asked = exits.get(first).filter(|exit| exit.ok());
    let Some(asked) = asked else { return (Verdict::Unknown, None) };
    let tip = tip(asked, &prepared.reference);
    let old = prepared.old.as_ref();
    let answered = |index: usize| exits.get(first + index).filter(|_| exits.ended == Ended::Normally);
    let verdict = match &tip {
        Some(tip) if *tip == prepared.new => Verdict::Landed,
        Some(tip) if Some(tip) == old => Verdict::NotLanded,
        None if old.is_none() => Verdict::NotLanded,
        // Removed by somebody, before or after: it does not tell.
        None => Verdict::Unknown,
        Some(_) => match (answered(1), answered(2), answered(3)) {
            (Some(fetch), _, _) if !fetch.ok() => Verdict::Unknown,
            (_, Some(new), _) if new.ok() => Verdict::Superseded,
            // Nothing was there before, and what is there now is not built upon ours.
            (_, Some(_), _) if old.is_none() => Verdict::NotLanded,
            (_, Some(_), Some(old)) if old.ok() => Verdict::NotLanded,
            _ => Verdict::Unknown,
        },
    };
    (verdict, tip)
}

/// Reads `ls-remote`: `<oid> TAB <name>`. The pattern may match longer names, so the whole name counts.
pub(super) fn tip(exit: &Exit, reference: &str) -> Option<String> {
    let text = exit.text();
    let mut lines = text.lines().filter_map(|line| line.split_once('\t'));
    lines.find(|(oid, name)| *name == reference && is_oid(oid)).map(|(oid, _)| oid.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bytes_make_it_panic_and_none_make_a_push_land() {
        let prepared =
            PushPrepared { attempt: 1, reference: "refs/heads/a".to_owned(), old: None, new: "1".repeat(40) };
        for (count, stdout) in crate::git::noise::noise(2000, b"1\trefs/heads/a\n\xff").enumerate() {
            let steps = vec![Exit { stdout, ..Exit::default() }; count % 6];
            let exits = Exits { steps, ended: Ended::Normally, elapsed: Duration::ZERO };
            assert_ne!(verdict(&exits, &prepared), Verdict::Landed);
        }
    }
}
