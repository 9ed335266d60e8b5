//! Every administrative act, and how to tell whether it was done.

use strongroom_crypto::{EncryptionKeySpec, Fingerprint};
use strongroom_proto::tables::{KeyTables, PublicKeyRow};
use strongroom_store::{Custody, KeyState, Sealing};
use strongroom_vault::{
    CantonImport, ExportForm, ImportedKey, NewEncryptionKey, PublicKeyImport, Settings, Vault,
    VaultError,
};

use crate::{
    house::{
        House, KeyPicture, Picture, caller, foreign_key, name, new_protocol_key, settings,
        signing_key,
    },
    importing::canton::tables::{private_row, public_row},
};

/// A closed vault with a key for every act.
pub(crate) struct Stage {
    pub(crate) house: House,
    pub(crate) keys: Keys,
}

/// What the acts are done to.
#[derive(Clone, Copy)]
pub(crate) struct Keys {
    /// Sealed and active; no act touches it.
    pub(crate) witness: Fingerprint,
    pub(crate) to_export: Fingerprint,
    pub(crate) to_retire: Fingerprint,
    pub(crate) to_delete: Fingerprint,
    /// Stored in clear.
    pub(crate) to_seal: Fingerprint,
    /// Retired before.
    pub(crate) retired: Fingerprint,
}

/// The seed of a key of which the vault has the public half only.
const HALF: i64 = 41;

impl Keys {
    /// For another process.
    pub(crate) fn to_text(self) -> String {
        let Self {
            witness,
            to_export,
            to_retire,
            to_delete,
            to_seal,
            retired,
        } = self;
        [witness, to_export, to_retire, to_delete, to_seal, retired]
            .map(|key| key.to_string())
            .join(",")
    }

    /// Reverses [`Self::to_text`].
    pub(crate) fn parse(text: &str) -> Self {
        let keys: Vec<Fingerprint> = text.split(',').map(|key| key.parse().unwrap()).collect();
        let [witness, to_export, to_retire, to_delete, to_seal, retired] = keys[..] else {
            panic!("six keys, not {text}");
        };
        Self {
            witness,
            to_export,
            to_retire,
            to_delete,
            to_seal,
            retired,
        }
    }
}

impl Stage {
    /// A vault that seals new keys so.
    pub(crate) async fn new(sealing: Sealing) -> Self {
        let house = House::new().with_settings(settings(Custody::Clear, sealing));
        let vault = house.create().await;
        let to_seal = signing_key(&vault).await;
        vault.close().await.unwrap();

        let house = house.with_settings(settings(Custody::Envelope, sealing));
        let vault = house.open().await;
        let import = PublicKeyImport {
            public: foreign_key(HALF).public,
            name: name("half"),
        };
        vault.import_public_key(&caller(), import).await.unwrap();
        let keys = Keys {
            witness: signing_key(&vault).await,
            to_export: signing_key(&vault).await,
            to_retire: signing_key(&vault).await,
            to_delete: signing_key(&vault).await,
            to_seal,
            retired: signing_key(&vault).await,
        };
        vault.retire_key(&caller(), &keys.retired).await.unwrap();
        vault.close().await.unwrap();
        Self { house, keys }
    }

    pub(crate) fn settings(&self) -> Settings {
        self.house.settings.clone()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Generate,
    GenerateToEncrypt,
    GenerateThree,
    Import,
    ImportPublic,
    /// Adds the private half to a public key.
    ImportHalf,
    /// Takes in two private keys and a public one from a database of Canton.
    ImportCanton,
    Export,
    Retire,
    Seal,
    Delete,
}

impl Act {
    pub(crate) const ALL: [Self; 11] = [
        Self::Generate,
        Self::GenerateToEncrypt,
        Self::GenerateThree,
        Self::Import,
        Self::ImportPublic,
        Self::ImportHalf,
        Self::ImportCanton,
        Self::Export,
        Self::Retire,
        Self::Seal,
        Self::Delete,
    ];

    pub(crate) async fn run(self, vault: &Vault, keys: &Keys) -> Result<(), VaultError> {
        let caller = &caller();
        match self {
            Self::Generate => vault
                .generate_signing_key(caller, new_protocol_key())
                .await
                .map(drop),
            Self::GenerateToEncrypt => {
                let new = NewEncryptionKey {
                    spec: EncryptionKeySpec::EcP256,
                    name: name("encryption"),
                };
                vault.generate_encryption_key(caller, new).await.map(drop)
            }
            Self::GenerateThree => vault
                .generate_signing_keys(caller, vec![new_protocol_key(); 3])
                .await
                .map(drop),
            Self::Import => vault.import_key(caller, imported()).await.map(drop),
            Self::ImportPublic => {
                let import = PublicKeyImport {
                    public: imported().public,
                    name: name("imported"),
                };
                vault.import_public_key(caller, import).await.map(drop)
            }
            Self::ImportHalf => vault.import_key(caller, half()).await.map(drop),
            Self::ImportCanton => {
                let import = CantonImport {
                    tables: tables_of_canton(),
                    kms: None,
                    skip_unreadable: false,
                    dry_run: false,
                };
                vault.import_canton(caller, import).await.map(drop)
            }
            Self::Export => vault
                .export_key(caller, &keys.to_export, &ExportForm::Pkcs8Der)
                .await
                .map(drop),
            Self::Retire => vault.retire_key(caller, &keys.to_retire).await.map(drop),
            Self::Seal => vault.seal_clear_key(caller, &keys.to_seal).await.map(drop),
            Self::Delete => vault.delete_key(caller, &keys.to_delete).await,
        }
    }

    /// Whether `after` is what `before` becomes by this act: all of it, and nothing else.
    pub(crate) fn is_done(self, keys: &Keys, before: &Picture, after: &Picture) -> bool {
        let mut expected = before.clone();
        let records = match self {
            Self::GenerateThree | Self::ImportCanton => 3,
            _ => 1,
        };
        expected.audit_records += records;
        match self {
            Self::Generate | Self::GenerateToEncrypt | Self::GenerateThree => {
                let new = after
                    .keys
                    .iter()
                    .filter(|(key, _)| !before.keys.contains_key(key));
                let new: Vec<_> = new.map(|(key, picture)| (*key, picture.clone())).collect();
                if u64::try_from(new.len()).unwrap() != records {
                    return false;
                }
                expected.keys.extend(new);
            }
            Self::ImportCanton => {
                for row in tables_of_canton().public_keys {
                    let key = row.key_id.parse().unwrap();
                    let Some(picture) = after.keys.get(&key) else {
                        return false;
                    };
                    let half = picture.private.as_ref();
                    if half.is_some_and(|half| half.exposed) == (row == canton_s_public_row()) {
                        return false;
                    }
                    expected.keys.insert(key, picture.clone());
                }
            }
            Self::Import | Self::ImportPublic => {
                let key = imported().public.fingerprint();
                let Some(picture) = after.keys.get(&key) else {
                    return false;
                };
                if picture.private.is_some() != (self == Self::Import) {
                    return false;
                }
                expected.keys.insert(key, picture.clone());
            }
            Self::ImportHalf => {
                let key = half().public.fingerprint();
                let whole = after.keys[&key].private.clone();
                if whole.is_none() {
                    return false;
                }
                expected.keys.get_mut(&key).unwrap().private = whole;
            }
            Self::Export => {}
            Self::Retire => private_half(&mut expected, &keys.to_retire).state = KeyState::Retired,
            Self::Seal => {
                let model = before.keys[&keys.witness].private.clone().unwrap();
                *private_half(&mut expected, &keys.to_seal) = crate::house::HalfPicture {
                    exposed: true,
                    ..model
                };
            }
            Self::Delete => {
                expected.keys.remove(&keys.to_delete);
            }
        }
        expected == *after
    }
}

fn private_half<'p>(
    picture: &'p mut Picture,
    key: &Fingerprint,
) -> &'p mut crate::house::HalfPicture {
    let KeyPicture { private, .. } = picture.keys.get_mut(key).unwrap();
    private.as_mut().unwrap()
}

fn imported() -> ImportedKey {
    ImportedKey {
        name: name("imported"),
        ..foreign_key(42)
    }
}

/// A public key alone.
fn canton_s_public_row() -> PublicKeyRow {
    public_row(&foreign_key(45))
}

fn tables_of_canton() -> KeyTables {
    let keys = [43, 44].map(foreign_key);
    let mut public_keys: Vec<_> = keys.iter().map(public_row).collect();
    public_keys.push(canton_s_public_row());
    KeyTables {
        private_keys: keys.iter().map(private_row).collect(),
        public_keys,
        ..KeyTables::default()
    }
}

fn half() -> ImportedKey {
    ImportedKey {
        name: name("half"),
        ..foreign_key(HALF)
    }
}
