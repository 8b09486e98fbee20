//! A server with the tiny random BERT, and the least of an HTTP client.
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use bert_ner_infer::Tagger;
use bert_ner_serve::{Handle, Server, Settings};
use serde_json::Value;
use tempfile::TempDir;

/// What transformers says of the tiny model, in the tests of `infer`.
pub(crate) fn golden(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../infer/tests/data")
        .join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Writes the tiny model with the head of the goldens to `dir`.
pub(crate) fn write_model(dir: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/tests/data/tiny-bert");
    let mut tagger = Tagger::open(&source).unwrap();
    let expected = golden("expected.json");
    let scale = expected["scale"].as_f64().unwrap() as f32;
    let bias: Vec<f32> = serde_json::from_value(expected["bias"].clone()).unwrap();
    let place = |tagger: &Tagger, name: &str| {
        let tensors = tagger.model().layout().tensors();
        tensors
            .iter()
            .find(|tensor| tensor.name == name)
            .unwrap()
            .range
            .clone()
    };
    let weight = place(&tagger, "classifier.weight");
    for weight in &mut tagger.model_mut().parameters.data[weight] {
        *weight *= scale;
    }
    let range = place(&tagger, "classifier.bias");
    tagger.model_mut().parameters.data[range].copy_from_slice(&bias);
    std::fs::create_dir_all(dir).unwrap();
    tagger.save(dir).unwrap();
}

/// A running server; it stops when dropped.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) handle: Handle,
    pub(crate) folder: TempDir,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    pub(crate) fn start() -> Self {
        Self::with(|_| ())
    }

    /// A server with two models, `tiny` and `other`, and settings changed by `change`.
    pub(crate) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::default();
        for name in ["tiny", "other"] {
            let dir = folder.path().join(name);
            write_model(&dir);
            settings.models.push((name.to_owned(), dir));
        }
        settings.address.set_port(0);
        settings.signals = false;
        change(&mut settings);
        let server = Server::bind(settings).unwrap();
        let (address, handle) = (server.address(), server.handle());
        let thread = std::thread::spawn(move || server.run().unwrap());
        Self {
            address,
            handle,
            folder,
            thread: Some(thread),
        }
    }

    pub(crate) fn model_dir(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.client().send("GET", path, &[], b"")
    }

    pub(crate) fn post(&self, path: &str, body: impl AsRef<[u8]>) -> Answer {
        self.client().send("POST", path, &[], body.as_ref())
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address)
    }

    /// Waits until the server has ended.
    pub(crate) fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.handle.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A connection that is kept.
pub(crate) struct Client(pub(crate) BufReader<TcpStream>);

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body of an answer that is no error.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()
    }

    /// Checks status and `error_type`, and gives the message.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, kind: &str) -> String {
        let body = self.json();
        assert_eq!(
            (self.status, body["error_type"].as_str()),
            (status, Some(kind)),
            "{self:?}"
        );
        body["error"].as_str().expect("a message").to_owned()
    }
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        // Head and body are written apart: the second must not wait for the first to be acknowledged.
        stream.set_nodelay(true).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        Self(BufReader::new(stream))
    }

    pub(crate) fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        self.head(method, path, headers, body.len());
        // A server may answer before it has read everything, and close.
        let _ = self.0.get_mut().write_all(body);
        self.answer().expect("an answer")
    }

    /// Sends the head of a request alone.
    pub(crate) fn head(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        length: usize,
    ) {
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nhost: test\r\ncontent-length: {length}\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        self.0.get_mut().write_all(head.as_bytes()).unwrap();
    }

    /// Reads an answer; `None` when the connection ended without one.
    pub(crate) fn answer(&mut self) -> Option<Answer> {
        let mut line = String::new();
        self.0.read_line(&mut line).ok().filter(|&read| read > 0)?;
        let status = line.split(' ').nth(1)?.parse().ok()?;
        let mut headers = HashMap::new();
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).ok()?;
            match line.trim_end().split_once(": ") {
                Some((name, value)) => headers.insert(name.to_lowercase(), value.to_owned()),
                None => break,
            };
        }
        let length = headers
            .get("content-length")
            .map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).ok()?;
        Some(Answer {
            status,
            headers,
            body: String::from_utf8(body).ok()?,
        })
    }
}

/// Entities without their scores, whose last bits may differ with the batch.
pub(crate) fn entities(answer: &Value) -> Vec<[Value; 3]> {
    let entity = |found: &Value| ["entity_group", "start", "end"].map(|key| found[key].clone());
    answer.as_array().unwrap().iter().map(entity).collect()
}
