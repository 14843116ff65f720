//! On whose authority a request comes. Pure.

use std::sync::Arc;

use gitledger_events::Repo;
use gitledger_events::operation::Effect;
use gitledger_operations::Rejection;

use super::Grant;
use crate::Refusal;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// Whoever runs this system: without a key where none is required, or let in by IAM. May everything.
    Operator,
    /// Whoever holds this key.
    Key(Arc<Grant>),
}

impl Principal {
    /// The key's id, for events and as the owner of what it makes.
    pub fn key_id(&self) -> Option<&str> {
        self.grant().map(|grant| grant.key_id.as_str())
    }

    /// Refuses operations of an effect that the key does not have.
    pub fn check_effect(&self, effect: Effect) -> Result<(), Refusal> {
        let rule = "is not for this key, which may only read";
        self.refused_unless(|grant| grant.may(effect), "operation", || rule.to_owned())
    }

    /// Refuses a repository that is not the key's.
    pub fn check_repo(&self, field: &str, repo: &Repo) -> Result<(), Refusal> {
        self.refused_unless(
            |grant| grant.covers(Some(repo)),
            field,
            || "must be a repository of this key".to_owned(),
        )
    }

    /// Refuses what is for no repository in particular, for a key of certain repositories.
    pub fn check_any_repo(&self, field: &str) -> Result<(), Refusal> {
        self.refused_unless(
            |grant| grant.covers(None),
            field,
            || "is needed with this key, and must be a repository of this key".to_owned(),
        )
    }

    /// Refuses a sandbox that is not the key's. One that does not exist is refused alike, so that nobody
    /// learns which there are.
    pub fn check_use(&self, effect: Effect, owner: Option<&str>, repo: Option<&Repo>) -> Result<(), Refusal> {
        self.check_effect(effect)?;
        self.refused_unless(
            |grant| grant.may_use(effect, owner, repo),
            "sandbox_id",
            || "must be a sandbox of this key, with a repository of this key".to_owned(),
        )
    }

    /// Whether it may see what is recorded of a sandbox or an operation of that owner.
    pub fn may_see(&self, owner: Option<&str>, repo: Option<&Repo>) -> bool {
        self.grant().is_none_or(|grant| grant.may_see(owner, repo))
    }

    /// Whether it may end a sandbox, or cancel or undo an operation, of that owner.
    pub fn may_end(&self, owner: Option<&str>) -> bool {
        self.grant().is_none_or(|grant| grant.may_end(owner))
    }

    /// Refuses what shows everything: all events, all metrics. `changes`: it does more than show.
    pub fn check_all(&self, changes: bool) -> Result<(), Refusal> {
        let allowed = |grant: &Grant| if changes { grant.admin } else { grant.sees_all() };
        let rule = "is for an admin key, or, where it only shows, a read-only key for all repositories";
        self.refused_unless(allowed, "route", || rule.to_owned())
    }

    /// Refuses changes outside operations (ending a sandbox) by a key that only reads.
    pub fn check_changes(&self) -> Result<(), Refusal> {
        let rule = "is not for this key, which may only read";
        self.refused_unless(|grant| !grant.read_only, "method", || rule.to_owned())
    }

    fn grant(&self) -> Option<&Grant> {
        match self {
            Self::Operator => None,
            Self::Key(grant) => Some(grant),
        }
    }

    fn refused_unless(
        &self,
        allowed: impl Fn(&Grant) -> bool,
        field: &str,
        rule: impl Fn() -> String,
    ) -> Result<(), Refusal> {
        if self.grant().is_none_or(allowed) {
            return Ok(());
        }
        Err(Rejection { code: "forbidden", field: field.to_owned(), rule: rule() }.into())
    }
}
