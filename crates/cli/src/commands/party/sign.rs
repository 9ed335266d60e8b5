//! `party sign`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use data_encoding::BASE64;
use serde::Serialize;
use strongroom_crypto::{Fingerprint, Signature};
use strongroom_files::Access;
use strongroom_proto::encode_signature;
use strongroom_topology::PartyId;

use crate::{
    args::Global,
    client::Client,
    commands::{
        sign,
        topology::args::{AtArg, StoreArg},
    },
    input::{Destination, Encoding},
    output,
};

/// Sign for a party, for example the hash of a prepared submission, with as many of its keys as it needs.
///
/// Of the party's keys those sign whose private halves are here; where there are fewer than the party needs, others must sign
/// as well. Signatures are Canton's versioned Signature messages: one for each key, in NAME-1.sig, NAME-2.sig and so on with
/// --out NAME, and in base64 in what is printed.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom party sign bob::1220... hash.bin --hash --out transfer\n  \
    strongroom party sign bob::1220... hash.txt --hash --input-encoding hex \\\n    --key 1220... --output json")]
pub(crate) struct Options {
    /// The party: NAME::NAMESPACE.
    party: PartyId,
    /// What to sign; `-` is standard input.
    #[arg(default_value = "-")]
    file: PathBuf,
    /// How the input is written down.
    #[arg(long, value_enum, default_value_t = Encoding::Binary)]
    input_encoding: Encoding,
    /// The input is a hash that was computed before: a 34-byte multihash (1220...), signed as it is.
    #[arg(long)]
    hash: bool,
    /// Sign with this key of the party; may be given more than once [default: as many as are needed].
    #[arg(long, value_name = "FINGERPRINT")]
    key: Vec<Fingerprint>,
    #[command(flatten)]
    store: StoreArg,
    #[command(flatten)]
    at: AtArg,
    /// Write each signature to a file whose name begins so.
    #[arg(long, value_name = "NAME")]
    out: Option<PathBuf>,
    /// Replace files that are there.
    #[arg(long, requires = "out")]
    force: bool,
}

#[derive(Serialize)]
struct Report {
    party: String,
    /// How many signatures the party needs.
    threshold: u32,
    /// How many others must still give.
    missing: usize,
    signatures: Vec<View>,
}

#[derive(Serialize)]
struct View {
    signed_by: String,
    algorithm: Option<&'static str>,
    /// In base64.
    signature: String,
    file: Option<String>,
}

pub(super) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let message = sign::message(&options.file, options.input_encoding, options.hash)?;
    let client = Client::open(global).await?;
    let (store, party) = (&options.store.store, (&options.party, options.at.time()));
    let signed = client.sign_for_party(store, party, message, &options.key);
    let signed = signed.await?;
    client.close().await;
    let files = options.files(signed.signatures.len());
    // All of them are looked at before the first one is written.
    for file in files.iter().flatten() {
        file.check(Encoding::Binary)?;
    }
    for (signature, file) in signed.signatures.iter().zip(&files) {
        if let Some(file) = file {
            file.write(&encode_signature(signature), Access::Readable)?;
        }
    }
    let views = signed.signatures.iter().zip(&files);
    let report = Report {
        party: options.party.to_string(),
        threshold: signed.threshold,
        missing: signed.missing(),
        signatures: views
            .map(|(signature, file)| View::of(signature, file.as_ref().map(|it| it.out.as_path())))
            .collect(),
    };
    output::print(global.output, &report, |out| {
        let rows = report.signatures.iter().map(|view| {
            let signature = view.file.clone();
            let signature = signature.unwrap_or_else(|| view.signature.clone());
            [view.signed_by.clone(), signature]
        });
        writeln!(out, "{}", output::table(["SIGNED BY", "SIGNATURE"], rows))?;
        match report.missing {
            0 => Ok(()),
            missing => writeln!(
                out,
                "{} of others still missing",
                output::counted(missing, "signature")
            ),
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

impl Options {
    /// The files of the signatures, if they are to be written.
    fn files(&self, count: usize) -> Vec<Option<Destination>> {
        let file = |number: usize| {
            let name = self.out.as_ref()?;
            let mut out = name.clone().into_os_string();
            out.push(format!("-{number}.sig"));
            Some(Destination {
                out: PathBuf::from(out),
                force: self.force,
            })
        };
        (1..=count).map(file).collect()
    }
}

impl View {
    fn of(signature: &Signature, file: Option<&Path>) -> Self {
        Self {
            signed_by: signature.signed_by.to_string(),
            algorithm: signature.algorithm.map(|algorithm| algorithm.name()),
            signature: BASE64.encode(&encode_signature(signature)),
            file: file.map(|file| file.display().to_string()),
        }
    }
}
