//! JSON Schema of the envelope and of every event type, as checked in under `schema/`.

use schemars::Schema;

use crate::{Fact, Record};

/// File name (without directory) and schema of everything that is stored.
pub fn schemas() -> Vec<(String, Schema)> {
    let mut all = vec![("Event.json".to_owned(), schemars::schema_for!(Record))];
    all.extend(
        Fact::schemas()
            .into_iter()
            .map(|(name, version, schema)| (format!("{name}.v{version}.json"), schema)),
    );
    all
}
