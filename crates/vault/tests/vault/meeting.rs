//! Two nodes that know each other's keys through a synchronizer.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use strongroom_crypto::{EncryptionAlgorithm, EncryptionKeySpec, Fingerprint};
use strongroom_kms::KmsProvider;
use strongroom_store::{Custody, Sealing};
use strongroom_topology::{Member, SignedTransaction, StoreId, Times};
use strongroom_vault::{
    NamedKms, NewIdentity, RequiredEncryption, Rotate, Settings, SynchronizerSchemes, Vault,
};

use crate::{
    house::{House, KMS_NAME, caller, settings},
    protocol::Slow,
    topology::{
        PATIENT, finish_rotations, participant,
        statements::rows,
        synchronizers::{second, sequence, store},
    },
};

/// A node.
pub(crate) struct Party {
    pub(crate) house: House,
    pub(crate) vault: Vault,
    pub(crate) member: Member,
    /// Transactions of its own store that were sequenced.
    sequenced: usize,
}

/// Two nodes, each of which has sequenced what both have authorized.
pub(crate) struct Meeting {
    pub(crate) alice: Party,
    pub(crate) bob: Party,
    second: i64,
}

/// Alice and Bob, whose encryption keys are sealed in their vaults.
pub(crate) async fn meeting() -> Meeting {
    meeting_with(&Settings::default()).await
}

/// Alice and Bob, whose keys a KMS holds.
pub(crate) async fn meeting_at_a_kms(session: &Settings) -> Meeting {
    meeting_with(&Settings {
        custody: settings(Custody::External, Sealing::DataKey).custody,
        ..session.clone()
    })
    .await
}

async fn meeting_with(settings: &Settings) -> Meeting {
    let mut meeting = Meeting {
        alice: Party::new(1, "alice", settings).await,
        bob: Party::new(2, "bob", settings).await,
        second: 0,
    };
    meeting.sequence().await;
    meeting
}

impl Party {
    async fn new(number: i64, identifier: &str, settings: &Settings) -> Self {
        let house = House::numbered(number).with_settings(settings.clone());
        let vault = house.create().await;
        let held_by_kms = settings.custody.encryption == Custody::External;
        let identity = NewIdentity {
            identifier: identifier.to_owned(),
            encryption_spec: if held_by_kms {
                EncryptionKeySpec::Rsa2048
            } else {
                EncryptionKeySpec::EcP256
            },
            ..participant()
        };
        let keys = vault.initialize(&caller(), &identity).await.unwrap();
        Self {
            house,
            vault,
            member: keys.member,
            sequenced: 0,
        }
    }

    async fn not_sequenced(&mut self) -> Vec<SignedTransaction> {
        let rows = rows(&self.vault).await;
        let new = rows.into_iter().skip(self.sequenced);
        let new: Vec<_> = new.map(|row| Arc::unwrap_or_clone(row.signed)).collect();
        self.sequenced += new.len();
        new
    }

    /// The same vault, whose KMS takes its time.
    pub(crate) async fn behind(self, delay: Duration) -> Self {
        self.over(|house| Slow::around(house.metered.clone(), delay))
            .await
    }

    /// The same vault over another KMS.
    pub(crate) async fn over(self, kms: impl FnOnce(&House) -> Arc<dyn KmsProvider>) -> Self {
        self.vault.close().await.unwrap();
        let mut environment = self.house.environment(self.house.store().await.unwrap());
        environment.kms = vec![NamedKms {
            name: KMS_NAME.to_owned(),
            provider: kms(&self.house),
        }];
        let settings = self.house.settings.clone();
        Self {
            vault: Vault::open(environment, settings).await.unwrap(),
            ..self
        }
    }

    pub(crate) async fn encryption_key(&self) -> Fingerprint {
        self.vault.current_encryption_key().await.unwrap()
    }

    /// How many private keys the KMS has used.
    pub(crate) fn decrypted_by_kms(&self) -> u64 {
        let calls = self.house.metered.calls();
        calls.of(strongroom_kms::KmsOperation::Decrypt)
    }
}

impl Meeting {
    pub(crate) fn parties(&mut self) -> [&mut Party; 2] {
        [&mut self.alice, &mut self.bob]
    }

    /// Everybody sequences what is new; says when.
    pub(crate) async fn sequence(&mut self) -> Times {
        let times = second(self.second);
        self.second += 10;
        let mut new = self.alice.not_sequenced().await;
        new.extend(self.bob.not_sequenced().await);
        for party in self.parties() {
            sequence(&party.vault, times, new.clone()).await.unwrap();
        }
        times
    }

    /// Rotates the encryption key of Alice or of Bob to its end; gives the new one. The synchronizer learns of it as of one moment.
    pub(crate) async fn rotate(&mut self, who: impl Fn(&Self) -> &Party) -> Fingerprint {
        let party = who(self);
        let old = party.encryption_key().await;
        let which = Rotate::one(old);
        let begun = party.vault.begin_rotation(&caller(), which).await.unwrap();
        let new = begun[0].new;
        for _announced_then_withdrawn in 0..2 {
            let party = who(self);
            party
                .vault
                .advance_rotation(&caller(), &PATIENT)
                .await
                .unwrap();
            self.sequence().await;
        }
        finish_rotations(&who(self).vault).await;
        self.sequence().await;
        new
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.alice.house.clock.advance(by);
        self.bob.house.clock.advance(by);
    }

    pub(crate) fn both(&self) -> BTreeSet<Member> {
        [&self.alice, &self.bob]
            .map(|party| party.member.clone())
            .into()
    }
}

/// Another vault on the same rows, on whose synchronizer nothing is taken but this.
pub(crate) async fn where_only(party: Party, schemes: SynchronizerSchemes) -> Vault {
    party.vault.close().await.unwrap();
    let StoreId::Synchronizer(synchronizer) = store() else {
        panic!("the store of a synchronizer")
    };
    let settings = Settings {
        synchronizers: [(synchronizer, schemes)].into(),
        ..party.house.settings.clone()
    };
    let environment = party.house.environment(party.house.store().await.unwrap());
    Vault::open(environment, settings).await.unwrap()
}

pub(crate) fn only_rsa() -> SynchronizerSchemes {
    SynchronizerSchemes {
        encryption: RequiredEncryption {
            algorithms: [EncryptionAlgorithm::RsaOaepSha256].into(),
            keys: [EncryptionKeySpec::Rsa2048].into(),
        },
        ..SynchronizerSchemes::default()
    }
}
