//! A GitHub that remembers: repositories are bare ones of real git, pull requests are in memory.
//!
//! `fake-github` prints the port that it listens at on loopback, and ends with its standard input. It has
//! many worlds, each with one repository: `POST /_fake/worlds` makes one, `/w/ID` is its API, and
//! `/w/ID/_fake/…` is where a test looks and interferes, `/w/ID/OWNER/NAME.git` is cloned from, and
//! `/w/ID/moved/app.git` leads to `octo/app.git`.
//!
//! With `FIX_CORPUS_DIR`, answers have all the fields that GitHub's have, and each request and answer is
//! checked against GitHub's own description of its API; what does not fit is in the `violations` of the world.

mod contract;
mod fault;
mod objects;
mod smart_http;
mod world;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use contract::Contract;
use fault::Fault;
use serde_json::{Value, json};
use world::{Answer, Call, World};

/// Most that a request may hold.
const REQUEST_BYTES_MAX: usize = 32 * 1024 * 1024;

struct Forge {
    contract: Option<Contract>,
    worlds: Mutex<BTreeMap<u64, Arc<Mutex<World>>>>,
}

#[tokio::main]
async fn main() {
    let forge = Forge { contract: Contract::of_corpus(), worlds: Mutex::default() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    println!("{}", listener.local_addr().expect("an address").port());
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    axum::serve(listener, Router::new().fallback(serve).with_state(Arc::new(forge))).await.expect("a server");
}

async fn serve(State(forge): State<Arc<Forge>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, REQUEST_BYTES_MAX).await.expect("a body");
    let path = parts.uri.path().to_owned();
    if path == "/_fake/worlds" {
        return written(StatusCode::CREATED, &forge.make_world(&json_of(&body)));
    }
    let (id, rest) = path.strip_prefix("/w/").and_then(|path| path.split_once('/')).expect("a world");
    let world = lock(&forge.worlds).get(&id.parse().expect("a number")).cloned().expect("a world");
    if let Some(command) = rest.strip_prefix("_fake/") {
        return written(StatusCode::OK, &lock(&world).command(command, &json_of(&body)));
    }
    if let Some(path) = rest.strip_prefix("moved/app.git") {
        let query = parts.uri.query().unwrap_or_default();
        return redirect(&format!("/w/{id}/octo/app.git{path}?{query}"));
    }
    let repository = lock(&world).repository(rest);
    if let Some((directory, tokens, path)) = repository {
        let fault = lock(&world).begin_git(&parts, &path);
        if let Some(answer) = fault.as_ref().and_then(Fault::instead) {
            return send((answer, fault)).await;
        }
        if let Some(Fault::Before { run }) = &fault {
            lock(&world).git(&run.iter().map(String::as_str).collect::<Vec<_>>());
        }
        return spoil(smart_http::serve(&directory, &tokens, &path, &parts, body).await, fault).await;
    }
    let authorization = parts.headers.get("authorization").and_then(|value| value.to_str().ok());
    let call = Call {
        method: parts.method.to_string(),
        path: format!("/{rest}"),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        token: authorization.and_then(|value| value.strip_prefix("Bearer ")).map(ToOwned::to_owned),
        agent: parts.headers.get("user-agent").map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
        body: json_of(&body),
    };
    // git is run meanwhile, which blocks.
    let answered = tokio::task::spawn_blocking(move || forge.answer(&world, &call));
    send(answered.await.expect("an answer")).await
}

impl Forge {
    fn make_world(&self, wish: &Value) -> Value {
        let mut worlds = lock(&self.worlds);
        let id = worlds.len() as u64;
        worlds.insert(id, Arc::new(Mutex::new(World::new(wish))));
        json!({ "id": id })
    }

    /// The answer, and what goes wrong with it.
    fn answer(&self, world: &Mutex<World>, call: &Call) -> (Answer, Option<Fault>) {
        let mut world = lock(world);
        let route = call.route();
        world.log(call);
        let fault = world.take_fault(&format!("{} {route}", call.method));
        if let Some(answer) = fault.as_ref().and_then(Fault::instead) {
            return (answer, fault);
        }
        if let Some(Fault::Twice) = fault {
            // Another worker asks for the same a moment before.
            world.handle(call);
        }
        if let Some(Fault::Before { run }) = &fault {
            world.git(&run.iter().map(String::as_str).collect::<Vec<_>>());
        }
        let mut answer = world.handle(call);
        if let Some(contract) = &self.contract {
            contract.dress(&call.method, route, &mut answer);
            for problem in contract.problems(call, route, &answer) {
                world.violate(problem);
            }
        }
        (answer, fault)
    }
}

/// Sends the answer, or what the fault makes of it.
async fn send((answer, fault): (Answer, Option<Fault>)) -> Response {
    let mut response = written(StatusCode::from_u16(answer.status).expect("a status"), &answer.body);
    for (name, value) in &answer.headers {
        let value = HeaderValue::from_str(value).expect("a header");
        response.headers_mut().insert(HeaderName::from_bytes(name.as_bytes()).expect("a header"), value);
    }
    spoil(response, fault).await
}

/// What the fault makes of an answer.
async fn spoil(response: Response, fault: Option<Fault>) -> Response {
    let Some(fault) = fault else { return response };
    let (mut head, body) = response.into_parts();
    let mut body = to_bytes(body, usize::MAX).await.expect("a body").to_vec();
    match fault {
        // The connection is closed, and nobody is told why.
        Fault::Lose | Fault::LoseRequest => std::panic::resume_unwind(Box::new(())),
        Fault::Kill { pid_file } => {
            let pid = std::fs::read_to_string(pid_file).ok().and_then(|pid| pid.parse().ok()).expect("a process");
            let pid = rustix::process::Pid::from_raw(pid).expect("a process");
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("killed");
        }
        Fault::Slow => tokio::time::sleep(Duration::from_secs(3600)).await,
        Fault::Cut => body.truncate(body.len() / 2),
        Fault::Huge { bytes } => body.resize(body.len() + bytes, b' '),
        Fault::DoneAndBadGateway => {
            head.status = StatusCode::BAD_GATEWAY;
            body = b"<html>Bad gateway</html>".to_vec();
        }
        Fault::Status { .. } | Fault::Twice | Fault::Before { .. } => {}
    }
    Response::from_parts(head, Body::from(body))
}

fn redirect(to: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    response.headers_mut().insert("location", HeaderValue::from_str(to).expect("a place"));
    response
}

fn written(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json; charset=utf-8"));
    response
}

fn json_of(body: &Bytes) -> Value {
    serde_json::from_slice(body).unwrap_or(Value::Null)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
