//! The JSON shape of a plan: the one place that knows its keys.
//!
//! Writing goes through the structs here, which the JSON Schema is derived from
//! too; reading goes through [`document`], a bounded tree, and `parse`.

pub(crate) mod document;
mod not_json;
pub(crate) mod pointer;
mod shape;

#[cfg(feature = "schema")]
pub(crate) use shape::WirePlan;
pub(crate) use shape::{operation_json, plan_json};
