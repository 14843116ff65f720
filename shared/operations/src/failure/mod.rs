//! Why git said no: the codes, and how an exit is read into one.

mod classify;
mod code;

pub use classify::classify;
pub use code::{CODES, Code, ErrorType, codes};
