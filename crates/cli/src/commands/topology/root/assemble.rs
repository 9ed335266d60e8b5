//! `topology root assemble`.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::{Args, ValueEnum};
use data_encoding::BASE64;
use serde::Serialize;
use strongroom_crypto::{Fingerprint, Signature, SigningAlgorithm, SigningPublicKey, VerifyError};
use strongroom_files::Access;
use strongroom_proto::topology::{assemble_as_script, decode_signed_transaction};
use strongroom_topology::{NamespaceDelegation, Transaction};

use super::{RootError, files, shape};
use crate::{
    args::{Format, Global},
    failure::CliError,
    input::{self, Destination, Encoding},
    output,
    transaction_view::{KnownKeys, SignedView},
};

/// Join a prepared transaction and the root key's signature into a certificate
///
/// The signature must verify: under the key in the transaction if that is a root certificate, else under --root-key. It is
/// taken as OpenSSL writes it: DER for ECDSA, 64 bytes for Ed25519, 3309 bytes for ML-DSA-65.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom topology root assemble --prepared root.prep \\\n    --signature root.signature --out root.cert\n  \
    strongroom topology root assemble --prepared node.prep \\\n    --signature node.signature --root-key root.pem --out node.cert")]
pub(crate) struct Options {
    /// The prepared transaction (.prep).
    #[arg(long, value_name = "FILE")]
    prepared: PathBuf,
    /// The signature over its hash, bare bytes.
    #[arg(long, value_name = "FILE")]
    signature: PathBuf,
    /// The root key's public half; a root certificate has it inside.
    #[arg(long, value_name = "FILE")]
    root_key: Option<PathBuf>,
    /// How it was signed [default: as the root key signs].
    #[arg(long, value_enum)]
    algorithm: Option<Algorithm>,
    /// Do not verify where the root key is not there; needs --algorithm.
    #[arg(long, requires = "algorithm", conflicts_with = "root_key")]
    unverified: bool,
    #[command(flatten)]
    destination: Destination,
}

/// Signing algorithms by the names that Canton's scripts give them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Algorithm {
    /// Ed25519.
    Ed25519,
    /// ECDSA with SHA-256, on P-256 and secp256k1.
    Ecdsa256,
    /// ECDSA with SHA-384, on P-384.
    Ecdsa384,
    /// ML-DSA-65.
    Mldsa65,
}

impl From<Algorithm> for SigningAlgorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Ed25519 => Self::Ed25519,
            Algorithm::Ecdsa256 => Self::EcDsaSha256,
            Algorithm::Ecdsa384 => Self::EcDsaSha384,
            Algorithm::Mldsa65 => Self::MlDsa65,
        }
    }
}

/// What `assemble` prints.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    signed: SignedView,
    certificate: String,
    /// Null if the certificate stands only in this document.
    file: Option<String>,
}

pub(super) fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let inputs = [&options.prepared, &options.signature].into_iter();
    input::refuse_stdin_twice(inputs.chain(&options.root_key).map(PathBuf::as_path))?;
    let destination = &options.destination;
    let json_to_stdout = global.output == Format::Json && destination.is_stdout();
    if !json_to_stdout {
        destination.check(Encoding::Binary)?;
    }

    let transaction = files::prepared(&options.prepared)?;
    let delegation = files::delegation(&transaction)?;
    let root = files::root_of(delegation)?;
    let key = root_key(&options, delegation, root)?;
    let signature = signature(&options, &transaction, root, key.as_ref())?;
    let certificate = assemble_as_script(&transaction, &signature);
    if !json_to_stdout {
        destination.write(&certificate, Access::Readable)?;
    }

    let mut keys = KnownKeys::default();
    key.iter().for_each(|key| keys.add(key));
    let file = (!destination.is_stdout()).then(|| destination.out.display().to_string());
    let report = Report {
        // As whoever gets the file will read it.
        signed: SignedView::of(&decode_signed_transaction(&certificate)?, &keys),
        certificate: BASE64.encode(&certificate),
        file,
    };
    if report.file.is_some() || json_to_stdout {
        output::print(global.output, &report, |out| {
            report.signed.write(out)?;
            writeln!(out, "\nwrote {}", destination.out.display())
        })?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The root key, if it is there: as given, or in a root certificate itself.
fn root_key(
    options: &Options,
    delegation: &NamespaceDelegation,
    root: Fingerprint,
) -> anyhow::Result<Option<SigningPublicKey>> {
    if let Some(path) = &options.root_key {
        let key = files::public_key(path)?.key().clone();
        files::check_is_root(key.fingerprint(), root)
            .context("--root-key is not the root key of the namespace")?;
        return Ok(Some(key));
    }
    if delegation.targets_root() {
        return Ok(Some(delegation.target().clone()));
    }
    if options.unverified {
        return Ok(None);
    }
    Err(RootError::Unverifiable.into())
}

/// The signature in the file, which verifies if there is a key.
fn signature(
    options: &Options,
    transaction: &Transaction,
    root: Fingerprint,
    key: Option<&SigningPublicKey>,
) -> anyhow::Result<Signature> {
    let asked = options.algorithm.map(SigningAlgorithm::from);
    let of_key = key.map(|key| key.spec().algorithm());
    let algorithm = asked.or(of_key).ok_or(CliError::FlagMissing {
        flag: "--algorithm",
    })?;
    if let Some(key) = key.filter(|key| !algorithm.supports(key.spec())) {
        let spec = key.spec();
        return Err(VerifyError::KeyAlgorithmMismatch { algorithm, spec }.into());
    }
    let bytes = input::read(&options.signature)?;
    shape::check(&bytes, algorithm)
        .with_context(|| format!("{} was refused", input::named(&options.signature)))?;
    let signature = Signature {
        bytes,
        format: algorithm.format(),
        signed_by: root,
        algorithm: Some(algorithm),
    };
    if let Some(key) = key {
        let hash = transaction.hash().to_multihash();
        key.verify(&hash, &signature, files::NAMESPACE)
            .with_context(|| format!("this was not signed by the root key {root}"))?;
    }
    Ok(signature)
}
