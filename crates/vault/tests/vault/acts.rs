//! Every administrative act, and how to tell whether it was done.

use data_encoding::HEXLOWER;
use strongroom_crypto::{EncryptionKeySpec, Fingerprint, SigningKeySpec};
use strongroom_kms::KmsKeyId;
use strongroom_proto::tables::{KeyTables, KmsKeyRow, PrivateKeyData, PrivateKeyRow, PublicKeyRow};
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
    importing::canton::{
        kms_row, made_in_kms,
        tables::{encrypted, private_row, public_row},
    },
};

/// A closed vault with a key for every act.
pub(crate) struct Stage {
    pub(crate) house: House,
    pub(crate) keys: Keys,
}

/// What the acts are done to.
#[derive(Clone)]
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
    pub(crate) of_canton: OfCanton,
}

/// What a node of Canton had from the KMS of this stage.
#[derive(Clone)]
pub(crate) struct OfCanton {
    /// The wrapper key of its encrypted row, and what that opens to the row of [`sealed_of_canton`].
    wrapper_key_id: String,
    ciphertext: Vec<u8>,
    /// A signing key that the KMS holds.
    held: KmsKeyId,
    fingerprint: Fingerprint,
}

/// The seed of a key of which the vault has the public half only.
const HALF: i64 = 41;

impl Keys {
    /// For another process.
    pub(crate) fn to_text(&self) -> String {
        let Self {
            witness,
            to_export,
            to_retire,
            to_delete,
            to_seal,
            retired,
            of_canton,
        } = self;
        let keys = [witness, to_export, to_retire, to_delete, to_seal, retired];
        let mut words: Vec<_> = keys.iter().map(ToString::to_string).collect();
        words.extend([
            of_canton.wrapper_key_id.clone(),
            HEXLOWER.encode(&of_canton.ciphertext),
            of_canton.held.as_str().to_owned(),
            of_canton.fingerprint.to_string(),
        ]);
        words.join(",")
    }

    /// Reverses [`Self::to_text`].
    pub(crate) fn parse(text: &str) -> Self {
        let words: Vec<_> = text.split(',').collect();
        let (keys, rest) = words.split_at(6);
        let [wrapper_key_id, ciphertext, held, fingerprint] = rest else {
            panic!("six keys and what Canton had, not {text}");
        };
        let key = |place: usize| keys[place].parse().unwrap();
        Self {
            witness: key(0),
            to_export: key(1),
            to_retire: key(2),
            to_delete: key(3),
            to_seal: key(4),
            retired: key(5),
            of_canton: OfCanton {
                wrapper_key_id: (*wrapper_key_id).to_owned(),
                ciphertext: HEXLOWER.decode(ciphertext.as_bytes()).unwrap(),
                held: KmsKeyId::try_new(*held).unwrap(),
                fingerprint: fingerprint.parse().unwrap(),
            },
        }
    }
}

impl OfCanton {
    async fn new(house: &House, vault: &Vault) -> Self {
        let row = encrypted(house, vault, private_row(&sealed_of_canton())).await;
        let PrivateKeyData::Encrypted {
            wrapper_key_id,
            ciphertext,
        } = row.data
        else {
            panic!("{row:?} is readable");
        };
        let held = made_in_kms(house, SigningKeySpec::EcP256).await;
        let fingerprint = kms_row(house, &held).await.fingerprint.parse().unwrap();
        Self {
            wrapper_key_id,
            ciphertext,
            held,
            fingerprint,
        }
    }

    /// Two readable private keys, an encrypted one, a public one, and one that the KMS holds.
    fn tables(&self) -> KeyTables {
        let [readable, other, sealed] = [foreign_key(43), foreign_key(44), sealed_of_canton()];
        let keys = [&readable, &other, &sealed];
        let mut public_keys: Vec<_> = keys.map(public_row).into();
        public_keys.push(canton_s_public_row());
        let sealed_row = PrivateKeyRow {
            data: PrivateKeyData::Encrypted {
                wrapper_key_id: self.wrapper_key_id.clone(),
                ciphertext: self.ciphertext.clone(),
            },
            ..private_row(&sealed)
        };
        KeyTables {
            private_keys: vec![private_row(&readable), private_row(&other), sealed_row],
            public_keys,
            kms_keys: vec![KmsKeyRow {
                fingerprint: self.fingerprint.to_string(),
                kms_key_id: self.held.as_str().to_owned(),
                purpose: 0,
                key_usage: Some(vec![3, 4]),
            }],
        }
    }

    /// Whether each of its keys is in the vault as it should be: those that were readable are exposed, and no others.
    fn is_in(&self, picture: &Picture) -> bool {
        let half = |key: &Fingerprint| Some(picture.keys.get(key)?.private.as_ref());
        let is_half = |key: &Fingerprint, custody, exposed| {
            let half = half(key).flatten();
            half.is_some_and(|half| (half.custody, half.exposed) == (custody, exposed))
        };
        let fingerprint = |seed| foreign_key(seed).public.fingerprint();
        [43, 44]
            .map(fingerprint)
            .iter()
            .all(|key| is_half(key, Custody::Envelope, true))
            && is_half(
                &sealed_of_canton().public.fingerprint(),
                Custody::Envelope,
                false,
            )
            && is_half(&self.fingerprint, Custody::External, false)
            && half(&fingerprint(45)).is_some_and(|half| half.is_none())
    }

    fn keys(&self) -> Vec<Fingerprint> {
        let seeds = [43, 44, 45, 46].into_iter();
        let foreign = seeds.map(|seed| foreign_key(seed).public.fingerprint());
        foreign.chain([self.fingerprint]).collect()
    }
}

impl Stage {
    /// A vault that seals new keys so.
    pub(crate) async fn new(sealing: Sealing) -> Self {
        Self::in_house(House::new(), sealing).await
    }

    pub(crate) async fn in_house(house: House, sealing: Sealing) -> Self {
        let house = house.with_settings(settings(Custody::Clear, sealing));
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
            of_canton: OfCanton::new(&house, &vault).await,
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
    /// Takes in what a database of Canton has: readable private keys, one that the KMS encrypted, a public one, and one that the
    /// KMS holds.
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
                    tables: keys.of_canton.tables(),
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
            Self::GenerateThree => 3,
            Self::ImportCanton => 5,
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
                if !keys.of_canton.is_in(after) {
                    return false;
                }
                for key in keys.of_canton.keys() {
                    expected.keys.insert(key, after.keys[&key].clone());
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

/// The key whose row the KMS encrypted.
fn sealed_of_canton() -> ImportedKey {
    foreign_key(46)
}

fn half() -> ImportedKey {
    ImportedKey {
        name: name("half"),
        ..foreign_key(HALF)
    }
}
