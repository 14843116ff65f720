//! The function `reaper`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::reaper()
}
