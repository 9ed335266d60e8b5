//! Numbers for monitoring.

use std::time::Duration;

use strongroom_store::{Custody, Sealing};
use strongroom_vault::{KeyAgeLimits, KeyClass, PublicKeyImport, Settings};

use crate::{
    backups::{back_up, verify},
    house::{House, caller, foreign_key, name, settings, signing_key},
    topology::{begin_rotation, finish_rotations, participant, protocol_key},
};

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn numbers_follow_what_is_done() {
    let limits = KeyAgeLimits {
        protocol: Some(365 * DAY),
        ..KeyAgeLimits::default()
    };
    let house = House::new().with_settings(Settings {
        max_key_age: limits,
        ..settings(Custody::Envelope, Sealing::DataKey)
    });
    let vault = house.create().await;
    vault.initialize(&caller(), &participant()).await.unwrap();
    let retired = signing_key(&vault).await;
    vault.retire_key(&caller(), &retired).await.unwrap();
    let import = PublicKeyImport {
        public: foreign_key(7).public,
        name: name("foreign"),
    };
    vault.import_public_key(&caller(), import).await.unwrap();
    let backup = back_up(&house, &vault).await;
    house.clock.advance(400 * DAY);
    let before = vault.numbers().await;
    assert_eq!(before.private_keys[&("envelope", "active")], 4);
    assert_eq!(before.private_keys[&("envelope", "retired")], 1);
    assert_eq!(before.private_keys[&("external", "active")], 0);
    assert_eq!((before.public_keys, before.exposed_keys), (1, 0));
    let protocol = before.ages[&KeyClass::Protocol];
    assert_eq!(protocol.oldest, Some(400 * DAY));
    assert_eq!((protocol.limit, protocol.overdue), (Some(365 * DAY), 1));
    assert_eq!(before.ages[&KeyClass::Encryption].limit, None);
    assert_eq!((before.backups, before.verified_backups), (1, 0));
    assert_eq!(before.last_verified_backup, None);
    assert_eq!(before.wrapper_keys[0].state.name(), "usable");
    assert!(!before.quarantined && !before.wrapper_key_rotation);

    let report = verify(&house, &backup).await.unwrap();
    let noted = vault.note_verified(&caller(), &report, [0; 32]).await;
    noted.unwrap();
    begin_rotation(&vault, protocol_key(&vault).await).await;
    let during = vault.numbers().await;
    assert_eq!((during.node_key_rotations, during.verified_backups), (1, 1));
    assert!(during.last_verified_backup.is_some());
    assert!(during.generation > before.generation);
    finish_rotations(&vault).await;
    let after = vault.numbers().await;
    assert_eq!(after.ages[&KeyClass::Protocol].overdue, 0);
    assert_eq!(after.private_keys[&("envelope", "retired")], 2);
}
