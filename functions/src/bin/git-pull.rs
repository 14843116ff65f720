//! The function `git-pull`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("pull")
}
