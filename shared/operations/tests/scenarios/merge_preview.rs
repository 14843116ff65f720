//! `merge-preview`.

use serde_json::json;

use crate::merge::diverged;
use crate::sandbox::Sandbox;

/// True when the machine's git can preview more than merges.
fn new_enough(sandbox: &Sandbox) -> bool {
    let version = sandbox.git(&["--version"]);
    let minor = version.split('.').nth(1).and_then(|minor| minor.parse::<u32>().ok());
    !version.starts_with("git version 2.") || minor.unwrap() >= 40
}

/// Every file of the repository, so that it shows whether anything was touched.
fn objects(sandbox: &Sandbox) -> String {
    sandbox.git(&["count-objects", "-v"])
}

#[test]
fn a_merge_that_fits_and_one_that_does_not_are_told_apart_and_nothing_is_touched() {
    let mut sandbox = diverged(&[("f", Some("ours\n"))], &[("g", Some("theirs\n"))]);
    sandbox.write("f", "not committed\n");
    let before = objects(&sandbox);
    let preview = json!({"sandbox_id": "s1", "source": "side"});
    let output = sandbox.good("merge-preview", preview.clone());
    assert_eq!((output["clean"].as_bool(), output["up_to_date"].as_bool()), (Some(true), Some(false)));
    assert_eq!(objects(&sandbox), before);
    sandbox.git(&["restore", "f"]);
    sandbox.write("g", "ours\n");
    sandbox.git(&["commit", "-qam", "g"]);
    let output = sandbox.good("merge-preview", preview);
    assert_eq!((output["clean"].as_bool(), output["conflicts_total"].as_u64()), (Some(false), Some(1)));
    assert_eq!(
        (&output["conflicts"][0]["path"], &output["conflicts"][0]["kind"]),
        (&json!("g"), &json!("UU"))
    );
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
}

#[test]
fn what_is_in_already_and_what_only_goes_forward_is_told() {
    let mut sandbox = diverged(&[("f", Some("ours\n"))], &[("g", Some("theirs\n"))]);
    let preview =
        |source: &str, target: &str| json!({"sandbox_id": "s1", "source": source, "target": target});
    let output = sandbox.good("merge-preview", preview("agent-a1-t1", "side"));
    assert_eq!(
        (output["up_to_date"].as_bool(), output["fast_forward"].as_bool()),
        (Some(false), Some(false))
    );
    let base = sandbox.git(&["merge-base", "side", "HEAD"]);
    assert_eq!(sandbox.good("merge-preview", preview(&base, "HEAD"))["up_to_date"], true);
    assert_eq!(sandbox.good("merge-preview", preview("HEAD", &base))["fast_forward"], true);
    assert_eq!(sandbox.bad("merge-preview", preview("no-such", "HEAD")).code.name, "ref-not-found");
}

#[test]
fn a_pick_and_a_revert_are_tried_without_a_working_tree() {
    let mut sandbox = diverged(&[("f", Some("ours\n"))], &[("f", Some("theirs\n"))]);
    let preview = |kind: &str, source: &str| json!({"sandbox_id": "s1", "kind": kind, "source": source});
    let base = sandbox.git(&["rev-parse", "HEAD~1"]);
    if !new_enough(&sandbox) {
        let failure = sandbox.bad("merge-preview", preview("revert", "HEAD"));
        assert_eq!(failure.code.name, "git-unsupported");
        assert!(failure.message.contains("2.40"));
        return;
    }
    let output = sandbox.good("merge-preview", preview("cherry-pick", "side"));
    assert_eq!((output["clean"].as_bool(), &output["stopped_at"]), (Some(false), &output["source"]));
    assert_eq!(sandbox.good("merge-preview", preview("revert", "HEAD"))["clean"], true);
    let output = sandbox.good("merge-preview", preview("revert", &base));
    assert_eq!((output["clean"].as_bool(), output["up_to_date"].as_bool()), (Some(true), Some(false)));
    let mut with = preview("revert", "HEAD");
    with["mainline"] = json!(2);
    assert_eq!(sandbox.bad("merge-preview", with).code.name, "mainline-mismatch");
}

#[test]
fn a_rebase_is_tried_commit_by_commit_until_one_does_not_fit() {
    let mut sandbox = diverged(&[("n", Some("n\n"))], &[("f", Some("1 theirs\n2\n3\n"))]);
    if !new_enough(&sandbox) {
        return;
    }
    sandbox.write("f", "1\n2\n3 ours\n");
    sandbox.git(&["commit", "-qam", "fits"]);
    let preview = json!({"sandbox_id": "s1", "kind": "rebase", "source": "HEAD", "target": "side"});
    let before = objects(&sandbox);
    let output = sandbox.good("merge-preview", preview.clone());
    assert_eq!((output["clean"].as_bool(), output["commits"].as_u64()), (Some(true), Some(2)));
    assert_eq!(objects(&sandbox), before);
    sandbox.write("f", "1 ours\n2\n3 ours\n");
    sandbox.git(&["commit", "-qam", "does not"]);
    let output = sandbox.good("merge-preview", preview);
    assert_eq!((output["clean"].as_bool(), output["commits"].as_u64()), (Some(false), Some(3)));
    assert_eq!(output["stopped_at"], json!(sandbox.git(&["rev-parse", "HEAD"])));
    assert_eq!(output["conflicts"][0]["path"], "f");
}

#[test]
fn a_rename_on_both_sides_names_every_file() {
    let mut sandbox = diverged(
        &[("f", None), ("ours name", Some("1\n2\n3\n"))],
        &[("f", None), ("theirs name", Some("1\n2\n3\n"))],
    );
    let output = sandbox.good("merge-preview", json!({"sandbox_id": "s1", "source": "side"}));
    let kinds: Vec<_> = output["conflicts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["path"].as_str().unwrap(), one["kind"].as_str().unwrap()))
        .collect();
    assert_eq!(kinds, [("f", "DD"), ("ours name", "AU"), ("theirs name", "UA")]);
    assert_eq!(output["reasons"][0]["reason"], "CONFLICT (rename/rename)");
    assert_eq!(output["reasons"][0]["paths"].as_array().unwrap().len(), 3);
}
