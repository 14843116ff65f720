//! All sandboxes of a host: made, found, paused, ended.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use axum::http::StatusCode;
use futures_util::future::join_all;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::Ground;
use super::api_error::ApiError;
use super::cell::Cell;
use super::egress::Gate;
use super::identity;
use super::journal::{Journal, KillReason, Kind};
use super::sandbox::{OnTimeout, Order, Sandbox};
use super::snapshots::{NoSnapshot, Snapshot, Snapshots, copy};
use super::storage::remove_tree;
use super::trouble::Fates;
use crate::limits::ResourceLimits;
use crate::settings::EnvdSettings;

/// The sandboxes and what they stand on.
pub(super) struct Fleet {
    pub(super) ground: Ground,
    pub(super) snapshots: Snapshots,
    pub(super) journal: Journal,
    fates: Fates,
    sandboxes_max: usize,
    places: Mutex<Places>,
}

#[derive(Default)]
struct Places {
    sandboxes: HashMap<String, Arc<Sandbox>>,
    /// Those being made, which count but cannot be found yet.
    promised: usize,
    closed: bool,
}

impl Fleet {
    pub(super) fn new(
        ground: Ground,
        snapshots: Snapshots,
        journal: Journal,
        fates: Fates,
        sandboxes_max: usize,
    ) -> Self {
        Self { ground, snapshots, journal, fates, sandboxes_max, places: Mutex::default() }
    }

    /// Makes a sandbox, with the files in `files` if there are any. It can be spoken to when this returns.
    pub(super) async fn create(
        self: &Arc<Self>,
        order: Order,
        files: Option<&Path>,
    ) -> Result<Arc<Sandbox>, ApiError> {
        if !order.network && self.ground.isolation == super::Isolation::Plain {
            return Err(ApiError::bad_request(
                "internet access cannot be denied: sandboxes are not isolated",
            ));
        }
        if self.ground.egress.is_none() && !order.rules.is_empty() {
            return Err(ApiError::bad_request("network is not supported by this local sandbox host"));
        }
        let promise = self.promise()?;
        let fate = self.fates.draw();
        if !fate.latency.is_zero() {
            tokio::time::sleep(fate.latency).await;
        }
        if fate.fails {
            return Err(ApiError::create_failed());
        }
        let made = self.make(order, files).await.map_err(|error| {
            tracing::error!(%error, "sandbox could not be created");
            ApiError::create_failed()
        })?;
        let sandbox = Arc::new(made);
        self.journal.note(Kind::Created, &sandbox, Value::Null);
        let closed = {
            let mut places = self.lock();
            if !places.closed {
                places.sandboxes.insert(sandbox.id.clone(), Arc::clone(&sandbox));
            }
            places.closed
        };
        drop(promise);
        if closed {
            self.destroy(&sandbox, KillReason::Admin).await;
            return Err(ApiError::create_failed());
        }
        tokio::spawn(watch(Arc::downgrade(self), Arc::clone(&sandbox)));
        Ok(sandbox)
    }

    async fn make(&self, order: Order, files: Option<&Path>) -> io::Result<Sandbox> {
        let id = identity::sandbox_id()?;
        let token = order.secure.then(identity::token).transpose()?;
        let dir = self.lay_out(&id, files).await;
        let made = match dir {
            Ok(dir) => {
                let gate = self.ground.egress.clone().map(|egress| Gate::new(egress, order.rules.clone()));
                let gate = gate.map(Arc::new);
                let cell = self.start(&id, &order, token.as_ref(), &dir, gate.as_ref()).await;
                cell.and_then(|cell| Sandbox::new(id.clone(), order, token, &dir, cell, gate))
            }
            Err(error) => Err(error),
        };
        if made.is_err() {
            remove_tree(&self.ground.storage.sandbox(&id))?;
        }
        made
    }

    async fn lay_out(&self, id: &str, files: Option<&Path>) -> io::Result<PathBuf> {
        let Some(files) = files else { return self.ground.storage.make_sandbox(id) };
        let dir = self.ground.storage.make_empty(id)?;
        copy(files, &dir).await?;
        Ok(dir)
    }

    async fn start(
        &self,
        id: &str,
        order: &Order,
        token: Option<&String>,
        dir: &Path,
        gate: Option<&Arc<Gate>>,
    ) -> io::Result<Cell> {
        let mut env_vars = order.env_vars.clone();
        env_vars.extend([
            ("E2B_SANDBOX".to_owned(), "true".to_owned()),
            ("E2B_SANDBOX_ID".to_owned(), id.to_owned()),
            ("E2B_TEMPLATE_ID".to_owned(), order.template.clone()),
        ]);
        if gate.is_some() {
            for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
                env_vars.insert(name.to_owned(), format!("http://{}", crate::forwarder::ADDRESS));
            }
        }
        let settings = EnvdSettings {
            access_token: token.cloned(),
            env_vars,
            root: None,
            limits: ResourceLimits::default(),
            egress: None,
        };
        Cell::start(&self.ground, dir, settings, order.network, gate).await
    }

    fn promise(self: &Arc<Self>) -> Result<Promise, ApiError> {
        let mut places = self.lock();
        if places.sandboxes.len() + places.promised >= self.sandboxes_max {
            let max = self.sandboxes_max;
            let message = format!("you have reached the maximum number of concurrent E2B sandboxes ({max})");
            return Err(ApiError::new(StatusCode::TOO_MANY_REQUESTS, message));
        }
        places.promised += 1;
        Ok(Promise(Arc::clone(self)))
    }

    pub(super) fn get(&self, id: &str) -> Option<Arc<Sandbox>> {
        self.lock().sandboxes.get(id).cloned()
    }

    pub(super) fn all(&self) -> Vec<Arc<Sandbox>> {
        self.lock().sandboxes.values().cloned().collect()
    }

    pub(super) fn count(&self) -> usize {
        self.lock().sandboxes.len()
    }

    /// Ends a sandbox, running or paused. False when there is none.
    pub(super) async fn kill(&self, id: &str, reason: KillReason) -> bool {
        // Out of sight first, so that exactly one caller ends it and nobody is led to it meanwhile.
        let removed = self.lock().sandboxes.remove(id);
        match removed {
            Some(sandbox) => {
                self.destroy(&sandbox, reason).await;
                true
            }
            None => false,
        }
    }

    async fn destroy(&self, sandbox: &Sandbox, reason: KillReason) {
        let _alone = sandbox.transition.lock().await;
        let ended = match sandbox.cell() {
            Some(cell) => cell.end().await,
            None => Ok(()),
        };
        let dir = sandbox.dir.clone();
        let removed = tokio::task::spawn_blocking(move || remove_tree(&dir)).await;
        if let Err(error) = ended.and(removed.map_err(io::Error::other).flatten()) {
            tracing::error!(sandbox = sandbox.id, %error, "sandbox did not end cleanly");
        }
        sandbox.set_over();
        self.journal.note(Kind::Killed(reason), sandbox, Value::Null);
    }

    /// Stops a sandbox where it is, or ends its processes when it is to keep its files only. False when it is
    /// paused already.
    pub(super) async fn pause(&self, sandbox: &Sandbox, memory: bool) -> bool {
        let _alone = sandbox.transition.lock().await;
        if !sandbox.is_running() {
            return false;
        }
        // First, so that no new request reaches a process that is about to stop.
        sandbox.set_paused();
        if memory {
            if let Some(cell) = sandbox.cell()
                && !cell.stop().await
            {
                tracing::warn!(sandbox = sandbox.id, "some processes of the sandbox could not be stopped");
            }
        } else if let Some(cell) = sandbox.take_cell()
            && let Err(error) = cell.end().await
        {
            tracing::error!(sandbox = sandbox.id, %error, "processes of a paused sandbox did not end");
        }
        self.journal.note(Kind::Paused, sandbox, Value::Null);
        true
    }

    /// Lets a paused sandbox go on until `timeout` from now. False when it runs already.
    pub(super) async fn resume(&self, sandbox: &Sandbox, timeout: SignedDuration) -> Result<bool, ApiError> {
        let _alone = sandbox.transition.lock().await;
        if self.get(&sandbox.id).is_none() {
            // Killed while this waited for its turn.
            return Err(ApiError::not_found(&sandbox.id));
        }
        if sandbox.is_running() {
            return Ok(false);
        }
        let started = if let Some(cell) = sandbox.cell() {
            cell.go_on().await;
            Ok(None)
        } else {
            let token = sandbox.token.as_ref();
            self.start(&sandbox.id, &sandbox.order, token, &sandbox.dir, sandbox.gate.as_ref())
                .await
                .map(Some)
        };
        started.and_then(|cell| sandbox.set_running(timeout, cell)).map_err(|error| {
            tracing::error!(sandbox = sandbox.id, %error, "sandbox could not be resumed");
            ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "Error resuming sandbox")
        })?;
        self.journal.note(Kind::Resumed, sandbox, Value::Null);
        Ok(true)
    }

    /// Copies a sandbox's files, while it stands still.
    pub(super) async fn snapshot(
        &self,
        sandbox: &Sandbox,
        name: Option<&str>,
    ) -> Result<Arc<Snapshot>, ApiError> {
        let _alone = sandbox.transition.lock().await;
        let cell = sandbox.cell().filter(|_| sandbox.is_running());
        if let Some(cell) = &cell {
            cell.stop().await;
        }
        let env_vars = &sandbox.order.env_vars;
        let taken = self.snapshots.take(name, &sandbox.id, &sandbox.dir, env_vars).await;
        if let Some(cell) = cell {
            cell.go_on().await;
        }
        let snapshot = taken.map_err(|reason| match reason {
            NoSnapshot::Name => ApiError::bad_request("Invalid snapshot name"),
            NoSnapshot::Copy(error) => {
                tracing::error!(sandbox = sandbox.id, %error, "snapshot could not be taken");
                ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "Error creating snapshot")
            }
        })?;
        let more = json!({"snapshot_id": snapshot.id()});
        self.journal.note(Kind::Checkpointed, sandbox, more);
        Ok(snapshot)
    }

    /// Ends everything, and makes nothing more.
    pub(super) async fn close(&self) {
        let sandboxes: Vec<_> = {
            let mut places = self.lock();
            places.closed = true;
            places.sandboxes.drain().map(|(_, sandbox)| sandbox).collect()
        };
        join_all(sandboxes.iter().map(|sandbox| self.destroy(sandbox, KillReason::Admin))).await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Fleet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Fleet({})", self.count())
    }
}

/// A place kept for a sandbox being made; given back when dropped.
struct Promise(Arc<Fleet>);

impl Drop for Promise {
    fn drop(&mut self) {
        self.0.lock().promised -= 1;
    }
}

/// Ends a sandbox when its time is over or its envd is gone. Holds the fleet weakly: a host that was dropped
/// must not be kept by its sandboxes.
async fn watch(fleet: Weak<Fleet>, sandbox: Arc<Sandbox>) {
    loop {
        let expired = sandbox.ended().await;
        let Some(fleet) = fleet.upgrade() else { return };
        match sandbox.order.on_timeout {
            OnTimeout::Pause { memory } if expired => {
                fleet.pause(&sandbox, memory).await;
            }
            _ => {
                let reason = if expired { KillReason::Timeout } else { KillReason::Orphaned };
                fleet.kill(&sandbox.id, reason).await;
                return;
            }
        }
    }
}
