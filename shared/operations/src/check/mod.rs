//! Rules for what callers write: texts, names of references, paths.

pub mod path;
pub mod range;
pub mod reference;
pub mod text;
