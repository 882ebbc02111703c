//! A forge in memory that can be got wrong: branches and pull requests are made in separate steps, and
//! a pull request that was closed does not stand in the way of another.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use fix_pipeline::PrStatus;

#[derive(Debug, Default)]
pub struct Forge(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    branches: BTreeMap<String, String>,
    /// Every pull request that was ever made.
    created: Vec<Made>,
    base_has_moved: bool,
}

/// A pull request.
#[derive(Clone, Debug)]
pub struct Made {
    pub branch: String,
    pub tree: String,
    pub status: PrStatus,
}

/// What a forge answers with 422.
#[derive(Clone, Copy, Debug)]
pub struct AlreadyExists;

impl Forge {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub fn created(&self) -> Vec<Made> {
        self.state().created.clone()
    }

    pub fn of_branch(&self, branch: &str) -> Option<Made> {
        self.state().created.iter().find(|made| made.branch == branch).cloned()
    }

    pub fn branch(&self, branch: &str) -> Option<String> {
        self.state().branches.get(branch).cloned()
    }

    pub fn create_branch(&self, branch: &str, tree: &str) -> Result<(), AlreadyExists> {
        let mut state = self.state();
        if state.branches.contains_key(branch) {
            return Err(AlreadyExists);
        }
        state.branches.insert(branch.to_owned(), tree.to_owned());
        Ok(())
    }

    /// As a forge does it: one open pull request of a branch is enough, a closed one is none.
    pub fn create_pull_request(&self, branch: &str) -> Result<Made, AlreadyExists> {
        let mut state = self.state();
        if state.created.iter().any(|made| made.branch == branch && made.status.is_open()) {
            return Err(AlreadyExists);
        }
        let tree = state.branches.get(branch).cloned().expect("a branch comes first");
        let made = Made { branch: branch.to_owned(), tree, status: PrStatus::Open };
        state.created.push(made.clone());
        Ok(made)
    }

    /// A person decides about everything that is open.
    pub fn decide(&self, status: PrStatus) {
        for made in &mut self.state().created {
            if made.status.is_open() {
                made.status = status;
            }
        }
    }

    pub fn move_base(&self) {
        self.state().base_has_moved = true;
    }

    pub fn base_has_moved(&self) -> bool {
        self.state().base_has_moved
    }
}
