//! One act on a vault of its own, and what must hold afterwards.

use std::sync::Arc;

use strongroom_crypto::{AsymmetricEncrypted, Fingerprint, KeyName, KeyUsage, KeyUsages};
use strongroom_errors::Coded as _;
use strongroom_kms::{ExternalKeyRequest, KmsKeyId, KmsProvider, WrapContext, WrappedKey};
use strongroom_memory::SecretBytes;
use strongroom_store::Custody;
use strongroom_vault::{NewEncryptionKey, NewSigningKey, Place, Registration, Vault, VaultError};

use crate::{
    act::{Act, ENCRYPTION, SIGNING},
    house::{House, KMS_NAME, SECOND, all_keys, caller, wrapper_keys},
};

const MESSAGE: &[u8] = b"for you";

/// What an act needs to be there before.
#[derive(Debug)]
enum Prop {
    Nothing,
    Key(Fingerprint),
    InKms(KmsKeyId),
    Encrypted(AsymmetricEncrypted),
    /// A wrapped key, and the wrapper key under which it shall be wrapped instead.
    Wrapped(WrappedKey, KmsKeyId),
}

/// A vault, and what is about to happen.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) house: House,
    pub(crate) act: Act,
    /// None before it is made and while it is closed.
    vault: Option<Vault>,
    prop: Prop,
    /// Past what makes calls fail.
    provider: Arc<dyn KmsProvider>,
    rewrapped: Option<WrappedKey>,
}

impl Scene {
    /// With everything in place, so that only the act itself is to be done.
    pub(crate) async fn of(act: Act, provider: &Arc<dyn KmsProvider>) -> Self {
        let mut scene = Self {
            house: House::over(
                provider,
                match act {
                    Act::Bring => Custody::Envelope,
                    _ => Custody::External,
                },
            ),
            act,
            vault: None,
            prop: Prop::Nothing,
            provider: Arc::clone(provider),
            rewrapped: None,
        };
        if act == Act::Create {
            return scene;
        }
        let vault = scene.house.create().await.unwrap();
        scene.prop = match act {
            Act::Sign | Act::Delete | Act::Bring => {
                Prop::Key(generate_signing(&vault).await.unwrap())
            }
            Act::Register => Prop::InKms(make_in_kms(provider).await),
            Act::Decrypt => {
                let key = generate_encryption(&vault).await.unwrap();
                Prop::Encrypted(vault.encrypt(&key, MESSAGE).unwrap())
            }
            Act::Rewrap => wrap_outside(provider, &vault).await,
            _ => Prop::Nothing,
        };
        scene.vault = Some(vault);
        if act == Act::Open {
            scene.close().await;
        }
        scene
    }

    pub(crate) async fn run(&mut self) -> Result<(), VaultError> {
        match self.act {
            Act::Create => self.vault = Some(self.house.create().await?),
            Act::Open => self.vault = Some(self.house.open().await?),
            Act::Rewrap => self.rewrapped = Some(self.rewrap().await?),
            _ => self.run_in(self.vault.as_ref().unwrap()).await?,
        }
        Ok(())
    }

    async fn run_in(&self, vault: &Vault) -> Result<(), VaultError> {
        match (self.act, &self.prop) {
            (Act::GenerateSigning, _) => generate_signing(vault).await.map(drop),
            (Act::GenerateEncryption, _) => generate_encryption(vault).await.map(drop),
            (Act::Register, Prop::InKms(key)) => {
                let registration = Registration {
                    kms: None,
                    key: key.clone(),
                    usages: Some(protocol()),
                    name: name("registered"),
                };
                vault.register_key(&caller(), registration).await.map(drop)
            }
            (Act::Sign, Prop::Key(key)) => {
                let signature = vault.sign(key, MESSAGE, protocol()).await?;
                vault.verify(MESSAGE, &signature, protocol())
            }
            (Act::Decrypt, Prop::Encrypted(encrypted)) => {
                let plaintext = vault.decrypt(encrypted).await?;
                assert_eq!(plaintext.expose(), MESSAGE);
                Ok(())
            }
            (Act::AddWrap, _) => vault.add_wrap(&caller(), KMS_NAME, None).await.map(drop),
            (Act::Bring, Prop::Key(key)) => {
                let place = Place::External { kms: None };
                vault.migrate_key(&caller(), key, &place).await.map(drop)
            }
            (Act::Delete, Prop::Key(key)) => vault.delete_key(&caller(), key).await,
            (act, prop) => panic!("{act:?} with {prop:?}"),
        }
    }

    async fn rewrap(&self) -> Result<WrappedKey, VaultError> {
        let Prop::Wrapped(wrapped, new_key) = &self.prop else {
            panic!("nothing is wrapped");
        };
        let wrapper = self.house.flaky.key_wrapper().unwrap();
        Ok(wrapper.rewrap_key(wrapped, &context(), new_key).await?)
    }

    async fn close(&mut self) {
        if let Some(vault) = self.vault.take() {
            vault.close().await.unwrap();
        }
    }

    /// After the act failed: the process starts again, and so does the act. Then it is done, and nothing is left.
    pub(crate) async fn do_again(mut self, when: &str) {
        self.close().await;
        if !matches!(self.act, Act::Create | Act::Open) {
            self.vault = Some(self.house.open().await.unwrap());
        }
        match (self.act, self.run().await) {
            (_, Ok(())) => {}
            // It is out of the vault since the first attempt, and the journal knows what is left of it.
            (Act::Delete, Err(error)) if error.code().name() == "KEY_NOT_FOUND" => {}
            (_, Err(error)) => panic!("{when}, again: {error:?}"),
        }
        self.check_done(when).await;
    }

    /// The act is done, the vault knows every key, and every key works, after a restart as well.
    pub(crate) async fn check_done(mut self, when: &str) {
        self.close().await;
        let vault = self.house.open().await.unwrap();
        // Whoever asks again takes up what was made before; what was deleted from the vault nobody asks for again, and what was
        // left without material cannot be taken up.
        let most_orphans = usize::from(matches!(self.act, Act::Delete | Act::Bring));
        self.house.clean_up(&vault, most_orphans, when).await;
        let (keys, wraps) = (all_keys(&vault), wrapper_keys(&vault));
        let wanted = match self.act {
            Act::Create | Act::Open | Act::Delete => (0, 1),
            Act::AddWrap | Act::Rewrap => (0, 2),
            _ => (1, 1),
        };
        assert_eq!((keys.len(), wraps.len()), wanted, "{when}");
        assert!(vault.check_wraps().await.all_open(), "{when}");
        if let (Act::Bring, Prop::Key(key)) = (self.act, &self.prop) {
            assert!(vault.key(key).unwrap().is_held_by_kms(), "{when}");
            vault.drop_copy(&caller(), key).await.unwrap();
        }
        for key in &keys {
            check_works(&vault, &key.fingerprint(), when).await;
        }
        if let Prop::Wrapped(old, new_key) = &self.prop {
            let rewrapped = self.rewrapped.as_ref().unwrap();
            assert_eq!(rewrapped.wrapper_key_id, *new_key, "{when}");
            let wrapper = self.provider.key_wrapper().unwrap();
            for wrapped in [old, rewrapped] {
                let opened = wrapper.unwrap_key(wrapped, &context()).await;
                assert_eq!(opened.unwrap(), data_key(), "{when}");
            }
        }
        vault.close().await.unwrap();
    }
}

async fn check_works(vault: &Vault, key: &Fingerprint, when: &str) {
    if vault.key(key).unwrap().usages().is_some() {
        let signature = vault.sign(key, MESSAGE, protocol()).await.unwrap();
        let verified = vault.verify(MESSAGE, &signature, protocol());
        assert!(verified.is_ok(), "{when}: {verified:?}");
    } else {
        let encrypted = vault.encrypt(key, MESSAGE).unwrap();
        let plaintext = vault.decrypt(&encrypted).await.unwrap();
        assert_eq!(plaintext.expose(), MESSAGE, "{when}");
    }
}

async fn generate_signing(vault: &Vault) -> Result<Fingerprint, VaultError> {
    let new = NewSigningKey {
        spec: SIGNING,
        usages: protocol(),
        name: name("signing"),
    };
    let key = vault.generate_signing_key(&caller(), new).await?;
    Ok(key.fingerprint())
}

async fn generate_encryption(vault: &Vault) -> Result<Fingerprint, VaultError> {
    let new = NewEncryptionKey {
        spec: ENCRYPTION,
        name: name("encryption"),
    };
    let key = vault.generate_encryption_key(&caller(), new).await?;
    Ok(key.fingerprint())
}

/// A signing key that somebody made in the KMS.
async fn make_in_kms(provider: &Arc<dyn KmsProvider>) -> KmsKeyId {
    let keys = provider.external_keys().unwrap();
    let request = ExternalKeyRequest::default();
    keys.generate_signing_key(SIGNING, &request).await.unwrap()
}

/// A key that is wrapped under the first wrapper key of the vault, which gets a second one.
async fn wrap_outside(provider: &Arc<dyn KmsProvider>, vault: &Vault) -> Prop {
    let old = KmsKeyId::try_new(wrapper_keys(vault).swap_remove(0)).unwrap();
    let new = vault.add_wrap(&caller(), SECOND, None).await.unwrap();
    let wrapper = provider.key_wrapper().unwrap();
    let wrapped = wrapper.wrap_key(&old, &context(), &data_key()).await;
    Prop::Wrapped(wrapped.unwrap(), new)
}

fn context() -> WrapContext {
    WrapContext::for_data_key(&[1; 16], &[2; 16])
}

fn data_key() -> SecretBytes {
    SecretBytes::from_slice(&[7; 32])
}

fn protocol() -> KeyUsages {
    KeyUsages::try_new([KeyUsage::Protocol]).unwrap()
}

fn name(text: &str) -> Option<KeyName> {
    Some(KeyName::try_new(text).unwrap())
}
