//! One question and at most two repairs, without I/O.

use crate::limits::REPAIRS_MAX;
use crate::log::Log;
use crate::plan::FixPlan;
use crate::violation::{PlanError, Violation, ViolationCode};

/// How an answer ended, as the model's API says.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "an answer ends in one of these ways")]
pub enum Finish {
    /// By itself.
    #[default]
    Complete,
    /// At the limit of its length (`finish_reason` `length`, `max_tokens`).
    Truncated,
    /// With a refusal to answer (`finish_reason` `content_filter`, `refusal`).
    Refused,
}

/// The rounds of asking for one plan: feed it answers, and it says what to do next.
///
/// ```
/// use fix_plan::{Dialogue, Finish, Log, Next};
/// let mut dialogue = Dialogue::default();
/// let log = Log::from("F401");
/// assert!(matches!(dialogue.answer("no idea", Finish::Complete, &log), Next::Repair(_)));
/// assert!(matches!(dialogue.answer("no idea", Finish::Complete, &log), Next::GiveUp(_)), "the same again");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Dialogue {
    rounds: u32,
    previous: Option<(String, PlanError)>,
}

/// What follows from an answer.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "every answer leads to one of these")]
pub enum Next {
    /// The plan is valid.
    Plan(Box<FixPlan>),
    /// Ask again, with what is wrong.
    Repair(PlanError),
    /// Asking again is no use, or not allowed any more.
    GiveUp(PlanError),
}

impl Dialogue {
    /// The number of the round that comes: 0 for the question, then 1 for each repair.
    #[must_use]
    pub fn round(&self) -> u32 {
        self.rounds
    }

    /// The answer before and what is wrong with it; absent in the first round.
    #[must_use]
    pub fn previous(&self) -> Option<(&str, &PlanError)> {
        self.previous.as_ref().map(|(text, error)| (text.as_str(), error))
    }

    /// Judges an answer to a question about `log`.
    ///
    /// An answer that was cut, that refuses, or that is empty is called so, not "invalid
    /// JSON". The dialogue ends with a valid plan, with a refusal, with the same invalid
    /// answer twice, after [`REPAIRS_MAX`] repairs, and with an answer that is
    /// [suspicious](crate::Violation::is_suspicious): who plants text in a log gets one try.
    pub fn answer(&mut self, text: &str, finish: Finish, log: &Log) -> Next {
        let repeated = self.previous.as_ref().is_some_and(|(before, _)| before == text);
        let is_last = self.rounds >= REPAIRS_MAX;
        self.rounds += 1;
        let error = match judge(text, finish, log) {
            Ok(plan) => return Next::Plan(Box::new(plan)),
            Err(error) => error,
        };
        self.previous = Some((text.to_owned(), error.clone()));
        let suspicious = error.violations().iter().any(Violation::is_suspicious);
        if is_last || suspicious || finish == Finish::Refused {
            return Next::GiveUp(error);
        }
        if repeated {
            let mut violations = error.violations().to_vec();
            let message = "is the same invalid answer as before";
            violations.insert(0, Violation::new("", ViolationCode::Repeated, message));
            return Next::GiveUp(PlanError::new(violations));
        }
        Next::Repair(error)
    }
}

fn judge(text: &str, finish: Finish, log: &Log) -> Result<FixPlan, PlanError> {
    match finish {
        Finish::Refused => {
            return Err(PlanError::one("", ViolationCode::Refused, "is a refusal to answer"));
        }
        // A cut answer is never completed, even if it happens to parse.
        Finish::Truncated => {
            let message = "was cut at the limit of its length; answer more briefly, with the object alone";
            return Err(PlanError::one("", ViolationCode::Truncated, message));
        }
        Finish::Complete => {}
    }
    FixPlan::parse_for(text.as_bytes(), log)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = r#"{"root_cause": "x", "category": "lint_format", "confidence": 1, "files": ["a.py"], "operations":
        [{"type": "remove_unused", "file": "a.py", "details": {"import": "os"}, "rationale": "r", "evidence": ["a.py:1: F401 os"]}]}"#;

    fn codes(next: &Next) -> Vec<ViolationCode> {
        match next {
            Next::Plan(_) => Vec::new(),
            Next::Repair(error) | Next::GiveUp(error) => {
                error.violations().iter().map(|violation| violation.code).collect()
            }
        }
    }

    fn first(text: &str, finish: Finish) -> Next {
        Dialogue::default().answer(text, finish, &Log::from("a.py:1: F401 os"))
    }

    #[test]
    fn each_class_of_answer_has_a_name() {
        assert!(matches!(first(PLAN, Finish::Complete), Next::Plan(_)));
        assert_eq!(codes(&first(PLAN, Finish::Truncated)), [ViolationCode::Truncated]);
        assert_eq!(codes(&first(" \n", Finish::Complete)), [ViolationCode::EmptyAnswer]);
        assert_eq!(codes(&first("{}{}", Finish::Complete)).first(), Some(&ViolationCode::ProseAroundJson));
        assert!(matches!(first("I can't help with that.", Finish::Refused), Next::GiveUp(_)));
        let invented = PLAN.replace("F401 os", "F401 sys");
        assert_eq!(codes(&first(&invented, Finish::Complete)), [ViolationCode::EvidenceNotFound]);
    }

    /// What is wrong with a value, with two values, and with the evidence comes in one round, in the
    /// places of the model's own text.
    #[test]
    fn one_round_names_every_kind_of_fault() {
        let two = r#"{"root_cause": "", "category": "lint_format", "confidence": 1, "files": ["b.py", "a.py"], "operations": [
            {"type": "remove_unused", "file": "b.py", "details": {"import": "os"}, "rationale": "r", "evidence": ["zz", "a.py:1: F401 os"]},
            {"type": "remove_unused", "file": "c.py", "details": {"import": "os"}, "rationale": "r", "evidence": []}]}"#;
        let Next::Repair(error) = first(two, Finish::Complete) else { panic!("{two}") };
        let places: Vec<_> =
            error.violations().iter().map(|violation| (violation.pointer.as_str(), violation.code)).collect();
        assert_eq!(
            places,
            [
                ("/root_cause", ViolationCode::InvalidText),
                ("/operations/0/evidence/0", ViolationCode::EvidenceNotFound),
                ("/operations/1/file", ViolationCode::FileNotListed),
            ]
        );
        assert!(error.violations()[1].message.contains("\"zz\""), "{error}");
    }

    #[test]
    fn two_repairs_and_no_more() {
        let log = Log::from("a.py:1: F401 os");
        let mut dialogue = Dialogue::default();
        assert!(matches!(dialogue.answer("1", Finish::Complete, &log), Next::Repair(_)));
        assert!(matches!(dialogue.answer("2", Finish::Complete, &log), Next::Repair(_)));
        assert_eq!(dialogue.previous().unwrap().0, "2");
        assert!(matches!(dialogue.answer("3", Finish::Complete, &log), Next::GiveUp(_)));
        assert_eq!(dialogue.round(), 3);
    }

    #[test]
    fn an_attempt_gets_no_second_try() {
        for (from, to) in [
            ("a.py", "../a.py"),
            ("\"import\": \"os\"", "\"import\": \"os\\nevil()\""),
            ("\"import\": \"os\"", "\"import\": \"os\", \"url\": \"x\""),
            ("{\"root_cause\"", "{\"auto_merge\": true, \"root_cause\""),
            ("{\"root_cause\"", "{\"files\": [], \"root_cause\""),
        ] {
            assert!(matches!(first(&PLAN.replace(from, to), Finish::Complete), Next::GiveUp(_)), "{to}");
        }
        let slip = PLAN.replace("\"import\": \"os\"", "\"import\": \"os, sys\"");
        assert!(matches!(first(&slip, Finish::Complete), Next::Repair(_)));
    }

    #[test]
    fn the_same_again_ends_it() {
        let log = Log::default();
        let mut dialogue = Dialogue::default();
        dialogue.answer("{}", Finish::Complete, &log);
        assert_eq!(codes(&dialogue.answer("{}", Finish::Complete, &log)).first(), Some(&ViolationCode::Repeated));
    }
}
