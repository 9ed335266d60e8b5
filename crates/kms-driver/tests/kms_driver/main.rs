//! The KMS behind a driver: that it keeps the rules of every KMS, and what can happen on the way to it.

mod conformance;
mod foreign;
mod house;
mod on_the_way;
mod socket;
