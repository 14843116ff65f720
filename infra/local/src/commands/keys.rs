//! `gitledger keys`: makes, lists and revokes API keys.

use std::path::PathBuf;
use std::process::ExitCode;

use gitledger_functions::access::{KeyFile, KeyRecord, NewKey};
use gitledger_operations::policy::RepoPattern;
use gitledger_sandboxes::{SystemWorld, World};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Finished;
use super::lasting::lasting;
use crate::text;

/// Makes, lists and revokes API keys. A running gateway notices at once.
///
/// A key works in the sandboxes that it made, and sees these and its own operations. One that only reads sees
/// what others made, and changes nothing; an admin may everything.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  gitledger keys create --name ci --repo 'github.com/acme/*' --expires 90d\n  gitledger keys create --name prometheus --read-only\n  gitledger keys list\n  gitledger keys revoke 0123456789ab"
)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
    /// Where the ledger is kept; the keys are beside it, unless `GITLEDGER_API_KEYS_FILE` names their file.
    #[arg(long, env = "GITLEDGER_DATA", default_value = ".gitledger", global = true)]
    data: PathBuf,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Makes a key and prints it, once; it is kept nowhere.
    Create(Create),
    /// Lists the keys, also void ones, without their secrets.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Revokes a key, for ever.
    Revoke {
        /// Its id, the middle part of the key.
        id: String,
    },
}

#[derive(clap::Args)]
struct Create {
    /// Whose or what for: 1 to 64 characters.
    #[arg(long)]
    name: String,
    /// Everything, in every sandbox: for operators.
    #[arg(long, conflicts_with_all = ["read_only", "repo"])]
    admin: bool,
    /// Nothing that changes a workspace, a remote or a sandbox.
    #[arg(long)]
    read_only: bool,
    /// Only these repositories, host/owner/name with '*' for any text in owner and name.
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    repo: Vec<RepoPattern>,
    /// How long it is good: a number and d, h or m.
    #[arg(long, value_name = "TIME", value_parser = lasting)]
    expires: Option<SignedDuration>,
}

/// Runs the command.
pub fn run(arguments: Arguments) -> Finished {
    let mut settings = gitledger_functions::Settings::from_env().map_err(|error| error.to_string())?;
    settings.data_dir = arguments.data;
    let (file, now) = (KeyFile::new(settings.keys_file()), SystemWorld.now());
    match arguments.action {
        Action::Create(create) => make(&file, create, now)?,
        Action::List { json } => list(&file, json, now)?,
        Action::Revoke { id } => {
            let told = if file.revoke(&id, now).map_err(text)? { "is revoked" } else { "was revoked before" };
            println!("{id} {told}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The key alone goes to standard output, so that a script can take it into a variable.
fn make(file: &KeyFile, create: Create, now: Timestamp) -> Result<(), String> {
    let expires_at = match create.expires {
        Some(time) => Some(now.checked_add(time).map_err(|_| "--expires is too long".to_owned())?),
        None => None,
    };
    let Create { name, admin, read_only, repo, .. } = create;
    let key = file.create(NewKey { name, admin, read_only, repos: repo, expires_at }, now).map_err(text)?;
    println!("{}", key.expose());
    eprintln!("key {} is made; this is the only time that it is shown", key.id());
    Ok(())
}

fn list(file: &KeyFile, as_json: bool, now: Timestamp) -> Result<(), String> {
    let keys = file.read().map_err(text)?;
    if as_json {
        println!("{}", Value::from(keys.iter().map(|key| shown(key, now)).collect::<Vec<_>>()));
        return Ok(());
    }
    let mut table = comfy_table::Table::new();
    table.set_header(["id", "name", "state", "rights", "repositories", "made", "expires"]);
    for key in &keys {
        let grant = &key.grant;
        let rights = if grant.admin {
            "admin"
        } else if grant.read_only {
            "reads"
        } else {
            "works"
        };
        let repos: Vec<_> = grant.repos.iter().map(RepoPattern::as_str).collect();
        table.add_row([
            grant.key_id.clone(),
            key.name.clone(),
            key.void(now).unwrap_or("good").to_owned(),
            rights.to_owned(),
            if repos.is_empty() { "all".to_owned() } else { repos.join("\n") },
            day(key.created_at),
            key.expires_at.map_or_else(|| "never".to_owned(), day),
        ]);
    }
    println!("{table}");
    Ok(())
}

/// Without its digest: nobody needs it, and it is half of what a guess is checked with.
fn shown(key: &KeyRecord, now: Timestamp) -> Value {
    json!({
        "id": key.grant.key_id,
        "name": key.name,
        "state": key.void(now).unwrap_or("good"),
        "admin": key.grant.admin,
        "read_only": key.grant.read_only,
        "repos": key.grant.repos,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    })
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

fn pattern(text: &str) -> Result<RepoPattern, String> {
    RepoPattern::new("repo", text).map_err(|rejection| rejection.rule)
}
