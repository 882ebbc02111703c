//! `fix patch`

use std::path::Path;

use fix_adapters::repository::{DirTree, Snapshot};
use fix_adapters::terminal;
use fix_patch::{Allowance, Generated, PatchError, PatchGenerator, PatchOptions, PatchStats, SourceTree};
use fix_plan::FixPlan;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::check::ViolationOut;
use super::{batch, plan_text};
use crate::args::PatchArgs;
use crate::io::{Answer, CliError, directory, print_json, read_plan};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    id: serde_json::Value,
    repo: std::path::PathBuf,
    plan: Box<RawValue>,
    tidy: Option<bool>,
    #[serde(default)]
    allow: Vec<String>,
}

#[derive(Default, Serialize)]
struct Patched {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<serde_json::Value>,
    /// `patch`, `no_change`, `refused`; `error` in a batch, when the request can't be done.
    outcome: &'static str,
    code: Option<String>,
    message: Option<String>,
    diff: Option<String>,
    stats: Option<Stats>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    violations: Vec<ViolationOut>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lines: Vec<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    candidates: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<Finding>,
}

#[derive(Serialize)]
struct Stats {
    files: u64,
    lines_added: u64,
    lines_removed: u64,
    bytes: u64,
}

impl From<PatchStats> for Stats {
    fn from(stats: PatchStats) -> Self {
        let PatchStats { files, lines_added, lines_removed, bytes } = stats;
        Self { files, lines_added, lines_removed, bytes }
    }
}

#[derive(Serialize)]
struct Finding {
    code: &'static str,
    file: String,
    message: String,
}

pub(crate) fn run(args: &PatchArgs, json: bool) -> Result<Answer, CliError> {
    let generator = PatchGenerator::default();
    if args.batch {
        return batch(|request: Request| {
            let id = Some(request.id);
            let patched = options(request.tidy.unwrap_or(!args.no_tidy), &request.allow)
                .and_then(|options| Ok((options, open(&request.repo, None)?)))
                .and_then(|(options, tree)| patch(&generator, plan_text(&request.plan).as_bytes(), &*tree, &options));
            match patched {
                Ok(patched) => Patched { id, ..patched },
                Err(error) => Patched {
                    id,
                    outcome: "error",
                    code: Some("unusable".to_owned()),
                    message: Some(error.message().to_owned()),
                    ..Patched::default()
                },
            }
        });
    }
    let (Some(repo), Some(plan)) = (&args.repo, &args.plan) else {
        return Err(CliError::unusable("--repo and --plan are needed"));
    };
    let tree = open(repo, args.rev.as_deref())?;
    let patched = patch(&generator, &read_plan(plan)?, &*tree, &options(!args.no_tidy, &args.allow)?)?;
    if json {
        print_json(&patched);
    } else {
        show(&patched);
    }
    Ok((patched.outcome != "refused").into())
}

fn show(patched: &Patched) {
    if let Some(diff) = &patched.diff {
        terminal::diff(diff);
    }
    if let Some(message) = &patched.message {
        fix_adapters::tell!("{}: {message}", patched.outcome);
    }
    for candidate in &patched.candidates {
        fix_adapters::tell!("  there is: {candidate}");
    }
    for finding in &patched.findings {
        fix_adapters::tell!("{}: {}", finding.code, finding.message);
    }
}

/// The snapshot of a revision, or the files of the directory as they are.
fn open(repo: &Path, revision: Option<&str>) -> Result<Box<dyn SourceTree>, CliError> {
    let repo = directory(repo)?;
    Ok(match revision {
        Some(revision) => {
            let snapshot = Snapshot::of_local(&repo, revision);
            Box::new(
                snapshot
                    .map_err(|error| CliError::unusable(format!("{revision:?} can't be read: {}", error.problem())))?,
            )
        }
        None => {
            let tree = DirTree::open(&repo);
            Box::new(tree.map_err(|error| CliError::unusable(format!("{} can't be opened: {error}", repo.display())))?)
        }
    })
}

fn options(tidy: bool, allow: &[String]) -> Result<PatchOptions, CliError> {
    let mut options = PatchOptions::default();
    options.tidy = tidy;
    for code in allow {
        let Some(allowance) = Allowance::ALL.into_iter().find(|allowance| allowance.as_str() == code) else {
            let known = Allowance::ALL.map(Allowance::as_str).join(", ");
            return Err(CliError::unusable(format!("{code:?} can't be allowed; these can: {known}")));
        };
        options.allow.insert(allowance);
    }
    Ok(options)
}

fn patch(
    generator: &PatchGenerator,
    plan: &[u8],
    tree: &dyn SourceTree,
    options: &PatchOptions,
) -> Result<Patched, CliError> {
    let plan = match FixPlan::parse(plan) {
        Ok(plan) => plan,
        Err(error) => {
            return Ok(Patched {
                outcome: "refused",
                code: Some("plan_invalid".to_owned()),
                message: Some(error.to_string()),
                violations: error.violations().iter().map(ViolationOut::from).collect(),
                ..Patched::default()
            });
        }
    };
    match generator.generate(&plan, tree, options) {
        Ok(Generated::Patch(patch)) => Ok(Patched {
            outcome: "patch",
            diff: Some(patch.diff().to_owned()),
            stats: Some(patch.stats().into()),
            findings: patch.findings().iter().map(finding).collect(),
            ..Patched::default()
        }),
        Ok(Generated::NoChange(reasons)) => Ok(Patched {
            outcome: "no_change",
            code: Some("already".to_owned()),
            message: Some(reasons.join("; ")),
            ..Patched::default()
        }),
        Err(PatchError::Refused(refusal)) => Ok(Patched {
            outcome: "refused",
            code: Some(refusal.code.as_str().to_owned()),
            message: Some(refusal.to_string()),
            lines: refusal.lines.clone(),
            candidates: refusal.candidates.clone(),
            ..Patched::default()
        }),
        Err(error) => Err(CliError::failed("the patch can't be generated", &error)),
    }
}

fn finding(finding: &fix_patch::Finding) -> Finding {
    Finding { code: finding.code.as_str(), file: finding.file.to_string(), message: finding.message.clone() }
}
