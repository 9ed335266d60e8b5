//! The face of AWS KMS: JSON 1.1 over HTTP.
//!
//! A request is read ([`Call`]), meets the weather, and is answered by the handler that [`operations`] names for it.
//! Where real AWS is vague or says one thing in its documents and does another, the comments say what is done here.

mod aliases;
mod blob;
mod call;
mod encryption;
mod error;
mod generation;
mod import;
mod input;
mod lifecycle;
mod metadata;
mod names;
mod operations;
mod paging;
mod replication;
mod rotation;
mod session;
mod signing;
mod specs;
mod tags;

pub(crate) use call::Call;
pub(crate) use import::ImportTokens;
