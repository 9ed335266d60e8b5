//! `topology root sign`.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::Args;
use data_encoding::BASE64;
use serde::Serialize;
use strongroom_crypto::Signature;
use strongroom_files::Access;
use strongroom_topology::{Transaction, TransactionHash};

use super::{RootError, files};
use crate::{
    args::{Format, Global},
    commands::keys::export::PasswordArgs,
    failure::CliError,
    input::{self, Destination, Encoding},
    key_file, output,
    transaction_view::TransactionView,
};

/// Sign a prepared transaction with the root key, which is read from a file
///
/// Tells first, on standard error, what is about to be signed. The key must be the root of the namespace in question. It is
/// read into locked memory, used once and wiped. PEM and DER keys are taken without a password only; a key-pair container
/// of Canton or Strongroom may have one.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom topology root sign --prepared root.prep --key root-private.pem \\\n    --out root.signature\n  \
    strongroom topology root sign --prepared root.prep --key root.key \\\n    --password-prompt --out root.signature\n  \
    strongroom topology root sign --hash root.hash --blind \\\n    --key root-private.pem --out root.signature")]
pub(crate) struct Options {
    #[command(flatten)]
    message: Message,
    /// Sign a hash without knowing what it stands for.
    #[arg(long, conflicts_with = "prepared")]
    blind: bool,
    /// The private key: PKCS#8 or SEC 1, as PEM or DER, or a key-pair container.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    #[command(flatten)]
    password: PasswordArgs,
    #[command(flatten)]
    destination: Destination,
}

/// What is signed.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Message {
    /// The prepared transaction (.prep).
    #[arg(long, value_name = "FILE")]
    prepared: Option<PathBuf>,
    /// The hash of a transaction that is not here (.hash); needs --blind.
    #[arg(long, value_name = "FILE")]
    hash: Option<PathBuf>,
}

/// What `sign` prints.
#[derive(Serialize)]
struct Report {
    signature: String,
    format: &'static str,
    algorithm: Option<&'static str>,
    signed_by: String,
    hash: String,
    /// Null if nothing but the hash was known.
    transaction: Option<TransactionView>,
    /// Null if the signature stands only in this document.
    file: Option<String>,
}

pub(super) fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let Options {
        message,
        blind,
        key,
        password,
        destination,
    } = options;
    let inputs = [
        message.prepared.as_deref(),
        message.hash.as_deref(),
        Some(&key),
    ];
    input::refuse_stdin_twice(inputs.into_iter().flatten())?;
    let json_to_stdout = global.output == Format::Json && destination.is_stdout();
    if !json_to_stdout {
        destination.check(Encoding::Binary)?;
    }

    let (hash, transaction) = message.read(blind)?;
    if global.output == Format::Table {
        tell(hash, transaction.as_ref())?;
    }
    let key = key_file::signing_key(&key, password.source().as_ref(), files::NAMESPACE)?;
    if let Some(transaction) = &transaction {
        let root = files::root_of(files::delegation(transaction)?)?;
        files::check_is_root(key.fingerprint(), root)
            .context("the private key is not the root key of the namespace")?;
    }
    let signature = key.sign(&hash.to_multihash(), files::NAMESPACE)?;
    drop(key);

    if !json_to_stdout {
        destination.write(&signature.bytes, Access::Readable)?;
    }
    let file = (!destination.is_stdout()).then(|| destination.out.display().to_string());
    if file.is_some() || json_to_stdout {
        let report = Report::of(&signature, hash, transaction.as_ref(), file);
        output::print(global.output, &report, |out| {
            writeln!(out, "wrote {}", destination.out.display())
        })?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Message {
    /// What is signed, and the transaction that it stands for if it is known.
    fn read(&self, blind: bool) -> anyhow::Result<(TransactionHash, Option<Transaction>)> {
        match (&self.prepared, &self.hash) {
            (Some(path), _) => {
                let transaction = files::prepared(path)?;
                // Before anybody is asked for a password.
                files::root_of(files::delegation(&transaction)?)?;
                Ok((transaction.hash(), Some(transaction)))
            }
            (None, Some(path)) => {
                let hash =
                    TransactionHash::from_multihash(&input::read(path)?).with_context(|| {
                        format!("{} is no hash of a transaction", input::named(path))
                    })?;
                if blind {
                    Ok((hash, None))
                } else {
                    Err(RootError::Blind.into())
                }
            }
            (None, None) => Err(CliError::FlagMissing {
                flag: "--prepared or --hash",
            }
            .into()),
        }
    }
}

/// Says what is about to be signed.
fn tell(hash: TransactionHash, transaction: Option<&Transaction>) -> anyhow::Result<()> {
    output::tell(|out| {
        writeln!(out, "This is about to be signed:\n")?;
        match transaction {
            Some(transaction) => TransactionView::of(transaction).write(out)?,
            None => writeln!(
                out,
                "A transaction that nobody can see here: it may be anything that the key has a right to sign.\n\n  hash {hash}"
            )?,
        }
        writeln!(out)
    })
}

impl Report {
    fn of(
        signature: &Signature,
        hash: TransactionHash,
        transaction: Option<&Transaction>,
        file: Option<String>,
    ) -> Self {
        Self {
            signature: BASE64.encode(&signature.bytes),
            format: signature.format.name(),
            algorithm: signature.algorithm.map(|algorithm| algorithm.name()),
            signed_by: signature.signed_by.to_string(),
            hash: hash.to_string(),
            transaction: transaction.map(TransactionView::of),
            file,
        }
    }
}
