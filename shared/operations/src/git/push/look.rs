//! Looks up at the remote what became of a push whose answer was lost.
//!
//! Two users: the push itself, in its own workspace, and the reaper, in a sandbox that has none.

use std::time::Duration;

use gitledger_events::operation::PushPrepared;

use crate::clean_room::{self, CREDENTIAL, ROOM};
use crate::git::room;
use crate::git::script::{Script, scratch};
use crate::git::workspace::is_oid;
use crate::plan::Ended;
use crate::{Budget, Context, Exit, Exits, Plan, Remote, Step};

/// What the remote shows of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The reference is what was pushed, or is gone where it was to be taken away.
    Landed,
    /// It landed, and somebody has built upon it since.
    Superseded,
    /// It is not there. While the pushing process may still live this can change: a push is only given up
    /// after a repeat of it was answered, or when its sandbox is gone.
    NotLanded,
    /// It cannot be told: the remote could not be asked, or the reference was rewritten or removed.
    Unknown,
    /// The reference was to be taken away and is something else now: either it never was, or somebody has made
    /// it anew. No later look can tell.
    Replaced,
}

/// What a look has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) verdict: Verdict,
    /// True when the remote answered.
    pub(super) asked: bool,
    /// What the reference is now; `None` when there is none, or the remote did not answer.
    pub(super) tip: Option<String>,
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
        output_bytes: Budget::REMOTE.output_bytes,
        ..Plan::default()
    }
}

/// Reads the exits of [`verify`].
pub fn verdict(exits: &Exits, prepared: &PushPrepared) -> Verdict {
    judge(exits, 1, prepared).verdict
}

/// What is judged, after what makes the room.
fn alone(context: &Context<'_>, remote: &Remote, prepared: &PushPrepared) -> Vec<Step> {
    let room = context.scratch(ROOM);
    let inside = |step: Step| {
        let mut step = step.inside(".");
        // There is no workspace to borrow objects from.
        step.argv.retain(|argument| !argument.starts_with("GIT_OBJECT_DIRECTORY="));
        step
    };
    let made = Step::new(".", ["git", "init", "--quiet", "--bare", "--template=", &room]);
    let judged = judged(context, remote, prepared, &["--filter=tree:0"]);
    std::iter::once(made).chain(judged.into_iter().map(|(_, step)| inside(step))).collect()
}

/// Asks for the tip; then how it stands to what was pushed and to what was there, and these two to each
/// other. Of a deletion the tip says all.
fn judged(
    context: &Context<'_>,
    remote: &Remote,
    prepared: &PushPrepared,
    options: &[&str],
) -> Vec<(&'static str, Step)> {
    let reference = prepared.reference.as_str();
    let tip = ("tip", room::ls_remote(context, remote, &[reference]));
    let Some(new) = prepared.new.as_deref() else { return vec![tip] };
    let refspec = format!("+{reference}:{TIP}");
    let fetch = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head"];
    let fetch = clean_room::git(context, remote, fetch).with(options.iter().copied());
    // A commit that is missing is fetched, from a private remote too: so these have the credential.
    let ancestor = |oid: &str, of: &str| {
        clean_room::git(context, remote, ["merge-base", "--is-ancestor", oid, of]).may_fail()
    };
    let old = prepared.old.as_deref().unwrap_or(new);
    vec![
        tip,
        ("fetch", fetch.with(["--end-of-options", remote.url(), &refspec]).may_fail()),
        ("new", ancestor(new, TIP)),
        ("old", ancestor(old, TIP)),
        ("forward", ancestor(old, new)),
        ("back", ancestor(new, old)),
    ]
}

/// Where the room keeps what was fetched.
const TIP: &str = "refs/gitledger/tip";

/// The same look from the workspace that pushed.
pub(super) fn script(context: &Context<'_>, remote: &Remote, prepared: &PushPrepared) -> Script {
    let opened = room::open(Script::default(), context);
    judged(context, remote, prepared, &[])
        .into_iter()
        .fold(opened, |script, (name, step)| script.step(name, step))
}

/// The table: what the tip is, and how it stands to what was pushed and to what was there. `first` is the
/// index of `ls-remote`.
pub(super) fn judge(exits: &Exits, first: usize, prepared: &PushPrepared) -> Seen {
    let asked = exits.get(first).filter(|exit| exit.ok());
    let Some(asked) = asked else { return Seen { verdict: Verdict::Unknown, asked: false, tip: None } };
    let tip = tip(asked, &prepared.reference);
    let verdict = match (&prepared.new, &prepared.old, &tip) {
        (new, _, tip) if new == tip => Verdict::Landed,
        (_, old, tip) if old == tip => Verdict::NotLanded,
        // Removed by somebody, before or after: it does not tell.
        (Some(_), _, None) => Verdict::Unknown,
        (None, _, _) => Verdict::Replaced,
        (Some(_), _, Some(_)) => related(exits, first, prepared),
    };
    Seen { verdict, asked: true, tip }
}

/// The lines of the table where the tip is neither the old nor the new one.
fn related(exits: &Exits, first: usize, prepared: &PushPrepared) -> Verdict {
    let answer = |index: usize| exits.get(first + index).filter(|_| exits.ended == Ended::Normally);
    let [Some(fetch), Some(new), Some(old), Some(forward), Some(back)] = [1, 2, 3, 4, 5].map(answer) else {
        return Verdict::Unknown;
    };
    match (new.ok(), old.ok()) {
        _ if !fetch.ok() => Verdict::Unknown,
        (true, _) if !prepared.force || forward.ok() => Verdict::Superseded,
        // What builds upon an older commit than the one that was there builds upon it in any case, and what
        // has both may have been joined by anybody. 1 says no; anything else says nothing.
        (true, false) if back.code == 1 => Verdict::Superseded,
        // Nothing was there before, and what is there now is not built upon ours.
        (false, _) if prepared.old.is_none() => Verdict::NotLanded,
        (false, true) => Verdict::NotLanded,
        (true, _) | (false, false) => Verdict::Unknown,
    }
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
        let prepared = PushPrepared {
            attempt: 1,
            reference: "refs/heads/a".to_owned(),
            old: None,
            new: Some("1".repeat(40)),
            force: false,
        };
        for (count, stdout) in crate::git::noise::noise(2000, b"1\trefs/heads/a\n\xff").enumerate() {
            let steps = vec![Exit { stdout, ..Exit::default() }; count % 6];
            let exits = Exits { steps, ended: Ended::Normally, elapsed: Duration::ZERO };
            assert_ne!(verdict(&exits, &prepared), Verdict::Landed);
        }
    }
}
