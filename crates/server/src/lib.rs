//! The vault over the network.
//!
//! [`serve`] offers a [`Vault`](strongroom_vault::Vault) over gRPC: Canton's admin services, wire-identical, and services of
//! ours. Every call goes through one gate, which knows the caller and what it may do ([`access`]), and becomes one use case of
//! the vault: a service is a folder, an rpc a file. Failures are told as Canton tells them (`failure`).
//!
//! This crate reads no environment and no configuration: who may do what comes in through [`ServerSettings`].

pub mod access;
mod api_info;
mod consent;
mod context;
pub mod contract;
mod failure;
mod gate;
mod health;
mod http;
mod identity;
mod listen;
mod long_work;
mod operations_service;
mod release;
mod rpc;
mod server;
mod signing_service;
mod status;
mod tasks;
mod tls;
pub mod tokens;
mod topology;
mod trace;
mod vault_service;

pub use context::Features;
pub use failure::codes::CODES;
pub use http::{KmsNumbers, vault_metrics};
pub use listen::Listener;
pub use operations_service::Spool;
pub use rpc::Rpc;
pub use server::{ServerError, ServerSettings, serve};
pub use status::{LogLevel, SetLogLevel};
pub use tls::{CallerCertificates, Tls, TlsError, TlsMaterial};
pub use vault_service::DefaultSpecs;
