//! The function `repair`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::repair()
}
