//! The template for AWS: it is of the catalogue, AWS takes it, and no function can do what it does not need.
//!
//! Translated as AWS translates it, and linted then: linting the SAM template alone misses most errors.

mod alarms;
mod bucket;
mod policies;
mod template;
