//! `keys import`.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, ValueEnum};
use strongroom_crypto::{
    Fingerprint, KeyName, KeyPurpose, KeyUsage, KeyUsages, PrivateKey, PublicKey, SecretBytes,
};
use strongroom_proto::{KeyPair, ProtoError};

use crate::{
    args::{Global, Names},
    client::Client,
    commands::keys::export::PasswordArgs,
    failure::CliError,
    input,
    key_file::looks_like_message,
    secrets,
};

/// RFC 8032: the length of a bare public key.
const ED25519_BYTES: usize = 32;

/// Bring a key in: Canton's key-pair container, or a private or public key as PEM or DER.
///
/// The public half is derived from the private key. A signing key from PEM or DER needs --usage; a container says itself
/// what its key is for, and --usage and --purpose must not say otherwise. The same key with the same name again changes
/// nothing.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom keys import node.key --name node-signing \\\n    --password-file /run/secrets/export\n  \
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
    /// What a signing key may sign: namespace, sequencer-authentication, protocol; may be given more than once.
    #[arg(long, value_delimiter = ',', value_parser = Names::of_usages())]
    usage: Vec<KeyUsage>,
    /// signing or encryption [default for PEM and DER: signing]; a P-256 key from PEM or DER can be either.
    #[arg(long, value_parser = Names::of_purposes())]
    purpose: Option<KeyPurpose>,
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

impl Options {
    /// What a key that does not say it itself is for.
    fn purpose(&self) -> KeyPurpose {
        self.purpose.unwrap_or(KeyPurpose::Signing)
    }
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let view = if options.public {
        let contents = SecretBytes::take(input::read(&options.file)?);
        let public = public_key(&options, &contents)?;
        check_expected(&options, &public)?;
        let client = Client::open(global).await?;
        let imported = client.import_public_key(public, options.name).await;
        client.close().await;
        imported?
    } else {
        let contents = input::read_secret(&options.file)?;
        let (private, public) = key_pair(&options, &contents)?;
        check_expected(&options, &public)?;
        let client = Client::open(global).await?;
        let imported = client.import_key(private, public, options.name).await;
        client.close().await;
        imported?
    };
    super::print_key(global, &view)
}

/// The private key in the file, and its public half.
fn key_pair(options: &Options, contents: &SecretBytes) -> anyhow::Result<(PrivateKey, PublicKey)> {
    // EXPOSE: parsing needs the bytes; they stay in locked memory.
    let bytes = contents.expose();
    let is_container = match options.format {
        ImportFormat::KeyPair => true,
        ImportFormat::Key => false,
        ImportFormat::Auto => looks_like_message(bytes),
    };
    if let Some(source) = options.password.source() {
        if !is_container {
            return Err(CliError::PasswordOfNoContainer.into());
        }
        let password = secrets::read(&source, "Password of the container")?;
        return container(options, || {
            strongroom_proto::decode_encrypted_key_pair(bytes, &password)
        });
    }
    if is_container {
        container(options, || strongroom_proto::decode_key_pair(bytes))
    } else {
        let private = PrivateKey::from_file(contents, options.purpose())?;
        let public = private.public_key(usages(options)?)?;
        Ok((private, public))
    }
}

fn container(
    options: &Options,
    decode: impl FnOnce() -> Result<KeyPair, ProtoError>,
) -> anyhow::Result<(PrivateKey, PublicKey)> {
    let pair = decode()?;
    check_usage(options, &pair.public)?;
    Ok((pair.private, pair.public))
}

fn public_key(options: &Options, contents: &SecretBytes) -> anyhow::Result<PublicKey> {
    // EXPOSE: a public key is no secret.
    let bytes = contents.expose();
    let is_message = match options.format {
        ImportFormat::KeyPair => true,
        ImportFormat::Key => false,
        // A bare Ed25519 key can begin with any byte, and is shorter than any message with a key in it.
        ImportFormat::Auto => bytes.len() > ED25519_BYTES && looks_like_message(bytes),
    };
    if !is_message {
        let usages = usages(options)?;
        return Ok(PublicKey::detect(bytes, options.purpose(), usages)?);
    }
    let imported = strongroom_proto::decode_public_key_for_import(bytes)?;
    check_usage(options, &imported.key)?;
    if imported.was_wrapped {
        tracing::warn!(
            "the public key was wrapped, as Canton's console downloads it; requests are to hold the bare message"
        );
    }
    Ok(imported.key)
}

/// A container says what its key is for. Whoever says otherwise expects another key.
fn check_usage(options: &Options, public: &PublicKey) -> anyhow::Result<()> {
    let differs =
        |asked: String, found: String| Err(CliError::UsageDiffers { asked, found }.into());
    let purpose = public.spec().purpose();
    if let Some(asked) = options.purpose.filter(|asked| *asked != purpose) {
        return differs(format!("a key for {asked}"), format!("a key for {purpose}"));
    }
    if options.usage.is_empty() {
        return Ok(());
    }
    let asked = KeyUsages::try_new(options.usage.iter().copied())?;
    match public.usages() {
        Some(found) if found == asked => Ok(()),
        Some(found) => differs(
            format!("usage {asked}"),
            format!("a key with usage {found}"),
        ),
        None => differs(format!("usage {asked}"), format!("a key for {purpose}")),
    }
}

/// The usages of a signing key; an encryption key has none.
fn usages(options: &Options) -> anyhow::Result<Option<KeyUsages>> {
    match (options.purpose(), options.usage.is_empty()) {
        (KeyPurpose::Encryption, true) => Ok(None),
        (KeyPurpose::Encryption, false) => Err(CliError::BadArgument {
            value: "--usage".to_owned(),
            expected: "for encryption keys: only signing keys have usages",
        }
        .into()),
        (KeyPurpose::Signing, true) => Err(CliError::FlagMissing {
            flag: "--usage for a signing key (namespace, sequencer-auth or protocol), or --purpose encryption",
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
