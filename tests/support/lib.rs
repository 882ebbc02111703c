//! What the tests share: real repositories, scripted adapters, the corpus.

pub mod adapters;
pub mod corpus;
#[cfg(feature = "container")]
pub mod engine;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod processes;
pub mod repository;

/// The example of the project's front page, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}

/// The examples of the page on adapters, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../docs/adapters.md")]
mod adapters_page {}
