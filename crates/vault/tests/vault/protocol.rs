//! Messages of the protocol: signed by the node's key or a session key in its place, and verified.

#[path = "protocol/groups.rs"]
mod groups;
#[path = "protocol/signing.rs"]
mod signing;
#[path = "protocol/verifying.rs"]
mod verifying;
#[path = "protocol/waiting.rs"]
mod waiting;
#[path = "protocol/wiping.rs"]
mod wiping;

use std::{sync::Arc, time::Duration};

use strongroom_crypto::{
    EncryptionKeySpec, Fingerprint, KeyUsage, ProtocolSignature, SigningKeySpec, Timestamp,
};
use strongroom_kms::{Answer, Call, Guarded, KmsError, KmsOperation, KmsProvider, Next, Policy};
use strongroom_store::Custody;
use strongroom_topology::{
    Mapping, Member, MemberCode, PhysicalSynchronizerId, SignedTransaction, StoreId,
    SynchronizerParameters, Times,
};
use strongroom_vault::{
    CustodyDefaults, NamedKms, NewIdentity, Proposal, RequiredSchemes, SessionSigningSettings,
    Settings, SigningTime, SynchronizerSchemes, Vault, VaultError, VerifyAt,
};

use crate::{
    house::{House, KMS_NAME, caller},
    topology::{PATIENT, statements::rows},
};

/// The hash of a message.
pub(crate) const MESSAGE: &[u8] = b"a hash of 34 bytes, as far as known";

/// A mediator: of its keys a KMS holds those for the protocol.
pub(crate) fn mediator() -> NewIdentity {
    NewIdentity {
        code: MemberCode::Mediator,
        identifier: "mediator".to_owned(),
        node: "mediator".to_owned(),
        intermediate_key: false,
        signing_spec: SigningKeySpec::EcCurve25519,
        encryption_spec: EncryptionKeySpec::EcP256,
    }
}

pub(crate) fn custody_of_protocol(custody: Custody) -> Settings {
    Settings {
        custody: CustodyDefaults {
            by_usage: vec![(KeyUsage::Protocol, custody)],
            ..CustodyDefaults::default()
        },
        session_signing: Some(SessionSigningSettings::default()),
        ..Settings::default()
    }
}

/// A node that follows a synchronizer of its own namespace.
struct Node {
    house: House,
    vault: Vault,
    member: Member,
    synchronizer: PhysicalSynchronizerId,
    /// What was sequenced, with the times of it.
    sequenced: Vec<(Times, Vec<SignedTransaction>)>,
}

impl Node {
    /// With session keys for the key that its KMS holds.
    async fn new() -> Self {
        Self::with(custody_of_protocol(Custody::External), |_| None).await
    }

    /// The same, over another KMS.
    async fn with(
        settings: Settings,
        kms: impl FnOnce(&House) -> Option<Arc<dyn KmsProvider>>,
    ) -> Self {
        Self::at(House::new().with_settings(settings), kms).await
    }

    /// The same in a house with other keys.
    async fn at(house: House, kms: impl FnOnce(&House) -> Option<Arc<dyn KmsProvider>>) -> Self {
        let vault = match kms(&house) {
            None => house.create().await,
            Some(provider) => {
                house.create().await.close().await.unwrap();
                let mut environment = house.environment(house.store().await.unwrap());
                let name = KMS_NAME.to_owned();
                environment.kms = vec![NamedKms { name, provider }];
                Vault::open(environment, house.settings.clone())
                    .await
                    .unwrap()
            }
        };
        vault.initialize(&caller(), &mediator()).await.unwrap();
        let member = vault.identity().unwrap().member;
        let synchronizer = synchronizer(&member, "da", 35);
        let mut node = Self {
            house,
            vault,
            member,
            synchronizer,
            sequenced: Vec::new(),
        };
        node.follow(node.synchronizer.clone()).await;
        node
    }

    /// The same vault, whose owner says what the synchronizer takes of signatures.
    async fn where_only(self, signing: RequiredSchemes) -> Self {
        self.vault.close().await.unwrap();
        let schemes = SynchronizerSchemes {
            signing,
            ..SynchronizerSchemes::default()
        };
        let settings = Settings {
            synchronizers: [(self.synchronizer.clone(), schemes)].into(),
            ..self.house.settings.clone()
        };
        let environment = self.house.environment(self.house.store().await.unwrap());
        Self {
            vault: Vault::open(environment, settings).await.unwrap(),
            ..self
        }
    }

    async fn follow(&mut self, synchronizer: PhysicalSynchronizerId) {
        let sequenced = follow(&self.vault, &synchronizer).await;
        self.sequenced.extend(sequenced);
    }

    async fn sequence(
        &mut self,
        synchronizer: &PhysicalSynchronizerId,
        seconds: i64,
        transactions: Vec<SignedTransaction>,
    ) {
        let sequenced = sequence(&self.vault, synchronizer, seconds, transactions).await;
        self.sequenced.push(sequenced);
    }

    /// The next step of a rotation, and the synchronizer hears of it.
    async fn advance_rotation(&mut self) {
        let newest = advance_rotation(&self.vault).await;
        let synchronizer = self.synchronizer.clone();
        self.sequence(&synchronizer, -1, vec![newest]).await;
    }

    /// So many seconds after the present time.
    fn now(&self, seconds: i64) -> Timestamp {
        from_now(&self.vault, seconds)
    }

    fn about_now(&self) -> SigningTime {
        let (at, until) = (self.now(0), None);
        SigningTime::Approximate { at, until }
    }

    async fn sign(&self, time: SigningTime) -> Result<ProtocolSignature, VaultError> {
        let synchronizer = &self.synchronizer;
        self.vault.sign_protocol(synchronizer, time, MESSAGE).await
    }

    async fn signed(&self, time: SigningTime) -> ProtocolSignature {
        self.sign(time).await.unwrap()
    }

    async fn signed_now(&self) -> ProtocolSignature {
        self.signed(self.about_now()).await
    }

    fn how(&self) -> VerifyAt {
        VerifyAt::protocol(self.synchronizer.clone(), self.now(0))
    }

    async fn verify(&self, signature: &ProtocolSignature) -> Result<(), VaultError> {
        let how = self.how();
        let vault = &self.vault;
        vault
            .verify_protocol(&how, &self.member, MESSAGE, signature)
            .await
    }

    async fn protocol_key(&self) -> Fingerprint {
        let key = self.vault.current_signing_key(KeyUsage::Protocol).await;
        key.unwrap()
    }

    /// Signatures that the KMS made so far.
    fn kms_signatures(&self) -> u64 {
        self.house.metered.calls().of(KmsOperation::Sign)
    }
}

pub(crate) fn from_now(vault: &Vault, seconds: i64) -> Timestamp {
    let now = vault.current_time().as_micros();
    Timestamp::from_micros(now + seconds * 1_000_000)
}

/// Sequences so many seconds from now, effective at once.
pub(crate) async fn sequence(
    vault: &Vault,
    synchronizer: &PhysicalSynchronizerId,
    seconds: i64,
    transactions: Vec<SignedTransaction>,
) -> (Times, Vec<SignedTransaction>) {
    let sequenced = from_now(vault, seconds);
    let times = Times {
        sequenced,
        effective: sequenced,
    };
    let added = vault
        .add_sequenced(&caller(), synchronizer, times, transactions.clone())
        .await
        .unwrap();
    let outcomes: Vec<_> = added.iter().map(|added| added.outcome.name()).collect();
    assert!(outcomes.iter().all(|it| *it == "accepted"), "{outcomes:?}");
    (times, transactions)
}

/// Follows a synchronizer from some time ago on: its parameters, and what the node announces.
pub(crate) async fn follow(
    vault: &Vault,
    synchronizer: &PhysicalSynchronizerId,
) -> [(Times, Vec<SignedTransaction>); 2] {
    let own = rows(vault).await.into_iter();
    let own = own.map(|row| Arc::unwrap_or_clone(row.signed)).collect();
    let own = sequence(vault, synchronizer, -1000, own).await;
    let parameters = Mapping::SynchronizerParametersState(SynchronizerParameters {
        synchronizer: synchronizer.synchronizer.clone(),
        // Half a minute to confirm, and half a minute for the mediators.
        parameters: Some(Box::from(*b"\x0a\x02\x08\x1e\x12\x02\x08\x1e")),
    });
    let store = StoreId::Synchronizer(synchronizer.clone());
    let proposal = Proposal::announce(parameters);
    let authorized = vault.authorize(&caller(), &store, proposal).await;
    let signed = authorized.unwrap().signed;
    [own, sequence(vault, synchronizer, -900, vec![signed]).await]
}

/// The next step of a rotation, and what it announces.
pub(crate) async fn advance_rotation(vault: &Vault) -> SignedTransaction {
    let advanced = vault.advance_rotation(&caller(), &PATIENT).await;
    advanced.unwrap();
    let own = rows(vault).await;
    own.last().unwrap().signed.as_ref().clone()
}

/// A synchronizer whose namespace is the member's.
pub(crate) fn synchronizer(member: &Member, name: &str, version: u32) -> PhysicalSynchronizerId {
    let namespace = member.uid.namespace();
    format!("{name}::{namespace}::{version}-0").parse().unwrap()
}

fn session_key(signature: &ProtocolSignature) -> Fingerprint {
    assert!(signature.delegation().is_some(), "by a long-term key");
    signature.signature().signed_by
}

/// A KMS that takes its time.
#[derive(Debug)]
pub(crate) struct Slow(Duration);

impl Slow {
    pub(crate) fn around(provider: Arc<dyn KmsProvider>, by: Duration) -> Arc<dyn KmsProvider> {
        Arc::new(Guarded::around(provider, Self(by)))
    }
}

impl Policy for Slow {
    async fn run<T: Answer>(&self, call: Call, next: Next<'_, T>) -> Result<T, KmsError> {
        tokio::time::sleep(self.0).await;
        next(call).await
    }
}
