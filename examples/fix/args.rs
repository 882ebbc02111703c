//! The command line, as clap reads it.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Propose fixes for broken CI, safely: a plan, a proven patch, a validated pull request.
#[derive(Debug, Parser)]
#[command(name = "fix", version, about, max_term_width = 100)]
pub(crate) struct Args {
    /// Print one JSON object instead of text for people.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// The configuration; without, FIX_CONFIG, or fix/fix.toml in $XDG_CONFIG_HOME.
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,

    /// Set a key of the configuration, such as sandbox.kind=container; may be given several times.
    #[arg(long, value_name = "KEY=VALUE", global = true)]
    pub(crate) set: Vec<String>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print the JSON Schema of a plan.
    Schema(SchemaArgs),
    /// Check a plan: is it valid, and what is wrong with it?
    Check(CheckArgs),
    /// Generate the patch of a plan, and print the diff.
    Patch(PatchArgs),
    /// Judge a plan or a diff by a policy; explain a decision; compare two policies.
    Policy(PolicyArgs),
    /// Propose a plan for the log of a failed CI job, by rules or by a model.
    Plan(PlanArgs),
    /// Take a failure the whole way: plan, patch, validate in a sandbox, open a pull request.
    Run(RunArgs),
    /// List the runs of a store.
    Runs(RunsArgs),
    /// Show one run: its report and its journal.
    Show(ShowArgs),
    /// Say what is missing before `fix run` can work: tries each adapter that is chosen.
    Doctor(DoctorArgs),
    /// Print a configuration with every key, its default, and what it means.
    Config,
    /// Derive each deterministic stage of a stored run again, and compare; asks no model, sandbox or forge.
    Replay(ReplayArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct SchemaArgs {
    /// The dialect of a model API: openai-strict, anthropic, ollama. Without, the canonical schema.
    #[arg(long, value_name = "NAME")]
    pub(crate) dialect: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// The file of the plan; `-` is standard input.
    #[arg(value_name = "PLAN", required_unless_present = "batch", conflicts_with = "batch")]
    pub(crate) plan: Option<PathBuf>,

    /// Read one request a line from standard input, `{"id", "plan"}`, and write one result a line.
    #[arg(long)]
    pub(crate) batch: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PatchArgs {
    /// The repository, or any directory.
    #[arg(long, value_name = "DIR", required_unless_present = "batch")]
    pub(crate) repo: Option<PathBuf>,

    /// Read this revision instead of the files of the directory.
    #[arg(long, value_name = "REV")]
    pub(crate) rev: Option<String>,

    /// The file of the plan; `-` is standard input.
    #[arg(long, value_name = "PLAN", required_unless_present = "batch")]
    pub(crate) plan: Option<PathBuf>,

    /// Leave white space alone.
    #[arg(long)]
    pub(crate) no_tidy: bool,

    /// Waive a refusal of policy: reexport, suppressed, availability_check, conditional.
    #[arg(long, value_name = "CODE")]
    pub(crate) allow: Vec<String>,

    /// Read one request a line from standard input, `{"id", "repo", "plan", "tidy", "allow"}`, and write one result a line.
    #[arg(long, conflicts_with_all = ["repo", "rev", "plan"])]
    pub(crate) batch: bool,
}

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    pub(crate) command: Option<PolicyCommand>,

    #[command(flatten)]
    pub(crate) judge: JudgeArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Judge, and say of each finding which rule says so and what would change it.
    Explain(JudgeArgs),
    /// Tell which recorded runs another policy would decide otherwise, and why.
    Diff(PolicyDiffArgs),
    /// Print the default policy, to begin one's own with.
    Default,
    /// Print the JSON Schema of a policy.
    Schema,
}

#[derive(Debug, clap::Args)]
pub(crate) struct JudgeArgs {
    /// The policy: TOML, JSON or YAML by its ending. Without, the default policy.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) subject: PolicySubject,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PolicyDiffArgs {
    /// The policy in force.
    #[arg(value_name = "OLD")]
    pub(crate) old: PathBuf,

    /// The policy that may replace it.
    #[arg(value_name = "NEW")]
    pub(crate) new: PathBuf,

    /// Where runs are kept.
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct PolicySubject {
    /// Judge this plan; `-` is standard input.
    #[arg(long, value_name = "PLAN")]
    pub(crate) plan: Option<PathBuf>,

    /// Judge this diff; `-` is standard input.
    #[arg(long, value_name = "DIFF")]
    pub(crate) diff: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PlanArgs {
    /// The log of the failed job; `-` is standard input.
    #[arg(long, value_name = "LOG")]
    pub(crate) log: PathBuf,

    /// The project that failed.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) repo: PathBuf,

    #[command(flatten)]
    pub(crate) model: ModelArgs,
}

/// Who proposes plans; the rules, unless a model is named.
#[derive(Debug, clap::Args)]
pub(crate) struct ModelArgs {
    /// Ask this model for plans: ollama:NAME, openai:NAME, anthropic:NAME.
    #[arg(long, value_name = "API:NAME")]
    pub(crate) model: Option<String>,

    /// The base URL of the model's API, when it is not the API's own; a key for it is FIX_MODEL_API_KEY.
    #[arg(long, value_name = "URL")]
    pub(crate) model_url: Option<String>,

    /// The time for one round, in seconds; without, 120.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) model_total: Option<u64>,

    /// The time that the model may be silent, in seconds; without, 20.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) model_idle: Option<u64>,
}

/// What may be set for `fix doctor` as for `fix run`.
#[derive(Debug, clap::Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) adapters: AdapterArgs,
}

/// The adapters of a run, where they are not those of the configuration.
#[derive(Debug, clap::Args)]
pub(crate) struct AdapterArgs {
    /// A command that checks the project, as a shell reads it; may be given several times.
    #[arg(long, value_name = "CMD")]
    pub(crate) check: Vec<String>,

    /// Check in containers of this image, instead of bubblewrap.
    #[arg(long, value_name = "IMAGE")]
    pub(crate) container: Option<String>,

    /// The policy: TOML, JSON or YAML by its ending. Without, the default policy.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,

    /// Open the pull request in this repository on GitHub; its token is FIX_GITHUB_TOKEN.
    #[arg(long, value_name = "OWNER/NAME")]
    pub(crate) github: Option<String>,

    /// Where runs are kept.
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) model: ModelArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// The git repository that failed: a clone, or an https URL.
    #[arg(long, value_name = "DIR|URL")]
    pub(crate) repo: PathBuf,

    /// The branch that failed; without, the one that is checked out, or the default branch behind a URL.
    #[arg(long, value_name = "NAME")]
    pub(crate) branch: Option<String>,

    /// The commit that failed; without, the newest of the branch.
    #[arg(long, value_name = "ID")]
    pub(crate) commit: Option<String>,

    /// The log of the failed job; `-` is standard input.
    #[arg(long, value_name = "LOG")]
    pub(crate) log: PathBuf,

    /// Begin a new run, although this failure had one that ended.
    #[arg(long)]
    pub(crate) again: bool,

    #[command(flatten)]
    pub(crate) adapters: AdapterArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RunsArgs {
    /// Where runs are kept.
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,

    /// The most to list.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: u32,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The run.
    #[arg(value_name = "RUN")]
    pub(crate) run: String,

    /// Where runs are kept.
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ReplayArgs {
    /// The run.
    #[arg(value_name = "RUN")]
    pub(crate) run: String,

    /// Where runs are kept.
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,

    /// The repository, or an https URL of it; without, where it was on this machine when the run began.
    #[arg(long, value_name = "DIR|URL")]
    pub(crate) repo: Option<PathBuf>,

    /// The repository's name on GitHub, when it is fetched with GitHub's token.
    #[arg(long, value_name = "OWNER/NAME")]
    pub(crate) github: Option<String>,

    /// The policy to judge by; the default policy without.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
}
