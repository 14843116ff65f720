//! The function `git-ls-remote`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("ls-remote")
}
