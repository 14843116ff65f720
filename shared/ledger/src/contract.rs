//! The promise as tests.
