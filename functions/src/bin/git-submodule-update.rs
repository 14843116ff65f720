//! The function `git-submodule-update`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("submodule-update")
}
