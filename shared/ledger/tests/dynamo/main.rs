//! The ledger on DynamoDB, on dynoxide or on the engine that `DYNAMODB_ENDPOINT` names.

#![allow(clippy::unwrap_used)] // a panic is the report of a test

mod claims;
mod contract;
mod costs;
mod engine;
mod fate;
mod faults;
mod meter;
mod poison;
mod processes;
mod projecting;
mod sequenced;
mod sequencing;
mod whole;
