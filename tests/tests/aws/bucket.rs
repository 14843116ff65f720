//! The bucket of what no item can hold: how names begin there, and that nothing ends what counts.

use std::fs;

use gitledger_tests::workspace;

use crate::template::{text, translated};

/// How the names of commits begin.
pub(crate) const COMMITS: &str = "commits/";
/// Those of the log's segments.
pub(crate) const SEGMENTS: &str = "segments/";
/// Those of projections' states; the ledger makes dashes of `#` and `@`.
pub(crate) const STATES: &str = "projection-";

/// Who in the ledger puts into the bucket, and how his names begin.
const WRITERS: [(&str, &str); 3] =
    [("saved.rs", STATES), ("sequencer.rs", SEGMENTS), ("streams.rs", COMMITS)];

/// All that a rule may say: nothing there ends or moves what is current.
const HARMLESS: [&str; 6] = [
    "AbortIncompleteMultipartUpload",
    "ExpiredObjectDeleteMarker",
    "Id",
    "NoncurrentVersionExpiration",
    "Prefix",
    "Status",
];
/// So far back DynamoDB restores a table.
const RESTORABLE_DAYS: u64 = 35;

/// AWS on one machine asks no policy: a name that none lets through would only be noticed in AWS.
#[test]
fn the_ledger_names_objects_as_the_policies_have_them() {
    let mut found: Vec<String> = Vec::new();
    for file in fs::read_dir(workspace::root().join("shared/ledger/src/dynamo")).expect("the sources") {
        let path = file.expect("a file").path();
        let source = fs::read_to_string(&path).expect("a text");
        if !source.contains("store.claim(") {
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (_, begin) = WRITERS.iter().find(|(writer, _)| *writer == name).expect("a prefix and its policy");
        let named = source.replace(['#', '@'], "-").contains(&format!("format!(\"{begin}"));
        assert!(named, "{name} does not name what it puts {begin}...");
        found.push(name);
    }
    found.sort_unstable();
    assert_eq!(found, WRITERS.map(|(writer, _)| writer));
}

#[test]
fn no_rule_ends_what_is_current_and_what_is_replaced_ends() {
    let translated = translated(&text()).unwrap_or_else(|error| panic!("{error}"));
    let bucket = &translated["Resources"]["LargeItems"]["Properties"];
    assert_eq!(bucket["VersioningConfiguration"]["Status"], "Enabled");
    let rules = bucket["LifecycleConfiguration"]["Rules"].as_array().expect("rules");
    let mut ends = Vec::new();
    for rule in rules {
        assert_eq!(rule["Status"], "Enabled", "{rule}");
        for says in rule.as_object().expect("a rule").keys() {
            assert!(HARMLESS.contains(&says.as_str()), "{says}: {rule}");
        }
        if let Some(days) = rule["NoncurrentVersionExpiration"]["NoncurrentDays"].as_u64() {
            ends.push((rule["Prefix"].as_str().expect("what it is for"), days));
        }
    }
    ends.sort_unstable();
    assert_eq!(ends, [(COMMITS, RESTORABLE_DAYS), (STATES, 1), (SEGMENTS, RESTORABLE_DAYS)]);
    let tidies = |says: &str| rules.iter().any(|rule| rule["Prefix"].is_null() && !rule[says].is_null());
    assert!(tidies("ExpiredObjectDeleteMarker") && tidies("AbortIncompleteMultipartUpload"), "{rules:?}");
}
