//! GitHub's own description of its API, and whether a request and its answer keep to it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use crate::world::{Answer, Call};

/// The description, as JSON Schema.
pub struct Contract {
    paths: Value,
    components: Value,
    /// Validators by where their schema is; making one takes a while.
    made: Mutex<HashMap<String, Option<Arc<Validator>>>>,
}

/// The routes of the fake, as the description has them, and the example of a good answer.
const PATHS: [(&str, &str, &str, &str); 12] = [
    ("POST", "access_tokens", "/app/installations/{installation_id}/access_tokens", "installation-token"),
    ("GET", "pulls", "/repos/{owner}/{repo}/pulls", "pull-request-simple-items"),
    ("POST", "pulls", "/repos/{owner}/{repo}/pulls", "pull-request"),
    ("GET", "git/ref", "/repos/{owner}/{repo}/git/ref/{ref}", "git-ref"),
    ("GET", "git/commit", "/repos/{owner}/{repo}/git/commits/{commit_sha}", "git-commit"),
    ("POST", "git/commits", "/repos/{owner}/{repo}/git/commits", "git-commit"),
    ("POST", "git/blobs", "/repos/{owner}/{repo}/git/blobs", "short-blob"),
    ("POST", "git/trees", "/repos/{owner}/{repo}/git/trees", "git-tree"),
    ("POST", "git/refs", "/repos/{owner}/{repo}/git/refs", "git-ref"),
    ("GET", "label", "/repos/{owner}/{repo}/labels/{name}", "label"),
    ("POST", "labels", "/repos/{owner}/{repo}/labels", "label"),
    ("POST", "issue/labels", "/repos/{owner}/{repo}/issues/{issue_number}/labels", "label-items"),
];

impl Contract {
    /// The one in the corpus that `FIX_CORPUS_DIR` names; `None` without.
    pub fn of_corpus() -> Option<Self> {
        let corpus = std::env::var_os("FIX_CORPUS_DIR")?;
        let text = std::fs::read(Path::new(&corpus).join("github/openapi-subset.json")).expect("the description");
        let mut document: Value = serde_json::from_slice(&text).expect("JSON");
        let mut rest = document["rest"].take();
        to_json_schema(&mut rest);
        Some(Self { paths: rest["paths"].take(), components: rest["components"].take(), made: Mutex::default() })
    }

    /// Puts the fields that GitHub has besides around a good answer.
    pub fn dress(&self, method: &str, route: &str, answer: &mut Answer) {
        let Some((.., example)) = path(method, route).filter(|_| answer.status < 300) else { return };
        let example = &self.components["examples"][example]["value"];
        answer.body = dressed(example, answer.body.take(), &self.components["examples"]["label"]["value"]);
    }

    /// What does not fit, in the request and in the answer.
    pub fn problems(&self, call: &Call, route: &str, answer: &Answer) -> Vec<String> {
        let method = call.method.to_lowercase();
        let Some((_, _, path, _)) = path(&call.method, route) else {
            return vec![format!("{} {} is not described", call.method, call.path)];
        };
        let operation = &self.paths[path][&method];
        let mut problems = self.question_problems(call, path, operation);
        let status = answer.status.to_string();
        let described = &operation["responses"][&status];
        // These two, which any request may have, are not described for each.
        if described.is_null() && !matches!(answer.status, 401 | 404) {
            problems.push(format!("{method} {path} never answers {status}"));
        }
        let at = match described["$ref"].as_str() {
            Some(reference) => format!("{reference}/content/application~1json/schema"),
            None => format!("#/paths/{}/{method}/responses/{status}/content/application~1json/schema", escaped(path)),
        };
        problems.extend(self.violations(&at, &answer.body));
        problems
    }

    fn question_problems(&self, call: &Call, path: &str, operation: &Value) -> Vec<String> {
        let method = call.method.to_lowercase();
        let mut problems = Vec::new();
        if call.agent.is_none() {
            problems.push(format!("{method} {path} has no user agent, which GitHub refuses"));
        }
        if call.method == "POST" {
            let at = format!("#/paths/{}/post/requestBody/content/application~1json/schema", escaped(path));
            problems.extend(self.violations(&at, &call.body));
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let known = schema["properties"].as_object();
            for key in call.body.as_object().into_iter().flat_map(Map::keys) {
                if known.is_some_and(|known| !known.contains_key(key)) {
                    problems.push(format!("{method} {path} knows no field {key}"));
                }
            }
        }
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let parameters: Vec<&Value> = parameters.map(|parameter| self.resolved(parameter)).collect();
        for pair in call.query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let described = parameters.iter().find(|parameter| parameter["in"] == "query" && parameter["name"] == key);
            match described.map(|parameter| &parameter["schema"]["enum"]) {
                None => problems.push(format!("{method} {path} has no parameter {key}")),
                Some(Value::Array(allowed)) if !allowed.contains(&json!(value)) => {
                    problems.push(format!("{method} {path} has no {key} {value}"));
                }
                Some(_) => {}
            }
        }
        problems
    }

    fn resolved<'a>(&'a self, parameter: &'a Value) -> &'a Value {
        let pointer = parameter["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/components"));
        pointer.and_then(|pointer| self.components.pointer(pointer)).unwrap_or(parameter)
    }

    fn violations(&self, at: &str, value: &Value) -> Vec<String> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let validator = made.entry(at.to_owned()).or_insert_with(|| {
            let (part, pointer) = at.strip_prefix("#/")?.split_once('/')?;
            let part = if part == "paths" { &self.paths } else { &self.components };
            let schema = part.pointer(&format!("/{pointer}"))?;
            let schema = json!({"allOf": [schema], "components": self.components});
            Some(Arc::new(jsonschema::options().build(&schema).expect("a schema")))
        });
        let Some(validator) = validator.clone() else { return Vec::new() };
        drop(made);
        let problem = |error: jsonschema::ValidationError<'_>| format!("{at}{}: {error}", error.instance_path());
        validator.iter_errors(value).map(problem).map(|problem| problem.chars().take(400).collect()).collect()
    }
}

fn path(method: &str, route: &str) -> Option<&'static (&'static str, &'static str, &'static str, &'static str)> {
    PATHS.iter().find(|(known_method, known, ..)| *known_method == method && *known == route)
}

fn escaped(path: &str) -> String {
    path.replace('~', "~0").replace('/', "~1")
}

/// Ours over the example's; a list has the first of the example's under each.
fn dressed(example: &Value, ours: Value, label: &Value) -> Value {
    match (example, ours) {
        (Value::Object(example), Value::Object(ours)) => {
            let mut all = example.clone();
            for (key, value) in ours {
                let under =
                    if key == "labels" { json!([label]) } else { example.get(&key).cloned().unwrap_or_default() };
                all.insert(key, dressed(&under, value, label));
            }
            Value::Object(all)
        }
        (Value::Array(example), Value::Array(ours)) => {
            let under = example.first().cloned().unwrap_or_default();
            ours.into_iter().map(|value| dressed(&under, value, label)).collect()
        }
        (_, ours) => ours,
    }
}

/// OpenAPI 3.0 says `nullable` where JSON Schema has a type of its own.
fn to_json_schema(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.values_mut().for_each(to_json_schema);
            // Or a field has this name.
            let is_schema = ["type", "$ref", "allOf", "anyOf", "oneOf"].iter().any(|key| object.contains_key(*key));
            if is_schema && object.get("nullable") == Some(&Value::Bool(true)) {
                object.remove("nullable");
                let schema = Value::Object(std::mem::take(object));
                object.insert("anyOf".to_owned(), json!([schema, {"type": "null"}]));
            }
        }
        Value::Array(values) => values.iter_mut().for_each(to_json_schema),
        _ => {}
    }
}
