//! A plan becomes one process in a sandbox, and its output becomes exits.
//!
//! [`encode`] and [`Decoder`] are pure; what runs in between is `runner.sh`, which is constant: nothing of
//! a plan is ever part of a shell's text.

mod decode;
mod drive;
mod encode;
mod fence;
mod look;
mod recall;
mod scratch;
mod split;

pub use decode::Decoder;
pub use encode::encode;
pub use fence::{Fence, Kept, LINE_BYTES_MAX, Recalled, fenced};
pub use look::look;
