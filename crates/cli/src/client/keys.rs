//! Keys.

use std::sync::Arc;

use strongroom_crypto::{
    EncryptionKeySpec, Fingerprint, HashBuilder, KeyName, KeyPurpose, KeyUsages, OaepHash,
    PrivateKey, PublicKey, SecretBytes, SigningKeySpec, SigningPublicKey, Timestamp, WrappingKey,
};
use strongroom_kms::KmsKeyId;
use strongroom_server::access::Operation;
use strongroom_store::KeyState;
use strongroom_topology::StoreId;
use strongroom_vault::{
    ExportForm, ImportedKey, KeyEntry, KeyFilter, NewEncryptionKey, NewSigningKey, PublicKeyImport,
    Registration, VaultError,
};

use super::Client;
use crate::{
    commands::IdentityView,
    key_view::{Announced, KeyView},
    session::Session,
};

/// A key as it is shown, and its public half.
pub(crate) struct ShownKey {
    pub(crate) view: KeyView,
    pub(crate) public: PublicKey,
}

/// What a new signing key is for, and what it is called.
pub(crate) struct NewKey {
    pub(crate) usages: KeyUsages,
    pub(crate) name: KeyName,
}

/// How a key is destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deletion {
    /// Wherever it is, unless topology refers to it.
    Everywhere,
    /// But a key that a KMS holds stays there.
    KeepInKms,
    /// Whatever refers to it.
    EvenIfAnnounced,
}

/// What became of a key that was destroyed.
pub(crate) struct Deleted {
    /// Where topology still refers to it.
    pub(crate) announced: Vec<String>,
    /// When its KMS is to destroy it, if that is yet to come and is up to the vault.
    pub(crate) due: Option<Timestamp>,
}

/// The form in which a private key leaves: what [`ExportForm`] is made of.
pub(crate) enum Export {
    KeyPair,
    EncryptedKeyPair(SecretBytes),
    Pkcs8Pem,
    Pkcs8Der,
    /// For the owner of this RSA public key, as PEM or DER.
    Wrapped(Vec<u8>, OaepHash),
}

impl Export {
    /// For whoever approves it: not where it goes, which nobody sees to.
    fn in_words(&self) -> String {
        match self {
            Self::KeyPair => "format=key-pair".to_owned(),
            Self::EncryptedKeyPair(_) => "format=key-pair password=true".to_owned(),
            Self::Pkcs8Pem => "format=pkcs8-pem".to_owned(),
            Self::Pkcs8Der => "format=pkcs8-der".to_owned(),
            Self::Wrapped(key, hash) => {
                // The key itself: another one may be in the file when it is approved.
                let key = HashBuilder::without_purpose().raw(key).finish();
                let key = data_encoding::HEXLOWER.encode(key.as_bytes());
                format!("format=wrapped wrapping-key=sha256:{key} oaep-hash={hash:?}")
            }
        }
    }

    fn into_form(self) -> anyhow::Result<ExportForm> {
        Ok(match self {
            Self::KeyPair => ExportForm::KeyPair,
            Self::EncryptedKeyPair(password) => ExportForm::EncryptedKeyPair(password),
            Self::Pkcs8Pem => ExportForm::Pkcs8Pem,
            Self::Pkcs8Der => ExportForm::Pkcs8Der,
            Self::Wrapped(key, hash) => ExportForm::Wrapped(WrappingKey::detect(&key)?, hash),
        })
    }
}

impl ShownKey {
    fn of(entry: &KeyEntry, announced: &Announced) -> Self {
        Self {
            view: KeyView::of(entry, announced),
            public: entry.public.clone(),
        }
    }
}

impl Client {
    /// The keys that pass `filter`, ordered by fingerprint.
    pub(crate) async fn list_keys(&self, filter: &KeyFilter) -> anyhow::Result<Vec<ShownKey>> {
        match self {
            Self::Here(session) => {
                let announced = Announced::of(&session.vault).await?;
                let entries = session.vault.list(filter)?;
                let keys = entries.iter().map(|entry| ShownKey::of(entry, &announced));
                Ok(keys.collect())
            }
            Self::There(server) => server.list_keys(filter).await,
        }
    }

    /// One key.
    pub(crate) async fn key(&self, fingerprint: &Fingerprint) -> anyhow::Result<ShownKey> {
        match self {
            Self::Here(session) => {
                let entry = session.vault.key(fingerprint)?;
                let announced = Announced::of(&session.vault).await?;
                Ok(ShownKey::of(&entry, &announced))
            }
            Self::There(server) => server.key(fingerprint).await,
        }
    }

    /// The public half of one key that signs.
    pub(crate) async fn signing_key(
        &self,
        fingerprint: &Fingerprint,
    ) -> anyhow::Result<SigningPublicKey> {
        match self.key(fingerprint).await?.public {
            PublicKey::Signing(key) => Ok(key),
            PublicKey::Encryption(_) => Err(VaultError::WrongPurpose {
                fingerprint: *fingerprint,
                wanted: KeyPurpose::Signing,
            }
            .into()),
        }
    }

    pub(crate) async fn generate_signing_key(
        &self,
        spec: Option<SigningKeySpec>,
        usages: KeyUsages,
        name: Option<KeyName>,
    ) -> anyhow::Result<KeyView> {
        let session = match self {
            Self::Here(session) => session,
            Self::There(server) => {
                return server
                    .generate_signing_key(spec, usages, name.as_ref())
                    .await;
            }
        };
        let new = NewSigningKey {
            spec: spec.unwrap_or_else(|| session.default_signing_spec()),
            usages,
            name,
        };
        let (vault, caller) = (&session.vault, &session.caller);
        let made = vault.generate_signing_key(caller, new).await?;
        Ok(KeyView::of(&made, &Announced::default()))
    }

    /// Makes several signing keys, all of them or none.
    pub(crate) async fn generate_signing_keys(
        &self,
        spec: Option<SigningKeySpec>,
        new: Vec<NewKey>,
    ) -> anyhow::Result<Vec<ShownKey>> {
        let session = match self {
            Self::Here(session) => session,
            Self::There(server) => return server.generate_signing_keys(spec, &new).await,
        };
        let spec = spec.unwrap_or_else(|| session.default_signing_spec());
        let new = new.into_iter().map(|new| NewSigningKey {
            spec,
            usages: new.usages,
            name: Some(new.name),
        });
        let (vault, caller) = (&session.vault, &session.caller);
        let made = vault.generate_signing_keys(caller, new.collect()).await?;
        let announced = Announced::default();
        let made = made.iter().map(|entry| ShownKey::of(entry, &announced));
        Ok(made.collect())
    }

    pub(crate) async fn generate_encryption_key(
        &self,
        spec: Option<EncryptionKeySpec>,
        name: Option<KeyName>,
    ) -> anyhow::Result<KeyView> {
        let session = match self {
            Self::Here(session) => session,
            Self::There(server) => {
                return server.generate_encryption_key(spec, name.as_ref()).await;
            }
        };
        let new = NewEncryptionKey {
            spec: spec.unwrap_or_else(|| session.default_encryption_spec()),
            name,
        };
        let (vault, caller) = (&session.vault, &session.caller);
        let made = vault.generate_encryption_key(caller, new).await?;
        Ok(KeyView::of(&made, &Announced::default()))
    }

    /// Makes a key that a KMS holds one of the vault: a signing key if there are usages.
    pub(crate) async fn register_key(
        &self,
        kms: Option<String>,
        key: KmsKeyId,
        usages: Option<KeyUsages>,
        name: Option<KeyName>,
    ) -> anyhow::Result<KeyView> {
        let session = match self {
            Self::Here(session) => session,
            Self::There(server) => {
                return server.register_key(kms, &key, usages, name.as_ref()).await;
            }
        };
        let registration = Registration {
            kms,
            key,
            usages,
            name,
        };
        let (vault, caller) = (&session.vault, &session.caller);
        let registered = vault.register_key(caller, registration).await?;
        Ok(KeyView::of(&registered, &Announced::default()))
    }

    pub(crate) async fn import_key(
        &self,
        private: PrivateKey,
        public: PublicKey,
        name: Option<KeyName>,
    ) -> anyhow::Result<KeyView> {
        let session = match self {
            Self::Here(session) => session,
            Self::There(server) => {
                return server.import_key(&private, &public, name.as_ref()).await;
            }
        };
        let key = ImportedKey {
            private,
            public,
            name,
        };
        let imported = session.vault.import_key(&session.caller, key).await?;
        came_back(session, &imported).await
    }

    pub(crate) async fn import_public_key(
        &self,
        public: PublicKey,
        name: Option<KeyName>,
    ) -> anyhow::Result<KeyView> {
        let session = match self {
            Self::Here(session) => session,
            Self::There(server) => return server.import_public_key(&public, name.as_ref()).await,
        };
        let import = PublicKeyImport { public, name };
        let (vault, caller) = (&session.vault, &session.caller);
        let imported = vault.import_public_key(caller, import).await?;
        came_back(session, &imported).await
    }

    pub(crate) async fn export_key(
        &self,
        fingerprint: &Fingerprint,
        form: Export,
    ) -> anyhow::Result<SecretBytes> {
        match self {
            Self::Here(session) => {
                let request = format!("keys export {fingerprint} {}", form.in_words());
                let form = form.into_form()?;
                session.approved(Operation::KeysExport, &request).await?;
                let (vault, caller) = (&session.vault, &session.caller);
                Ok(vault.export_key(caller, fingerprint, &form).await?)
            }
            Self::There(server) => server.export_key(fingerprint, &form).await,
        }
    }

    /// Destroys a key; answers where topology still refers to it.
    pub(crate) async fn delete_key(
        &self,
        key: &Fingerprint,
        deletion: Deletion,
    ) -> anyhow::Result<Deleted> {
        let session = match self {
            Self::Here(session) => session,
            Self::There(server) => return server.delete_key(key, deletion).await,
        };
        let request = format!(
            "keys delete {key} keep-in-kms={} danger-even-if-announced={}",
            deletion == Deletion::KeepInKms,
            deletion == Deletion::EvenIfAnnounced
        );
        session.approved(Operation::KeysDelete, &request).await?;
        let (vault, caller) = (&session.vault, &session.caller);
        let mut announced = None;
        match deletion {
            Deletion::Everywhere => vault.delete_key(caller, key).await?,
            Deletion::KeepInKms => vault.release_key(caller, key).await?,
            Deletion::EvenIfAnnounced => {
                announced = vault.announced_keys().await?.remove(key);
                vault.danger_delete_announced_key(caller, key).await?;
            }
        }
        Ok(Deleted {
            announced: announced.unwrap_or_default(),
            due: vault.destroyed_at(key),
        })
    }

    /// Announces a key as one of the node's, behind the others.
    pub(crate) async fn announce_key(&self, key: &Fingerprint) -> anyhow::Result<()> {
        match self {
            Self::Here(session) => {
                let (vault, caller) = (&session.vault, &session.caller);
                vault.announce_key(caller, key).await?;
                Ok(())
            }
            Self::There(server) => server.announce_key(key).await,
        }
    }

    /// Takes an announced key of the node back.
    pub(crate) async fn withdraw_key(&self, key: &Fingerprint) -> anyhow::Result<()> {
        match self {
            Self::Here(session) => {
                let (vault, caller) = (&session.vault, &session.caller);
                vault.withdraw_key(caller, key).await?;
                Ok(())
            }
            Self::There(server) => server.withdraw_key(key).await,
        }
    }

    /// Who the node is, and what it announces.
    pub(crate) async fn identity(&self) -> anyhow::Result<IdentityView> {
        let member = self.topology_stores().await?.member;
        let member = member.ok_or(VaultError::NotIdentified)?;
        let labels = self.labels().await?;
        let active = Some(KeyState::Active.name());
        let is_active = |key: &Fingerprint| labels.of(key).private_key == active;
        let store = self.topology(&StoreId::Authorized).await?;
        Ok(IdentityView::in_store(&member, &store, is_active))
    }

    /// Retires a key for good.
    pub(crate) async fn retire_key(&self, key: &Fingerprint) -> anyhow::Result<KeyView> {
        let session = match self {
            Self::Here(session) => session,
            Self::There(server) => return server.retire_key(key).await,
        };
        let request = format!("keys retire {key}");
        session.approved(Operation::KeysRetire, &request).await?;
        let retired = session.vault.retire_key(&session.caller, key).await?;
        came_back(session, &retired).await
    }
}

/// The key, and where it is announced: a lost one may be coming back.
async fn came_back(session: &Session, entry: &Arc<KeyEntry>) -> anyhow::Result<KeyView> {
    let announced = Announced::of(&session.vault).await?;
    Ok(KeyView::of(entry, &announced))
}
