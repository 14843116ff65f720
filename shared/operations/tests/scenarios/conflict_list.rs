//! `conflict-list`. Of the peers, one does not see files that both sides added or deleted, and one reads
//! names out of git's sentences; ours come from the index.

use serde_json::{Value, json};

use crate::merge::diverged;

fn kinds(list: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let conflicts = list["conflicts"].as_array().unwrap();
    conflicts.iter().map(|one| (text(&one["path"]), text(&one["kind"]))).collect()
}

#[test]
fn all_seven_kinds_have_their_own_letters_sides_and_advice() {
    let old = "a long enough text\nthat git sees\nunder its new name\n";
    let mut sandbox = diverged(
        &[("f", Some("ours\n")), ("g", None), ("added", Some("a\n")), ("old", Some(old))],
        &[("f", Some("theirs\n")), ("g", Some("y\n")), ("added", Some("b\n"))],
    );
    // Both rename one file to different names, and they delete one that we change.
    sandbox.git(&["branch", "-q", "-D", "side"]);
    let ours = sandbox.git(&["rev-parse", "HEAD"]);
    sandbox.git(&["switch", "-qc", "side"]);
    sandbox.git(&["mv", "old", "their name"]);
    sandbox.write("f", "theirs\n");
    sandbox.write("both", "b\n");
    sandbox.git(&["rm", "-q", "added"]);
    sandbox.git(&["add", "."]);
    sandbox.git(&["commit", "-qm", "theirs"]);
    sandbox.git(&["switch", "-q", "agent-a1-t1"]);
    sandbox.git(&["mv", "old", "our name"]);
    sandbox.write("f", "ours again\n");
    sandbox.write("both", "a\n");
    sandbox.write("added", "a changed\n");
    sandbox.git(&["add", "."]);
    sandbox.git(&["commit", "-qm", "ours"]);
    assert_ne!(ours, sandbox.git(&["rev-parse", "HEAD"]));
    let keep = json!({"sandbox_id": "s1", "source": "side", "on_conflict": "keep"});
    assert_eq!(sandbox.bad("merge", keep).code.name, "merge-conflict");

    let list = sandbox.good("conflict-list", json!({"sandbox_id": "s1"}));
    let pair = |path: &str, kind: &str| (path.to_owned(), kind.to_owned());
    let wanted = [
        pair("added", "UD"),
        pair("both", "AA"),
        pair("f", "UU"),
        pair("old", "DD"),
        pair("our name", "AU"),
        pair("their name", "UA"),
    ];
    assert_eq!(kinds(&list), wanted);
    for one in list["conflicts"].as_array().unwrap() {
        let kind = one["kind"].as_str().unwrap();
        assert_eq!(one.get("base").is_some(), !["AA", "AU", "UA"].contains(&kind), "{kind}");
        assert_eq!(one.get("ours").is_some(), ["UU", "AA", "AU", "UD"].contains(&kind), "{kind}");
        assert_eq!(one.get("theirs").is_some(), ["UU", "AA", "UA", "DU"].contains(&kind), "{kind}");
        assert!(one["advice"].as_str().unwrap().contains('`'));
    }
    let status = sandbox.good("status", json!({"sandbox_id": "s1"}));
    let told: Vec<_> = kinds(&json!({"conflicts": status["conflicted"]}));
    assert_eq!(told, kinds(&list), "status tells the same");

    // The seventh, deleted on our side, is the sixth from the other side.
    sandbox.good("sequencer", json!({"sandbox_id": "s1", "action": "abort"}));
    sandbox.good("switch", json!({"sandbox_id": "s1", "branch": "side"}));
    let keep = json!({"sandbox_id": "s1", "source": "agent-a1-t1", "on_conflict": "keep"});
    let failure = sandbox.bad("merge", keep);
    assert_eq!(kinds(&failure.output.unwrap())[0], pair("added", "DU"));
}

#[test]
fn a_file_changed_here_and_deleted_there_has_its_own_name_and_not_a_piece_of_a_sentence() {
    let mut sandbox = diverged(&[("f", None)], &[("f", Some("theirs\n"))]);
    let failure = sandbox.bad("merge", json!({"sandbox_id": "s1", "source": "side"}));
    assert_eq!(kinds(&failure.output.unwrap()), [("f".to_owned(), "DU".to_owned())]);
}

#[test]
fn a_file_that_both_added_is_a_conflict_and_its_name_is_as_it_is() {
    let mut sandbox = diverged(&[("caf\u{e9} \"x\"", Some("a\n"))], &[("caf\u{e9} \"x\"", Some("b\n"))]);
    let failure = sandbox.bad("merge", json!({"sandbox_id": "s1", "source": "side", "on_conflict": "keep"}));
    let output = failure.output.unwrap();
    assert_eq!(
        (output["has_conflicts"].as_bool(), output["conflicts_total"].as_u64()),
        (Some(true), Some(1))
    );
    assert_eq!(kinds(&output), [("caf\u{e9} \"x\"".to_owned(), "AA".to_owned())]);
    let path = json!({"sandbox_id": "s1", "path": "caf\u{e9} \"x\""});
    assert_eq!(sandbox.good("conflict-show", path)["hunks"][0]["theirs"]["text"], "b\n");
}

#[test]
fn pages_together_are_all_and_a_change_in_between_is_told() {
    let names: Vec<String> = (0..60).map(|number| format!("file-{number:02}")).collect();
    let side = |text| names.iter().map(|name| (name.as_str(), Some(text))).collect::<Vec<_>>();
    let mut sandbox = diverged(&side("ours\n"), &side("theirs\n"));
    sandbox.bad("merge", json!({"sandbox_id": "s1", "source": "side", "on_conflict": "keep"}));
    let ask = |cursor: &Value| json!({"sandbox_id": "s1", "output": {"max_bytes": 4096, "cursor": cursor}});
    let mut all = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let page = sandbox.good("conflict-list", ask(&cursor));
        assert!(page.to_string().len() < 5000);
        all.extend(kinds(&page).into_iter().map(|(path, _)| path));
        let next = page["cursor"].clone();
        if next.is_null() {
            break;
        }
        cursor = next;
    }
    assert_eq!(all, names);
    sandbox.good("conflict-resolve", json!({"sandbox_id": "s1", "path": "file-00", "with": "ours"}));
    assert_eq!(sandbox.bad("conflict-list", ask(&cursor)).code.name, "cursor-expired");
}

#[test]
fn without_conflicts_the_list_is_empty() {
    let mut sandbox = diverged(&[("f", Some("ours\n"))], &[("g", Some("theirs\n"))]);
    let list = sandbox.good("conflict-list", json!({"sandbox_id": "s1"}));
    assert_eq!((list["conflicts_total"].as_u64(), &list["in_progress"]), (Some(0), &Value::Null));
    assert_eq!(sandbox.plans[0].steps.len(), 2);
}
