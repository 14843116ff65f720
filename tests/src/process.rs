//! A program that runs beside a test: its words kept, its end certain.

use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::wait::{PATIENCE, until};

/// A running program. Dropped, it is killed.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    said: Said,
    readers: Vec<JoinHandle<()>>,
    // Of a program that starts others: they are ended with it.
    group: Option<Pid>,
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal_group(Signal::KILL);
    }
}

/// What a program has printed so far, standard output and error together, by line.
#[derive(Clone, Debug, Default)]
struct Said(Arc<Mutex<Vec<String>>>);

impl Said {
    fn add(&self, line: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    fn find<T>(&self, wanted: impl Fn(&str) -> Option<T>) -> Option<T> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().find_map(|line| wanted(line))
    }

    fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }

    fn keep(&self, stream: impl AsyncRead + Unpin + Send + 'static) -> JoinHandle<()> {
        let said = self.clone();
        tokio::spawn(async move {
            let mut lines = BufReader::new(stream).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                said.add(line);
            }
        })
    }
}

impl Process {
    /// Starts a program. `name` is for messages.
    pub fn start(name: &str, command: std::process::Command) -> Self {
        let mut command = Command::from(command);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => panic!("{name} does not start: {error}"),
        };
        let said = Said::default();
        let mut readers = Vec::new();
        readers.extend(child.stdout.take().map(|stream| said.keep(stream)));
        readers.extend(child.stderr.take().map(|stream| said.keep(stream)));
        Self { name: name.to_owned(), child, said, readers, group: None }
    }

    /// Starts a program that starts others, in a process group that ends with it.
    pub fn start_group(name: &str, mut command: std::process::Command) -> Self {
        use std::os::unix::process::CommandExt;
        command.process_group(0);
        let mut process = Self::start(name, command);
        process.group = process.id();
        process
    }

    /// Its process id; zero when it has ended and was waited for.
    pub fn pid(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }

    /// Everything that it has printed so far.
    pub fn said(&self) -> String {
        self.said.text()
    }

    /// Waits for a line of which `wanted` makes something. Fails the test if the program ends before.
    pub async fn line<T>(&mut self, what: &str, wanted: impl Fn(&str) -> Option<T>) -> T {
        let Self { name, child, said, .. } = self;
        let what = format!("{name}: {what}");
        let found = until(&what, async || {
            if let Some(found) = said.find(&wanted) {
                return Some(Ok(found));
            }
            match child.try_wait() {
                Ok(None) => None,
                ended => Some(Err(format!("{ended:?}"))),
            }
        });
        match found.await {
            Ok(found) => found,
            Err(ended) => panic!("{what}: it ended before, {ended}:\n{}", said.text()),
        }
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends a signal; one that has ended gets none.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = self.id() {
            // It may have ended a moment ago.
            let _ = kill_process(pid, signal);
        }
    }

    fn id(&self) -> Option<Pid> {
        Pid::from_raw(i32::try_from(self.child.id()?).ok()?)
    }

    fn signal_group(&self, signal: Signal) {
        if let Some(group) = self.group {
            // All of it may have ended.
            let _ = kill_process_group(group, signal);
        }
    }

    /// Waits for its end; how it ended, and everything that it printed.
    pub async fn ended(mut self) -> (ExitStatus, String) {
        let Ok(ended) = tokio::time::timeout(PATIENCE, self.child.wait()).await else {
            panic!("{} does not end:\n{}", self.name, self.said());
        };
        // A grandchild may still hold the pipes: what it says is not waited for.
        for reader in &mut self.readers {
            let _ = tokio::time::timeout(std::time::Duration::from_secs(1), reader).await;
        }
        match ended {
            Ok(status) => (status, self.said()),
            Err(error) => panic!("{}: {error}", self.name),
        }
    }

    /// Asks it to end, as Ctrl-C does. It must end well; what it printed is returned.
    pub async fn interrupt(self) -> String {
        let name = self.name.clone();
        self.signal(Signal::INT);
        let (status, said) = self.ended().await;
        assert!(status.success(), "{name} ended with {status} when interrupted:\n{said}");
        said
    }

    /// Asks it and all that it has started to end, as Ctrl-C in a terminal does; how it ends is its own affair.
    pub async fn interrupt_group(self) -> String {
        self.signal_group(Signal::INT);
        self.ended().await.1
    }

    /// Kills it with SIGKILL and waits until it is gone; what it printed is returned.
    pub async fn kill(self) -> String {
        self.signal(Signal::KILL);
        self.ended().await.1
    }
}
