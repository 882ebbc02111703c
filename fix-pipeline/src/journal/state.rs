//! The transition table: which event may follow which.

use fix_plan::limits::REPAIRS_MAX;

use super::event::Event;
use crate::port::{CheckStatus, Verdict};

/// Where a run is. Recording and recovery share this one table.
///
/// ```text
/// New ─started─▶ Started ─baseline red─▶ Red ─plan valid─▶ Planned ─allowed─▶ PlanApproved
///      ─patch─▶ Patched ─allowed─▶ PatchApproved ─passed─▶ Green ─opening─▶ Opening ─opened─▶ Opened
/// ```
/// A pull request that a person has closed or merged leads from `Opening` to `Decided`. A judgement that says no leads to `Ending`, where only `stopped` is left; and a
/// run may be stopped, or go on under other terms, from anywhere between its start and its end.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum State {
    /// Nothing is recorded.
    #[default]
    New,
    /// The run began.
    Started,
    /// The failure was reproduced, and a plan is awaited: this round is next.
    Red {
        /// 0 for the first question, then 1 for each repair.
        round: u32,
    },
    /// A valid plan is there.
    Planned,
    /// The policy allows the plan.
    PlanApproved,
    /// A patch is there.
    Patched,
    /// The policy allows the patch.
    PatchApproved,
    /// The patched tree passes.
    Green,
    /// The forge is asked.
    Opening,
    /// A judgement said no; the reason is yet to be recorded.
    Ending,
    /// The end: a pull request is open.
    Opened,
    /// The end: there is a pull request, and a person closed or merged it.
    Decided,
    /// The end: there is none.
    Stopped,
}

/// An event that can't happen where the run is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{event} can't follow {state:?}")]
pub struct IllegalEvent {
    event: &'static str,
    state: State,
}

impl State {
    /// Whether the run is over.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Opened | Self::Decided | Self::Stopped)
    }

    /// Where the run is after `event`.
    ///
    /// # Errors
    /// When `event` can't happen here.
    pub fn after(self, event: &Event) -> Result<Self, IllegalEvent> {
        let or_end = |yes: bool, next: Self| if yes { next } else { Self::Ending };
        let next = match (self, event) {
            (Self::New, Event::Started { .. }) => Self::Started,
            (state, Event::Resumed { .. }) if state != Self::New && !state.is_terminal() => state,
            (Self::Started, Event::BaselineChecked { verdicts, .. }) => {
                or_end(Verdict::all(verdicts, CheckStatus::Failed), Self::Red { round: 0 })
            }
            (Self::Red { round }, Event::PlanProposed { round: asked }) if asked.round == round => {
                match asked.violations.is_empty() {
                    true => Self::Planned,
                    false => or_end(asked.repairable && round < REPAIRS_MAX, Self::Red { round: round + 1 }),
                }
            }
            (Self::Planned, Event::PlanReviewed { decision, .. }) => or_end(decision.allowed, Self::PlanApproved),
            (Self::PlanApproved, Event::PatchGenerated { .. }) => Self::Patched,
            (Self::Patched, Event::PatchReviewed { decision }) => or_end(decision.allowed, Self::PatchApproved),
            (Self::PatchApproved, Event::Validated { verdicts, .. }) => {
                or_end(Verdict::all(verdicts, CheckStatus::Passed), Self::Green)
            }
            (Self::Green, Event::PrOpening { .. }) => Self::Opening,
            (Self::Opening, Event::PrOpened { pull_request }) if pull_request.status.is_open() => Self::Opened,
            (Self::Opening, Event::PrDecided { pull_request }) if !pull_request.status.is_open() => Self::Decided,
            (Self::New | Self::Opened | Self::Decided | Self::Stopped, Event::Stopped { .. }) => {
                return self.refuse(event);
            }
            (_, Event::Stopped { code, .. }) if !code.is_about_a_pull_request() => Self::Stopped,
            _ => return self.refuse(event),
        };
        Ok(next)
    }

    fn refuse(self, event: &Event) -> Result<Self, IllegalEvent> {
        Err(IllegalEvent { event: event.name(), state: self })
    }
}
