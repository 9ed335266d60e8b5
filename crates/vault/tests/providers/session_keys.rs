//! Session keys in the place of a protocol key that a KMS holds, whichever it is: one call makes one, and signatures cost none.

use std::{collections::BTreeSet, sync::Arc};

use strongroom_crypto::{EncryptionKeySpec, KeyUsage, Timestamp};
use strongroom_kms::KmsProvider;
use strongroom_store::{Custody, Sealing};
use strongroom_topology::{
    Mapping, MemberCode, PhysicalSynchronizerId, SignedTransaction, StoreId,
    SynchronizerParameters, Times,
};
use strongroom_vault::{
    CustodyDefaults, NewIdentity, Proposal, SessionSigningSettings, Settings, SigningTime, Vault,
    VerifyAt,
};

use crate::{
    act::SIGNING,
    house::{House, KMS_NAME, caller},
};

const MESSAGE: &[u8] = b"a hash of 34 bytes, as far as known";

/// The KMS holds the protocol key of a node, which follows two synchronizers.
pub(crate) async fn sign_with_one_call(provider: &Arc<dyn KmsProvider>) {
    let house = House::over(provider, Custody::External);
    let vault = house.create_with(settings()).await.unwrap();
    vault.initialize(&caller(), &mediator()).await.unwrap();
    let key = vault.current_signing_key(KeyUsage::Protocol).await.unwrap();
    assert!(vault.key(&key).unwrap().is_held_by_kms());
    let member = vault.identity().unwrap().member;
    let mut session_keys = BTreeSet::new();
    for name in ["one", "two"] {
        let synchronizer = format!("{name}::{}::35-0", member.uid.namespace());
        let synchronizer = synchronizer.parse().unwrap();
        follow(&vault, &synchronizer).await;
        let (before, now) = (house.flaky.calls(), vault.current_time());
        let time = SigningTime::Approximate {
            at: now,
            until: None,
        };
        let how = VerifyAt::protocol(synchronizer.clone(), now);
        for _ in 0..10 {
            let signing = vault.sign_protocol(&synchronizer, time, MESSAGE);
            let signature = signing.await.unwrap();
            let delegation = signature.delegation().unwrap();
            assert_eq!(delegation.long_term_key(), key);
            session_keys.insert(delegation.session_key().fingerprint());
            let verifying = vault.verify_protocol(&how, &member, MESSAGE, &signature);
            verifying.await.unwrap();
            let other = b"another message";
            let refused = vault.verify_protocol(&how, &member, other, &signature);
            refused.await.unwrap_err();
        }
        assert_eq!(house.flaky.calls() - before, 1, "one delegation");
    }
    assert_eq!(session_keys.len(), 2, "one for each synchronizer");
    vault.close().await.unwrap();
}

/// Of all keys the KMS holds those for the protocol: no token needs to decrypt.
fn settings() -> Settings {
    Settings {
        custody: CustodyDefaults {
            by_usage: vec![(KeyUsage::Protocol, Custody::External)],
            sealing: Sealing::DataKey,
            external_kms: Some(KMS_NAME.to_owned()),
            ..CustodyDefaults::default()
        },
        session_signing: Some(SessionSigningSettings::default()),
        ..Settings::default()
    }
}

fn mediator() -> NewIdentity {
    NewIdentity {
        code: MemberCode::Mediator,
        identifier: "mediator".to_owned(),
        node: "mediator".to_owned(),
        intermediate_key: false,
        signing_spec: SIGNING,
        encryption_spec: EncryptionKeySpec::EcP256,
    }
}

/// The synchronizer sequenced what the node announces, and then its own parameters.
async fn follow(vault: &Vault, synchronizer: &PhysicalSynchronizerId) {
    let view = vault.topology(&StoreId::Authorized).await.unwrap();
    let own = view.rows().iter().map(|row| row.signed.as_ref().clone());
    let own = own.collect();
    drop(view);
    sequence(vault, synchronizer, -1000, own).await;
    let parameters = Mapping::SynchronizerParametersState(SynchronizerParameters {
        synchronizer: synchronizer.synchronizer.clone(),
        // Half a minute to confirm, and half a minute for the mediators.
        parameters: Some(Box::from(*b"\x0a\x02\x08\x1e\x12\x02\x08\x1e")),
    });
    let store = StoreId::Synchronizer(synchronizer.clone());
    let proposal = Proposal::announce(parameters);
    let stated = vault.authorize(&caller(), &store, proposal).await.unwrap();
    sequence(vault, synchronizer, -900, vec![stated.signed]).await;
}

/// So many seconds from now, effective at once.
async fn sequence(
    vault: &Vault,
    synchronizer: &PhysicalSynchronizerId,
    seconds: i64,
    transactions: Vec<SignedTransaction>,
) {
    let now = vault.current_time().as_micros();
    let sequenced = Timestamp::from_micros(now + seconds * 1_000_000);
    let times = Times {
        sequenced,
        effective: sequenced,
    };
    let by = caller();
    let added = vault.add_sequenced(&by, synchronizer, times, transactions);
    let added = added.await.unwrap();
    assert!(added.iter().all(|it| it.outcome.name() == "accepted"));
}
