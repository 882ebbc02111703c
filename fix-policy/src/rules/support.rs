//! What a generator exists for.

use fix_plan::{ActionKind, FixPlan};

use crate::decision::{Findings, PolicyViolation};
use crate::engine::Compiled;

pub(crate) fn plan(rules: &Compiled, plan: &FixPlan, findings: &mut Findings) {
    let support = &rules.policy.support;
    let category = plan.category().as_str();
    if !support.categories.iter().any(|known| known == category) {
        let message = format!("no generator mends failures of category {category}");
        findings.violation(
            PolicyViolation::block("category_unsupported", message)
                .by("support.categories")
                .remedy("list the category there, once a strategy mends it"),
        );
    }
    let confidence = plan.confidence().get();
    if confidence < support.confidence_min {
        let message = format!("confidence is {confidence}; at least {} is asked for", support.confidence_min);
        findings.violation(
            PolicyViolation::block("confidence_too_low", message)
                .by("support.confidence_min")
                .remedy("a plan that its source is surer of"),
        );
    }
    for operation in plan.operations() {
        let kind = operation.action.kind();
        let path = operation.file.as_str();
        if !support.operations.contains(&kind.into()) {
            findings.violation(
                PolicyViolation::block("operation_unsupported", format!("no generator does {kind}"))
                    .in_file(path)
                    .by("support.operations")
                    .remedy("list the operation there, once a strategy does it"),
            );
            continue;
        }
        let (fits, key) = match kind {
            ActionKind::AddDependency | ActionKind::PinDependency => {
                (rules.dependency_targets.matches(path), "support.dependency_files")
            }
            ActionKind::RemoveUnused => (rules.python_files.matches(path), "support.python_files"),
            ActionKind::UpdateConfig | ActionKind::ModifyCode => (true, ""),
        };
        if !fits {
            findings.violation(
                PolicyViolation::block("file_unsupported", format!("{kind} does not go with the file {path}"))
                    .in_file(path)
                    .by(key)
                    .remedy("a file that matches one of these patterns"),
            );
        }
    }
}
