//! The request side of protobuf's JSON, which takes more than one writing of a value.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// A field of type `bytes`: base64 in either alphabet, padded or not.
#[derive(Debug)]
pub(super) struct Blob(pub(super) Vec<u8>);

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let decoded = STANDARD.decode(&text).or_else(|_| URL_SAFE.decode(&text));
        decoded.map(Self).map_err(D::Error::custom)
    }
}

/// A field of type `uint32`: a number, or a string that holds one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Number(pub(super) u32);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u32),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(number) => Ok(Self(number)),
            Written::Text(text) => text.parse().map(Self).map_err(D::Error::custom),
        }
    }
}

/// A field that is not optional: `null` means its default, as absence does.
pub(super) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Message {
        #[serde(default, deserialize_with = "or_default")]
        number: Number,
        blob: Option<Blob>,
    }

    fn read(json: &str) -> Result<(u32, Option<Vec<u8>>), serde_json::Error> {
        let message: Message = serde_json::from_str(json)?;
        Ok((message.number.0, message.blob.map(|blob| blob.0)))
    }

    #[test]
    fn every_allowed_writing_of_a_value_is_read() {
        assert_eq!(read("{}").unwrap(), (0, None));
        assert_eq!(read(r#"{"number":null,"blob":null}"#).unwrap(), (0, None));
        assert_eq!(read(r#"{"number":"7"}"#).unwrap(), (7, None));
        for blob in ["+/8=", "+/8", "-_8=", "-_8"] {
            let json = format!(r#"{{"number":7,"blob":"{blob}"}}"#);
            assert_eq!(read(&json).unwrap(), (7, Some(vec![0xfb, 0xff])), "{blob}");
        }
    }

    #[test]
    fn what_is_no_number_and_no_base64_is_refused() {
        for json in [r#"{"number":"seven"}"#, r#"{"number":-1}"#, r#"{"blob":"?"}"#, r#"{"blob":7}"#] {
            assert!(read(json).is_err(), "{json}");
        }
    }
}
