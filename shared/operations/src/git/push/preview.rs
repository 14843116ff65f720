//! What a push would do, without doing it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::machine::{End, Machine};
use super::steps;
use super::wish::Change;
use crate::git::script::Script;
use crate::git::workspace::is_oid;
use crate::{Exit, Exits};

/// The most commits that are named.
const SHOWN_MAX: usize = 100;

/// What would be done to the remote's reference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Preview {
    /// The full name of the remote's reference.
    pub reference: String,
    /// What it is now; `None` when there is none.
    pub old: Option<String>,
    /// What it would be; `None` when it would be taken away.
    pub new: Option<String>,
    /// The commits that it would gain, the newest first; at most 100. Without the commit that would be made
    /// first.
    pub commits: Vec<String>,
    /// How many there are; `None` where the workspace does not have what the remote has.
    pub commits_total: Option<u64>,
    /// True when a commit would be made first.
    pub commits_first: bool,
    /// True when what others pushed would be taken in first; the commits would get other ids then.
    pub joins_first: bool,
    /// True when commits would be lost at the remote.
    pub overwrites: bool,
}

impl Machine<'_> {
    pub(super) fn preview_script(&self) -> Script {
        steps::preview(self.old.as_deref(), self.new.as_deref().unwrap_or_default(), SHOWN_MAX)
    }

    /// Nothing need be looked at where nothing would be sent.
    pub(super) fn preview_of_deletion(&mut self) -> End {
        let preview =
            Preview { reference: self.reference.clone(), old: self.old.clone(), ..Preview::default() };
        self.previewed(Preview { overwrites: true, ..preview })
    }

    /// The end, or the failure that the push itself would end with.
    pub(super) fn looked_ahead(&mut self, script: &Script, exits: &Exits) -> End {
        if let Some(failure) = script.failure(exits, self.touched()) {
            return self.failed(failure);
        }
        let forward = self.old.is_none() || script.ok(exits, "ahead");
        let forced = self.wish.change() == Change::Force;
        if !forward && !forced && !self.wish.joins() {
            let failure = self.not_forward(self.old.as_ref());
            return self.failed(failure);
        }
        let listed = script.exit(exits, "commits").filter(|exit| exit.ok()).map(Exit::text);
        let commits =
            listed.unwrap_or_default().lines().filter(|oid| is_oid(oid)).map(str::to_owned).collect();
        let preview = Preview {
            reference: self.reference.clone(),
            old: self.old.clone(),
            new: self.new.clone(),
            commits,
            commits_total: script.line(exits, "count").and_then(|count| count.parse().ok()),
            commits_first: self.uncommitted,
            joins_first: !forward && !forced,
            overwrites: !forward && forced,
        };
        self.previewed(preview)
    }
}
