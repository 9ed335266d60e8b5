//! `topology root prepare`.

mod next;
pub(super) mod restriction;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use serde::Serialize;
use strongroom_crypto::{SigningKeySpec, SigningPublicKey};
use strongroom_files::Access;
use strongroom_proto::topology::{
    DelegationTarget, encode_delegation_as_script, encode_revocation_as_script,
};
use strongroom_topology::{Operation, Restriction, Serial, Transaction};

use self::restriction::RestrictionArg;
use super::{super::delegate::serial, RootError, files};
use crate::{
    args::{Global, Names},
    failure::CliError,
    input::{self, Destination, Encoding},
    output,
    transaction_view::TransactionView,
};

/// Prepare a root certificate, a delegation or a revocation for signing by the root key
///
/// Writes PREFIX.prep, the transaction, and PREFIX.hash, the 34 bytes that are to be signed. Public keys are taken as PEM, as
/// DER, or as the file that Canton's console writes (.pub), whose usages are kept as they are.
///
/// The serial is 1, as Canton's script always writes it. A delegation that is in force already, and is to be changed, needs the
/// serial after its own: --serial. A revocation has the serial after that of the file with the delegation.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom topology root prepare --root --root-key root.pem --out root\n  \
    strongroom topology root prepare --root-key root.pem --target-key node.pub \\\n    --out intermediate\n  \
    strongroom topology root prepare --root-key root.pem \\\n    --target-key parties.pub \\\n    --restriction PARTY_TO_PARTICIPANT,PARTY_TO_KEY_MAPPING --out parties\n  \
    strongroom topology root prepare --revoke intermediate.cert --out revoked")]
pub(crate) struct Options {
    #[command(flatten)]
    statement: Statement,
    /// The root key's public half. For a revocation it may be left out; if given, the namespace must be its own.
    #[arg(long, value_name = "FILE", required_unless_present = "revoke")]
    root_key: Option<PathBuf>,
    /// What the target may sign: all, all-but-delegations, or kinds of mappings separated by commas, which keep this order
    /// [default: all-but-delegations].
    #[arg(long, value_name = "RESTRICTION", conflicts_with_all = ["root", "revoke"], value_parser = Names::of_restrictions())]
    restriction: Option<RestrictionArg>,
    /// The serial: one more than that of the delegation that is to be changed [default: 1].
    #[arg(long, value_name = "N", conflicts_with = "revoke", value_parser = serial)]
    serial: Option<Serial>,
    /// Write PREFIX.prep and PREFIX.hash.
    #[arg(long, value_name = "PREFIX")]
    out: PathBuf,
    /// Replace the files if they are there.
    #[arg(long)]
    force: bool,
}

/// What is stated.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Statement {
    /// A root certificate: the root key is the root of its namespace.
    #[arg(long)]
    root: bool,
    /// A delegation: this public key may sign for the namespace.
    #[arg(long, value_name = "FILE")]
    target_key: Option<PathBuf>,
    /// A revocation of this delegation, a prepared transaction or a certificate.
    #[arg(long, value_name = "FILE")]
    revoke: Option<PathBuf>,
}

/// What `prepare` prints.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    transaction: TransactionView,
    prepared_file: String,
    hash_file: String,
}

pub(super) fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let statement = &options.statement;
    let inputs = [&options.root_key, &statement.target_key, &statement.revoke];
    input::refuse_stdin_twice(inputs.into_iter().flatten().map(PathBuf::as_path))?;
    let prepared = destination(&options, ".prep")?;
    let hash = destination(&options, ".hash")?;

    let transaction = transaction(&options)?;
    prepared.write(transaction.bytes(), Access::Readable)?;
    hash.write(&transaction.hash().to_multihash(), Access::Readable)?;

    let spec = root_spec(options.root_key.as_deref(), &transaction)?;
    let report = Report {
        transaction: TransactionView::of(&transaction),
        prepared_file: prepared.out.display().to_string(),
        hash_file: hash.out.display().to_string(),
    };
    output::print(global.output, &report, |out| {
        report.transaction.write(out)?;
        writeln!(
            out,
            "\nwrote {} and {}",
            report.prepared_file, report.hash_file
        )?;
        next::write(out, &options.out, spec)
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What kind of key signs, if that is known: of the root key that was given, or of the one in a root certificate.
fn root_spec(
    root_key: Option<&Path>,
    transaction: &Transaction,
) -> anyhow::Result<Option<SigningKeySpec>> {
    if let Some(path) = root_key.filter(|path| !input::is_stdin(path)) {
        return Ok(Some(files::public_key(path)?.key().spec()));
    }
    let delegation = files::delegation(transaction)?;
    let root = delegation.targets_root().then(|| delegation.target());
    Ok(root.map(SigningPublicKey::spec))
}

/// Where the file with this suffix goes, which can be written.
fn destination(options: &Options, suffix: &str) -> anyhow::Result<Destination> {
    if input::is_stdin(&options.out) {
        return Err(CliError::BadArgument {
            value: "--out -".to_owned(),
            expected: "the beginning of two file names",
        }
        .into());
    }
    let mut out = OsString::from(&options.out);
    out.push(suffix);
    let destination = Destination {
        out: out.into(),
        force: options.force,
    };
    destination.check(Encoding::Binary)?;
    Ok(destination)
}

fn transaction(options: &Options) -> anyhow::Result<Transaction> {
    let Options {
        statement,
        root_key,
        restriction,
        ..
    } = options;
    let serial = options.serial.unwrap_or(Serial::FIRST);
    match (statement, root_key) {
        (
            Statement {
                revoke: Some(revoked),
                ..
            },
            root_key,
        ) => revocation(revoked, root_key.as_deref()),
        (
            Statement {
                target_key: Some(target),
                ..
            },
            Some(root_key),
        ) => {
            let restriction = restriction.clone().unwrap_or_default();
            delegation(root_key, target, restriction, serial)
        }
        (_, Some(root_key)) => root_certificate(root_key, serial),
        (_, None) => Err(CliError::FlagMissing { flag: "--root-key" }.into()),
    }
}

fn root_certificate(root_key: &Path, serial: Serial) -> anyhow::Result<Transaction> {
    let root = files::public_key(root_key)?;
    let namespace = root.key().fingerprint().into();
    let all = Restriction::AllMappings;
    Ok(encode_delegation_as_script(
        namespace,
        root,
        all,
        &[],
        serial,
    )?)
}

fn delegation(
    root_key: &Path,
    target: &Path,
    restriction: RestrictionArg,
    serial: Serial,
) -> anyhow::Result<Transaction> {
    let root = files::public_key(root_key)?.key().fingerprint();
    let target: DelegationTarget = files::public_key(target)?;
    if target.key().fingerprint() == root {
        return Err(RootError::TargetIsRoot.into());
    }
    let RestrictionArg { restriction, order } = restriction;
    Ok(encode_delegation_as_script(
        root.into(),
        target,
        restriction,
        &order,
        serial,
    )?)
}

fn revocation(revoked: &Path, root_key: Option<&Path>) -> anyhow::Result<Transaction> {
    let transaction = files::transaction(revoked)?;
    let root = files::root_of(files::delegation(&transaction)?)?;
    if let Some(root_key) = root_key {
        files::check_is_root(files::public_key(root_key)?.key().fingerprint(), root)?;
    }
    if transaction.operation() == Operation::Remove {
        return Err(RootError::RevokedAlready.into());
    }
    Ok(encode_revocation_as_script(&transaction)?)
}
