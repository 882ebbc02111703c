//! What the tests share: real repositories, scripted adapters, the corpus.

pub mod adapters;
pub mod corpus;
pub mod repository;
