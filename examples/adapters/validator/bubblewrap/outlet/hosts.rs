//! Which hosts may be reached.

use crate::HostName;

/// The hosts that preparing may reach, besides those of the package index that is set.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PrepareHosts {
    /// Any whose addresses are neither of this machine nor of a local network.
    pub public: bool,
    /// These, whatever their addresses.
    pub named: Vec<HostName>,
}

impl PrepareHosts {
    /// These hosts and no others, whatever their addresses.
    #[must_use]
    pub fn only(named: impl IntoIterator<Item = HostName>) -> Self {
        Self { public: false, named: named.into_iter().collect() }
    }
}

impl Default for PrepareHosts {
    /// All but this machine and local networks.
    fn default() -> Self {
        Self { public: true, named: Vec::new() }
    }
}
