//! `diff`.

use serde_json::{Value, json};

use crate::sandbox::Sandbox;
use crate::server::Server;

/// The flags that a diff is made with, for plain git.
const PLAIN: [&str; 4] = ["-c", "core.quotePath=false", "diff", "--full-index"];

/// Every page of a diff, each within its budget.
fn pages(sandbox: &mut Sandbox, mut input: Value, max_bytes: usize) -> Vec<Value> {
    let mut pages = Vec::new();
    loop {
        let page = sandbox.good("diff", input.clone());
        assert!(page.to_string().len() <= max_bytes, "{} bytes", page.to_string().len());
        let cursor = page["cursor"].clone();
        assert_eq!(page["truncated"], json!(!cursor.is_null()));
        pages.push(page);
        if cursor.is_null() {
            return pages;
        }
        input["output"] = json!({"max_bytes": max_bytes, "cursor": cursor});
    }
}

fn joined(pages: &[Value]) -> String {
    pages.iter().map(|page| page["diff"].as_str().unwrap()).collect()
}

fn names(list: &Value) -> Vec<&str> {
    fn name(file: &Value) -> &str {
        file.as_str().or_else(|| file["path"].as_str()).unwrap()
    }
    list.as_array().map(|all| all.iter().map(name).collect()).unwrap_or_default()
}

/// A sandbox with 400 changed files, and names that git would quote.
fn four_hundred(server: &Server) -> Sandbox {
    let sandbox = server.cloned();
    for number in 0..400 {
        let name = format!("src/module-{number:03} \u{e9}\"q\".txt");
        std::fs::create_dir_all(sandbox.dir().join("src")).unwrap();
        sandbox.write(&name, &format!("a line of \"{number}\"\t\u{fc}\n").repeat(40));
    }
    sandbox.git(&["add", "."]);
    sandbox
}

#[test]
fn four_hundred_files_fit_the_default_budget_and_all_pages_together_are_the_whole_patch() {
    let server = Server::with_repository(None);
    let mut sandbox = four_hundred(&server);
    let pages = pages(&mut sandbox, json!({"sandbox_id": "s1"}), 32 << 10);
    let plain = sandbox.git(&[&PLAIN[..], &["HEAD"]].concat());
    assert!(plain.len() > 400_000);
    assert_eq!(joined(&pages).trim_end(), plain);
    let mut left: Vec<String> =
        sandbox.git(&["diff", "--name-only", "-z", "HEAD"]).split('\0').map(Into::into).collect();
    left.retain(|name| !name.is_empty());
    assert_eq!(left.len(), 400);
    for page in &pages {
        let shown = names(&page["files"]);
        assert_eq!(shown, left[..shown.len()]);
        left.drain(..shown.len());
        assert_eq!(names(&page["omitted"]), left, "everything that is not shown yet is named");
    }
    assert!(left.is_empty());
    assert_eq!(
        (pages[0]["files_total"].as_u64(), pages[0]["bytes"].as_u64()),
        (Some(400), Some(plain.len() as u64 + 1))
    );
    assert_eq!(sandbox.plans[0].steps.len(), 1, "one process");
}

#[test]
fn a_file_larger_than_a_page_comes_hunk_by_hunk_and_between_two_commits_pages_stay_where_they_were() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let lines = |mark: &str| (0..150).map(|_| "same\n".repeat(19) + "here" + mark + "\n").collect::<String>();
    sandbox.write("big", &lines(""));
    sandbox.write("long", &"x".repeat(5000));
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "one", "all": true}));
    sandbox.git(&["branch", "one"]);
    sandbox.write("big", &lines(" changed"));
    sandbox.write("long", &"\u{e9}".repeat(5000));
    sandbox.write("f", "1\n");
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "two", "all": true}));
    sandbox.git(&["branch", "two"]);
    let plain = sandbox.git(&[&PLAIN[..], &["one", "two"]].concat());
    let input = json!({"sandbox_id": "s1", "from": "one", "to": "two", "output": {"max_bytes": 2048}});
    let first = sandbox.good("diff", input.clone());
    assert_eq!(first["files"][0]["partial"], true);
    assert_eq!(names(&first["omitted"]), ["big", "f", "long"]);
    assert!(first["diff"].as_str().unwrap().ends_with('\n'));
    // The branch moves while somebody is reading.
    sandbox.git(&["branch", "-f", "two", "one"]);
    let mut rest = input;
    rest["output"] = json!({"max_bytes": 2048, "cursor": first["cursor"]});
    let mut all = vec![first];
    all.extend(pages(&mut sandbox, rest, 2048));
    assert_eq!(joined(&all).trim_end(), plain);
    assert!(all.len() > 5);
    let begins = |page: &Value| page["diff"].as_str().unwrap().starts_with("@@ ");
    assert!(begins(&all[1]) && begins(&all[2]), "a page ends where a hunk ends");
}

#[test]
fn a_page_of_a_working_tree_that_changed_is_refused() {
    let server = Server::with_repository(None);
    let mut sandbox = four_hundred(&server);
    let first = sandbox.good("diff", json!({"sandbox_id": "s1"}));
    // The same number of bytes, and an index that does not know it.
    sandbox.write("f", "1\n2\n4\n");
    let failure = sandbox.bad("diff", json!({"sandbox_id": "s1", "output": {"cursor": first["cursor"]}}));
    assert_eq!(failure.code.name, "cursor-expired");
}

#[test]
fn files_of_a_conflict_that_both_sides_added_or_deleted_are_shown() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("f", "1\n");
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "x", "all": true}));
    let blob = sandbox.git(&["hash-object", "-w", "f"]);
    let index = format!("0 {blob} 0\tg\n100644 {blob} 1\tg\n100644 {blob} 2\tn\n100644 {blob} 3\tn\n");
    std::fs::remove_file(sandbox.dir().join("g")).unwrap();
    sandbox.write("n", "1\n");
    sandbox.write("../stages", &index);
    let script = std::process::Command::new("sh")
        .args(["-c", "git update-index --index-info < ../stages"])
        .current_dir(sandbox.dir())
        .status();
    assert!(script.unwrap().success());
    let status = sandbox.good("status", json!({"sandbox_id": "s1"}));
    assert_eq!(status["conflicted"], json!([{"path": "g", "kind": "DD"}, {"path": "n", "kind": "AA"}]));
    assert_eq!(status["counts"]["conflicted"], 2);
    assert_eq!((&status["deleted"], &status["staged"]), (&json!([]), &json!([])));
    let staged = sandbox.good("diff", json!({"sandbox_id": "s1", "staged": true}));
    let kinds: Vec<_> = staged["files"].as_array().unwrap().iter().map(|file| &file["status"]).collect();
    assert_eq!(kinds, ["unmerged", "unmerged"], "{staged}");
    assert_eq!(joined(&[staged]).trim_end(), sandbox.git(&["diff", "--cached", "--full-index", "HEAD"]));
}

#[test]
fn what_the_clones_filter_left_out_is_told_and_not_fetched() {
    let server = Server::with_repository(None);
    server.push_by_another("main", "f", "new\n");
    let mut sandbox = server.sandbox();
    let clone = json!({"repo_url": server.repo_url(), "agent_id": "a1", "task_id": "t1", "branch": "main", "filter": "blob:none"});
    sandbox.good("clone", clone);
    let parent = sandbox.git(&["rev-parse", "HEAD~1"]);
    let before = server.requests().len();
    let oid = sandbox.git(&["rev-parse", "HEAD~1:f"]);
    for (name, mut input) in [
        ("diff", json!({"from": parent, "to": "HEAD"})),
        ("show", json!({"detail": "patch"})),
        ("compare", json!({"base": parent})),
        ("blame", json!({"path": "f", "revision": parent})),
        ("grep", json!({"pattern": "1", "revision": parent})),
        ("file-read", json!({"path": "f", "revision": parent})),
    ] {
        input["sandbox_id"] = json!("s1");
        let failure = sandbox.bad(name, input);
        assert_eq!(failure.code.name, "lazy-fetch-failed", "{name}: {failure:?} {oid}");
    }
    assert_eq!(server.requests().len(), before, "nobody asked the remote");
}
