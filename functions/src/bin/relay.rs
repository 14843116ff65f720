//! The function `relay`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::relay()
}
