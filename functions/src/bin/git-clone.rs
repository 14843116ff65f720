//! The function `git-clone`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("clone")
}
