//! Claim checks: what no item can hold lies in a bucket, and the item has its name.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::LedgerError;

/// A place for large things. Names are never used twice for different bytes, so a put may be repeated.
#[async_trait]
pub trait Bulk: Send + Sync + 'static {
    /// Keeps bytes under a name. Durable when it returns.
    async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), LedgerError>;
    /// Gives them back.
    async fn get(&self, name: &str) -> Result<Vec<u8>, LedgerError>;
    /// Lets go of what nothing points to any more. What is not there is no error.
    async fn delete(&self, name: &str) -> Result<(), LedgerError>;
}

/// A shared [`Bulk`].
#[derive(Clone)]
pub struct Claims(Arc<dyn Bulk>);

impl Claims {
    /// In this place.
    pub fn new(bulk: impl Bulk) -> Self {
        Self(Arc::new(bulk))
    }

    pub(super) async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), LedgerError> {
        self.0.put(name, bytes).await
    }

    pub(super) async fn get(&self, name: &str) -> Result<Vec<u8>, LedgerError> {
        self.0.get(name).await
    }

    pub(super) async fn delete(&self, name: &str) -> Result<(), LedgerError> {
        self.0.delete(name).await
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claims(..)")
    }
}
