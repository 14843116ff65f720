//! Why git said no: the codes, and how an exit is read into one.

mod classify;
mod code;
mod patterns;

pub use classify::{classify, classify_exit};
pub use code::{CODES, Code, ErrorType, codes};
