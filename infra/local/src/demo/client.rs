//! An agent's view of gitledger: one HTTP call per operation, and a memory of every answer.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use gitledger_functions::Answer;
use gitledger_functions::answer::Outcome;
use indicatif::ProgressBar;
use serde_json::Value;

/// What is waited for, given how many answers there were.
type Wait = Arc<dyn Fn(usize) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Talks to the gateway; clones share the memory.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    key: Option<String>,
    seen: Arc<Mutex<Vec<Answer>>>,
    progress: ProgressBar,
    before_clone: Option<Wait>,
}

impl Client {
    /// A client of the gateway at this address, which is on this machine: no proxy can reach it.
    pub fn new(url: &str, progress: ProgressBar) -> Result<Self, String> {
        gitledger_sandboxes::tls::install();
        let http = reqwest::Client::builder().no_proxy().build().map_err(|error| error.to_string())?;
        Ok(Self { http, url: url.to_owned(), key: None, seen: Arc::default(), progress, before_clone: None })
    }

    /// The same, showing nobody how it goes on.
    pub fn quiet(url: &str) -> Result<Self, String> {
        Self::new(url, ProgressBar::hidden())
    }

    /// The same with an API key.
    #[must_use]
    pub fn with_key(self, key: String) -> Self {
        Self { key: Some(key), ..self }
    }

    /// The same, waiting before every clone, which is told how many answers there were. A clone finds its sandbox
    /// again by the ledger's log: where that comes after the answers, the same work finds others each time.
    #[must_use]
    pub fn waiting<F>(self, wait: impl Fn(usize) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self { before_clone: Some(Arc::new(move |answers| Box::pin(wait(answers)))), ..self }
    }

    /// Asks for an operation; the answer may be a failure.
    pub async fn ask(&self, operation: &str, input: Value) -> Result<Answer, String> {
        if let Some(wait) = self.before_clone.as_ref().filter(|_| operation == "clone") {
            wait(self.seen().len()).await;
        }
        let address = format!("{}/git/{operation}", self.url);
        let request = self.http.post(address).json(&input);
        let request = match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        };
        let response = request.send().await.map_err(|error| error.to_string())?;
        let status = response.status();
        let body: Value = response.json().await.map_err(|error| error.to_string())?;
        let answer: Answer = serde_json::from_value(body.clone())
            .map_err(|_| format!("{operation} was answered with {status}: {body}"))?;
        self.progress.inc(1);
        self.progress.set_message(operation.to_owned());
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(answer.clone());
        Ok(answer)
    }

    /// Asks for an operation that must succeed; gives its output.
    pub async fn done(&self, operation: &str, input: Value) -> Result<Value, String> {
        let answer = self.ask(operation, input).await?;
        match (answer.outcome, answer.output) {
            (Outcome::Succeeded, Some(output)) => Ok(output),
            (outcome, _) => Err(format!("{operation} should succeed, but {outcome:?}: {:?}", answer.failure)),
        }
    }

    /// Asks for an operation that must fail with this code.
    pub async fn fails(&self, operation: &str, input: Value, code: &str) -> Result<(), String> {
        let answer = self.ask(operation, input).await?;
        match &answer.failure {
            Some(failure) if failure.code == code => Ok(()),
            other => Err(format!("{operation} should fail with {code}, but: {other:?}")),
        }
    }

    /// Every answer so far.
    pub fn seen(&self) -> Vec<Answer> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
