//! `encrypt`: encrypt a file to a key, or to members.

mod members;

use std::{path::PathBuf, process::ExitCode, str::FromStr};

use clap::Args;
use data_encoding::BASE64;
use serde::Serialize;
use strongroom_crypto::{EncryptionPublicKey, Fingerprint, SystemRandom};
use strongroom_files::Access;
use strongroom_topology::{IdentifierError, Member};

use self::members::MemberArgs;
pub(super) use self::members::file;
use crate::{
    args::{Format, Global},
    client::Client,
    failure::CliError,
    input::{self, Destination, Encoding},
    output,
};

/// Encrypt a file to members, or a short message to one key.
///
/// To members: a payload of any size, which each of them opens with 'decrypt'. Topology says to which key of each; name a
/// synchronizer that knows them. To one key, in the vault or in a file: a bare message as Canton makes it, of at most 64 MiB; RSA-2048
/// takes at most 190 bytes. With --public-key no vault is needed.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom encrypt secret.bin --to PAR::alice::1220... --sign \\\n    \
        --store synchronizer:... --out secret.payload\n  \
    strongroom encrypt secret.bin --to 1220... --out secret.enc\n  \
    strongroom encrypt secret.bin --public-key receiver.pem --out secret.enc")]
pub(crate) struct Options {
    /// What to encrypt; `-` is standard input.
    #[arg(default_value = "-")]
    file: PathBuf,
    #[command(flatten)]
    receiver: Receiver,
    #[command(flatten)]
    members: MemberArgs,
    /// How the input is written down.
    #[arg(long, value_enum, default_value_t = Encoding::Binary)]
    input_encoding: Encoding,
    /// How the output is written down.
    #[arg(long, value_enum, default_value_t = Encoding::Binary)]
    encoding: Encoding,
    #[command(flatten)]
    destination: Destination,
}

/// Who shall be able to read it.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Receiver {
    /// A member; may be given several times. Or one key, by fingerprint, in the vault.
    #[arg(long, value_name = "MEMBER|FINGERPRINT")]
    to: Vec<Recipient>,
    /// The public key: PEM or DER.
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,
}

/// A member, or a key.
#[derive(Clone, Debug)]
enum Recipient {
    Member(Member),
    Key(Fingerprint),
}

impl FromStr for Recipient {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        match text.parse() {
            Ok(key) => Ok(Self::Key(key)),
            Err(_no_fingerprint) => text.parse().map(Self::Member),
        }
    }
}

/// What `--to` says: one key, or members.
enum To<'o> {
    Key(&'o Fingerprint),
    Members(Vec<Member>),
}

impl Receiver {
    fn to(&self) -> Result<Option<To<'_>>, CliError> {
        let member = |recipient: &Recipient| match recipient {
            Recipient::Member(member) => Some(member.clone()),
            Recipient::Key(_) => None,
        };
        match self.to.as_slice() {
            [] => Ok(None),
            [Recipient::Key(key)] => Ok(Some(To::Key(key))),
            several => match several.iter().map(member).collect() {
                Some(members) => Ok(Some(To::Members(members))),
                None => Err(CliError::BadArgument {
                    value: "--to".to_owned(),
                    expected: "several members, or one key",
                }),
            },
        }
    }
}

/// What `encrypt --output json` prints.
#[derive(Serialize)]
struct Report {
    ciphertext: String,
    algorithm: &'static str,
    encrypted_for: String,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let inputs = [
        Some(options.file.as_path()),
        options.receiver.public_key.as_deref(),
    ];
    input::refuse_stdin_twice(inputs.into_iter().flatten())?;
    match options.receiver.to()? {
        Some(To::Members(members)) => members::run(global, &options, members).await,
        to => {
            options.members.refuse()?;
            let key = match &to {
                Some(To::Key(key)) => Some(*key),
                _ => None,
            };
            to_one_key(global, &options, key).await
        }
    }
}

async fn to_one_key(
    global: &Global,
    options: &Options,
    key: Option<&Fingerprint>,
) -> anyhow::Result<ExitCode> {
    let json_to_stdout = global.output == Format::Json && options.destination.is_stdout();
    if !json_to_stdout {
        options.destination.check(options.encoding)?;
    }
    let message = options
        .input_encoding
        .decode(input::read(&options.file)?, &options.file)?;
    let encrypted = match (&options.receiver.public_key, key) {
        (Some(path), _) => {
            EncryptionPublicKey::detect(&input::read(path)?)?.encrypt(&message, &SystemRandom)?
        }
        (None, Some(fingerprint)) => {
            let client = Client::open(global).await?;
            let encrypted = client.encrypt(fingerprint, message).await;
            client.close().await;
            encrypted?
        }
        (None, None) => {
            return Err(CliError::FlagMissing {
                flag: "--to or --public-key",
            }
            .into());
        }
    };
    let written = options.encoding.encode(&encrypted.ciphertext);
    // What `decrypt` would not read again is not written either.
    if written.len() > input::LIMIT {
        return Err(CliError::TooLong {
            what: "the encrypted message",
            limit: input::LIMIT,
        }
        .into());
    }
    if !json_to_stdout {
        options.destination.write(&written, Access::Readable)?;
    }
    if global.output == Format::Json {
        let report = Report {
            ciphertext: BASE64.encode(&encrypted.ciphertext),
            algorithm: encrypted.algorithm.name(),
            encrypted_for: encrypted.encrypted_for.to_string(),
        };
        output::print(global.output, &report, |_table| Ok(()))?;
    }
    Ok(ExitCode::SUCCESS)
}
