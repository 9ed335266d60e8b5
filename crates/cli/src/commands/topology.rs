//! `topology`: who signs for which namespace, and which keys a node has.

mod root;

use std::process::ExitCode;

use clap::Subcommand;

pub(crate) use self::root::RootError;
use crate::args::Global;

/// What to do with topology.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
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
            strongroom topology root sign --prepared root.prep --key root-private.pem --out root.signature\n  \
            strongroom topology root assemble --prepared root.prep --signature root.signature --out root.cert"
    )]
    Root(root::Command),
}

pub(crate) fn run(global: &Global, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Root(command) => root::run(global, command),
    }
}
