//! The function `report`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::report()
}
