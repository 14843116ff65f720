//! envd as a program of its own, for this crate's tests; the product runs it as a hidden subcommand.

fn main() -> std::process::ExitCode {
    gitledger_sandbox_host::envd_main()
}
