//! `fix doctor`

use fix_adapters::say;

use crate::args::DoctorArgs;
use crate::config::{Flags, Source};
use crate::io::{Answer, CliError, print_json};

pub(crate) async fn run(args: &DoctorArgs, source: &Source, json: bool) -> Result<Answer, CliError> {
    let config = source.load(Flags::of_adapters(&args.adapters)?)?;
    let findings = config.examine().await;
    let ok = findings.iter().all(|finding| finding.ok);
    if json {
        print_json(&serde_json::json!({"ok": ok, "configuration": source.file(), "findings": findings}));
        return Ok(ok.into());
    }
    match source.file() {
        Some(file) => say!("{:<8}{:<15}{}", "ok", "configuration", file.display()),
        None => say!("{:<8}{:<15}none; everything is as `fix config` prints it", "ok", "configuration"),
    }
    for finding in &findings {
        say!("{:<8}{:<15}{}", if finding.ok { "ok" } else { "missing" }, finding.part, finding.message);
    }
    Ok(ok.into())
}
