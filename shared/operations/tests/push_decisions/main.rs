//! The push without git: given how the rounds ended, what is next.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)] // a panic is a test's report; `json!` makes values

mod answers;

use std::time::Duration;

use gitledger_events::operation::{PushAttempted, PushOutcome, SideEffect};
use gitledger_events::sandbox::WorkspaceOpened;
use gitledger_events::{Actor, Fact};
use gitledger_operations::decision::Failure;
use gitledger_operations::declaration::Answered;
use gitledger_operations::plan::Ended;
use gitledger_operations::{Context, Decision, Exit, Exits, PushPolicy, Remotes, table};
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

/// room, room-shallow, ls-remote, fetch, is ours in it, is the old one in it; ours builds upon the old one.
fn looked(tip: &str, fetch: i32, new: i32, old: i32) -> Exits {
    let tip = if tip.is_empty() { String::new() } else { format!("{tip}\trefs/heads/work\n") };
    let asked = [exit(0, ""), exit(1, ""), exit(0, &tip), exit(fetch, ""), exit(new, ""), exit(old, "")];
    round(asked.into_iter().chain([exit(0, ""), exit(1, "")]).collect())
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
        policy: &PushPolicy::default(),
        requested_at: Timestamp::UNIX_EPOCH,
        found: &gitledger_operations::record::Found::Nothing,
        envelope: gitledger_operations::Envelope::NONE,
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
    assert_eq!((prepared.old.as_deref(), prepared.new.as_deref()), (Some(SEEN), Some(OURS)));
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
    stays_open(after(looked(THEIRS, 0, 1, 1)));
    // The remote cannot be asked: the same push again, and in the end it stays unknown.
    sends(after(silent()));
    let rounds = [&start[..], &[silent(), lost(), silent(), lost(), silent()]].concat();
    stays_open(decide(&rounds));
}

/// A push that ran as long as it was allowed to, and was stopped then.
fn stopped_after(start: &[Exits]) -> Exits {
    let Decision::Run { plan, .. } = decide(start) else { panic!("no push") };
    let mut stopped = pushed(exit(0, ""));
    stopped.steps.pop();
    Exits { ended: Ended::TimedOut, elapsed: plan.timeout, ..stopped }
}

/// The end that leaves it open what became of the push: nothing in it says that the last attempt ended.
fn stays_open(decision: Decision<Answered>) -> Box<Failure> {
    let Decision::Failed(failure) = decision else { panic!("{decision:?}") };
    assert_eq!((failure.code.name, failure.side_effect), ("unknown-outcome", SideEffect::Unknown));
    assert_eq!(failure.facts, []);
    failure
}

/// The look of one whom the remote does not answer.
fn silent() -> Exits {
    round(vec![exit(0, ""), exit(1, ""), said(128, "fatal: early EOF")])
}

fn lost() -> Exits {
    pushed(said(1, "error: RPC failed; curl 52 Empty reply from server"))
}

#[test]
fn a_push_that_was_stopped_for_its_time_is_looked_up() {
    let start = [prepared(Some(SEEN))];
    runs(decide(&[&start[..], &[stopped_after(&start)]].concat()), "ls-remote");
}

#[test]
fn a_push_that_used_up_the_time_and_is_not_there_yet_stays_open() {
    let start = [prepared(Some(SEEN))];
    let start = [&start[..], &[stopped_after(&start)]].concat();
    for look in [looked(SEEN, 0, 1, 0), looked("", 0, 1, 0), silent(), looked(THEIRS, 0, 1, 1)] {
        stays_open(decide(&[&start[..], &[look]].concat()));
    }
    // What the look proves needs no time: it landed, or somebody else was faster and it never will.
    let after = |look: Exits| decide(&[&start[..], &[look]].concat());
    assert!(matches!(after(looked(OURS, 0, 0, 0)), Decision::Done(_)));
    let Decision::Failed(failure) = after(looked(THEIRS, 0, 1, 0)) else { panic!() };
    assert_eq!((failure.code.name, failure.side_effect), ("timeout", SideEffect::None));
    assert_eq!(failure.facts, [outcome(1, PushOutcome::Superseded)]);
}

#[test]
fn a_repeat_that_failed_says_nothing_of_the_push_whose_answer_was_lost() {
    let start = [prepared(Some(SEEN)), lost(), looked(SEEN, 0, 1, 0)];
    let answers = [
        pushed(said(128, "fatal: Authentication failed for 'https://h/'")),
        pushed(exit(1, &line("!", "[remote rejected] (pre-receive hook declined)"))),
    ];
    for answer in answers {
        stays_open(decide(&[&start[..], &[answer]].concat()));
    }
    // One that may be tried again, but for the time.
    let mut slow = pushed(said(128, "fatal: Could not resolve host: h"));
    slow.elapsed = Duration::from_secs(260);
    stays_open(decide(&[&start[..], &[slow]].concat()));
}

#[test]
fn a_repeat_that_was_overtaken_is_told_once_it_is_known_by_whom() {
    let overtaken = pushed(exit(1, &line("!", "[rejected] (stale info)")));
    let start = [prepared(Some(SEEN)), lost(), looked(SEEN, 0, 1, 0), overtaken];
    // It may have been the first attempt that landed late: the last one must not look settled.
    assert!(runs(decide(&start), "rebase").is_empty());
    let with = |join: Exits| decide(&[&start[..], &[join]].concat());
    stays_open(with(Exits { ended: Ended::TimedOut, ..round(vec![]) }));
    stays_open(with(round(vec![said(128, "fatal: unable to access: Could not resolve host: h")])));
    let (_, announced, _) = sends(with(integrated(REBASED)));
    assert_eq!(announced[0], outcome(2, PushOutcome::Superseded));
    // Gone since: there is nothing to join with, and the next attempt makes it anew.
    let gone = round(vec![said(128, "fatal: couldn't find remote ref refs/heads/work")]);
    let (_, announced, _) = sends(with(gone));
    assert_eq!(announced[0], outcome(2, PushOutcome::Superseded));
    assert!(matches!(&announced[1], Fact::PushPrepared(next) if (next.attempt, &next.old) == (3, &None)));
    // A conflict with what is there now proves that ours is not in it.
    let mut conflict = integrated(OURS);
    conflict.steps[13] = exit(1, "");
    conflict.steps[14] = exit(0, "100644 aa 2\tf\x00100644 bb 3\tf\x00");
    let Decision::Failed(failure) = with(conflict) else { panic!() };
    assert_eq!(
        (failure.code.name, &failure.facts[0]),
        ("merge-conflict", &outcome(2, PushOutcome::Superseded))
    );
    // No attempt is left to find out with.
    let input = json!({"sandbox_id": "s", "max_attempts": 2});
    stays_open(decide_with(input, &start));
}

#[test]
fn a_push_that_landed_late_is_found_when_the_repeat_is_refused() {
    let mut late = integrated(OURS);
    late.steps[11] = exit(0, OURS);
    let rounds = [
        prepared(Some(SEEN)),
        lost(),
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
fn of_very_many_conflicts_the_first_are_told_and_all_are_counted() {
    // Ten thousand short paths; then a few whose names alone would be over an event's limit.
    for (count, name, told) in [(10_000, String::new(), 200), (100, "\u{1}".repeat(4000), 8)] {
        let entries: Vec<_> = (0..count).map(|n| format!("100644 aa 2\t{n:05}{name}\x00")).collect();
        let mut conflict = integrated(OURS);
        conflict.steps[13] = exit(1, "");
        conflict.steps[14] = exit(0, &entries.concat());
        let Decision::Failed(failure) = decide(&[prepared(Some(THEIRS)), conflict]) else { panic!() };
        let output = failure.output.unwrap();
        assert_eq!(
            (output["has_conflicts"].as_bool(), output["conflicts_total"].as_u64()),
            (Some(true), Some(count))
        );
        assert_eq!(output["conflicts"].as_array().unwrap().len(), told);
        let [Fact::ConflictDetected(seen)] = &failure.facts[..] else { panic!() };
        assert_eq!((seen.paths.len(), seen.kinds.len()), (told, told));
        assert!(seen.paths[0].starts_with("00000"));
        assert!(failure.message.starts_with(&format!("{count} files")));
        for size in [serde_json::to_vec(seen).unwrap().len(), serde_json::to_vec(&output).unwrap().len()] {
            assert!(size < 240 << 10, "{size}");
        }
    }
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
