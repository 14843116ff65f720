//! What one key may. Pure.

use gitledger_events::Repo;
use gitledger_events::operation::Effect;
use gitledger_operations::policy::RepoPattern;
use serde::{Deserialize, Serialize};

/// The rights of a key. A key works in the sandboxes that it made, and sees these and its own operations; one
/// that only reads makes nothing, and sees what others made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The key's id; goes into events.
    pub key_id: String,
    /// Everything, in every sandbox.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub admin: bool,
    /// Nothing that changes a workspace, a remote or a sandbox.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// Only these repositories; all, if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repos: Vec<RepoPattern>,
}

impl Grant {
    /// Whether it may ask for operations of this effect at all.
    pub fn may(&self, effect: Effect) -> bool {
        !self.read_only || effect == Effect::Reads
    }

    /// Whether it may have to do with a repository. What is not known to be one of its repositories is not.
    pub fn covers(&self, repo: Option<&Repo>) -> bool {
        self.admin
            || self.repos.is_empty()
            || repo.is_some_and(|repo| self.repos.iter().any(|pattern| pattern.permits(repo)))
    }

    /// Whether it may run an operation of this effect in a sandbox of that owner with that repository.
    pub fn may_use(&self, effect: Effect, owner: Option<&str>, repo: Option<&Repo>) -> bool {
        self.may(effect) && self.covers(repo) && (self.admin || self.read_only || self.owns(owner))
    }

    /// Whether it may see what is recorded of a sandbox or an operation of that owner.
    pub fn may_see(&self, owner: Option<&str>, repo: Option<&Repo>) -> bool {
        self.admin || self.owns(owner) || (self.read_only && self.covers(repo))
    }

    /// Whether it may end a sandbox, or an operation, of that owner.
    pub fn may_end(&self, owner: Option<&str>) -> bool {
        !self.read_only && (self.admin || self.owns(owner))
    }

    /// Whether it may see everything: all events, all metrics.
    pub fn sees_all(&self) -> bool {
        self.admin || (self.read_only && self.repos.is_empty())
    }

    fn owns(&self, owner: Option<&str>) -> bool {
        owner == Some(self.key_id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(admin: bool, read_only: bool, repos: &[&str]) -> Grant {
        let repos = repos.iter().map(|text| RepoPattern::new("repo", text).unwrap()).collect();
        Grant { key_id: "k1".to_owned(), admin, read_only, repos }
    }

    fn repo(name: &str) -> Repo {
        Repo::from_parts("github.com", name)
    }

    /// Of everything that is asked of a grant, what it may: by owner (own, other, nobody's) and repository
    /// (acme's, other's, unknown).
    fn allowed(grant: &Grant, ask: impl Fn(&Grant, Option<&str>, Option<&Repo>) -> bool) -> Vec<String> {
        let (acme, other) = (repo("acme/app"), repo("other/app"));
        let mut allowed = Vec::new();
        for owner in [Some("k1"), Some("k2"), None] {
            for (name, repo) in [("acme", Some(&acme)), ("other", Some(&other)), ("none", None)] {
                if ask(grant, owner, repo) {
                    allowed.push(format!("{}/{name}", owner.unwrap_or("nobody")));
                }
            }
        }
        allowed
    }

    #[test]
    fn a_plain_key_works_in_its_own_sandboxes_only() {
        let own = ["k1/acme", "k1/other", "k1/none"];
        let plain = grant(false, false, &[]);
        for effect in [Effect::Reads, Effect::Writes, Effect::Publishes] {
            assert_eq!(allowed(&plain, |grant, owner, repo| grant.may_use(effect, owner, repo)), own);
        }
        assert_eq!(allowed(&plain, Grant::may_see), own);
        assert_eq!(allowed(&plain, |grant, owner, _| grant.may_end(owner)), own);
        assert!(!plain.sees_all());
    }

    #[test]
    fn a_key_for_repositories_works_in_these_and_in_no_unknown_one() {
        let acme = grant(false, false, &["github.com/acme/*", "github.com/also/app"]);
        for effect in [Effect::Reads, Effect::Writes, Effect::Publishes] {
            assert_eq!(allowed(&acme, |grant, owner, repo| grant.may_use(effect, owner, repo)), ["k1/acme"]);
        }
        assert!(acme.covers(Some(&repo("also/app"))));
        assert!(!acme.covers(Some(&repo("also/apps"))));
        assert!(!acme.covers(None));
    }

    #[test]
    fn a_key_that_only_reads_sees_what_others_made_and_changes_nothing() {
        let reader = grant(false, true, &["github.com/acme/*"]);
        for effect in [Effect::Writes, Effect::Publishes] {
            assert!(!reader.may(effect));
            assert!(allowed(&reader, |grant, owner, repo| grant.may_use(effect, owner, repo)).is_empty());
        }
        let of_acme = ["k1/acme", "k2/acme", "nobody/acme"];
        assert_eq!(allowed(&reader, |grant, o, r| grant.may_use(Effect::Reads, o, r)), of_acme);
        assert!(allowed(&reader, |grant, owner, _| grant.may_end(owner)).is_empty());
        assert!(!reader.sees_all());
        assert!(grant(false, true, &[]).sees_all());
    }

    #[test]
    fn an_admin_may_everything() {
        let admin = grant(true, false, &[]);
        assert_eq!(allowed(&admin, |grant, o, r| grant.may_use(Effect::Publishes, o, r)).len(), 9);
        assert_eq!(allowed(&admin, Grant::may_see).len(), 9);
        assert_eq!(allowed(&admin, |grant, owner, _| grant.may_end(owner)).len(), 9);
        assert!(admin.sees_all());
    }
}
