//! The host as its clients meet it: real HTTP, real processes, with bwrap and once without.

#![allow(clippy::unwrap_used)] // a panic in a test's own functions is its report, too

mod cleanup;
mod client;
mod commands;
mod copies;
mod cycles;
mod egress;
mod escape;
mod events;
mod experiments;
mod files;
mod isolation;
mod lifecycle;
mod limits;
mod plain;
mod protocol;
mod terminals;
mod transfers;
mod watching;

use std::path::PathBuf;

use gitledger_sandbox_host::{Host, HostOptions, Isolation};
use tempfile::TempDir;

use client::Client;

/// A host in a directory of its own.
struct Running {
    host: Host,
    dir: TempDir,
    client: Client,
}

fn options(dir: PathBuf) -> HostOptions {
    HostOptions {
        program: vec![env!("CARGO_BIN_EXE_sandbox-envd").into()],
        bwrap: gitledger_parts::bwrap(),
        ..HostOptions::new(dir).expect("options")
    }
}

async fn start(isolate: bool) -> Running {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let host = Host::start(HostOptions { isolate, ..options(dir.path().into()) }).await.expect("a host");
    let client = Client::new(host.url());
    Running { host, dir, client }
}

/// A host that isolates. Without bwrap there is nothing to test, and that is an error of the machine.
async fn isolated() -> Running {
    let running = start(true).await;
    assert_eq!(running.host.isolation(), Isolation::Bwrap, "bwrap is not installed or does not work here");
    running
}
