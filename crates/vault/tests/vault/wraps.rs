//! Several wraps: any of them opens the vault, and what each of them is worth.

#[path = "wraps/adding.rs"]
mod adding;
#[path = "wraps/crashes.rs"]
mod crashes;
#[path = "wraps/direct.rs"]
mod direct;
#[path = "wraps/faults.rs"]
mod faults;
#[path = "wraps/opening.rs"]
mod opening;
#[path = "wraps/removing.rs"]
mod removing;

use std::sync::Arc;

use strongroom_files::OsFiles;
use strongroom_kms::{KmsKeyId, KmsProvider};
use strongroom_kms_local::{LocalKms, Protection};
use strongroom_store::Store;
use strongroom_test_support::{FixedClock, SeededRandom, kms::FlakyKms};
use strongroom_vault::{Environment, NamedWrapper, Settings, Vault, VaultError};

use crate::house::{House, KMS_NAME, caller};

/// The configured name of the second KMS.
pub(crate) const SECOND: &str = "second";

/// A house whose vault has two KMSs, both of which can be made to fail.
pub(crate) struct Regions {
    pub(crate) house: House,
    pub(crate) second_keys: Arc<LocalKms>,
    pub(crate) first: FlakyKms,
    pub(crate) second: FlakyKms,
}

impl Regions {
    /// With a vault that has one wrap, in the first.
    pub(crate) async fn with_one_wrap(settings: Settings) -> Self {
        let house = House::new().with_settings(settings);
        house.create().await.close().await.unwrap();
        Self::around(house)
    }

    /// With a vault that has a wrap in each.
    pub(crate) async fn with_two_wraps(settings: Settings) -> Self {
        let regions = Self::with_one_wrap(settings).await;
        let vault = regions.open().await;
        vault.add_wrap(&caller(), SECOND, None).await.unwrap();
        vault.close().await.unwrap();
        regions
    }

    fn around(house: House) -> Self {
        let second_keys = Arc::new(second_key_file(&house));
        Self {
            first: FlakyKms::new(Arc::<LocalKms>::clone(&house.kms)),
            second: FlakyKms::new(Arc::<LocalKms>::clone(&second_keys)),
            second_keys,
            house,
        }
    }

    /// The same KMSs with what a crash at this moment would leave of the vault.
    pub(crate) fn copy(&self) -> Self {
        Self {
            house: self.house.copy(),
            second_keys: Arc::clone(&self.second_keys),
            first: FlakyKms::new(Arc::<LocalKms>::clone(&self.house.kms)),
            second: FlakyKms::new(Arc::<LocalKms>::clone(&self.second_keys)),
        }
    }

    pub(crate) fn environment(&self, store: Arc<dyn Store>) -> Environment {
        Environment {
            wrappers: vec![named(KMS_NAME, &self.first), named(SECOND, &self.second)],
            ..self.house.environment(store)
        }
    }

    pub(crate) async fn try_open(&self) -> Result<Vault, VaultError> {
        let environment = self.environment(self.house.store().await?);
        Vault::open(environment, self.house.settings.clone()).await
    }

    pub(crate) async fn open(&self) -> Vault {
        self.try_open().await.unwrap()
    }

    /// Opens with these only.
    pub(crate) async fn open_with(&self, wrappers: Vec<NamedWrapper>) -> Vault {
        let environment = Environment {
            wrappers,
            ..self.house.environment(self.house.store().await.unwrap())
        };
        Vault::open(environment, self.house.settings.clone())
            .await
            .unwrap()
    }

    /// The newest wrapper key in the first KMS.
    pub(crate) fn first_key(&self) -> KmsKeyId {
        self.house.kms.list_keys()[0].id.clone()
    }

    /// The one wrapper key in the second KMS.
    pub(crate) fn second_key(&self) -> KmsKeyId {
        let keys = self.second_keys.list_keys();
        assert_eq!(keys.len(), 1);
        keys[0].id.clone()
    }
}

/// The KMS in a second key file, which is made if it is not there.
pub(crate) fn second_key_file(house: &House) -> LocalKms {
    let path = house.root().join("second.key");
    let files = Arc::new(OsFiles::new());
    let random = Arc::new(SeededRandom::new(-77));
    let clock = Arc::new(FixedClock::default());
    let kms = if path.exists() {
        LocalKms::open(files, path, None, random, clock)
    } else {
        LocalKms::create(files, path, &Protection::UnprotectedKeyFile, random, clock)
    };
    kms.unwrap()
}

pub(crate) fn named(name: &str, provider: &dyn KmsProvider) -> NamedWrapper {
    NamedWrapper {
        name: name.to_owned(),
        wrapper: provider.key_wrapper().unwrap(),
    }
}

/// KMS and wrapper key of each wrap, in the order in which they are tried.
pub(crate) fn wraps(vault: &Vault) -> Vec<(String, String)> {
    let wraps = vault.wraps().into_iter();
    wraps.map(|wrap| (wrap.kms, wrap.wrapper_key_id)).collect()
}

pub(crate) fn kms_of_wraps(vault: &Vault) -> Vec<String> {
    wraps(vault).into_iter().map(|(kms, _)| kms).collect()
}
