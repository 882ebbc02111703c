//! A server that answers as it is told, and remembers what it was asked.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What is done with a connection, step by step; then it is closed.
#[derive(Clone, Debug)]
pub enum Step {
    /// These bytes.
    Send(Vec<u8>),
    /// These bytes until nobody takes them any more, at most so many in all.
    Flood(Vec<u8>, usize),
    /// These bytes every few milliseconds until nobody takes them any more.
    Drip(Vec<u8>),
    /// Nothing, until the other side goes away.
    Hang,
    /// The connection is reset.
    Reset,
}

/// A request, as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// The first line.
    pub line: String,
    /// The headers, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Request {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Answers one connection with each script, in their order, and then none.
pub struct Server {
    pub url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    sent: Arc<AtomicUsize>,
}

impl Server {
    pub async fn start(scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (requests, sent) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let (seen, count) = (Arc::clone(&requests), Arc::clone(&sent));
        tokio::spawn(async move {
            for script in scripts {
                let (mut stream, _) = listener.accept().await.unwrap();
                if let Some(request) = receive(&mut stream).await {
                    seen.lock().unwrap().push(request);
                }
                perform(stream, script, &count).await;
            }
        });
        Self { url, requests, sent }
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// How many bytes were taken, at least by the system on their way.
    pub fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }
}

async fn receive(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..at].to_vec()).unwrap();
            let mut lines = head.lines();
            let line = lines.next().unwrap().to_owned();
            let headers: Vec<(String, String)> = lines
                .map(|line| line.split_once(':').unwrap())
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
                .collect();
            let length = headers.iter().find(|(name, _)| name == "content-length");
            let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
            if bytes.len() >= at + 4 + length {
                let body = String::from_utf8(bytes[at + 4..at + 4 + length].to_vec()).unwrap();
                return Some(Request { line, headers, body });
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

async fn perform(mut stream: TcpStream, script: Vec<Step>, sent: &AtomicUsize) {
    for step in script {
        match step {
            Step::Send(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
                sent.fetch_add(bytes.len(), Ordering::Relaxed);
            }
            Step::Flood(bytes, bytes_max) => {
                let mut flooded = 0;
                while flooded < bytes_max {
                    if stream.write_all(&bytes).await.is_err() {
                        return;
                    }
                    flooded += bytes.len();
                    sent.fetch_add(bytes.len(), Ordering::Relaxed);
                }
            }
            Step::Drip(bytes) => loop {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            },
            Step::Hang => {
                let _ = stream.read_u8().await;
            }
            Step::Reset => {
                // Closing with a linger of zero sends a reset.
                stream.set_zero_linger().unwrap();
                return;
            }
        }
    }
    let _ = stream.shutdown().await;
}

/// A head with these headers, for a body that ends with the connection.
pub fn head(status: &str, headers: &[(&str, &str)]) -> Step {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    Step::Send(format!("HTTP/1.1 {status}\r\n{headers}connection: close\r\n\r\n").into_bytes())
}

/// A whole answer with a JSON body.
pub fn json(status: &str, headers: &[(&str, &str)], body: &str) -> Vec<Step> {
    let headers = [headers, &[("content-type", "application/json")]].concat();
    vec![head(status, &headers), text(body)]
}

pub fn text(text: &str) -> Step {
    Step::Send(text.as_bytes().to_vec())
}
