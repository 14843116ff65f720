//! Every function: what it is called, what it is for, what it takes and what it needs. The template for AWS is
//! made from this list, and the functions of operations are made from the operations' table.

use std::time::Duration;

use gitledger_events::operation::Effect;
use gitledger_operations::lifecycle::Order;
use gitledger_operations::record::Wants;
use gitledger_operations::{Budget, Declaration, Place, Remotes, table};

/// One function.
#[derive(Clone, Copy)]
pub struct Function {
    /// What it does.
    pub kind: Kind,
    /// In MiB. Processor time comes with it.
    pub memory_mb: u32,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// What it must be able to do. Everything else it cannot.
    pub needs: Needs,
}

/// What a function does.
#[derive(Clone, Copy)]
pub enum Kind {
    /// One operation.
    Operation(&'static Declaration),
    /// One of the others.
    Other(&'static Other),
}

/// A function that is no operation's.
#[derive(Debug)]
pub struct Other {
    /// Its name.
    pub name: &'static str,
    /// What for, in one line.
    pub summary: &'static str,
    memory_mb: u32,
    timeout_s: u64,
    needs: Needs,
}

/// What a function must be able to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // independent answers to independent questions
pub struct Needs {
    /// Read the ledger.
    pub reads: bool,
    /// Append to streams of the ledger.
    pub appends: bool,
    /// Write the ledger's log: the sequencer's alone, and repair's.
    pub sequences: bool,
    /// Look through all that was appended: for repair only.
    pub scans: bool,
    /// Save what the projections have come to, and park events.
    pub projects: bool,
    /// Read the key of the sandboxes' host.
    pub sandbox_key: bool,
    /// Read the tokens of git remotes.
    pub git_tokens: bool,
    /// Read what E2B signs its webhooks with.
    pub webhook_secret: bool,
    /// Read the hashes of the API keys.
    pub api_keys: bool,
    /// Read who publishes the metrics, and the password.
    pub metrics_logins: bool,
    /// Invoke the functions of operations that can be deferred.
    pub invokes: bool,
    /// Write metrics to Amazon Managed Prometheus.
    pub remote_write: bool,
    /// Put events on the bus that is named.
    pub feeds: bool,
}

impl Needs {
    /// Nothing at all.
    pub const NONE: Self = Self {
        reads: false,
        appends: false,
        sequences: false,
        scans: false,
        projects: false,
        sandbox_key: false,
        git_tokens: false,
        webhook_secret: false,
        api_keys: false,
        metrics_logins: false,
        invokes: false,
        remote_write: false,
        feeds: false,
    };

    /// Whether it holds secrets for as long as it lives. Hashes of API keys are read anew by themselves.
    pub fn secrets(&self) -> bool {
        self.sandbox_key || self.git_tokens || self.webhook_secret || self.metrics_logins
    }
}

/// What an invocation has left after its operation's time is over: to record that, and to start with.
const MARGIN: Duration = Duration::from_secs(30);

/// The functions that are no operation's, by name.
pub const OTHERS: &[Other] = &[
    Other {
        name: "authorizer",
        summary: "Lets a request in by its API key, before any other function is invoked",
        memory_mb: 256,
        timeout_s: 10,
        needs: Needs { api_keys: true, ..Needs::NONE },
    },
    Other {
        name: "exporter",
        summary: "Publishes the metrics",
        memory_mb: 512,
        timeout_s: 60,
        needs: Needs { reads: true, projects: true, metrics_logins: true, remote_write: true, ..Needs::NONE },
    },
    Other {
        name: "feed",
        summary: "Puts every event on the message bus",
        memory_mb: 256,
        timeout_s: 120,
        needs: Needs { reads: true, projects: true, feeds: true, ..Needs::NONE },
    },
    Other {
        name: "projector",
        summary: "Keeps the projections up to date",
        memory_mb: 512,
        timeout_s: 300,
        needs: Needs { reads: true, projects: true, ..Needs::NONE },
    },
    Other {
        name: "reaper",
        summary: "Closes what nobody works on any more",
        memory_mb: 512,
        timeout_s: 330,
        needs: Needs {
            reads: true,
            appends: true,
            projects: true,
            sandbox_key: true,
            git_tokens: true,
            ..Needs::NONE
        },
    },
    Other {
        name: "relay",
        summary: "Has somebody go on with every operation that was deferred",
        memory_mb: 256,
        timeout_s: 60,
        needs: Needs { reads: true, invokes: true, ..Needs::NONE },
    },
    Other {
        name: "repair",
        summary: "Sequences what the stream of changes has lost",
        memory_mb: 512,
        timeout_s: 900,
        needs: Needs { reads: true, sequences: true, scans: true, ..Needs::NONE },
    },
    Other {
        name: "report",
        summary: "Judges by five criteria whether it is time to leave hosted sandboxes, and what else could be done",
        memory_mb: 1769,
        timeout_s: 900,
        needs: Needs { reads: true, ..Needs::NONE },
    },
    Other {
        name: "retry-dlq",
        summary: "Tries what the projector has parked once more",
        memory_mb: 512,
        timeout_s: 300,
        needs: Needs { reads: true, projects: true, ..Needs::NONE },
    },
    Other {
        name: "sequencer",
        summary: "Puts what was appended into one order",
        memory_mb: 512,
        timeout_s: 300,
        needs: Needs { reads: true, sequences: true, ..Needs::NONE },
    },
];

/// Every function, by name.
pub fn all() -> Vec<Function> {
    let mut all: Vec<Function> = table::all().map(of_operation).chain(OTHERS.iter().map(of_other)).collect();
    all.sort_by_key(Function::name);
    all
}

/// The function of this name.
pub fn find(name: &str) -> Option<Function> {
    let other = OTHERS.iter().find(|other| other.name == name).map(of_other);
    other.or_else(|| table::all().find(|operation| operation.function() == name).map(of_operation))
}

impl Function {
    /// Its name.
    pub fn name(&self) -> String {
        match self.kind {
            Kind::Operation(declaration) => declaration.function(),
            Kind::Other(other) => other.name.to_owned(),
        }
    }

    /// What for, in one line.
    pub fn summary(&self) -> String {
        match self.kind {
            Kind::Operation(declaration) => declaration.summary(),
            Kind::Other(other) => other.summary.to_owned(),
        }
    }

    /// Its routes over HTTP: method and path.
    pub fn routes(&self) -> Vec<(&'static str, String)> {
        let declaration = match self.kind {
            Kind::Operation(declaration) => declaration,
            Kind::Other(other) if other.name == "report" => return vec![("GET", "/report".to_owned())],
            Kind::Other(_) => return Vec::new(),
        };
        let mut routes = vec![("POST", declaration.path())];
        if declaration.name == "operation-get" {
            routes.push(("GET", "/operations/{id}".to_owned()));
        }
        routes
    }

    /// Whether an operation of it can be deferred: it changes something, and its answer can be waited for too
    /// long.
    pub fn defers(&self) -> bool {
        matches!(self.kind, Kind::Operation(declaration) if declaration.effect != Effect::Reads && self.needs.appends)
    }
}

fn of_other(other: &'static Other) -> Function {
    Function {
        kind: Kind::Other(other),
        memory_mb: other.memory_mb,
        timeout: Duration::from_secs(other.timeout_s),
        needs: other.needs,
    }
}

fn of_operation(declaration: &'static Declaration) -> Function {
    Function {
        kind: Kind::Operation(declaration),
        memory_mb: 256,
        timeout: declaration.budget.time + MARGIN,
        needs: needs(declaration),
    }
}

/// From what an operation says about itself: where its example runs, what it wants to know, how much time talking
/// to a remote is given.
pub fn needs(declaration: &Declaration) -> Needs {
    let Ok(asked) = declaration.ask(declaration.example(), &Remotes::default()) else { return Needs::NONE };
    let ledger = Needs { reads: true, ..Needs::NONE };
    let hosted = Needs { appends: true, sandbox_key: true, ..ledger };
    match asked.place() {
        // To stop a run is to signal its process.
        Place::Ledger => Needs { sandbox_key: matches!(asked.wants(), Wants::Stop(_)), ..ledger },
        // The reaper asks remotes what became of a push.
        Place::Host(Order::Reap) => Needs { git_tokens: true, ..hosted },
        Place::Host(_) => Needs { webhook_secret: declaration.signed, ..hosted },
        Place::Named(_) | Place::Opens { .. } => Needs { git_tokens: talks(declaration), ..hosted },
    }
}

/// Whether it talks to a remote: it has a remote's time for it. `init` has that for making a sandbox only.
fn talks(declaration: &Declaration) -> bool {
    declaration.budget.time >= Budget::REMOTE.time && declaration.name != "init"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(of: impl Fn(&Needs) -> bool) -> Vec<String> {
        all().iter().filter(|function| of(&function.needs)).map(Function::name).collect()
    }

    #[test]
    fn only_what_talks_to_a_remote_may_read_a_token() {
        let named = names(|needs| needs.git_tokens);
        let wanted = [
            "git-clone",
            "git-fetch",
            "git-ls-remote",
            "git-pull",
            "git-push",
            "git-push-delete",
            "git-submodule-update",
            "git-sync",
            "reaper",
            "sandbox-reap",
        ];
        assert_eq!(named, wanted);
    }

    #[test]
    fn what_only_looks_into_the_ledger_has_no_key_of_the_sandboxes() {
        let keyless: Vec<String> = names(|needs| !needs.sandbox_key);
        let wanted = [
            "authorizer",
            "exporter",
            "feed",
            "operation-get",
            "operation-list",
            "projector",
            "relay",
            "repair",
            "report",
            "retry-dlq",
            "sandbox-get",
            "sandbox-list",
            "sequencer",
        ];
        assert_eq!(keyless, wanted);
        assert!(names(|needs| needs.api_keys) == ["authorizer"]);
        assert!(names(|needs| needs.sequences) == ["repair", "sequencer"]);
        assert!(names(|needs| needs.webhook_secret) == ["sandbox-lifecycle"]);
        assert!(names(|needs| needs.invokes) == ["relay"]);
        assert!(names(|needs| needs.remote_write) == ["exporter"]);
        assert!(names(|needs| needs.metrics_logins) == ["exporter"]);
        assert!(names(|needs| needs.feeds) == ["feed"]);
    }

    #[test]
    fn every_function_is_found_by_its_name_and_has_time_for_its_operation() {
        for function in all() {
            assert_eq!(find(&function.name()).map(|found| found.name()), Some(function.name()));
            if let Kind::Operation(declaration) = function.kind {
                assert!(function.timeout > declaration.budget.time, "{}", declaration.name);
                assert_ne!(function.needs, Needs::NONE, "{}: its example is not taken", declaration.name);
            }
            assert!(function.timeout <= Duration::from_mins(15), "{}", function.name());
        }
        assert!(find("git-nothing").is_none());
    }
}
