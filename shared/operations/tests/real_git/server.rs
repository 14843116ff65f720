//! A smart HTTP server for bare repositories: `git http-backend` behind a few lines of CGI, with a token
//! if wanted, and with accidents on demand.

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use gitledger_operations::Remotes;

use crate::sandbox::{Sandbox, git};

/// What happens to the next push that reaches the server.
pub enum Accident {
    /// It is carried out, and the connection is cut before the answer.
    CutReply,
    /// The connection is cut before anything is done.
    CutRequest,
    /// See [`Cut`].
    #[allow(dead_code)] // not every test program has this accident
    Cut(Cut),
    /// This is done first.
    First(Box<dyn FnOnce() + Send>),
    /// This status is answered, and nothing is done.
    Status(u16),
}

/// The connection is cut in the middle of the answer, or before there is one.
pub struct Cut {
    /// Whether the push is carried out.
    pub served: bool,
    /// How much of the answer is sent.
    pub reply_bytes: usize,
    /// What is done meanwhile, by somebody else.
    pub act: Box<dyn FnOnce() + Send>,
    /// Whether that is done before the push is carried out.
    pub acts_first: bool,
}

/// The server; it lives as long as the test.
pub struct Server {
    pub root: tempfile::TempDir,
    pub url: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    root: PathBuf,
    token: Option<String>,
    accidents: Mutex<VecDeque<Accident>>,
    /// Done before the next push learns what the references are.
    before_push: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    /// Method, path and `Authorization` of every request.
    requests: Mutex<Vec<(String, String, Option<String>)>>,
    /// Every request is answered with a redirect to this.
    redirect: Mutex<Option<String>>,
}

impl Server {
    pub fn start(token: Option<&str>) -> Self {
        let root = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let shared = Shared { root: root.path().into(), token: token.map(Into::into), ..Shared::default() };
        let shared = Arc::new(shared);
        let served = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let served = Arc::clone(&served);
                std::thread::spawn(move || serve(&stream, &served));
            }
        });
        Self { root, url, shared }
    }

    /// A repository `a/r.git` with two commits on `main` that change `f` and `g`.
    pub fn with_repository(token: Option<&str>) -> Self {
        let server = Self::start(token);
        server.empty_repository("a/r.git");
        let desk = server.desk();
        for (name, text) in [("f", "1\n2\n3\n"), ("g", "x\n")] {
            fs::write(desk.path().join(name), text).unwrap();
            git(desk.path(), &["add", "."]);
            git(desk.path(), &["commit", "-qm", name]);
        }
        git(desk.path(), &["push", "-q", "origin", "main"]);
        server
    }

    pub fn empty_repository(&self, name: &str) {
        let path = self.bare(name);
        fs::create_dir_all(&path).unwrap();
        git(&path, &["init", "-q", "--bare", "--initial-branch=main"]);
        for key in ["http.receivepack", "uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"] {
            git(&path, &["config", key, "true"]);
        }
    }

    pub fn bare(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub fn repo_url(&self) -> String {
        format!("{}a/r.git", self.url)
    }

    /// Somebody else's working copy, straight on the server's disk.
    pub fn desk(&self) -> tempfile::TempDir {
        let desk = tempfile::tempdir().unwrap();
        let bare = self.bare("a/r.git");
        git(desk.path(), &["clone", "-q", bare.to_str().unwrap(), "."]);
        git(desk.path(), &["symbolic-ref", "HEAD", "refs/heads/main"]);
        desk
    }

    /// Somebody else commits this to a branch and pushes.
    pub fn push_by_another(&self, branch: &str, file: &str, text: &str) {
        push_by_another(&self.bare("a/r.git"), branch, file, text);
    }

    /// A branch's commit.
    pub fn tip(&self, branch: &str) -> String {
        git(&self.bare("a/r.git"), &["rev-parse", &format!("refs/heads/{branch}")])
    }

    pub fn accident(&self, accident: Accident) {
        self.shared.accidents.lock().unwrap().push_back(accident);
    }

    /// Somebody else does this after the remote was asked, and before the next push is begun.
    #[allow(dead_code)] // not every test program needs it
    pub fn before_push(&self, act: Box<dyn FnOnce() + Send>) {
        *self.shared.before_push.lock().unwrap() = Some(act);
    }

    /// Accidents that did not happen will not.
    #[allow(dead_code)] // not every test program needs it
    pub fn no_more_accidents(&self) {
        self.shared.accidents.lock().unwrap().clear();
        *self.shared.before_push.lock().unwrap() = None;
    }

    pub fn redirect_to(&self, url: &str) {
        *self.shared.redirect.lock().unwrap() = Some(url.to_owned());
    }

    pub fn requests(&self) -> Vec<(String, String, Option<String>)> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// A sandbox that may talk to this server, with the repository cloned.
    pub fn cloned(&self) -> Sandbox {
        let mut sandbox = self.sandbox();
        sandbox.good(
            "clone",
            serde_json::json!({"repo_url": self.repo_url(), "agent_id": "a1", "task_id": "t1", "branch": "main"}),
        );
        sandbox
    }

    pub fn sandbox(&self) -> Sandbox {
        let mut sandbox = Sandbox::new();
        sandbox.remotes = Remotes::allowing(&self.url).unwrap();
        sandbox.token.clone_from(&self.shared.token);
        sandbox
    }
}

pub fn push_by_another(bare: &std::path::Path, branch: &str, file: &str, text: &str) {
    let desk = tempfile::tempdir().unwrap();
    git(desk.path(), &["clone", "-q", "-b", branch, bare.to_str().unwrap(), "."]);
    fs::write(desk.path().join(file), text).unwrap();
    git(desk.path(), &["add", "."]);
    git(desk.path(), &["commit", "-qm", &format!("another's {file}")]);
    git(desk.path(), &["push", "-q", "origin", branch]);
}

struct Request {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

fn serve(mut stream: &TcpStream, shared: &Shared) {
    let Some(request) = receive(stream) else { return };
    let authorization = request.header("authorization").map(str::to_owned);
    let seen = (request.method.clone(), request.path.clone(), authorization.clone());
    shared.requests.lock().unwrap().push(seen);
    let mut status = |line: &str, header: &str| {
        let _ = write!(stream, "HTTP/1.1 {line}\r\n{header}Content-Length: 0\r\nConnection: close\r\n\r\n");
    };
    if let Some(to) = shared.redirect.lock().unwrap().clone() {
        let header = format!("Location: {to}{}?{}\r\n", request.path, request.query);
        return status("302 Found", &header);
    }
    if let Some(token) = &shared.token {
        let right = base64::engine::general_purpose::STANDARD.encode(format!("x:{token}"));
        if authorization != Some(format!("Basic {right}")) {
            return status("401 Unauthorized", "WWW-Authenticate: Basic realm=\"git\"\r\n");
        }
    }
    if request.method == "GET"
        && request.query.ends_with("git-receive-pack")
        && let Some(act) = shared.before_push.lock().unwrap().take()
    {
        act();
    }
    let pushes = request.method == "POST" && request.path.ends_with("git-receive-pack");
    // git probes with a flush packet alone before it sends something large.
    let accident =
        if pushes && request.body.len() > 4 { shared.accidents.lock().unwrap().pop_front() } else { None };
    match accident {
        Some(Accident::CutRequest) => return,
        Some(Accident::CutReply) => {
            backend(&request, shared);
            return;
        }
        Some(Accident::Cut(Cut { served, reply_bytes, act, acts_first })) => {
            let answer = || if served { backend(&request, shared) } else { Vec::new() };
            let answer = if acts_first {
                act();
                answer()
            } else {
                let answer = answer();
                act();
                answer
            };
            let _ = stream.write_all(&answer[..reply_bytes.min(answer.len())]);
            return;
        }
        Some(Accident::Status(code)) => return status(&format!("{code} No"), ""),
        Some(Accident::First(first)) => first(),
        None => {}
    }
    let answer = backend(&request, shared);
    let _ = stream.write_all(&answer);
}

fn receive(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut parts = line.split_whitespace();
    let (method, target) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let mut request =
        Request { method, path: path.to_owned(), query: query.to_owned(), headers, body: Vec::new() };
    if request.header("expect").is_some() {
        let mut stream = stream;
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
    }
    if request.header("transfer-encoding").is_some() {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size).ok()?;
            let mut chunk = vec![0; usize::from_str_radix(size.trim(), 16).ok()? + 2];
            reader.read_exact(&mut chunk).ok()?;
            chunk.truncate(chunk.len() - 2);
            if chunk.is_empty() {
                break;
            }
            request.body.extend(chunk);
        }
    } else if let Some(length) = request.header("content-length") {
        request.body = vec![0; length.parse().ok()?];
        reader.read_exact(&mut request.body).ok()?;
    }
    Some(request)
}

fn backend(request: &Request, shared: &Shared) -> Vec<u8> {
    let header = |name: &str| request.header(name).unwrap_or_default().to_owned();
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", &shared.root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REQUEST_METHOD", &request.method)
        .env("PATH_INFO", &request.path)
        .env("QUERY_STRING", &request.query)
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("GIT_PROTOCOL", header("git-protocol"))
        .env("REMOTE_USER", "x")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let body = request.body.clone();
    let writer = std::thread::spawn(move || drop(stdin.write_all(&body)));
    let output = child.wait_with_output().unwrap().stdout;
    writer.join().unwrap();
    let ends = output.windows(4).position(|four| four == b"\r\n\r\n").map_or(output.len(), |at| at + 4);
    let head = String::from_utf8_lossy(&output[..ends]).into_owned();
    let status = head.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK");
    let kept = head.lines().filter(|line| !line.is_empty() && !line.starts_with("Status:"));
    let head = kept.fold(String::new(), |head, line| head + line + "\r\n");
    let body = &output[ends.min(output.len())..];
    let start =
        format!("HTTP/1.1 {status}\r\n{head}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    [start.as_bytes(), body].concat()
}
