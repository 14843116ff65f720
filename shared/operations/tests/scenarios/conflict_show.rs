//! `conflict-show`.

use serde_json::{Value, json};

use crate::merge::diverged;
use crate::sandbox::Sandbox;

fn merged(ours: &[(&str, Option<&str>)], theirs: &[(&str, Option<&str>)]) -> Sandbox {
    let mut sandbox = diverged(ours, theirs);
    let keep = json!({"sandbox_id": "s1", "source": "side", "on_conflict": "keep"});
    assert_eq!(sandbox.bad("merge", keep).code.name, "merge-conflict");
    sandbox
}

fn show(sandbox: &mut Sandbox, path: &str) -> Value {
    sandbox.good("conflict-show", json!({"sandbox_id": "s1", "path": path}))
}

#[test]
fn each_hunk_has_the_lines_of_every_side_with_their_places_whatever_the_file_says_by_now() {
    let mut sandbox =
        merged(&[("f", Some("new\n1\n2 ours\n3\n"))], &[("f", Some("1\n2 theirs\nand more\n3\n"))]);
    sandbox.write("f", "<<<<<<< edited\n");
    let shown = show(&mut sandbox, "f");
    assert_eq!(shown["hunks_total"], 1);
    let hunk = json!({
        "number": 1,
        "base": {"line": 2, "lines": 1, "text": "2\n"},
        "ours": {"line": 3, "lines": 1, "text": "2 ours\n"},
        "theirs": {"line": 2, "lines": 2, "text": "2 theirs\nand more\n"},
    });
    assert_eq!(shown["hunks"], json!([hunk]));
    assert_eq!(sandbox.plans.len(), 1);
    let other = sandbox.bad("conflict-show", json!({"sandbox_id": "s1", "path": "g"}));
    assert_eq!(other.code.name, "path-not-conflicted");
}

#[test]
fn lines_that_look_like_markers_are_lines() {
    let text = |who: &str| format!("<<<<<<< a\n{who}\n=======\n>>>>>>> b\n");
    let mut sandbox = merged(&[("n", Some(&text("ours")))], &[("n", Some(&text("theirs")))]);
    let shown = show(&mut sandbox, "n");
    assert_eq!(shown["hunks_total"], 1);
    assert_eq!(
        (&shown["hunks"][0]["ours"]["text"], &shown["hunks"][0]["base"]),
        (&json!("ours\n"), &Value::Null)
    );
}

#[test]
fn a_side_that_is_missing_or_not_text_is_told() {
    let mut sandbox =
        merged(&[("f", None), ("b", Some("a\0b\n"))], &[("f", Some("theirs\n")), ("b", Some("c\0d\n"))]);
    let shown = show(&mut sandbox, "f");
    assert_eq!((&shown["no_hunks"], shown.get("ours")), (&json!("side-missing"), None));
    assert_eq!(show(&mut sandbox, "b")["no_hunks"], "binary");
    let side = |path: &str, side: &str| json!({"sandbox_id": "s1", "path": path, "side": side});
    assert_eq!(sandbox.good("conflict-show", side("f", "theirs"))["content"], "theirs\n");
    assert_eq!(sandbox.good("conflict-show", side("f", "ours"))["content"], Value::Null);
    let binary = sandbox.good("conflict-show", side("b", "ours"));
    assert_eq!((&binary["content"], binary["content_bytes"].as_u64()), (&Value::Null, Some(4)));
}

#[test]
fn pages_of_hunks_and_of_a_whole_side_are_together_exactly_the_whole() {
    let text =
        |who: &str| (0..300).map(|line| format!("{line}\n{who} {line}\n")).collect::<Vec<_>>().concat();
    let (ours, theirs) = (text("ours"), text("theirs"));
    let mut sandbox = merged(&[("n", Some(&ours))], &[("n", Some(&theirs))]);
    let mut all = String::new();
    let mut numbers = Vec::new();
    for side in [json!("theirs"), Value::Null] {
        let mut cursor = Value::Null;
        loop {
            let output = json!({"max_bytes": 2048, "cursor": cursor});
            let input = json!({"sandbox_id": "s1", "path": "n", "side": side, "output": output});
            let page = sandbox.good("conflict-show", input);
            let shown = page["hunks"].to_string().len() + page["content"].to_string().len();
            assert!(shown <= 2048, "{shown}");
            all.push_str(page["content"].as_str().unwrap_or_default());
            numbers.extend(
                page["hunks"].as_array().unwrap().iter().map(|hunk| hunk["number"].as_u64().unwrap()),
            );
            cursor = page["cursor"].clone();
            assert_eq!(page["truncated"].as_bool(), Some(!cursor.is_null()));
            if cursor.is_null() {
                break;
            }
        }
    }
    assert_eq!(all, theirs);
    assert_eq!(numbers, (1..=300).collect::<Vec<_>>());
}

#[test]
fn the_hunks_are_those_of_gits_own_merge() {
    // Texts of few different lines, so that they meet in every way; always the same ones.
    let mut state: u64 = 7;
    let mut draw = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) % below
    };
    let base: Vec<u64> = (0..400).collect();
    let mut edited = |sign: u64| {
        let mut lines = Vec::new();
        for line in &base {
            match draw(12) {
                0 => {}
                1 => lines.push(line + sign * 1000),
                2 => lines.extend([*line, line + 5000]),
                _ => lines.push(*line),
            }
        }
        lines
    };
    let text = |lines: &[u64]| lines.iter().map(|line| format!("{line}\n")).collect::<Vec<_>>().concat();
    let (ours, theirs) = (text(&edited(1)), text(&edited(2)));
    let server = crate::server::Server::with_repository(None);
    let mut sandbox = server.cloned();
    for (branch, content) in [("agent-a1-t1", text(&base)), ("side", theirs), ("agent-a1-t1", ours)] {
        if branch == "side" {
            sandbox.git(&["branch", "-q", "side"]);
        }
        sandbox.git(&["switch", "-q", branch]);
        sandbox.write("n", &content);
        sandbox.git(&["add", "n"]);
        sandbox.git(&["commit", "-qm", "n"]);
    }
    sandbox.bad("merge", json!({"sandbox_id": "s1", "source": "side", "on_conflict": "keep"}));
    for (stage, name) in [(1, "base"), (2, "ours"), (3, "theirs")] {
        let content = sandbox.git(&["cat-file", "blob", &format!(":{stage}:n")]) + "\n";
        std::fs::write(sandbox.home.path().join(name), content).unwrap();
    }
    let output = std::process::Command::new("git")
        .args(["merge-file", "-p", "--diff3", "--marker-size=20", "ours", "base", "theirs"])
        .current_dir(sandbox.home.path())
        .output()
        .unwrap();
    let wanted = String::from_utf8(output.stdout).unwrap();
    let mut expected = Vec::new();
    for part in wanted.split(&format!("{} ours\n", "<".repeat(20))).skip(1) {
        let (ours, rest) = part.split_once(&format!("{} base\n", "|".repeat(20))).unwrap();
        let (base, rest) = rest.split_once(&format!("{}\n", "=".repeat(20))).unwrap();
        let (theirs, _) = rest.split_once(&format!("{} theirs", ">".repeat(20))).unwrap();
        expected.push([base.to_owned(), ours.to_owned(), theirs.to_owned()]);
    }
    let input = json!({"sandbox_id": "s1", "path": "n", "output": {"max_bytes": 1_000_000}});
    let shown = sandbox.good("conflict-show", input);
    let side = |hunk: &Value, side: &str| hunk[side]["text"].as_str().unwrap().to_owned();
    let hunks = shown["hunks"].as_array().unwrap().iter();
    let hunks: Vec<_> = hunks.map(|hunk| ["base", "ours", "theirs"].map(|name| side(hunk, name))).collect();
    assert!(expected.len() > 20, "{}", expected.len());
    assert_eq!(hunks, expected);

    // All of one side's hunks, and what fits, are git's own answer to the same question.
    for (with, option) in [("ours", "--ours"), ("theirs", "--theirs"), ("union", "--union")] {
        let choices: Vec<_> =
            (1..=expected.len()).map(|number| json!({"number": number, "with": with})).collect();
        let input = json!({"sandbox_id": "s1", "path": "n", "with": "hunks", "hunks": choices});
        let index = std::fs::read(sandbox.dir().join(".git/index")).unwrap();
        sandbox.good("conflict-resolve", input);
        let output = std::process::Command::new("git")
            .args(["merge-file", "-p", "--diff3", option, "ours", "base", "theirs"])
            .current_dir(sandbox.home.path())
            .output()
            .unwrap();
        assert_eq!(sandbox.read("n"), String::from_utf8(output.stdout).unwrap(), "{with}");
        std::fs::write(sandbox.dir().join(".git/index"), index).unwrap();
    }
}
