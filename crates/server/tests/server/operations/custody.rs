//! Where private keys are.

use strongroom_crypto::Fingerprint;
use strongroom_server::{
    ServerSettings,
    access::{Access, CallerRule, Grant, Identity, KeyPattern, Operation},
    contract::strongroom::{
        Custody, DropCopiesRequest, KeySelection, MigrateKeysRequest, Place, PlanMigrationRequest,
        RetireKeyRequest, SealKeysRequest, migrate_keys_event,
    },
};
use strongroom_store::{Custody as Stored, KeyState};
use strongroom_vault::{CustodyDefaults, Settings};
use tonic::Code;

use super::{client, to_the_end};
use crate::{
    house::{House, Plan, told},
    issuer::{TokenIssuer, tokens},
    raw::with_token,
    vault_service::key,
};

const fn all() -> Option<KeySelection> {
    Some(KeySelection {
        fingerprints: Vec::new(),
        all: true,
    })
}

fn these(keys: &[Fingerprint]) -> Option<KeySelection> {
    Some(KeySelection {
        fingerprints: keys.iter().map(ToString::to_string).collect(),
        all: false,
    })
}

fn to(custody: Custody) -> Option<Place> {
    Some(Place {
        custody: custody.into(),
        kms: String::new(),
    })
}

fn clear() -> Settings {
    Settings {
        custody: CustodyDefaults {
            signing: Stored::Clear,
            ..CustodyDefaults::default()
        },
        ..Settings::default()
    }
}

#[tokio::test]
async fn a_retired_key_stays_retired() {
    let house = House::new().await;
    let key = key(&house.vault, "one").await;
    let mut client = client(&house).await;
    for _again in 0..2 {
        let request = RetireKeyRequest {
            fingerprint: key.to_string(),
        };
        client.retire_key(request).await.unwrap();
        let entry = house.vault.key(&key).unwrap();
        assert_eq!(entry.private.as_ref().unwrap().state, KeyState::Retired);
    }
    for (fingerprint, code) in [
        ("nonsense".to_owned(), Code::InvalidArgument),
        (format!("1220{}", "00".repeat(32)), Code::NotFound),
    ] {
        let request = RetireKeyRequest { fingerprint };
        let status = client.retire_key(request).await.unwrap_err();
        assert_eq!(status.code(), code, "{status:?}");
    }
}

#[tokio::test]
async fn readable_keys_are_sealed_and_moved_back_where_the_configuration_has_them_so() {
    let house = House::planned(Plan {
        settings: clear(),
        ..Plan::default()
    })
    .await;
    let key = key(&house.vault, "one").await;
    let custody = || {
        house
            .vault
            .key(&key)
            .unwrap()
            .private
            .as_ref()
            .unwrap()
            .custody
    };
    assert_eq!(custody(), Stored::Clear);
    let mut client = client(&house).await;
    let request = SealKeysRequest { keys: all() };
    let sealed = client.seal_keys(request).await.unwrap().into_inner();
    assert_eq!(sealed.sealed, [key.to_string()]);
    assert_eq!(custody(), Stored::Envelope);

    let plan = PlanMigrationRequest {
        keys: these(&[key]),
        from: 0,
        to: to(Custody::Clear),
    };
    let planned = client.plan_migration(plan).await.unwrap().into_inner();
    assert_eq!(planned.keys[0].r#move, "unseal");
    assert_eq!(custody(), Stored::Envelope);
    let migrate = MigrateKeysRequest {
        keys: all(),
        from: Custody::Envelope.into(),
        to: to(Custody::Clear),
    };
    let events = client.migrate_keys(migrate).await.unwrap().into_inner();
    let mut events = to_the_end(events).await.unwrap();
    let Some(migrate_keys_event::Event::Done(done)) = events.pop().unwrap().event else {
        panic!("{events:?}");
    };
    assert!(done.failed.is_none());
    assert_eq!(done.keys[0].r#move, "unseal");
    assert_eq!(custody(), Stored::Clear);
}

#[tokio::test]
async fn a_key_that_cannot_be_moved_stays_and_says_why() {
    let house = House::new().await;
    let key = key(&house.vault, "one").await;
    let mut client = client(&house).await;
    let migrate = MigrateKeysRequest {
        keys: these(&[key, key]),
        from: 0,
        to: to(Custody::Clear),
    };
    let events = client.migrate_keys(migrate).await.unwrap().into_inner();
    let mut events = to_the_end(events).await.unwrap();
    let Some(migrate_keys_event::Event::Done(done)) = events.pop().unwrap().event else {
        panic!("{events:?}");
    };
    let [stays] = done.keys.as_slice() else {
        panic!("{done:?}");
    };
    assert_eq!(stays.from(), Custody::Envelope);
    assert!(stays.r#move.is_empty());
    assert_eq!(stays.stays.as_ref().unwrap().code, "CLEAR_NOT_CONFIGURED");
}

#[tokio::test]
async fn a_selection_that_cannot_be_meant_is_refused() {
    let house = House::new().await;
    let key = key(&house.vault, "one").await;
    let mut client = client(&house).await;
    let both = KeySelection {
        fingerprints: vec![key.to_string()],
        all: true,
    };
    for keys in [None, Some(KeySelection::default()), Some(both)] {
        let request = SealKeysRequest { keys };
        let status = client.seal_keys(request).await.unwrap_err();
        assert_eq!(told(&status).0, "PROTO_DESERIALIZATION_FAILURE");
    }
    for place in [
        None,
        to(Custody::Unspecified),
        Some(Place {
            custody: Custody::Envelope.into(),
            kms: "local".to_owned(),
        }),
        Some(Place {
            custody: 77,
            kms: String::new(),
        }),
    ] {
        let request = PlanMigrationRequest {
            keys: all(),
            from: 0,
            to: place,
        };
        let status = client.plan_migration(request).await.unwrap_err();
        assert_eq!(told(&status).0, "PROTO_DESERIALIZATION_FAILURE");
    }
    let request = DropCopiesRequest {
        keys: these(&[key]),
    };
    let events = client.drop_copies(request).await.unwrap().into_inner();
    let status = to_the_end(events).await.unwrap_err();
    assert_eq!(told(&status).0, "NO_COPY");
}

/// A server that has sealed keys readable where it is asked to, and knows `p1`, which is granted this.
async fn granted(grants: Vec<Grant>, issuer: &TokenIssuer) -> House {
    let rule = CallerRule {
        name: "p1".to_owned(),
        identities: vec![Identity::token("p1")],
        grants,
        rate_limit: None,
    };
    let server = ServerSettings {
        access: Access::of(vec![rule]),
        tokens: tokens(vec![issuer.service()]),
        ..ServerSettings::default()
    };
    House::planned(Plan {
        settings: clear(),
        server,
        ..Plan::default()
    })
    .await
}

fn of_p1() -> Vec<KeyPattern> {
    vec![KeyPattern::Name("p1-*".to_owned())]
}

/// Who may move every key, and make only some readable, makes only those readable.
#[tokio::test]
async fn keys_become_readable_only_where_that_is_granted() {
    let issuer = TokenIssuer::new();
    let grants = vec![
        Grant::of([Operation::KeysSeal, Operation::KeysMigrate]),
        Grant::of([Operation::KeysRevert]).with_keys(of_p1()),
    ];
    let house = granted(grants, &issuer).await;
    let own = key(&house.vault, "p1-signing").await;
    let other = key(&house.vault, "p2-signing").await;
    let token = issuer.token("p1");
    let mut client = client(&house).await;
    let request = SealKeysRequest { keys: all() };
    let sealed = client.seal_keys(with_token(request, Some(&token))).await;
    assert_eq!(sealed.unwrap().into_inner().sealed.len(), 2);
    let mut migrate = async |keys| {
        let request = MigrateKeysRequest {
            keys,
            from: 0,
            to: to(Custody::Clear),
        };
        let events = client.migrate_keys(with_token(request, Some(&token))).await;
        to_the_end(events.unwrap().into_inner()).await
    };
    for refused in [all(), these(&[other]), these(&[own, other])] {
        let status = migrate(refused).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied, "{status:?}");
    }
    assert!(house.vault.clear_keys().is_empty());
    migrate(these(&[own])).await.unwrap();
    assert_eq!(house.vault.clear_keys(), [own]);
}

/// A grant for some keys; readable is another operation.
#[tokio::test]
async fn keys_move_only_as_far_as_they_are_granted() {
    let issuer = TokenIssuer::new();
    let grant = Grant::of([Operation::KeysSeal, Operation::KeysMigrate]).with_keys(of_p1());
    let house = granted(vec![grant], &issuer).await;
    let own = key(&house.vault, "p1-signing").await;
    let other = key(&house.vault, "p2-signing").await;
    let token = issuer.token("p1");
    let mut client = client(&house).await;
    let request = SealKeysRequest {
        keys: these(&[other]),
    };
    let status = client.seal_keys(with_token(request, Some(&token))).await;
    assert_eq!(status.unwrap_err().code(), Code::PermissionDenied);
    let request = SealKeysRequest { keys: all() };
    let sealed = client.seal_keys(with_token(request, Some(&token))).await;
    assert_eq!(sealed.unwrap().into_inner().sealed, [own.to_string()]);
    let request = MigrateKeysRequest {
        keys: all(),
        from: 0,
        to: to(Custody::Clear),
    };
    let events = client.migrate_keys(with_token(request, Some(&token))).await;
    let status = to_the_end(events.unwrap().into_inner()).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    assert_eq!(house.vault.clear_keys(), [other]);
}
