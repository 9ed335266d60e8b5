//! `party verify`.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use serde::Serialize;
use strongroom_proto::decode_signature;
use strongroom_topology::PartyId;

use crate::{
    args::Global,
    client::Client,
    commands::{
        sign,
        topology::args::{AtArg, StoreArg},
    },
    exit,
    input::{self, Encoding},
    output,
};

/// Verify that a party signed, with as many of its keys as it needs at a time.
///
/// Signatures are Canton's versioned Signature messages, as 'party sign' writes them. Exit status 0: the party signed; 1: it did
/// not.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom party verify bob::1220... hash.bin --hash \\\n    --signature transfer-1.sig --signature transfer-2.sig\n  \
    strongroom party verify bob::1220... hash.bin --hash \\\n    --signature transfer-1.sig --at 2026-07-01T12:00:00Z")]
pub(crate) struct Options {
    /// The party: NAME::NAMESPACE.
    party: PartyId,
    /// What was signed; `-` is standard input.
    #[arg(default_value = "-")]
    file: PathBuf,
    /// How the input is written down.
    #[arg(long, value_enum, default_value_t = Encoding::Binary)]
    input_encoding: Encoding,
    /// The input is a hash that was computed before: a 34-byte multihash.
    #[arg(long)]
    hash: bool,
    /// A signature; may be given more than once.
    #[arg(long, value_name = "FILE", required = true)]
    signature: Vec<PathBuf>,
    /// How the signatures are written down.
    #[arg(long, value_enum, default_value_t = Encoding::Binary)]
    encoding: Encoding,
    #[command(flatten)]
    store: StoreArg,
    #[command(flatten)]
    at: AtArg,
}

#[derive(Serialize)]
struct Report {
    party: String,
    valid: bool,
    /// How many keys signed; none if they are too few.
    signed: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

pub(super) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let files = options.signature.iter().map(PathBuf::as_path);
    input::refuse_stdin_twice(files.chain([options.file.as_path()]))?;
    let message = sign::message(&options.file, options.input_encoding, options.hash)?;
    let read = |file: &PathBuf| {
        let bytes = options.encoding.decode(input::read(file)?, file)?;
        anyhow::Ok(decode_signature(&bytes)?)
    };
    let signatures = options.signature.iter().map(read);
    let signatures: Vec<_> = signatures.collect::<anyhow::Result<_>>()?;
    let client = Client::open(global).await?;
    let (store, at) = (&options.store.store, options.at.time());
    let verified = client.verify_for_party(store, &options.party, at, message, &signatures);
    let verdict = verified.await?;
    client.close().await;
    let (signed, refused) = match verdict {
        Ok(signed) => (Some(signed), None),
        Err(refused) => (None, Some(refused)),
    };
    let (code, reason) = refused.map(|it| (it.code, it.reason)).unzip();
    let report = Report {
        party: options.party.to_string(),
        valid: code.is_none(),
        signed,
        code,
        reason,
    };
    output::print(global.output, &report, |out| match &report.reason {
        None => writeln!(out, "valid: signed by {}", report.party),
        Some(reason) => writeln!(out, "INVALID for {}: {reason}", report.party),
    })?;
    Ok(ExitCode::from(if report.valid { 0 } else { exit::NO }))
}
