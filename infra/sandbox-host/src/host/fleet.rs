//! All sandboxes of a host: made, found, paused, ended.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use axum::http::StatusCode;
use futures_util::future::join_all;
use jiff::SignedDuration;

use super::Ground;
use super::api_error::ApiError;
use super::cell::Cell;
use super::identity;
use super::sandbox::{OnTimeout, Order, Phase, Sandbox};
use crate::settings::EnvdSettings;

/// The sandboxes and what they stand on.
pub(super) struct Fleet {
    ground: Ground,
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
    pub(super) fn new(ground: Ground, sandboxes_max: usize) -> Self {
        Self { ground, sandboxes_max, places: Mutex::default() }
    }

    /// Makes a sandbox. It can be spoken to when this returns.
    pub(super) async fn create(self: &Arc<Self>, order: Order) -> Result<Arc<Sandbox>, ApiError> {
        if !order.network && self.ground.isolation == super::Isolation::Plain {
            return Err(ApiError::bad_request(
                "internet access cannot be denied: sandboxes are not isolated",
            ));
        }
        let promise = self.promise()?;
        let made = self.make(order).await.map_err(|error| {
            tracing::error!(%error, "sandbox could not be created");
            ApiError::create_failed()
        })?;
        let sandbox = Arc::new(made);
        let closed = {
            let mut places = self.lock();
            if !places.closed {
                places.sandboxes.insert(sandbox.id.clone(), Arc::clone(&sandbox));
            }
            places.closed
        };
        drop(promise);
        if closed {
            self.destroy(&sandbox).await;
            return Err(ApiError::create_failed());
        }
        tokio::spawn(watch(Arc::downgrade(self), Arc::clone(&sandbox)));
        Ok(sandbox)
    }

    async fn make(&self, order: Order) -> std::io::Result<Sandbox> {
        let id = identity::sandbox_id()?;
        let token = order.secure.then(identity::token).transpose()?;
        let mut env_vars = order.env_vars.clone();
        env_vars.extend([
            ("E2B_SANDBOX".to_owned(), "true".to_owned()),
            ("E2B_SANDBOX_ID".to_owned(), id.clone()),
            ("E2B_TEMPLATE_ID".to_owned(), order.template.clone()),
        ]);
        let settings = EnvdSettings { access_token: token.clone(), env_vars, root: None };
        let cell = Cell::start(&self.ground, &id, settings, order.network).await?;
        Ok(Sandbox::new(id, order, token, cell))
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
    pub(super) async fn kill(&self, id: &str) -> bool {
        // Out of sight first, so that exactly one caller ends it and nobody is led to it meanwhile.
        let removed = self.lock().sandboxes.remove(id);
        match removed {
            Some(sandbox) => {
                self.destroy(&sandbox).await;
                true
            }
            None => false,
        }
    }

    async fn destroy(&self, sandbox: &Sandbox) {
        let _alone = sandbox.transition.lock().await;
        if let Err(error) = sandbox.cell.destroy().await {
            tracing::error!(sandbox = sandbox.id, %error, "sandbox did not end cleanly");
        }
    }

    /// Stops a sandbox where it is. False when it is paused already.
    pub(super) async fn pause(&self, sandbox: &Sandbox) -> bool {
        let _alone = sandbox.transition.lock().await;
        if !sandbox.is_running() {
            return false;
        }
        // First, so that no new request reaches a process that is about to stop.
        sandbox.set_phase(Phase::Paused);
        if !sandbox.cell.stop().await {
            tracing::warn!(sandbox = sandbox.id, "some processes of the sandbox could not be stopped");
        }
        true
    }

    /// Lets a paused sandbox go on until `timeout` from now. False when it runs already.
    pub(super) async fn resume(&self, sandbox: &Sandbox, timeout: SignedDuration) -> bool {
        let _alone = sandbox.transition.lock().await;
        if sandbox.is_running() {
            return false;
        }
        sandbox.cell.go_on().await;
        sandbox.end_in(timeout, false);
        sandbox.set_phase(Phase::Running);
        true
    }

    /// Ends everything, and makes nothing more.
    pub(super) async fn close(&self) {
        let sandboxes: Vec<_> = {
            let mut places = self.lock();
            places.closed = true;
            places.sandboxes.drain().map(|(_, sandbox)| sandbox).collect()
        };
        join_all(sandboxes.iter().map(|sandbox| self.destroy(sandbox))).await;
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
        let gone = tokio::select! {
            () = sandbox.cell.exited() => true,
            () = sandbox.expired() => false,
        };
        let Some(fleet) = fleet.upgrade() else { return };
        if !gone && sandbox.order.on_timeout == OnTimeout::Pause {
            fleet.pause(&sandbox).await;
        } else {
            fleet.kill(&sandbox.id).await;
            return;
        }
    }
}
