//! Golden plans: each `plans/NAME.json` has its canonical JSON, or everything that is wrong with
//! it, beside it. Bless with `FIX_BLESS=1`.
#![expect(clippy::disallowed_methods, reason = "the test compares with committed files")]

use fix_plan::FixPlan;

#[test]
fn plans_are_read_as_committed() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/plans");
    let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    names.sort();
    assert!(names.len() >= 16);
    let mut wrong = Vec::new();
    for path in names {
        let said = match FixPlan::parse(&std::fs::read(&path).unwrap()) {
            Ok(plan) => format!("{}\n{}\n", plan.digest(), plan.to_json()),
            Err(error) => error.violations().iter().map(|violation| format!("{violation}\n")).collect(),
        };
        let refused = path.file_name().unwrap().to_string_lossy().starts_with("refused_");
        assert_eq!(refused, FixPlan::parse(&std::fs::read(&path).unwrap()).is_err(), "{}", path.display());
        let golden = path.with_extension("txt");
        if std::env::var("FIX_BLESS").is_ok() {
            std::fs::write(&golden, &said).unwrap();
        }
        if std::fs::read_to_string(&golden).unwrap_or_default() != said {
            wrong.push(format!("{}:\n{said}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
