//! Opening payloads.

use strongroom_crypto::{
    AsymmetricEncrypted, Fingerprint, PayloadFront, PayloadOpener, PayloadPurpose, PublicKey,
    SecretBytes,
};
use strongroom_topology::{At, Member, StoreId};

use crate::{
    caller::Caller,
    error::{PayloadUseError, VaultError},
    schemes::RequiredSchemes,
    vault::Vault,
};

/// What somebody expects of a payload.
#[derive(Clone, Debug)]
pub struct PayloadExpectation {
    /// What it is for.
    pub purpose: PayloadPurpose,
    /// Who signed it; none: whoever its header names, or nobody.
    pub sender: Option<Member>,
    /// The topology store that knows the keys of its sender.
    pub store: StoreId,
}

/// A payload whose front is true, and whose content can be opened.
#[derive(Debug)]
pub struct OpenedPayload {
    /// Opens the content.
    pub opener: PayloadOpener,
    /// The key of this vault that decrypted the secret.
    pub opened_by: Fingerprint,
    /// Who signed the header; none: nobody. It says for whom the payload is, and vouches for nothing that a recipient could have put under it.
    pub sender: Option<PayloadSender>,
}

/// Who signed the header of a payload, as topology says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadSender {
    /// The node.
    pub member: Member,
    /// The key of it that signed.
    pub key: Fingerprint,
}

impl Vault {
    /// Begins to open a payload for this vault on behalf of the caller, with an active or a retired key. A sender that the header
    /// names is verified as of the time that the header states.
    ///
    /// # Errors
    /// [`PayloadUseError`](crate::PayloadUseError) when it is for others, or not from whom it was expected, or encrypted as the synchronizer
    /// does not take it; [`VaultError::SignatureCheck`] when it is signed so; [`VaultError::Verify`] for a forged signature; [`VaultError::Payload`] when it was made for something else or was changed; those of [`Vault::decrypt`].
    pub async fn open_payload(
        &self,
        caller: &Caller,
        front: &PayloadFront,
        expected: &PayloadExpectation,
    ) -> Result<OpenedPayload, VaultError> {
        let keys = self.payload_keys(front)?;
        self.open_payload_with(caller, front, expected, &keys).await
    }

    /// As [`Self::open_payload`], with the first of `keys` that decrypts the secret, and with no other key.
    ///
    /// # Errors
    /// As [`Self::open_payload`]; where several keys fail, what the first one said.
    pub async fn open_payload_with(
        &self,
        caller: &Caller,
        front: &PayloadFront,
        expected: &PayloadExpectation,
        keys: &[Fingerprint],
    ) -> Result<OpenedPayload, VaultError> {
        let at = front.header().at();
        self.check_not_of_the_future(at, &expected.store).await?;
        let sender = self.verified_sender(front, expected).await?;
        let mut failed = None;
        for mine in recipients(front).filter(|it| keys.contains(&it.encrypted_for)) {
            let secret = match self.secret_for(caller, mine, &expected.store).await {
                Ok(secret) => secret,
                Err(error) => {
                    failed.get_or_insert(error);
                    continue;
                }
            };
            return Ok(OpenedPayload {
                opener: front.open(&expected.purpose, secret)?,
                opened_by: mine.encrypted_for,
                sender,
            });
        }
        Err(failed.unwrap_or(PayloadUseError::ForOthers.into()))
    }

    /// The secret of a payload, if the synchronizer takes how it is encrypted.
    async fn secret_for(
        &self,
        caller: &Caller,
        encrypted: &AsymmetricEncrypted,
        store: &StoreId,
    ) -> Result<SecretBytes, VaultError> {
        if let Some(known) = self.schemes(store)
            && let PublicKey::Encryption(key) = &self.key(&encrypted.encrypted_for)?.public
        {
            known.encryption.check(key, encrypted.algorithm)?;
        }
        self.decrypt_for(caller, encrypted).await
    }

    /// The keys of this vault that a payload is encrypted to, in the order of its header.
    ///
    /// # Errors
    /// [`PayloadUseError::ForOthers`](crate::PayloadUseError::ForOthers): there is none.
    pub fn payload_keys(&self, front: &PayloadFront) -> Result<Vec<Fingerprint>, VaultError> {
        let keys = recipients(front).map(|recipient| recipient.encrypted_for);
        let keys: Vec<_> = keys.filter(|key| self.may_decrypt(key)).collect();
        if keys.is_empty() {
            return Err(PayloadUseError::ForOthers.into());
        }
        Ok(keys)
    }

    async fn verified_sender(
        &self,
        front: &PayloadFront,
        expected: &PayloadExpectation,
    ) -> Result<Option<PayloadSender>, VaultError> {
        let sender: Option<Member> = front.header().sender().map(str::parse).transpose()?;
        let sender = match (sender, &expected.sender) {
            (None, None) => return Ok(None),
            (None, Some(expected)) => {
                let expected = Box::new(expected.clone());
                return Err(PayloadUseError::Unsigned { expected }.into());
            }
            (Some(found), Some(expected)) if found != *expected => {
                let (found, expected) = (Box::new(found), Box::new(expected.clone()));
                return Err(PayloadUseError::OtherSender { found, expected }.into());
            }
            (Some(sender), _) => sender,
        };
        let store = self.topology(&expected.store).await?;
        let signed_by = front.signed_by();
        let keys = store.owner_to_key(&sender, At::Time(front.header().at()));
        let key = keys.and_then(|mapping| {
            let mut keys = mapping.signing_keys();
            keys.find(|key| Some(key.fingerprint()) == signed_by)
        });
        let Some(key) = key else {
            return Err(PayloadUseError::NotTheSendersKey {
                sender: Box::new(sender),
                store: expected.store.to_string(),
                signed_by,
            }
            .into());
        };
        let known = self.schemes(&expected.store);
        let taken = known.map_or_else(RequiredSchemes::default, |known| known.signing.clone());
        if let Some(format) = front.signature_format() {
            taken.check(key, format)?;
        }
        front.verify_sender(key, taken.algorithms)?;
        Ok(Some(PayloadSender {
            member: sender,
            key: key.fingerprint(),
        }))
    }
}

fn recipients(front: &PayloadFront) -> impl Iterator<Item = &AsymmetricEncrypted> {
    front.header().recipients().iter()
}
