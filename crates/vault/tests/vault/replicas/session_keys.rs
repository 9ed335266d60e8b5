//! Session keys of a key that another process took away.

use strongroom_crypto::KeyUsage;
use strongroom_topology::PhysicalSynchronizerId;
use strongroom_vault::{Rotate, SessionSigningSettings, Settings, SigningTime, Vault, VaultError};

use super::company::{Company, Process, settings};
use crate::{
    house::{caller, code},
    protocol::{MESSAGE, advance_rotation, follow, mediator, sequence, synchronizer},
};

fn with_session_keys() -> Settings {
    Settings {
        session_signing: Some(SessionSigningSettings {
            every_custody: true,
            ..SessionSigningSettings::default()
        }),
        ..settings()
    }
}

/// Two processes of a node that follows a synchronizer. The second one has a session key.
async fn node() -> (Company, [Process; 2], PhysicalSynchronizerId) {
    let (company, one) = Company::new_with(with_session_keys()).await;
    one.vault.initialize(&caller(), &mediator()).await.unwrap();
    let member = one.vault.identity().unwrap().member;
    let synchronizer = synchronizer(&member, "da", 35);
    follow(&one.vault, &synchronizer).await;
    let two = company.open_with("two", with_session_keys()).await;
    sign(&two.vault, &synchronizer, 0).await.unwrap();
    assert_eq!(two.vault.session_keys(), 1);
    (company, [one, two], synchronizer)
}

async fn sign(
    vault: &Vault,
    synchronizer: &PhysicalSynchronizerId,
    seconds: i64,
) -> Result<bool, VaultError> {
    let time = SigningTime::Approximate {
        at: crate::protocol::from_now(vault, seconds),
        until: None,
    };
    let signed = vault.sign_protocol(synchronizer, time, MESSAGE).await?;
    Ok(signed.delegation().is_some())
}

#[tokio::test]
async fn a_key_that_one_process_retires_or_deletes_leaves_no_session_key_in_the_other() {
    for is_deleted in [false, true] {
        let (_company, [one, two], synchronizer) = node().await;
        let key = one.vault.current_signing_key(KeyUsage::Protocol).await;
        let key = key.unwrap();
        if is_deleted {
            let by = caller();
            let deleted = one.vault.danger_delete_announced_key(&by, &key);
            deleted.await.unwrap();
        } else {
            one.vault.retire_key(&caller(), &key).await.unwrap();
        }
        two.vault.catch_up().await.unwrap();
        assert_eq!(two.vault.session_keys(), 0);
        let refused = sign(&two.vault, &synchronizer, 0).await;
        assert_eq!(code(refused), "NO_CURRENT_KEY");
    }
}

#[tokio::test]
async fn a_key_that_one_process_withdraws_leaves_no_session_key_in_the_other_which_has_only_caught_up()
 {
    let (_company, [one, two], synchronizer) = node().await;
    let old = one.vault.current_signing_key(KeyUsage::Protocol).await;
    let rotated = Rotate::one(old.unwrap());
    one.vault.begin_rotation(&caller(), rotated).await.unwrap();
    let newest = advance_rotation(&one.vault).await;
    sequence(&one.vault, &synchronizer, -1, vec![newest]).await;
    two.vault.catch_up().await.unwrap();
    assert_eq!(
        two.vault.session_keys(),
        1,
        "the old key is announced still"
    );
    let withdrawal = advance_rotation(&one.vault).await;
    sequence(&one.vault, &synchronizer, -1, vec![withdrawal]).await;
    two.vault.catch_up().await.unwrap();
    assert_eq!(two.vault.session_keys(), 0);
    assert!(sign(&two.vault, &synchronizer, 0).await.unwrap());
}
