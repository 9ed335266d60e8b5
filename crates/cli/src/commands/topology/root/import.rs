//! `topology root import`.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use serde::Serialize;
use strongroom_topology::{Mapping, SignedTransaction};

use super::RootError;
use crate::{
    args::Global,
    client::Client,
    commands::{
        IdentityArgs, IdentityView,
        topology::{
            args::BurnArg,
            caution,
            outcome::{Decisions, Known},
        },
    },
    containers, exit,
    failure::CliError,
    output,
    remote::RemoteError,
};

/// Take certificates that were made offline into the authorized store of this vault
///
/// In a vault without an identity say with --kind which node it is: then its identity is made from the certificates, as 'init
/// --certificate' does, and one of them must delegate to a key of this vault. That is done where the vault is; certificates of a node
/// that has an identity go to a server, too.
///
/// What is to be thought of is told first, on standard error. The revocation of a root certificate ends its namespace and is
/// refused unless --danger-burn-namespace is said.
///
/// Exit status 1: a certificate was rejected.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom topology root import root.cert intermediate.cert \\\n    --kind participant\n  \
    strongroom topology root import revoked.cert")]
pub(crate) struct Options {
    /// The certificates; `-` is standard input.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    burn: BurnArg,
    #[command(flatten)]
    identity: IdentityArgs,
}

#[derive(Serialize)]
struct Report {
    identity: Option<IdentityView>,
    #[serde(flatten)]
    decisions: Decisions,
}

pub(super) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let certificates = containers::transactions(&options.files, None)?;
    check_delegations(&certificates)?;
    caution::check(&certificates, options.burn)?;
    caution::tell(global, &certificates)?;
    let known = Known::of(&certificates);
    let plan = options.identity.plan_with(certificates.clone())?;
    let client = Client::open(global).await?;
    let known_member = client.topology_stores().await?.member;
    let identity = match (plan, known_member) {
        (Some(plan), None) => match &client {
            Client::Here(session) => Some(plan.make(session).await?.view),
            Client::There(_) => {
                let what = "making the identity of a node";
                return Err(RemoteError::NotOffered { what }.into());
            }
        },
        (None, None) => {
            client.close().await;
            return Err(CliError::FlagMissing {
                flag: "--kind, since the vault has no identity yet",
            }
            .into());
        }
        (_, Some(_)) => None,
    };
    // Of those that the store has already it says that they are unchanged.
    let decided = client.add_certificates(certificates).await?;
    let identity = match identity {
        Some(made) => made,
        None => client.identity().await?,
    };
    client.close().await;
    let report = Report {
        identity: Some(identity),
        decisions: Decisions::of(decided, &known),
    };
    output::print(global.output, &report, |out| {
        report.decisions.write(out)?;
        let mut identity = report.identity.iter();
        identity.try_for_each(|identity| identity.write(out))
    })?;
    let rejected = report.decisions.rejected > 0;
    Ok(ExitCode::from(if rejected { exit::NO } else { 0 }))
}

/// What an offline root key signs are delegations and their revocations; anything else came by mistake.
fn check_delegations(certificates: &[SignedTransaction]) -> Result<(), RootError> {
    for certificate in certificates {
        let mapping = certificate.transaction().mapping();
        if !matches!(mapping, Mapping::NamespaceDelegation(_)) {
            return Err(RootError::NotADelegation {
                mapping: mapping.code(),
            });
        }
    }
    Ok(())
}
