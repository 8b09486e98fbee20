//! `bert-ner serve` as a process: signals, the key from the environment, the probe.
#![cfg(all(unix, feature = "serve"))]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use common::{Bench, tiny_bert};
use serde_json::Value;

/// A server as a process of its own; killed when dropped.
struct Serving {
    child: Child,
    stderr: BufReader<ChildStderr>,
    address: String,
}

impl Serving {
    fn start(bench: &Bench, model: &str) -> Self {
        Self::start_at(bench, model, "0")
    }

    fn start_at(bench: &Bench, model: &str, port: &str) -> Self {
        let mut command = bench.command(&["serve", "--model", model, "--port", port]);
        command
            .env("BERT_NER_API_KEY", "secret")
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary runs");
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut serving = Self {
            child,
            stderr,
            address: String::new(),
        };
        let listening = serving.until("listening");
        serving.address = listening["address"]
            .as_str()
            .expect("an address")
            .to_owned();
        serving
    }

    /// Reads the log up to this event.
    fn until(&mut self, event: &str) -> Value {
        loop {
            let mut line = String::new();
            self.stderr
                .read_line(&mut line)
                .expect("log lines are UTF-8");
            let line: Value =
                serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
            if line["event"] == event {
                return line;
            }
        }
    }

    /// Resident memory in KiB.
    #[cfg(target_os = "linux")]
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("Linux tells");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        number
            .and_then(|kib| kib.parse().ok())
            .expect("a number of KiB")
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &id]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Sends a request for the entities of a text.
    fn send(&self) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        stream
            .write_all(request().as_bytes())
            .expect("it can be sent");
        stream
    }
}

fn request() -> String {
    let body = r#"{"inputs": "Ada Lovelace was born in London."}"#;
    let length = body.len();
    let head = "POST /predict HTTP/1.1\r\nhost: a\r\nx-api-key: secret\r\nconnection: close";
    format!("{head}\r\ncontent-length: {length}\r\n\r\n{body}")
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn answer(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("an answer in UTF-8");
    answer
}

#[test]
fn sigterm_finishes_what_is_in_hand_and_ends_with_zero() {
    let bench = Bench::new();
    let mut serving = Serving::start(&bench, tiny_bert().to_str().expect("a path in UTF-8"));
    let (host, port) = serving.address.rsplit_once(':').expect("host and port");
    bench
        .run(&["serve", "--check", "--host", host, "--port", port])
        .ok();
    let waiting: Vec<TcpStream> = (0..20).map(|_| serving.send()).collect();
    serving.signal("-TERM");
    for stream in waiting {
        let answer = answer(stream);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    serving.until("stopped");
    assert_eq!(serving.child.wait().expect("it ends").code(), Some(0));
    let closed = bench.run(&["serve", "--check", "--port", "9"]);
    assert_eq!(closed.code, Some(1), "{closed:?}");
}

#[test]
fn after_kill_9_the_next_server_takes_the_same_port_at_once() {
    let bench = Bench::new();
    let model = tiny_bert();
    let model = model.to_str().expect("a path in UTF-8");
    let mut killed = Serving::start(&bench, model);
    let waiting: Vec<TcpStream> = (0..8).map(|_| killed.send()).collect();
    killed.signal("-KILL");
    killed.child.wait().expect("it ends");
    let port = killed.address.rsplit(':').next().expect("a port");
    let next = Serving::start_at(&bench, model, port);
    assert!(answer(next.send()).starts_with("HTTP/1.1 200 "));
    drop(waiting);
}

#[cfg(target_os = "linux")]
#[test]
fn a_hundred_megabytes_are_refused_and_leave_nothing_in_memory() {
    let bench = Bench::new();
    let serving = Serving::start(&bench, tiny_bert().to_str().expect("a path in UTF-8"));
    assert!(answer(serving.send()).starts_with("HTTP/1.1 200 "));
    let before = serving.memory();
    let piece = vec![b'x'; 1 << 20];
    for length in ["content-length: 104857600", "transfer-encoding: chunked"] {
        for _ in 0..4 {
            let mut stream = TcpStream::connect(&serving.address).expect("a connection");
            let head = format!(
                "POST /predict HTTP/1.1\r\nhost: a\r\nx-api-key: secret\r\n{length}\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).expect("it can be sent");
            // The server may close as soon as it has seen enough: then the rest cannot be sent.
            let send = |stream: &mut TcpStream| -> std::io::Result<()> {
                for _ in 0..100 {
                    if length.starts_with('t') {
                        stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes())?;
                    }
                    stream.write_all(&piece)?;
                    if length.starts_with('t') {
                        stream.write_all(b"\r\n")?;
                    }
                }
                Ok(())
            };
            let sent = send(&mut stream);
            let mut status = [0; 12];
            let read = stream.read_exact(&mut status);
            // What was still on its way to a closed connection may have taken the answer with it.
            assert!(&status == b"HTTP/1.1 413" || sent.is_err() || read.is_err());
        }
    }
    assert!(answer(serving.send()).starts_with("HTTP/1.1 200 "));
    let after = serving.memory();
    assert!(
        after < before + (24 << 10),
        "{before} KiB before, {after} after"
    );
}

/// Asks for the entities of a text on a connection of its own; the status line and all.
fn ask(address: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(request().as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn sigterm_under_load_loses_no_connection_that_was_taken() {
    let bench = Bench::new();
    let mut serving = Serving::start(&bench, tiny_bert().to_str().expect("a path in UTF-8"));
    let (answered, address) = (AtomicU64::new(0), serving.address.clone());
    let stopped = std::thread::scope(|scope| {
        for _ in 0..8 {
            // An error is the closed port, or a connection that the system had let in but the server had not taken yet.
            scope.spawn(|| {
                while let Ok(answer) = ask(&address) {
                    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer:?}");
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for _ in 0..100 {
            serving.until("request");
        }
        serving.signal("-TERM");
        serving.until("stopped")
    });
    // Of those that were taken, each had an answer.
    assert_eq!(stopped["connections"], answered.load(Ordering::Relaxed));
    assert_eq!(serving.child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn sighup_takes_a_good_folder_and_leaves_a_broken_one() {
    let bench = Bench::new();
    let model = bench.copy_model("model");
    let mut serving = Serving::start(&bench, "model");
    serving.signal("-HUP");
    serving.until("reloaded");
    std::fs::remove_file(model.join("config.json")).expect("it can be removed");
    serving.signal("-HUP");
    let failed = serving.until("reload failed");
    assert!(
        failed["error"]
            .as_str()
            .is_some_and(|error| error.contains("config.json")),
        "{failed}"
    );
    assert!(answer(serving.send()).starts_with("HTTP/1.1 200 "));
    let request = serving.until("request");
    assert_eq!(
        (&request["route"], &request["status"]),
        (&Value::from("/predict"), &Value::from(200))
    );
}

#[test]
fn what_cannot_be_served_is_said() {
    let bench = Bench::new();
    bench.write("keys", "\n \n");
    let model = tiny_bert();
    let model = model.to_str().expect("a path in UTF-8");
    let twice = ["serve", "--model", model, "--model", model];
    assert!(
        bench
            .run(&twice)
            .stderr
            .contains("two models are named \"default\"")
    );
    let nowhere = bench.run(&["serve", "--model", "a=./nowhere"]);
    nowhere.failed(
        1,
        "error: ./nowhere: no such folder\n  hint: a model of the Hugging Face Hub is named name, org/name or \
         org/name@revision, without ./\n",
    );
    let keyless = bench.run(&["serve", "--model", model, "--api-key-file", "keys"]);
    assert_eq!(keyless.code, Some(2), "{keyless:?}");
    assert!(keyless.stderr.contains("keys: no key in this file"));
    assert_eq!(bench.run(&["serve"]).code, Some(2));
}
