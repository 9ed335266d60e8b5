//! Encryption of backup files, in the format of age.

use std::{
    fmt,
    io::{self, BufReader, Chain, Cursor, Read, Write},
};

use age::{Decryptor, Encryptor, scrypt, secrecy::SecretString, stream::StreamWriter, x25519};
use strongroom_memory::SecretBytes;

use crate::{error::BackupError, reader::of_input};

/// How hard it is to try a passphrase: scrypt with N = 2^18, r = 8 and p = 1, as age has it; 256 MiB of memory and about a
/// second of work.
const WORK_FACTOR: u8 = 18;
/// A file that asks for more is refused: somebody could have made it up to keep us busy.
const HIGHEST_WORK_FACTOR: u8 = 22;
/// The first bytes of every file of age.
const AGE_MAGIC: &[u8] = b"age-encryption.org/";

/// Who will be able to read a backup. Age knows no mixture of recipients and a passphrase.
#[derive(Debug)]
#[non_exhaustive]
pub enum Protection {
    /// The holders of these keys.
    Recipients(Recipients),
    /// Whoever knows it; UTF-8.
    Passphrase(SecretBytes),
    /// Everybody: names of keys, topology and the audit log are readable, private keys are not.
    None,
}

/// At least one public key of age.
#[derive(Clone, Debug)]
pub struct Recipients(Vec<x25519::Recipient>);

impl Recipients {
    /// Reads recipients as age writes them, one in a text; empty texts and comments (`#`) are left out.
    ///
    /// # Errors
    /// [`BackupError::RecipientInvalid`] with its position; [`BackupError::NoRecipient`].
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, BackupError> {
        let recipients = numbered(texts).map(|(line, text)| {
            text.parse()
                .map_err(|_reason| BackupError::RecipientInvalid { line })
        });
        let recipients: Vec<_> = recipients.collect::<Result<_, _>>()?;
        if recipients.is_empty() {
            return Err(BackupError::NoRecipient);
        }
        Ok(Self(recipients))
    }
}

impl Protection {
    /// Encrypts what is written to the answer, on its way to `output`.
    ///
    /// # Errors
    /// [`BackupError::Io`]; [`BackupError::WrongKey`] for a passphrase that is no text.
    pub fn encrypt<W: Write>(&self, output: W) -> Result<Encrypted<W>, BackupError> {
        let encryptor = match self {
            Self::None => return Ok(Encrypted(Inner::Plain(output))),
            Self::Recipients(Recipients(recipients)) => {
                let recipients = recipients.iter();
                Encryptor::with_recipients(
                    recipients.map(|recipient| recipient as &dyn age::Recipient),
                )
            }
            Self::Passphrase(passphrase) => {
                let mut recipient = scrypt::Recipient::new(text(passphrase)?);
                recipient.set_work_factor(WORK_FACTOR);
                Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient))
            }
        };
        let written = |source| BackupError::Io {
            action: "written",
            source,
        };
        let encryptor = encryptor.map_err(|error| written(io::Error::other(error)))?;
        let stream = encryptor.wrap_output(output).map_err(written)?;
        Ok(Encrypted(Inner::Age(Box::new(stream))))
    }
}

/// Encrypts what is written to it. What was not finished cannot be decrypted.
pub struct Encrypted<W: Write>(Inner<W>);

enum Inner<W: Write> {
    Age(Box<StreamWriter<W>>),
    Plain(W),
}

impl<W: Write> Encrypted<W> {
    /// Writes the end.
    ///
    /// # Errors
    /// [`BackupError::Io`].
    pub fn finish(self) -> Result<W, BackupError> {
        match self.0 {
            Inner::Plain(output) => Ok(output),
            Inner::Age(stream) => stream.finish().map_err(|source| BackupError::Io {
                action: "written",
                source,
            }),
        }
    }
}

impl<W: Write> Write for Encrypted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Inner::Age(stream) => stream.write(bytes),
            Inner::Plain(output) => output.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Inner::Age(stream) => stream.flush(),
            Inner::Plain(output) => output.flush(),
        }
    }
}

impl<W: Write> fmt::Debug for Encrypted<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encrypted").finish_non_exhaustive()
    }
}

/// What a backup is decrypted with.
#[non_exhaustive]
pub enum Unlock {
    /// Secret keys of age.
    Identities(Vec<x25519::Identity>),
    /// A passphrase; UTF-8.
    Passphrase(SecretBytes),
    /// Nothing: the backup was not encrypted.
    Nothing,
}

impl Unlock {
    /// Reads a file of identities as `age-keygen` makes it.
    ///
    /// # Errors
    /// [`BackupError::IdentityInvalid`] with the line, also for a file without any.
    pub fn identities(file: &SecretBytes) -> Result<Self, BackupError> {
        let invalid = |line| BackupError::IdentityInvalid { line };
        // EXPOSE: parsed into keys that wipe themselves.
        let lines = std::str::from_utf8(file.expose()).map_err(|_no_text| invalid(1))?;
        let identities = numbered(lines.lines())
            .map(|(line, text)| text.parse().map_err(|_reason| invalid(line)));
        let identities: Vec<_> = identities.collect::<Result<_, _>>()?;
        if identities.is_empty() {
            return Err(invalid(1));
        }
        Ok(Self::Identities(identities))
    }
}

impl fmt::Debug for Unlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identities(_) => "Identities",
            Self::Passphrase(_) => "Passphrase",
            Self::Nothing => "Nothing",
        })
    }
}

/// Decrypts a backup as it is read, if it is encrypted.
///
/// # Errors
/// [`BackupError::Encrypted`] when the other kind of key is needed, or any; [`BackupError::WrongKey`];
/// [`BackupError::Damaged`]; [`BackupError::Io`].
pub fn decrypt<R: Read + Send + 'static>(
    mut input: R,
    unlock: &Unlock,
) -> Result<Box<dyn Read + Send>, BackupError> {
    let mut start = Vec::with_capacity(AGE_MAGIC.len());
    let read = Read::by_ref(&mut input).take(AGE_MAGIC.len() as u64);
    { read }.read_to_end(&mut start).map_err(of_input)?;
    let is_encrypted = start == AGE_MAGIC;
    let input: Chain<Cursor<Vec<u8>>, R> = Cursor::new(start).chain(input);
    if !is_encrypted {
        return Ok(Box::new(input));
    }
    let decryptor = Decryptor::new_buffered(BufReader::new(input)).map_err(of_age)?;
    let passphrase = decryptor.is_scrypt();
    let encrypted = BackupError::Encrypted { passphrase };
    let opened = match unlock {
        Unlock::Passphrase(text_of_it) if passphrase => {
            let mut identity = scrypt::Identity::new(text(text_of_it)?);
            identity.set_max_work_factor(HIGHEST_WORK_FACTOR);
            decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity))
        }
        Unlock::Identities(identities) if !passphrase => decryptor.decrypt(
            identities
                .iter()
                .map(|identity| identity as &dyn age::Identity),
        ),
        Unlock::Passphrase(_) | Unlock::Identities(_) | Unlock::Nothing => return Err(encrypted),
    };
    Ok(Box::new(opened.map_err(of_age)?))
}

fn of_age(error: age::DecryptError) -> BackupError {
    match error {
        age::DecryptError::NoMatchingKeys
        | age::DecryptError::DecryptionFailed
        | age::DecryptError::KeyDecryptionFailed
        | age::DecryptError::ExcessiveWork { .. } => BackupError::WrongKey,
        age::DecryptError::Io(source) => of_input(source),
        _ => BackupError::Damaged {
            section: None,
            row: 0,
        },
    }
}

/// Age takes its passphrases as texts of its own kind, which it wipes.
fn text(passphrase: &SecretBytes) -> Result<SecretString, BackupError> {
    // EXPOSE: copied once into the type of age, which wipes itself.
    match std::str::from_utf8(passphrase.expose()) {
        Ok(text) => Ok(SecretString::from(text)),
        Err(_no_text) => Err(BackupError::WrongKey),
    }
}

/// Lines with their numbers from 1, without those that say nothing.
fn numbered<'a>(
    lines: impl IntoIterator<Item = &'a str>,
) -> impl Iterator<Item = (usize, &'a str)> {
    let lines = lines.into_iter().map(str::trim).enumerate();
    lines
        .map(|(index, line)| (index + 1, line))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}
