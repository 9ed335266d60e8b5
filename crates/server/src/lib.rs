//! The vault over the network.
//!
//! [`serve`] offers a [`Vault`](strongroom_vault::Vault) over gRPC: Canton's admin services, wire-identical, and services of
//! ours. Every call goes through one gate, which knows the caller and what it may do ([`access`]), and becomes one use case of
//! the vault: a service is a folder, an rpc a file. Failures are told as Canton tells them (`failure`).
//!
//! This crate reads no environment and no configuration: who may do what comes in through [`ServerSettings`].

pub mod access;
mod api_info;
mod client_release;
mod codec;
mod concurrency;
mod context;
pub mod contract;
mod exporting;
mod failure;
mod gate;
mod health;
mod http;
mod identity;
mod key_service;
mod listen;
mod long_work;
mod message_memory;
mod operations_service;
mod refusals;
mod required_approval;
mod rotation;
mod rpc;
mod scheduled_backups;
mod server;
mod signing_service;
mod spans;
mod spool;
mod status;
mod stranger_log;
mod tasks;
mod tls;
pub mod tokens;
mod topology;
mod topology_service;
mod trace;
mod usages;
mod vault_service;

pub use context::Features;
pub use failure::codes::CODES;
pub use http::{KmsNumbers, vault_metrics};
pub use listen::Listener;
pub use rpc::Rpc;
pub use scheduled_backups::{BackupMaker, ScheduledBackups};
pub use server::{ServerError, ServerSettings, serve};
pub use spool::Spool;
pub use status::{LogLevel, SetLogLevel};
pub use tls::{CallerCertificates, Tls, TlsError, TlsMaterial};
pub use vault_service::DefaultSpecs;
