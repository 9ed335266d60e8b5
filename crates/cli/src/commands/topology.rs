//! `topology`: who signs for which namespace, and which keys a node has.

mod active_keys;
pub(super) mod announcement;
mod apply;
pub(super) mod args;
mod authorize;
mod caution;
mod delegate;
mod export;
mod graph;
mod import;
mod list;
pub(crate) mod outcome;
mod revoke;
mod root;
mod show;
mod stores;
mod verify;

use std::process::ExitCode;

use clap::Subcommand;

pub(super) use self::root::party_public_key;
pub(crate) use self::{
    args::{AtArg, StoreArg},
    graph::label as key_label,
    root::{RestrictionArg, RootError},
};
use crate::args::Global;

/// What to do with topology.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(list::Options),
    Show(show::Options),
    Stores(stores::Options),
    ActiveKeys(active_keys::Options),
    Graph(graph::Options),
    Verify(verify::Options),
    Apply(apply::Options),
    Export(export::Options),
    Import(import::Options),
    Delegate(delegate::Options),
    Revoke(revoke::Options),
    Authorize(authorize::Options),
    /// Delegate from, and revoke with, a root key that is kept offline
    ///
    /// The files are those of Canton's scripts for an offline root key, byte for byte, and none of these commands needs a
    /// vault. The way of a certificate: 'prepare' writes NAME.prep and NAME.hash; whoever has the root key signs the 34
    /// bytes of NAME.hash, by 'sign', with OpenSSL or in an HSM; 'assemble' joins both into NAME.cert. 'inspect' says in plain
    /// words what any of these files holds.
    #[command(
        subcommand,
        after_help = "Examples:\n  \
            strongroom topology root prepare --root --root-key root.pem --out root\n  \
            strongroom topology root inspect root.prep root.hash\n  \
            strongroom topology root sign --prepared root.prep --key root-private.pem \\\n    --out root.signature\n  \
            strongroom topology root assemble --prepared root.prep \\\n    --signature root.signature --out root.cert"
    )]
    Root(root::Command),
}

pub(crate) async fn run(global: &Global, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(options) => list::run(global, options).await,
        Command::Show(options) => show::run(global, options).await,
        Command::Stores(options) => stores::run(global, options).await,
        Command::ActiveKeys(options) => active_keys::run(global, options).await,
        Command::Graph(options) => graph::run(global, options).await,
        Command::Verify(options) => tokio::task::block_in_place(|| verify::run(global, options)),
        Command::Apply(options) => apply::run(global, options).await,
        Command::Export(options) => export::run(global, options).await,
        Command::Import(options) => import::run(global, options).await,
        Command::Delegate(options) => delegate::run(global, options).await,
        Command::Revoke(options) => revoke::run(global, options).await,
        Command::Authorize(options) => authorize::run(global, options).await,
        Command::Root(command) => root::run(global, command).await,
    }
}
