//! `topology root import`.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use serde::Serialize;
use strongroom_topology::{Mapping, SignedTransaction};
use strongroom_vault::{Added, VaultError};

use super::RootError;
use crate::{
    args::Global,
    commands::{
        IdentityArgs, IdentityView,
        topology::{
            args::BurnArg,
            caution,
            outcome::{Decided, Decisions, Known},
        },
    },
    containers, exit,
    failure::CliError,
    output,
    session::Session,
};

/// Take certificates that were made offline into the authorized store of this vault
///
/// In a vault without an identity say with --kind which node it is: then its identity is made from the certificates, as 'init
/// --certificate' does, and one of them must delegate to a key of this vault.
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
    let session = Session::open(global).await?;
    let report = match (plan, session.vault.identity()) {
        (Some(plan), None) => {
            let identity = plan.make(&session).await?.view;
            let added = add(&session, certificates).await?;
            Report {
                identity: Some(identity),
                decisions: Decisions::of(added.iter().map(Decided::of), &known),
            }
        }
        (None, None) => {
            session.close().await;
            return Err(CliError::FlagMissing {
                flag: "--kind, since the vault has no identity yet",
            }
            .into());
        }
        (_, Some(_)) => {
            let added = add(&session, certificates).await?;
            Report {
                identity: Some(IdentityView::of(&session.vault).await?),
                decisions: Decisions::of(added.iter().map(Decided::of), &known),
            }
        }
    };
    session.close().await;
    output::print(global.output, &report, |out| {
        report.decisions.write(out)?;
        let mut identity = report.identity.iter();
        identity.try_for_each(|identity| identity.write(out))
    })?;
    let rejected = report.decisions.rejected > 0;
    Ok(ExitCode::from(if rejected { exit::NO } else { 0 }))
}

/// What the store says of the certificates; of those that it has already, that they are unchanged.
async fn add(
    session: &Session,
    certificates: Vec<SignedTransaction>,
) -> Result<Vec<Added>, VaultError> {
    let (vault, caller) = (&session.vault, &session.caller);
    vault.add_certificates(caller, certificates).await
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
