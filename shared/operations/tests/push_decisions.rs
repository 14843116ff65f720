//! The push without git: given how the rounds ended, what is next.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)] // a panic is a test's report; `json!` makes values

use std::time::Duration;

use gitledger_events::operation::{PushAttempted, PushOutcome, SideEffect};
use gitledger_events::sandbox::WorkspaceOpened;
use gitledger_events::{Actor, Fact};
use gitledger_operations::declaration::Answered;
use gitledger_operations::plan::Ended;
use gitledger_operations::{Context, Decision, Exit, Exits, Remotes, table};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

const OURS: &str = "1111111111111111111111111111111111111111";
const SEEN: &str = "2222222222222222222222222222222222222222";
const THEIRS: &str = "3333333333333333333333333333333333333333";
const REBASED: &str = "4444444444444444444444444444444444444444";

fn exit(code: i32, stdout: &str) -> Exit {
    Exit { code, stdout: stdout.as_bytes().to_vec(), ..Exit::default() }
}

fn said(code: i32, stderr: &str) -> Exit {
    Exit { code, stderr: stderr.as_bytes().to_vec(), ..Exit::default() }
}

fn round(steps: Vec<Exit>) -> Exits {
    Exits { steps, ended: Ended::Normally, elapsed: Duration::from_secs(1) }
}

/// HEAD is OURS on the agent's branch; the remote has this; SEEN is what was known of it.
fn prepared(remote: Option<&str>) -> Exits {
    let tip = remote.map(|oid| format!("{oid}\trefs/heads/work\n")).unwrap_or_default();
    let quiet = || exit(0, "");
    round(vec![
        exit(0, "refs/heads/work\n"),
        exit(0, OURS),
        quiet(),
        exit(0, OURS),
        quiet(),
        exit(1, ""),
        exit(0, SEEN),
        quiet(),
        exit(0, &tip),
    ])
}

fn integrated(head: &str) -> Exits {
    let quiet = || exit(0, "");
    let mut steps: Vec<Exit> = (0..11).map(|_| quiet()).collect();
    steps.push(exit(0, THEIRS));
    steps.push(exit(0, OURS));
    steps.extend([quiet(), quiet(), exit(128, "")]);
    steps.push(exit(0, &format!("{head}\nrefs/heads/work\n")));
    round(steps)
}

/// The push to a reference that existed: room, room-shallow, builds-upon, push.
fn pushed(push: Exit) -> Exits {
    round(vec![exit(0, ""), exit(1, ""), exit(0, ""), push])
}

fn line(flag: &str, summary: &str) -> String {
    format!("To x\n{flag}\t{OURS}:refs/heads/work\t{summary}\nDone\n")
}

/// room, room-shallow, ls-remote, fetch, is ours in it, is the old one in it.
fn looked(tip: &str, fetch: i32, new: i32, old: i32) -> Exits {
    let tip = if tip.is_empty() { String::new() } else { format!("{tip}\trefs/heads/work\n") };
    round(vec![exit(0, ""), exit(1, ""), exit(0, &tip), exit(fetch, ""), exit(new, ""), exit(old, "")])
}

fn decide(rounds: &[Exits]) -> Decision<Answered> {
    decide_with(json!({"sandbox_id": "s"}), rounds)
}

fn decide_with(input: Value, rounds: &[Exits]) -> Decision<Answered> {
    let opened = WorkspaceOpened {
        path: "/home/user/workspace".to_owned(),
        repo_url: "https://github.com/a/b".to_owned(),
        base_branch: "main".to_owned(),
        branch: "work".to_owned(),
    };
    let (actor, remotes) = (Actor::default(), Remotes::default());
    let context = Context {
        operation_id: Uuid::nil(),
        actor: &actor,
        sandbox_id: "s",
        workspace: Some(&opened),
        remotes: &remotes,
        requested_at: Timestamp::UNIX_EPOCH,
        jitter: 0.5,
    };
    let Ok(asked) = table::find("push").unwrap().ask(input, &remotes) else { panic!("refused") };
    asked.decide(&context, rounds)
}

/// The arguments of the one step that talks of a push, and what is announced.
fn sends(decision: Decision<Answered>) -> (Vec<String>, Vec<Fact>, Duration) {
    let Decision::Run { announce, after, plan } = decision else { panic!("{decision:?}") };
    let pushes = |argv: &Vec<String>| argv.contains(&"push".to_owned());
    let step = plan.steps.into_iter().map(|step| step.argv).find(pushes);
    (step.expect("a push"), announce, after)
}

fn runs(decision: Decision<Answered>, word: &str) -> Vec<Fact> {
    let Decision::Run { announce, plan, .. } = decision else { panic!("{decision:?}") };
    assert!(plan.steps.iter().any(|step| step.argv.contains(&word.to_owned())), "{word}: {plan:?}");
    assert!(!plan.steps.iter().any(|step| step.argv.contains(&"push".to_owned())));
    announce
}

fn outcome(attempt: u32, outcome: PushOutcome) -> Fact {
    PushAttempted { attempt, outcome }.into()
}

#[test]
fn a_new_branch_is_pushed_only_where_there_is_none() {
    let (argv, announced, after) = sends(decide(&[prepared(None)]));
    assert!(argv.contains(&"--force-with-lease=refs/heads/work:".to_owned()));
    assert!(argv.contains(&format!("{OURS}:refs/heads/work")));
    assert!(!argv.iter().any(|argument| argument == "--force" || argument.starts_with('+')));
    assert!(matches!(&announced[..], [Fact::PushPrepared(prepared)] if prepared.old.is_none()));
    assert_eq!(after, Duration::ZERO);
}

#[test]
fn where_the_remote_is_as_it_was_seen_it_is_pushed_at_once_and_only_if_it_still_is() {
    let (argv, announced, _) = sends(decide(&[prepared(Some(SEEN))]));
    assert!(argv.contains(&format!("--force-with-lease=refs/heads/work:{SEEN}")));
    let [Fact::PushPrepared(prepared)] = &announced[..] else { panic!("{announced:?}") };
    assert_eq!((prepared.old.as_deref(), prepared.new.as_str()), (Some(SEEN), OURS));
}

#[test]
fn where_the_remote_has_it_nothing_is_pushed() {
    let Decision::Done(done) = decide(&[prepared(Some(OURS))]) else { panic!() };
    assert_eq!((done.output.output["up_to_date"].as_bool(), done.facts.len()), (Some(true), 0));
}

#[test]
fn what_others_pushed_is_taken_in_before_the_first_attempt() {
    assert!(runs(decide(&[prepared(Some(THEIRS))]), "rebase").is_empty());
    let (argv, announced, _) = sends(decide(&[prepared(Some(THEIRS)), integrated(REBASED)]));
    assert!(argv.contains(&format!("{REBASED}:refs/heads/work")));
    assert!(argv.contains(&format!("--force-with-lease=refs/heads/work:{THEIRS}")));
    assert!(matches!(&announced[..], [Fact::PushPrepared(prepared)] if prepared.attempt == 1));
}

#[test]
fn a_push_that_was_overtaken_is_told_and_then_tried_on_top() {
    let start = [prepared(Some(SEEN)), pushed(exit(1, &line("!", "[rejected] (stale info)")))];
    let announced = runs(decide(&start), "rebase");
    assert_eq!(announced, [outcome(1, PushOutcome::Superseded)]);
    let rounds = [&start[..], &[integrated(REBASED)]].concat();
    let (_, announced, after) = sends(decide(&rounds));
    assert!(matches!(&announced[..], [Fact::PushPrepared(prepared)] if prepared.attempt == 2));
    assert_eq!(after, Duration::ZERO);
}

#[test]
fn attempts_are_bounded() {
    let overtaken = || pushed(exit(1, &line("!", "[rejected] (stale info)")));
    let input = json!({"sandbox_id": "s", "max_attempts": 1});
    let Decision::Failed(failure) = decide_with(input, &[prepared(Some(SEEN)), overtaken()]) else {
        panic!()
    };
    assert_eq!(failure.code.name, "non-fast-forward");
    assert_eq!(failure.facts, [outcome(1, PushOutcome::Superseded)]);
    assert_eq!(failure.side_effect, SideEffect::None);
}

#[test]
fn an_answer_that_was_lost_is_looked_up_before_anything_else() {
    let lost = || pushed(said(1, "error: RPC failed; curl 52 Empty reply from server"));
    let start = [prepared(Some(SEEN)), lost()];
    assert!(runs(decide(&start), "ls-remote").is_empty());
    let after = |look: Exits| decide(&[&start[..], &[look]].concat());
    for (look, superseded) in [(looked(OURS, 0, 0, 0), false), (looked(THEIRS, 0, 0, 0), true)] {
        let Decision::Done(done) = after(look) else { panic!() };
        assert_eq!(done.output.output["superseded"], superseded);
        assert_eq!(done.facts, [outcome(1, PushOutcome::Landed)]);
    }
    // As before: the same push again. Overtaken: on top of theirs. Rewritten: it cannot be told.
    let (argv, announced, delay) = sends(after(looked(SEEN, 0, 1, 0)));
    assert!(argv.contains(&format!("{OURS}:refs/heads/work")));
    assert_eq!(announced[0], outcome(1, PushOutcome::Unknown));
    assert!(delay > Duration::ZERO && delay <= Duration::from_secs(2));
    assert_eq!(runs(after(looked(THEIRS, 0, 1, 0)), "rebase"), [outcome(1, PushOutcome::Superseded)]);
    let Decision::Failed(failure) = after(looked(THEIRS, 0, 1, 1)) else { panic!() };
    assert_eq!((failure.code.name, failure.side_effect), ("unknown-outcome", SideEffect::Unknown));
    // The remote cannot be asked: the same push again, and in the end it stays unknown.
    let silent = || round(vec![exit(0, ""), exit(1, ""), said(128, "fatal: early EOF")]);
    sends(after(silent()));
    let rounds = [&start[..], &[silent(), lost(), silent(), lost(), silent()]].concat();
    let Decision::Failed(failure) = decide(&rounds) else { panic!() };
    assert_eq!((failure.code.name, failure.side_effect), ("unknown-outcome", SideEffect::Unknown));
}

#[test]
fn a_push_that_was_stopped_for_its_time_is_looked_up() {
    let mut stopped = pushed(exit(0, ""));
    stopped.steps.pop();
    stopped.ended = Ended::TimedOut;
    runs(decide(&[prepared(Some(SEEN)), stopped]), "ls-remote");
}

#[test]
fn a_push_that_landed_late_is_found_when_the_repeat_is_refused() {
    let mut late = integrated(OURS);
    late.steps[11] = exit(0, OURS);
    let rounds = [
        prepared(Some(SEEN)),
        pushed(said(1, "error: RPC failed; curl 52 Empty reply from server")),
        looked(SEEN, 0, 1, 0),
        pushed(exit(1, &line("!", "[rejected] (stale info)"))),
        late,
    ];
    let Decision::Done(done) = decide(&rounds) else { panic!() };
    assert_eq!(
        (done.output.output["pushed"].as_bool(), done.output.output["superseded"].as_bool()),
        (Some(true), Some(false))
    );
}

#[test]
fn a_wrong_credential_is_not_tried_twice_and_a_dead_network_is() {
    let failing = |words: &str| [prepared(Some(SEEN)), pushed(said(128, words))];
    let Decision::Failed(failure) = decide(&failing("fatal: Authentication failed for 'https://h/'")) else {
        panic!()
    };
    assert_eq!(failure.facts, [outcome(1, PushOutcome::Failed)]);
    let (_, announced, delay) = sends(decide(&failing("fatal: Could not resolve host: h")));
    assert_eq!(announced[0], outcome(1, PushOutcome::Failed));
    assert!(delay > Duration::ZERO);
}

#[test]
fn nothing_new_is_started_when_the_time_is_used_up() {
    let mut slow = pushed(exit(1, &line("!", "[rejected] (stale info)")));
    slow.elapsed = Duration::from_secs(280);
    let Decision::Failed(failure) = decide(&[prepared(Some(SEEN)), slow]) else { panic!() };
    assert_eq!(failure.code.name, "timeout");
    assert_eq!(failure.facts, [outcome(1, PushOutcome::Superseded)]);
}

#[test]
fn a_conflict_is_an_event_and_the_commit_stays() {
    let mut conflict = integrated(OURS);
    conflict.steps[13] = exit(1, "");
    conflict.steps[14] = exit(0, "100644 aa 2\tf\x00100644 bb 3\tf\x00");
    let Decision::Failed(failure) = decide(&[prepared(Some(THEIRS)), conflict]) else { panic!() };
    assert_eq!(failure.code.name, "merge-conflict");
    assert!(matches!(&failure.facts[..], [Fact::ConflictDetected(seen)] if seen.kinds == ["AA"]));
}

#[test]
fn a_rebase_that_was_stopped_for_its_time_is_taken_back() {
    let mut stopped = integrated(OURS);
    stopped.steps.truncate(13);
    stopped.ended = Ended::TimedOut;
    let rounds = [prepared(Some(THEIRS)), stopped];
    runs(decide(&rounds), "--abort");
    let undone = |ended| Exits { ended, ..round(vec![exit(0, "")]) };
    for (ended, side_effect) in [(Ended::Normally, SideEffect::None), (Ended::TimedOut, SideEffect::Unknown)]
    {
        let Decision::Failed(failure) = decide(&[&rounds[..], &[undone(ended)]].concat()) else { panic!() };
        assert_eq!((failure.code.name, failure.side_effect), ("timeout", side_effect));
    }
}
