//! What a generator exists for.

use fix_plan::{ActionKind, FixPlan};

use crate::decision::Findings;
use crate::engine::Compiled;

pub(crate) fn plan(rules: &Compiled, plan: &FixPlan, findings: &mut Findings) {
    let support = &rules.policy.support;
    let category = plan.category().as_str();
    if !support.categories.iter().any(|known| known == category) {
        findings.block("category_unsupported", None, format!("no generator mends failures of category {category}"));
    }
    let confidence = plan.confidence().get();
    if confidence < support.confidence_min {
        let message = format!("confidence is {confidence}; support.confidence_min asks for {}", support.confidence_min);
        findings.block("confidence_too_low", None, message);
    }
    for operation in plan.operations() {
        let kind = operation.action.kind();
        let path = operation.file.as_str();
        if !support.operations.iter().any(|known| known == kind.as_str()) {
            findings.block("operation_unsupported", Some(path), format!("no generator does {kind}"));
            continue;
        }
        let fits = match kind {
            ActionKind::AddDependency | ActionKind::PinDependency => rules.dependency_files.matches(path),
            ActionKind::RemoveUnused => rules.python_files.matches(path),
            ActionKind::UpdateConfig | ActionKind::ModifyCode => true,
        };
        if !fits {
            findings.block("file_unsupported", Some(path), format!("{kind} does not go with the file {path}"));
        }
    }
}
