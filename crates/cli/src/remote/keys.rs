//! Keys of a server.

use strongroom_crypto::{
    EncryptionKeySpec, Fingerprint, KeyName, KeyUsages, OaepHash, PrivateKey, PublicKey,
    SecretBytes, SigningKeySpec, Timestamp,
};
use strongroom_kms::KmsKeyId;
use strongroom_proto::{read_named_public_key, usage_numbers, v30};
use strongroom_server::contract::strongroom::{
    AnnounceKeyRequest, DeleteKeyRequest, DropCopiesRequest, ExportForm as Form, ExportKeyRequest,
    GenerateEncryptionKeyRequest, GenerateSigningKeyRequest, GenerateSigningKeysRequest,
    ImportKeyRequest, ImportPublicKeyRequest, Key, KeyResponse, KeySelection, ListKeysRequest,
    OaepHash as Hash, RegisterKeyRequest, RetireKeyRequest, SealKeysRequest, WithdrawKeyRequest,
    drop_copies_event,
};
use strongroom_store::{Custody, KeyState, Sealing};
use strongroom_vault::{KeyFilter, VaultError};

use super::{RemoteError, Server, known};
use crate::{
    client::{Deleted, Deletion, Export, NewKey, ShownKey},
    key_view::KeyView,
    output,
};

impl Server {
    pub(crate) async fn list_keys(&self, filter: &KeyFilter) -> anyhow::Result<Vec<ShownKey>> {
        let purposes = filter.purposes.iter();
        let fingerprint = filter.fingerprint.map(|key| key.to_string());
        let request = ListKeysRequest {
            fingerprint: fingerprint.unwrap_or_default(),
            name: filter.name.clone(),
            purposes: purposes
                .map(|purpose| v30::KeyPurpose::from(*purpose).into())
                .collect(),
            usages: filter.usages.map(usage_numbers).unwrap_or_default(),
            public_only: filter.public_only,
        };
        let listed = self.keys().list_keys(request).await;
        let mut pages = listed.map_err(RemoteError::from)?.into_inner();
        let mut keys = Vec::new();
        while let Some(page) = pages.message().await.map_err(RemoteError::from)? {
            for key in page.keys {
                keys.push(read(key)?);
            }
        }
        Ok(keys)
    }

    pub(crate) async fn key(&self, fingerprint: &Fingerprint) -> anyhow::Result<ShownKey> {
        let filter = KeyFilter {
            fingerprint: Some(*fingerprint),
            public_only: true,
            ..KeyFilter::default()
        };
        let fingerprint = *fingerprint;
        let found = self.list_keys(&filter).await?.pop();
        Ok(found.ok_or(VaultError::KeyNotFound { fingerprint })?)
    }

    pub(crate) async fn generate_signing_key(
        &self,
        spec: Option<SigningKeySpec>,
        usages: KeyUsages,
        name: Option<&KeyName>,
    ) -> anyhow::Result<KeyView> {
        let spec = spec.map(|spec| v30::SigningKeySpec::from(spec).into());
        let request = GenerateSigningKeyRequest {
            spec: spec.unwrap_or_default(),
            name: text(name),
            usages: usage_numbers(usages),
        };
        came(self.keys().generate_signing_key(request).await)
    }

    pub(crate) async fn generate_signing_keys(
        &self,
        spec: Option<SigningKeySpec>,
        new: &[NewKey],
    ) -> anyhow::Result<Vec<ShownKey>> {
        let spec = spec.map(|spec| v30::SigningKeySpec::from(spec).into());
        let keys = new.iter().map(|new| GenerateSigningKeyRequest {
            spec: spec.unwrap_or_default(),
            name: text(Some(&new.name)),
            usages: usage_numbers(new.usages),
        });
        let request = GenerateSigningKeysRequest {
            keys: keys.collect(),
        };
        let made = self.keys().generate_signing_keys(request).await;
        let made = made.map_err(RemoteError::from)?.into_inner().keys;
        Ok(made.into_iter().map(read).collect::<Result<_, _>>()?)
    }

    pub(crate) async fn generate_encryption_key(
        &self,
        spec: Option<EncryptionKeySpec>,
        name: Option<&KeyName>,
    ) -> anyhow::Result<KeyView> {
        let spec = spec.map(|spec| v30::EncryptionKeySpec::from(spec).into());
        let request = GenerateEncryptionKeyRequest {
            spec: spec.unwrap_or_default(),
            name: text(name),
        };
        came(self.keys().generate_encryption_key(request).await)
    }

    pub(crate) async fn register_key(
        &self,
        kms: Option<String>,
        key: &KmsKeyId,
        usages: Option<KeyUsages>,
        name: Option<&KeyName>,
    ) -> anyhow::Result<KeyView> {
        let request = RegisterKeyRequest {
            kms: kms.unwrap_or_default(),
            kms_key_id: key.as_str().to_owned(),
            name: text(name),
            usages: usages.map(usage_numbers).unwrap_or_default(),
        };
        came(self.keys().register_key(request).await)
    }

    pub(crate) async fn import_key(
        &self,
        private: &PrivateKey,
        public: &PublicKey,
        name: Option<&KeyName>,
    ) -> anyhow::Result<KeyView> {
        let pair = strongroom_proto::encode_key_pair(private, public)?;
        let request = ImportKeyRequest {
            // EXPOSE: the request, which is wiped when it was sent.
            key_pair: pair.expose().to_vec(),
            name: text(name),
        };
        came(self.keys().import_key(request).await)
    }

    pub(crate) async fn import_public_key(
        &self,
        public: &PublicKey,
        name: Option<&KeyName>,
    ) -> anyhow::Result<KeyView> {
        let request = ImportPublicKeyRequest {
            public_key: strongroom_proto::encode_public_key(public),
            name: text(name),
        };
        came(self.keys().import_public_key(request).await)
    }

    pub(crate) async fn export_key(
        &self,
        fingerprint: &Fingerprint,
        form: &Export,
    ) -> anyhow::Result<SecretBytes> {
        let mut request = ExportKeyRequest {
            fingerprint: fingerprint.to_string(),
            form: Form::KeyPair.into(),
            password: Vec::new(),
            wrapping_key: Vec::new(),
            oaep_hash: Hash::Unspecified.into(),
        };
        match form {
            Export::KeyPair => {}
            Export::EncryptedKeyPair(password) => {
                // EXPOSE: the request, which is wiped when it was sent.
                request.password = password.expose().to_vec();
            }
            Export::Pkcs8Pem => request.form = Form::Pkcs8Pem.into(),
            Export::Pkcs8Der => request.form = Form::Pkcs8Der.into(),
            Export::Wrapped(key, hash) => {
                request.form = Form::Wrapped.into();
                request.wrapping_key.clone_from(key);
                request.oaep_hash = match hash {
                    OaepHash::Sha1 => Hash::Sha1.into(),
                    _ => Hash::Sha256.into(),
                };
            }
        }
        let exported = self.keys().export_key(request).await;
        let mut exported = exported.map_err(RemoteError::from)?.into_inner();
        Ok(SecretBytes::take(std::mem::take(&mut exported.exported)))
    }

    pub(crate) async fn delete_key(
        &self,
        fingerprint: &Fingerprint,
        deletion: Deletion,
    ) -> anyhow::Result<Deleted> {
        let request = DeleteKeyRequest {
            fingerprint: fingerprint.to_string(),
            keep_in_kms: deletion == Deletion::KeepInKms,
            even_if_announced: deletion == Deletion::EvenIfAnnounced,
        };
        let deleted = self.keys().delete_key(request).await;
        let deleted = deleted.map_err(RemoteError::from)?.into_inner();
        let due = deleted.destroyed_at;
        Ok(Deleted {
            announced: deleted.announced,
            due: (due != 0).then(|| Timestamp::from_micros(due)),
        })
    }
}

impl Server {
    pub(crate) async fn announce_key(&self, key: &Fingerprint) -> anyhow::Result<()> {
        let fingerprint = key.to_string();
        let announced = self
            .keys()
            .announce_key(AnnounceKeyRequest { fingerprint })
            .await;
        announced.map_err(RemoteError::from)?;
        Ok(())
    }

    pub(crate) async fn withdraw_key(&self, key: &Fingerprint) -> anyhow::Result<()> {
        let fingerprint = key.to_string();
        let withdrawn = self
            .keys()
            .withdraw_key(WithdrawKeyRequest { fingerprint })
            .await;
        withdrawn.map_err(RemoteError::from)?;
        Ok(())
    }

    /// Seals one key that is stored readable, or every such key; answers which.
    pub(crate) async fn seal_keys(&self, key: Option<Fingerprint>) -> anyhow::Result<Vec<String>> {
        let keys = KeySelection {
            all: key.is_none(),
            fingerprints: key.iter().map(ToString::to_string).collect(),
        };
        let request = SealKeysRequest { keys: Some(keys) };
        let sealed = self.operations().seal_keys(request).await;
        Ok(sealed.map_err(RemoteError::from)?.into_inner().sealed)
    }

    /// Gives up the sealed copies of a key or of all; answers those that are gone, and what ended it early.
    pub(crate) async fn drop_copies(
        &self,
        key: Option<Fingerprint>,
    ) -> anyhow::Result<(Vec<String>, anyhow::Result<()>)> {
        let keys = KeySelection {
            all: key.is_none(),
            fingerprints: key.iter().map(ToString::to_string).collect(),
        };
        let request = DropCopiesRequest { keys: Some(keys) };
        let begun = self.operations().drop_copies(request).await;
        let mut events = begun.map_err(RemoteError::from)?.into_inner();
        while let Some(told) = events.message().await.map_err(RemoteError::from)? {
            if let Some(drop_copies_event::Event::Done(done)) = told.event {
                let failed = done.failed.map(|problem| RemoteError::of(problem).into());
                return Ok((done.dropped, failed.map_or(Ok(()), Err)));
            }
        }
        let reason = "it ended without saying which copies are gone".to_owned();
        Err(RemoteError::Gone { reason }.into())
    }

    pub(crate) async fn retire_key(&self, key: &Fingerprint) -> anyhow::Result<KeyView> {
        let fingerprint = key.to_string();
        let retired = self
            .operations()
            .retire_key(RetireKeyRequest { fingerprint })
            .await;
        retired.map_err(RemoteError::from)?;
        Ok(self.key(key).await?.view)
    }
}

fn text(name: Option<&KeyName>) -> String {
    name.map(|name| name.as_str().to_owned())
        .unwrap_or_default()
}

fn came(answer: Result<tonic::Response<KeyResponse>, tonic::Status>) -> anyhow::Result<KeyView> {
    let answer = answer.map_err(RemoteError::from)?.into_inner();
    let key = answer.key.ok_or_else(|| RemoteError::without("the key"))?;
    Ok(read(key)?.view)
}

fn read(key: Key) -> Result<ShownKey, RemoteError> {
    let named = key
        .public_key
        .ok_or_else(|| RemoteError::without("a public key"))?;
    let named = read_named_public_key(&named);
    let named = named.map_err(|error| RemoteError::unreadable(&error))?.key;
    let public = named.key;
    let usages = public.usages();
    let mut view = KeyView {
        fingerprint: public.fingerprint().to_string(),
        name: named.name.map(|name| name.as_str().to_owned()),
        purpose: public.spec().purpose().name(),
        usage: usages
            .map(|usages| usages.iter().map(|usage| usage.label()).collect())
            .unwrap_or_default(),
        spec: public.spec().name(),
        custody: None,
        sealing: None,
        state: None,
        exposed: false,
        wrapper_key_id: None,
        kms: None,
        kms_key_id: None,
        copy: false,
        announced: key.announced,
        created_at: output::moment(Timestamp::from_micros(key.created_at)),
    };
    if let Some(half) = key.private_half {
        let custodies = [Custody::Clear, Custody::Envelope, Custody::External];
        let sealings = [Sealing::None, Sealing::DataKey, Sealing::Direct];
        let states = [KeyState::Active, KeyState::Retired];
        view.custody = Some(known(custodies.map(Custody::name), &half.custody)?);
        view.sealing = Some(known(sealings.map(Sealing::name), &half.sealing)?);
        view.state = Some(known(states.map(KeyState::name), &half.state)?);
        view.exposed = half.exposed;
        view.wrapper_key_id = Some(half.wrapper_key_id).filter(|id| !id.is_empty());
        (view.kms, view.kms_key_id) = half.held.map(|held| (held.kms, held.key_id)).unzip();
        view.copy = half.copy;
    }
    Ok(ShownKey { view, public })
}
