use std::{fmt, io::Write, iter};

use age::{
    Decryptor, Encryptor,
    armor::{ArmoredReader, ArmoredWriter, Format},
    scrypt,
    secrecy::{ExposeSecret, SecretString},
    x25519::Identity,
};
use strongroom_kms::AnyError;
use strongroom_memory::SecretBytes;

use crate::{Recipient, RecoveryError, read};

/// The longest text of a key file, with comments.
const MOST_TEXT_BYTES: usize = 4096;

/// The private half of a recovery key: an X25519 identity of age.
///
/// age wipes it when it is dropped, and keeps it in memory of its own, which is not locked.
pub struct RecoveryKey(Identity);

impl fmt::Debug for RecoveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecoveryKey(of {})", self.recipient())
    }
}

impl RecoveryKey {
    /// A new one, from the randomness of the system.
    #[must_use]
    pub fn generate() -> Self {
        Self(Identity::generate())
    }

    /// The public half.
    #[must_use]
    pub fn recipient(&self) -> Recipient {
        Recipient::new(self.0.to_public())
    }

    pub(crate) const fn identity(&self) -> &Identity {
        &self.0
    }

    /// # Errors
    /// [`RecoveryError::OtherKey`] if this is not the private half of `recipient`.
    pub(crate) fn expect(&self, recipient: &Recipient) -> Result<(), RecoveryError> {
        let found = self.recipient();
        if found == *recipient {
            return Ok(());
        }
        Err(RecoveryError::OtherKey {
            expected: recipient.to_string(),
            found: found.to_string(),
        })
    }

    /// The text `AGE-SECRET-KEY-1…`, 74 bytes.
    pub(crate) fn secret_text(&self) -> SecretBytes {
        let text = self.0.to_string();
        // EXPOSE: into memory of ours; age wipes its own.
        SecretBytes::from_slice(text.expose_secret().as_bytes())
    }

    /// Reads what [`Self::secret_text`] wrote, or what `age-keygen` writes.
    pub(crate) fn from_text(text: &SecretBytes) -> Option<Self> {
        // EXPOSE: age reads it.
        let text = std::str::from_utf8(text.expose()).ok()?;
        let mut lines = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty());
        let key = lines.next()?.trim().parse().ok()?;
        lines.next().is_none().then_some(Self(key))
    }

    /// The key behind a passphrase: the text of an identity file, encrypted by age with scrypt, in ASCII armor. Every age
    /// program opens it. `work` is the logarithm of scrypt's cost; none takes about a second on this machine.
    ///
    /// # Errors
    /// [`RecoveryError::EmptyPassphrase`]; [`RecoveryError::Encrypt`].
    pub fn to_protected(
        &self,
        passphrase: &SecretBytes,
        work: Option<u8>,
    ) -> Result<Vec<u8>, RecoveryError> {
        if passphrase.is_empty() {
            return Err(RecoveryError::EmptyPassphrase);
        }
        let mut recipient = scrypt::Recipient::new(spoken(passphrase)?);
        if let Some(work) = work {
            recipient.set_work_factor(work);
        }
        let failed = |error: AnyError| RecoveryError::Encrypt(error);
        let recipients = iter::once(&recipient as &dyn age::Recipient);
        let encryptor =
            Encryptor::with_recipients(recipients).map_err(|error| failed(error.into()))?;
        let head = format!("# public key: {}\n", self.recipient());
        let text = self.secret_text();
        let write = || -> std::io::Result<Vec<u8>> {
            let armored = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor)?;
            let mut writer = encryptor.wrap_output(armored)?;
            writer.write_all(head.as_bytes())?;
            // EXPOSE: this is the encryption.
            writer.write_all(text.expose())?;
            writer.write_all(b"\n")?;
            writer.finish()?.finish()
        };
        write().map_err(|error| failed(error.into()))
    }

    /// Reads what [`Self::to_protected`] wrote, or an identity file that another age program encrypted with a passphrase.
    ///
    /// # Errors
    /// [`RecoveryError::NoKeyFile`]; [`RecoveryError::WrongPassphrase`].
    pub fn from_protected(file: &[u8], passphrase: &SecretBytes) -> Result<Self, RecoveryError> {
        let decryptor = Decryptor::new_buffered(ArmoredReader::new(file))
            .map_err(|_unreadable| RecoveryError::NoKeyFile)?;
        if !decryptor.is_scrypt() {
            return Err(RecoveryError::NoKeyFile);
        }
        let identity = scrypt::Identity::new(spoken(passphrase)?);
        let wrong = || RecoveryError::WrongPassphrase;
        let mut reader = decryptor
            .decrypt(iter::once(&identity as &dyn age::Identity))
            .map_err(|_refused| wrong())?;
        let text = read::to_end(&mut reader, MOST_TEXT_BYTES).map_err(|_changed| wrong())?;
        Self::from_text(&text).ok_or(RecoveryError::NoKeyFile)
    }
}

/// A passphrase as age takes it, which wipes it.
fn spoken(passphrase: &SecretBytes) -> Result<SecretString, RecoveryError> {
    // EXPOSE: age derives the key from it.
    let text = std::str::from_utf8(passphrase.expose());
    let text = text.map_err(|_no_text| RecoveryError::WrongPassphrase)?;
    Ok(SecretString::from(text.to_owned()))
}
