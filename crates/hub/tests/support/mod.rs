//! A server on the loopback interface that speaks the Hub's paths as `hf-hub` needs them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// How a repository's files are handed out.
#[derive(Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "each test crate uses some of them")]
pub(crate) enum Delivery {
    /// As the answer itself.
    Plain,
    /// From another path, named by a relative redirect, as the Hub hands out small files.
    RelativeRedirect,
    /// From another address, named by an absolute redirect, as the Hub hands out large files.
    AbsoluteRedirect,
    /// Only half of each file, then the line is cut.
    Cut,
    /// Listed, but refused with this status.
    Refused(u16),
}

/// A repository: `kind` is `models` or `datasets`.
pub(crate) struct FakeRepo {
    pub(crate) kind: &'static str,
    pub(crate) name: &'static str,
    pub(crate) revision: &'static str,
    pub(crate) commit: &'static str,
    pub(crate) delivery: Delivery,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

impl FakeRepo {
    pub(crate) fn new(kind: &'static str, name: &'static str, files: &[(&str, &[u8])]) -> Self {
        let files = files
            .iter()
            .map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec()))
            .collect();
        Self {
            kind,
            name,
            revision: "main",
            commit: "0123abcd",
            delivery: Delivery::Plain,
            files,
        }
    }
}

/// A running server; it ends with the process.
pub(crate) struct FakeHub {
    pub(crate) endpoint: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl FakeHub {
    pub(crate) fn start(repos: Vec<FakeRepo>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (log, base) = (Arc::clone(&requests), endpoint.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // A client that went away is no concern of the server's.
                let _ = answer(&stream.unwrap(), &repos, &base, &log);
            }
        });
        Self { endpoint, requests }
    }

    /// The request lines so far: method, path and authorization.
    #[allow(dead_code, reason = "each test crate uses some of it")]
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn answer(
    stream: &TcpStream,
    repos: &[FakeRepo],
    base: &str,
    log: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next().unwrap_or(Ok(String::new()))?;
    let path = request.split(' ').nth(1).unwrap_or("").to_owned();
    let (mut start, mut end, mut who) = (0, usize::MAX, String::new());
    for line in lines {
        let line = line?.to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(range) = line.strip_prefix("range: bytes=") {
            let (from, to) = range.split_once('-').unwrap();
            start = from.parse().unwrap();
            end = to.parse().unwrap_or(usize::MAX);
        }
        if let Some(token) = line.strip_prefix("authorization: ") {
            who = format!(" as {token}");
        }
    }
    log.lock().unwrap().push(format!("{path}{who}"));
    for repo in repos {
        let prefix = if repo.kind == "models" {
            ""
        } else {
            "datasets/"
        };
        let revision = |revision: &str| {
            revision == repo.commit || revision == repo.revision.replace('/', "%2F")
        };
        let asked = path.strip_prefix(&format!("/api/{}/{}/revision/", repo.kind, repo.name));
        if asked.is_some_and(revision) {
            return info(stream, repo);
        }
        let moved = path.strip_prefix("/moved");
        let rest = moved
            .unwrap_or(&path)
            .strip_prefix(&format!("/{prefix}{}/resolve/", repo.name));
        let Some((asked, file)) = rest.and_then(|rest| rest.split_once('/')) else {
            continue;
        };
        let Some(bytes) = repo.files.get(file).filter(|_| revision(asked)) else {
            continue;
        };
        match repo.delivery {
            Delivery::Refused(code) => return status(stream, code, ""),
            Delivery::RelativeRedirect if moved.is_none() => {
                return status(stream, 307, &head(repo, bytes, &format!("/moved{path}")));
            }
            Delivery::AbsoluteRedirect if moved.is_none() => {
                return status(
                    stream,
                    302,
                    &head(repo, bytes, &format!("{base}/moved{path}")),
                );
            }
            _ => return file_range(stream, repo, bytes, start, end),
        }
    }
    status(stream, 404, "")
}

/// The headers that tell which file this is, and where it has moved.
fn head(repo: &FakeRepo, bytes: &[u8], location: &str) -> String {
    // Any text that differs when the content does would serve as ETag.
    let sum = bytes
        .iter()
        .fold(5381u64, |sum, &byte| sum.wrapping_mul(33) ^ u64::from(byte));
    let mut head = format!("X-Repo-Commit: {}\r\nETag: \"{sum:x}\"\r\n", repo.commit);
    if !location.is_empty() {
        head.push_str(&format!("Location: {location}\r\n"));
    }
    head
}

fn status(mut stream: &TcpStream, code: u16, headers: &str) -> std::io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {code} X\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n"
    )
}

fn info(mut stream: &TcpStream, repo: &FakeRepo) -> std::io::Result<()> {
    let files: Vec<String> = repo
        .files
        .keys()
        .map(|file| format!("{{\"rfilename\":\"{file}\"}}"))
        .collect();
    let body = format!(
        "{{\"sha\":\"{}\",\"siblings\":[{}]}}",
        repo.commit,
        files.join(",")
    );
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

fn file_range(
    mut stream: &TcpStream,
    repo: &FakeRepo,
    bytes: &[u8],
    start: usize,
    end: usize,
) -> std::io::Result<()> {
    let range = &bytes[start.min(bytes.len())..end.saturating_add(1).min(bytes.len())];
    let (last, total, length) = (start + range.len().max(1) - 1, bytes.len(), range.len());
    write!(
        stream,
        "HTTP/1.1 206 Partial Content\r\n{}Content-Range: bytes {start}-{last}/{total}\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n",
        head(repo, bytes, ""),
    )?;
    let cut = repo.delivery == Delivery::Cut && length > 1;
    stream.write_all(if cut { &range[..length / 2] } else { range })
}
