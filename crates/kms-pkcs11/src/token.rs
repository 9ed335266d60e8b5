//! What the token computes, in the forms of `strongroom-kms`; and what it can compute at all.

pub(crate) mod gcm;
pub(crate) mod import;
pub(crate) mod oaep;
mod probe;
pub(crate) mod public_key;
pub(crate) mod signing;

pub(crate) use probe::{Abilities, probe};
