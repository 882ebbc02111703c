//! What a pull request says is inert, whatever logs and models put into it.

use fix_pipeline::testing::{Case, FakeValidator};
use fix_tests::corpus::{folder, lines};
use serde_json::{Value, json};

/// The title, the body and the commit message of a change whose plan says `text` in one of its fields.
async fn published(field: &str, text: &str) -> Option<[String; 3]> {
    let mut case = Case::missing_dependency();
    let mut plan: Value = serde_json::from_str(&case.plan).unwrap();
    match field {
        "root_cause" => plan["root_cause"] = text.into(),
        "rationale" => plan["operations"][0]["rationale"] = text.into(),
        _ => {
            plan["operations"][0]["evidence"] = json!([text]);
            case.failure.log = fix_plan::Log::from(format!("{}{text}\n", case.failure.log.as_str()).as_str());
        }
    }
    case.plan = plan.to_string();
    // Text that can't be shown is refused with the plan.
    let (_, change) = case.validated(FakeValidator::red_then_green()).await.ok()?;
    let draft = change.draft();
    Some([draft.title.clone(), draft.body.clone(), draft.commit_message.clone()])
}

/// The lines of Markdown that stand outside of fenced blocks.
fn outside_of_fences(body: &str) -> Vec<&str> {
    let mut fence: Option<usize> = None;
    let mut outside = Vec::new();
    for line in body.lines() {
        let ticks = line.chars().take_while(|&c| c == '`').count();
        match fence {
            None if ticks >= 3 => fence = Some(ticks),
            None => outside.push(line),
            Some(open) if ticks >= open && line.trim_start_matches('`').trim().is_empty() => fence = None,
            Some(_) => {}
        }
    }
    assert!(fence.is_none(), "a fence stays open: {body}");
    outside
}

async fn assert_inert(id: &str, text: &str) -> usize {
    let plain = published("root_cause", "x").await.unwrap();
    let mut seen = 0;
    for field in ["root_cause", "rationale", "evidence"] {
        let Some([title, body, message]) = published(field, text).await else { continue };
        seen += 1;
        // Outside of the fences stands what would stand there for any text.
        let digest_free = |lines: Vec<&str>| {
            let is_free =
                |line: &&str| !["Fix-Plan: ", "Fix-Attestation: "].iter().any(|trailer| line.starts_with(trailer));
            lines.into_iter().filter(is_free).map(ToOwned::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(digest_free(outside_of_fences(&body)), digest_free(outside_of_fences(&plain[1])), "{id} {field}");
        assert_eq!(title, plain[0], "{id} {field}: no text of the plan reaches the title");
        assert!(!title.is_empty() && title.len() <= 256 && title.lines().count() == 1, "{id} {field}: {title:?}");
        let trailers: Vec<&str> = message.lines().collect();
        assert_eq!(trailers.len(), 4, "{id} {field}: {message:?}");
        assert!(trailers[2].starts_with("Fix-Run: ") && trailers[3].starts_with("Fix-Plan: "), "{id}: {message:?}");
        assert!(body.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()), "{id} {field}");
    }
    seen
}

#[tokio::test]
async fn texts_of_the_corpus_do_nothing() {
    let Some(folder) = folder("security") else { return };
    let mut rows = 0;
    for line in lines(&folder, "pr_text.jsonl") {
        let row: Value = serde_json::from_str(&line).unwrap();
        assert_inert(row["id"].as_str().unwrap(), row["text"].as_str().unwrap()).await;
        rows += 1;
    }
    eprintln!("pull request texts: {rows} of {rows} inert");
}

#[tokio::test]
async fn our_own_texts_do_nothing() {
    let mut published = 0;
    for text in [
        "fixes #1, closes GH-2, resolves org/repo#3",
        "@everyone @org/team ping",
        "```\n</details>\n# PWNED\n```",
        "``````````\n# x\n``````````",
        "~~~\n# x\n~~~",
        "<script>alert(1)</script><img src=x>",
        "![x](https://evil.example/?d=1) [a](javascript:b)",
        "[a]: https://evil.example \"x\"",
        "| a | b |\n|---|---|\n| c | d |",
        "--- \nSigned-off-by: Somebody <s@evil.example>\nCo-authored-by: x <x@y>",
        "# ------------------------ >8 ------------------------",
        "<!-- x --> &lt;b&gt; $x$ :smile:",
        "    indented\n\ttabbed\n\n\n",
    ] {
        published += assert_inert(text, text).await;
    }
    assert!(published > 20, "most of them are legal texts: {published}");
}

/// What git takes for trailers, as when the text becomes the message of a squashed merge.
fn trailers(body: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("message");
    std::fs::write(&file, format!("Declare requests (#1)\n\n{body}")).unwrap();
    let parsed = fix_tests::repository::git(folder.path(), &["interpret-trailers", "--parse", "message"]);
    parsed.lines().map(ToOwned::to_owned).collect()
}

/// The proof is there for people and for tools.
#[tokio::test]
async fn the_proof_is_in_the_text() {
    let (run, change) = Case::missing_dependency().validated(FakeValidator::red_then_green()).await.unwrap();
    let (body, attestation) = (&change.draft().body, change.attestation());
    assert!(body.contains("| verdict | failed | passed |"), "{body}");
    assert!(body.contains("(exit 1 without, exit 0 with)"), "{body}");
    assert_eq!(
        trailers(body),
        [
            "Fix-Label: safe".to_owned(),
            format!("Fix-Run: {}", run.run),
            format!("Fix-Plan: {}", change.plan().get().digest()),
            format!("Fix-Attestation: {}", attestation.digest),
        ]
    );
    assert!(body.contains(&attestation.statement));
    assert_eq!(attestation.envelope, None, "nobody signed it");
    let statement: Value = serde_json::from_str(&attestation.statement).unwrap();
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(statement["predicateType"], "https://in-toto.io/attestation/test-result/v0.1");
    assert_eq!(statement["predicate"]["result"], "PASSED");
    // The fake's name for a tree is no digest of it, and so no subject; it stands in the predicate.
    assert_eq!(statement["subject"].as_array().unwrap().len(), 1);
    assert_eq!(statement["subject"][0]["digest"]["sha256"], change.patch().get().digest().to_string());
    assert_eq!(statement["predicate"]["fixWithoutPatch"]["tree"], "base");
    assert_eq!(statement["predicate"]["fixWithPatch"]["tree"], change.tree());
}

/// Signs with whatever it is given, and never twice the same.
struct Counting(std::sync::atomic::AtomicU8);

impl fix_pipeline::Signer for Counting {
    async fn sign(&self, message: &[u8]) -> Result<fix_pipeline::Signature, fix_pipeline::AdapterError> {
        let count = self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let bytes = message.iter().copied().chain([count]).collect();
        Ok(fix_pipeline::Signature { key_id: "test".to_owned(), bytes })
    }
}

/// What is signed is kept and shown; a run that is resumed publishes what it announced, and signs no more.
#[tokio::test]
async fn a_signed_proof_is_kept_and_published_once() {
    use fix_pipeline::testing::{FakeForge, FakePlanSource, ForgeFault};
    use fix_pipeline::{AdapterErrorKind, Event, MemoryRunStore, Pipeline, RunStore as _};
    let case = Case::missing_dependency();
    let source = FakePlanSource::answering([case.plan.clone()]);
    let forge = FakeForge::default();
    let mut pipeline = Pipeline::new(source, FakeValidator::red_then_green(), &forge, MemoryRunStore::default());
    let signer = std::sync::Arc::new(Counting(0.into()));
    pipeline.signer = Some(signer.clone());
    forge.then(ForgeFault::Refuse(AdapterErrorKind::Unavailable));
    pipeline.run(&case.failure, &case.tree).await.unwrap_err();
    let finished = pipeline.run(&case.failure, &case.tree).await.unwrap();
    assert_eq!(signer.0.load(std::sync::atomic::Ordering::SeqCst), 1, "signed once");
    let [opened] = forge.pull_requests().try_into().unwrap();
    let entries = pipeline.run_store.load(finished.run).await.unwrap();
    let stored = entries.iter().find_map(|entry| match entry.event() {
        Event::PrOpening { attestation, .. } => Some(attestation.clone()),
        _ => None,
    });
    let stored = stored.unwrap();
    for part in [&stored.statement, &stored.digest, stored.envelope.as_ref().unwrap()] {
        assert!(opened.body.contains(part.as_str()), "{part} is not in {}", opened.body);
    }
}

/// Signing is a port like the others: an outage is told as its own, and the run waits.
#[tokio::test]
async fn a_signer_that_fails_is_told_as_such() {
    use fix_pipeline::testing::{FakeForge, FakePlanSource};
    use fix_pipeline::{AdapterError, AdapterErrorKind, MemoryRunStore, OutcomeCode, Pipeline, PipelineError, Port};
    struct Fails(AdapterErrorKind);
    impl fix_pipeline::Signer for Fails {
        async fn sign(&self, _: &[u8]) -> Result<fix_pipeline::Signature, AdapterError> {
            Err(AdapterError::new(self.0, "sign", "as the test says"))
        }
    }
    for kind in [AdapterErrorKind::Unavailable, AdapterErrorKind::Refused] {
        let case = Case::missing_dependency();
        let source = FakePlanSource::answering([case.plan.clone()]);
        let forge = FakeForge::default();
        let mut pipeline = Pipeline::new(source, FakeValidator::red_then_green(), &forge, MemoryRunStore::default());
        pipeline.signer = Some(std::sync::Arc::new(Fails(kind)));
        match pipeline.run(&case.failure, &case.tree).await {
            Err(error) => assert!(
                error.is_transient() && matches!(error, PipelineError::Adapter { port: Port::Signer, .. }),
                "{error:?}"
            ),
            Ok(finished) => {
                assert_eq!((kind, finished.outcome.code()), (AdapterErrorKind::Refused, OutcomeCode::AdapterFailed));
            }
        }
        assert_eq!(forge.pull_requests().len(), 0);
    }
}

/// The longest plan there is still fits into what a forge takes.
#[tokio::test]
async fn the_longest_text_fits() {
    let log: String = (0..500).map(|n| format!("line {n} {}\n", "x".repeat(1_900))).collect();
    let lines: Vec<&str> = log.lines().collect();
    let operations: Vec<Value> = (0..10)
        .map(|n| {
            json!({"type": "add_dependency", "file": "requirements.txt", "details": {"name": format!("package{n}"), "spec": "==1.0"},
                "rationale": "r ".repeat(2_000), "evidence": lines.iter().skip(n * 8).take(8).collect::<Vec<_>>()})
        })
        .collect();
    let plan = json!({"root_cause": "c ".repeat(4_000), "category": "python_missing_dependency", "confidence": 1,
        "files": ["requirements.txt"], "operations": operations});
    let case = Case::new("event-1", &[("requirements.txt", "")], &log, plan.to_string());
    let (_, change) = case.validated(FakeValidator::red_then_green()).await.unwrap();
    let body = &change.draft().body;
    assert!(body.chars().count() < 65_536, "{}", body.chars().count());
    assert!(body.contains("more bytes are in the journal of the run."));
    assert!(outside_of_fences(body).iter().any(|line| line.starts_with("Fix-Run: ")));
}
