//! Where the ledger is in AWS, and with which keys.

use std::fmt;

use url::Url;

/// Everything that a [`super::DynamoLedger`] must be told. Read from the environment elsewhere.
#[derive(Clone, Debug)]
pub struct DynamoSettings {
    /// For example `eu-central-1`.
    pub region: String,
    /// Another engine that speaks DynamoDB; `None`: Amazon's, in the region.
    pub endpoint: Option<Url>,
    /// Who asks.
    pub keys: AccessKeys,
    /// The table of commits, whose stream the sequencer reads.
    pub events_table: String,
    /// The table of the log, projections and parked events.
    pub log_table: String,
    /// The bucket for what no item can hold; `None`: such things are refused.
    pub bucket: Option<Bucket>,
}

/// Where claim checks lie.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// Another store that speaks S3 (addressed by path); `None`: Amazon's, in the region.
    pub endpoint: Option<Url>,
}

/// A role's or a user's keys. Never shown.
#[derive(Clone)]
pub struct AccessKeys {
    /// `AWS_ACCESS_KEY_ID`.
    pub id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret: String,
    /// `AWS_SESSION_TOKEN`; a Lambda always has one.
    pub session_token: Option<String>,
}

impl fmt::Debug for AccessKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessKeys(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::AccessKeys;

    #[test]
    fn keys_are_never_shown() {
        let keys =
            AccessKeys { id: "AKID".into(), secret: "hidden".into(), session_token: Some("token".into()) };
        assert_eq!(format!("{keys:?}"), "AccessKeys(..)");
    }
}
