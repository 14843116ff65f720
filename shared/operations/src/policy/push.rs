//! The rules for pushes.

use gitledger_events::Repo;
use serde::{Deserialize, Serialize};

use super::{Denied, PushKind, RefPattern, RepoPattern};
use crate::git::workspace::is_oid;

/// Every rule that matches a repository must allow: a further rule only narrows what may be pushed. Without
/// rules every reference may be pushed to; force needs an expected object id all the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushPolicy {
    /// The rules, in the order of the file.
    #[serde(default)]
    pub push: Vec<PushRule>,
}

/// What holds for the repositories that a pattern names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushRule {
    /// For which repositories; upper and lower case are alike.
    pub repo: RepoPattern,
    /// Only these may be pushed to, forced or deleted; any, if not given.
    #[serde(default)]
    pub allow: Option<Vec<RefPattern>>,
    /// These may not, whatever is allowed.
    #[serde(default)]
    pub protect: Vec<RefPattern>,
    /// Whether a reference may be moved to what does not build upon it.
    #[serde(default = "yes")]
    pub force: bool,
    /// Whether a reference may be taken away.
    #[serde(default = "yes")]
    pub delete: bool,
}

fn yes() -> bool {
    true
}

impl PushPolicy {
    /// Allows a push or names the rule that denies it. Ask before anything is sent; `reference` is the full
    /// name of the remote's reference, `repo` is what the ledger says of the workspace.
    pub fn judge(&self, repo: &Repo, reference: &str, kind: PushKind<'_>) -> Result<(), Denied> {
        let deny = |rule: String, reason: String| {
            Err(Denied { rule, reason, repo: repo.clone(), reference: reference.to_owned() })
        };
        if !reference.starts_with("refs/") {
            return deny("full-name".to_owned(), "a reference is named in full".to_owned());
        }
        if let PushKind::Force { expected } = kind
            && !expected.is_some_and(is_oid)
        {
            let reason = "force needs the whole object id that is expected at the remote";
            return deny("force-expects".to_owned(), reason.to_owned());
        }
        let matching = self.push.iter().enumerate().filter(|(_, rule)| rule.repo.restricts(repo));
        for (index, rule) in matching {
            if let Some((field, reason)) = rule.objection(reference, kind) {
                return deny(format!("push[{}].{field}", index + 1), reason);
            }
        }
        Ok(())
    }
}

impl PushRule {
    /// The field that says no, and why.
    fn objection(&self, reference: &str, kind: PushKind<'_>) -> Option<(&'static str, String)> {
        if let Some(pattern) = self.protect.iter().find(|pattern| pattern.matches(reference)) {
            return Some(("protect", format!("{} is protected", pattern.as_str())));
        }
        if let Some(allowed) = &self.allow
            && !allowed.iter().any(|pattern| pattern.matches(reference))
        {
            let names: Vec<_> = allowed.iter().map(RefPattern::as_str).collect();
            return Some(("allow", format!("only these may be pushed to: {}", names.join(", "))));
        }
        match kind {
            PushKind::Force { .. } if !self.force => Some(("force", "force is not allowed".to_owned())),
            PushKind::Delete if !self.delete => Some(("delete", "deleting is not allowed".to_owned())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OID: &str = "1234567890123456789012345678901234567890";
    const FORCED: PushKind<'_> = PushKind::Force { expected: Some(OID) };

    fn repo(name: &str) -> Repo {
        Repo::from_parts("github.com", name)
    }

    fn policy(rules: &serde_json::Value) -> PushPolicy {
        serde_json::from_value(serde_json::json!({"push": rules})).unwrap()
    }

    fn denies(policy: &PushPolicy, name: &str, branch: &str, kind: PushKind<'_>) -> Option<String> {
        policy.judge(&repo(name), &format!("refs/heads/{branch}"), kind).err().map(|denied| denied.rule)
    }

    #[test]
    fn without_rules_every_branch_may_be_pushed_and_deleted() {
        let policy = PushPolicy::default();
        for kind in [PushKind::Forward, PushKind::Delete, FORCED] {
            assert_eq!(denies(&policy, "acme/app", "main", kind), None);
        }
    }

    #[test]
    fn force_needs_a_whole_object_id_whatever_the_rules() {
        let allowing = serde_json::json!([{"repo": "*", "force": true}]);
        for policy in [PushPolicy::default(), policy(&allowing)] {
            for expected in [None, Some(""), Some("main"), Some("1234567"), Some("HEAD")] {
                let denied = denies(&policy, "acme/app", "x", PushKind::Force { expected });
                assert_eq!(denied.as_deref(), Some("force-expects"), "{expected:?}");
            }
        }
    }

    #[test]
    fn a_protected_branch_takes_no_push_no_force_and_no_delete() {
        let policy = policy(&serde_json::json!([
            {"repo": "github.com/other/*", "protect": ["*"]},
            {"repo": "github.com/acme/*", "allow": ["*"], "protect": ["main", "release/*"]},
        ]));
        for kind in [PushKind::Forward, PushKind::Delete, FORCED] {
            for branch in ["main", "release/1", "release/1/2"] {
                let denied = denies(&policy, "acme/app", branch, kind);
                assert_eq!(denied.as_deref(), Some("push[2].protect"), "{branch} {kind:?}");
            }
            for branch in ["agent-a-1", "maine", "feature/main", "release"] {
                assert_eq!(denies(&policy, "acme/app", branch, kind), None, "{branch} {kind:?}");
            }
        }
        assert_eq!(
            denies(&policy, "ACME/App", "main", PushKind::Forward).as_deref(),
            Some("push[2].protect")
        );
    }

    #[test]
    fn what_is_not_allowed_is_denied_tags_too() {
        let policy = policy(&serde_json::json!([
            {"repo": "github.com/acme/app", "allow": ["agent-*", "refs/tags/agent-*"]}
        ]));
        assert_eq!(denies(&policy, "acme/app", "agent-a-1", PushKind::Forward), None);
        assert_eq!(denies(&policy, "acme/app", "main", PushKind::Forward).as_deref(), Some("push[1].allow"));
        assert_eq!(denies(&policy, "acme/other", "main", PushKind::Forward), None);
        let tag = |name: &str| policy.judge(&repo("acme/app"), name, PushKind::Forward);
        assert_eq!(tag("refs/tags/agent-1"), Ok(()));
        assert!(tag("refs/tags/v1").is_err());
        assert_eq!(tag("agent-1").unwrap_err().rule, "full-name");
    }

    #[test]
    fn a_further_rule_only_narrows() {
        let policy = policy(&serde_json::json!([
            {"repo": "github.com/acme/*", "force": false},
            {"repo": "github.com/acme/app", "force": true, "delete": false},
        ]));
        assert_eq!(denies(&policy, "acme/app", "x", FORCED).as_deref(), Some("push[1].force"));
        assert_eq!(denies(&policy, "acme/app", "x", PushKind::Delete).as_deref(), Some("push[2].delete"));
        assert_eq!(denies(&policy, "acme/other", "x", PushKind::Delete), None);
    }

    #[test]
    fn a_misspelt_rule_is_not_taken_for_none() {
        for bad in [r#"{"pushes": []}"#, r#"{"push": [{"repo": "*", "protects": []}]}"#, r#"{"push": [{}]}"#]
        {
            assert!(serde_json::from_str::<PushPolicy>(bad).is_err(), "{bad}");
        }
    }
}
