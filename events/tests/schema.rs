//! The checked-in JSON Schemas are those of the code. `GITLEDGER_REWRITE=1 cargo test -p gitledger-events`
//! writes them anew; whoever does so looks at the difference, because a released shape never changes.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use gitledger_events::schema::schemas;
use serde_json::Value;

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schema")
}

#[test]
fn the_checked_in_schemas_are_those_of_the_code() {
    let rewrite = std::env::var_os("GITLEDGER_REWRITE").is_some_and(|value| value == "1");
    for (file, schema) in schemas() {
        let path = directory().join(&file);
        if rewrite {
            fs::write(&path, serde_json::to_string_pretty(&schema).unwrap() + "\n").unwrap();
        }
        let checked_in: Value =
            serde_json::from_str(&fs::read_to_string(&path).unwrap_or_default()).unwrap_or_default();
        // Compared as values: the order of keys depends on other crates' wishes to serde_json.
        assert_eq!(
            &checked_in,
            schema.as_value(),
            "{file}: run with GITLEDGER_REWRITE=1, read the difference"
        );
    }
}

#[test]
fn every_schema_file_belongs_to_a_type() {
    let known: BTreeSet<_> = schemas().into_iter().map(|(file, _)| file).collect();
    for entry in fs::read_dir(directory()).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        // The schema of an older version stays beside the newer one.
        let name = file.split('.').next().unwrap_or_default();
        let of_a_known_type = known.iter().any(|known| known.starts_with(&format!("{name}.")));
        assert!(of_a_known_type, "{file} is nobody's");
    }
}
