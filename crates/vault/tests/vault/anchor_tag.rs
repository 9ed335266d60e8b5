//! The anchor in a tag of a wrapper key: what it refuses, what its window is, and that nobody is locked out by it.

#[path = "anchor_tag/accepting.rs"]
mod accepting;
#[path = "anchor_tag/crashes.rs"]
mod crashes;
#[path = "anchor_tag/faults.rs"]
mod faults;
#[path = "anchor_tag/moving.rs"]
mod moving;
#[path = "anchor_tag/refusing.rs"]
mod refusing;
#[path = "anchor_tag/writing.rs"]
mod writing;

use std::{sync::Arc, time::Duration};

use strongroom_kms::{KeyTags, KmsKeyId, KmsOperation, KmsProvider};
use strongroom_kms_local::LocalKms;
use strongroom_store::Store;
use strongroom_test_support::kms::FlakyKms;
use strongroom_vault::{
    AnchorTag, AnchorTagSettings, Environment, NamedKms, NamedWrapper, Settings, Vault, VaultError,
};

use crate::{
    house::{House, KMS_NAME, VAULT_ID, caller, code},
    wraps::{SECOND, named, second_key_file},
};

/// The settings of a vault whose anchor is a tag in `kms`.
pub(crate) fn tagged(kms: &str, every: Option<Duration>) -> Settings {
    Settings {
        anchor_tag: Some(AnchorTagSettings {
            kms: kms.to_owned(),
            every,
        }),
        ..Settings::default()
    }
}

/// A house whose vault has its anchor in a tag of the first of two KMSs, both of which can be made to fail.
struct Estate {
    house: House,
    first: FlakyKms,
    second: FlakyKms,
}

impl Estate {
    /// With the tag alone.
    async fn new() -> Self {
        Self::of(House::new().without_anchor()).await
    }

    /// With the file as well.
    async fn with_file() -> Self {
        Self::of(House::new()).await
    }

    async fn of(house: House) -> Self {
        let estate = Self::around(house.with_settings(tagged(KMS_NAME, None)));
        estate.create().await.close().await.unwrap();
        estate
    }

    /// Around a house with its key files.
    fn around(house: House) -> Self {
        let second = Arc::new(second_key_file(&house));
        Self {
            first: FlakyKms::new(Arc::<LocalKms>::clone(&house.kms)),
            second: FlakyKms::new(second),
            house,
        }
    }

    fn with_settings(self, settings: Settings) -> Self {
        Self {
            house: self.house.with_settings(settings),
            ..self
        }
    }

    fn environment(&self, store: Arc<dyn Store>) -> Environment {
        let all = [(KMS_NAME, &self.first), (SECOND, &self.second)];
        let wrapper = |(name, kms): &(&str, &FlakyKms)| -> NamedWrapper { named(name, *kms) };
        let provider = |(name, kms): &(&str, &FlakyKms)| NamedKms {
            name: (*name).to_owned(),
            provider: Arc::new((*kms).clone()),
        };
        Environment {
            wrappers: all.iter().map(wrapper).collect(),
            kms: all.iter().map(provider).collect(),
            ..self.house.environment(store)
        }
    }

    async fn try_create(&self) -> Result<Vault, VaultError> {
        let new = strongroom_vault::NewVault {
            id: VAULT_ID,
            wrapper_key: self.house.kms.list_keys().pop().map(|key| key.id),
        };
        let store = match self.house.store().await {
            Ok(store) => store,
            Err(_none_yet) => self.house.new_store().await,
        };
        let settings = self.house.settings.clone();
        Vault::create(self.environment(store), settings, &caller(), new).await
    }

    async fn create(&self) -> Vault {
        self.try_create().await.unwrap()
    }

    async fn try_open(&self) -> Result<Vault, VaultError> {
        let environment = self.environment(self.house.store().await?);
        Vault::open(environment, self.house.settings.clone()).await
    }

    async fn open(&self) -> Vault {
        self.try_open().await.unwrap()
    }

    async fn refusal(&self) -> &'static str {
        code(self.try_open().await)
    }

    async fn try_accept(&self) -> Result<Vault, VaultError> {
        let environment = self.environment(self.house.store().await?);
        let settings = self.house.settings.clone();
        Vault::danger_accept_state(environment, settings, &caller(), VAULT_ID).await
    }

    async fn accept(&self) -> Vault {
        self.try_accept().await.unwrap()
    }

    /// The oldest wrapper key of the first KMS.
    fn key(&self) -> KmsKeyId {
        let mut keys = self.house.kms.list_keys();
        keys.sort_by_key(|key| key.created_at);
        keys[0].id.clone()
    }

    fn tags(&self) -> Arc<dyn KeyTags> {
        self.house.kms.key_tags().unwrap()
    }

    /// The value of the tag of this key, past everything that could fail.
    async fn value_on(&self, key: &KmsKeyId) -> Option<String> {
        self.tags().tag(key, &tag_name()).await.unwrap()
    }

    async fn value(&self) -> Option<String> {
        self.value_on(&self.key()).await
    }

    async fn put_value(&self, value: &str) {
        let (tags, key) = (self.tags(), self.key());
        tags.set_tag(&key, &tag_name(), value).await.unwrap();
    }

    /// What the first KMS is asked while this runs.
    async fn asked<T>(&self, act: impl Future<Output = T>) -> (T, Vec<KmsOperation>) {
        let before = self.first.operations().len();
        let done = act.await;
        (done, self.first.operations().split_off(before))
    }
}

fn tag_name() -> String {
    format!("strongroom-anchor-{VAULT_ID}")
}

async fn tag(vault: &Vault) -> AnchorTag {
    vault.anchor_tag().await.unwrap()
}

/// The generation of the vault, and that which the tag remembers as far as the vault knows.
async fn generations(vault: &Vault) -> (u64, Option<u64>) {
    let tag = tag(vault).await;
    (tag.generation, tag.remembered)
}
