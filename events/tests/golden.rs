//! One record per event type and version, as a program of that time wrote it. Files are only ever added:
//! a record that was once written must be read for ever.

use std::fs;
use std::path::{Path, PathBuf};

use gitledger_events::{Fact, Record, fact::TYPES};
use serde_json::Value;

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// File name and text of every golden record.
#[allow(clippy::unwrap_used)] // only tests call it
fn golden() -> Vec<(String, String)> {
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let mut files: Vec<_> = fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (name(&path), fs::read_to_string(path).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn every_version_of_every_type_has_a_golden_record() {
    for (name, newest) in TYPES {
        for version in 1..=*newest {
            let file = directory().join(format!("{name}.v{version}.json"));
            assert!(file.exists(), "{} is missing: add a realistic record", file.display());
        }
    }
}

#[test]
fn a_golden_record_is_called_what_it_is() {
    for (file, text) in golden() {
        let record: Record = serde_json::from_str(&text).unwrap();
        assert_eq!(file, format!("{}.v{}.json", record.name, record.schema_version));
    }
}

#[test]
fn every_golden_record_can_still_be_read() {
    for (file, text) in golden() {
        let record: Record = serde_json::from_str(&text).unwrap();
        let name = record.name.clone();
        let event = record.decode().unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(event.event.fact.name(), name, "{file}");
    }
}

#[test]
fn a_record_of_the_newest_version_is_written_again_as_it_was() {
    for (file, text) in golden() {
        let before: Value = serde_json::from_str(&text).unwrap();
        let event = serde_json::from_str::<Record>(&text).unwrap().decode().unwrap();
        if before["schema_version"] != event.event.fact.schema_version() {
            continue; // read through an upcast, so written in the newest shape
        }
        let after = serde_json::to_value(Record::try_from(&event).unwrap()).unwrap();
        assert_eq!(after, before, "{file}");
    }
}

#[test]
fn no_fact_is_lost_between_reading_and_writing() {
    for (file, text) in golden() {
        let fact = serde_json::from_str::<Record>(&text).unwrap().fact().unwrap();
        let json = fact.to_json().unwrap();
        assert_eq!(Fact::decode(fact.name(), fact.schema_version(), json.get()).unwrap(), fact, "{file}");
    }
}
