//! Who asks, and what they may: API keys, checked the same way by the gateway and by every function.
//!
//! [`verify`], [`Grant`] and [`Principal`] decide and do no IO; [`KeyFile`] keeps the records; [`Access`] joins
//! them and notices a change of the file. Whatever cannot be read or understood refuses, and never admits.

mod file;
mod gate;
mod grant;
mod key;
mod principal;
mod record;
mod verify;

pub use file::{KeyFile, KeyFileError, NewKey, keys_in};
pub use gate::Access;
pub use grant::Grant;
pub use key::{ApiKey, Digest};
pub use principal::Principal;
pub use record::KeyRecord;
pub use verify::verify;
