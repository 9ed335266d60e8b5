//! `keys import`.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use clap::{Args, ValueEnum};
use strongroom_crypto::{
    Fingerprint, KeyName, KeyPurpose, KeyUsage, KeyUsages, PrivateKey, PublicKey, SecretBytes,
};
use strongroom_vault::{ImportedKey, KeyEntry, PublicKeyImport, Vault};

use crate::{
    args::Global, commands::keys::export::PasswordArgs, environment, failure::CliError, input,
    secrets, session::Session,
};

/// Bring a key in: Canton's key-pair container, or a private or public key as PEM or DER.
///
/// The public half is derived from the private key. A signing key from PEM or DER needs --usage; a container carries its
/// own usages. The same key with the same name again changes nothing.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom keys import node.key --name node-signing --password-file /run/secrets/export\n  \
    strongroom keys import signer.pem --name signer --usage protocol\n  \
    strongroom keys import receiver.pem --purpose encryption\n  \
    strongroom keys import peer.pem --public --usage protocol")]
pub(crate) struct Options {
    /// The key; `-` is standard input.
    #[arg(default_value = "-")]
    file: PathBuf,
    /// What is in the file.
    #[arg(long, value_enum, default_value_t = ImportFormat::Auto)]
    format: ImportFormat,
    /// A label of at most 300 characters.
    #[arg(long)]
    name: Option<KeyName>,
    /// What a signing key may sign: namespace, sequencer-auth, protocol; may be given more than once.
    #[arg(long, value_delimiter = ',')]
    usage: Vec<KeyUsage>,
    /// signing or encryption; a P-256 key from PEM or DER can be either.
    #[arg(long, default_value = "signing")]
    purpose: KeyPurpose,
    /// The file holds a public key only.
    #[arg(long)]
    public: bool,
    /// Refuse any other key than this one.
    #[arg(long, value_name = "FINGERPRINT")]
    expect: Option<Fingerprint>,
    #[command(flatten)]
    password: PasswordArgs,
}

/// What is in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ImportFormat {
    /// Found out by looking.
    Auto,
    /// Canton's key-pair container (with --public: Canton's PublicKey message).
    KeyPair,
    /// PEM or DER.
    Key,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let entry = if options.public {
        let contents = SecretBytes::take(input::read(&options.file)?);
        let public = public_key(&options, &contents)?;
        check_expected(&options, &public)?;
        let session = Session::open(global).await?;
        let import = PublicKeyImport {
            public,
            name: options.name,
        };
        let entry = session
            .vault
            .import_public_key(&environment::caller(), import)
            .await?;
        session.close().await;
        entry
    } else {
        let contents = input::read_secret(&options.file)?;
        let (private, public) = key_pair(&options, &contents)?;
        check_expected(&options, &public)?;
        let session = Session::open(global).await?;
        let entry = import(
            &session.vault,
            ImportedKey {
                private,
                public,
                name: options.name,
            },
        )
        .await?;
        session.close().await;
        entry
    };
    super::print_key(global, &entry)
}

async fn import(vault: &Vault, key: ImportedKey) -> anyhow::Result<Arc<KeyEntry>> {
    Ok(vault.import_key(&environment::caller(), key).await?)
}

/// The private key in the file, and its public half.
fn key_pair(options: &Options, contents: &SecretBytes) -> anyhow::Result<(PrivateKey, PublicKey)> {
    // EXPOSE: parsing needs the bytes; they stay in locked memory.
    let bytes = contents.expose();
    if let Some(source) = options.password.source() {
        let password = secrets::read(&source, "Password of the container")?;
        let pair = strongroom_proto::decode_encrypted_key_pair(bytes, &password)?;
        return Ok((pair.private, pair.public));
    }
    match options.format {
        ImportFormat::KeyPair => container(bytes),
        ImportFormat::Key => private_key(options, contents),
        // A PEM or DER key never parses as a container: it would have to begin with a known field.
        ImportFormat::Auto => match private_key(options, contents) {
            Ok(pair) => Ok(pair),
            Err(refused) => container(bytes).map_err(|not_one| {
                if is_encrypted_container(&not_one) {
                    not_one
                } else {
                    refused
                }
            }),
        },
    }
}

/// Whether it is a container after all, and only its password is missing.
fn is_encrypted_container(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(strongroom_proto::ProtoError::KeyPairEncrypted)
    )
}

fn container(bytes: &[u8]) -> anyhow::Result<(PrivateKey, PublicKey)> {
    let pair = strongroom_proto::decode_key_pair(bytes)?;
    Ok((pair.private, pair.public))
}

fn private_key(
    options: &Options,
    contents: &SecretBytes,
) -> anyhow::Result<(PrivateKey, PublicKey)> {
    let private = PrivateKey::from_file(contents, options.purpose)?;
    let public = private.public_key(usages(options)?)?;
    Ok((private, public))
}

fn public_key(options: &Options, contents: &SecretBytes) -> anyhow::Result<PublicKey> {
    // EXPOSE: a public key is no secret.
    let bytes = contents.expose();
    if options.format == ImportFormat::KeyPair {
        return Ok(strongroom_proto::decode_public_key_for_import(bytes)?.key);
    }
    Ok(PublicKey::detect(bytes, options.purpose, usages(options)?)?)
}

/// The usages of a signing key; an encryption key has none.
fn usages(options: &Options) -> anyhow::Result<Option<KeyUsages>> {
    match (options.purpose, options.usage.is_empty()) {
        (KeyPurpose::Encryption, true) => Ok(None),
        (KeyPurpose::Encryption, false) => {
            Err(strongroom_vault::VaultError::UsageOfEncryptionKeys.into())
        }
        (KeyPurpose::Signing, true) => Err(CliError::FlagMissing {
            flag: "--usage for a signing key: namespace, sequencer-auth or protocol",
        }
        .into()),
        (KeyPurpose::Signing, false) => {
            Ok(Some(KeyUsages::try_new(options.usage.iter().copied())?))
        }
    }
}

fn check_expected(options: &Options, public: &PublicKey) -> Result<(), CliError> {
    match options.expect {
        Some(expected) if expected != public.fingerprint() => Err(CliError::OtherKey {
            found: public.fingerprint().to_string(),
            expected: expected.to_string(),
        }),
        _ => Ok(()),
    }
}
