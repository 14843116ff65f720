//! `gitledger`: the whole system in one program on one machine.

use std::process::ExitCode;

fn main() -> ExitCode {
    gitledger::commands::main()
}
