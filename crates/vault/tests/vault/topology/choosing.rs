//! Which keys sign what is announced.

use strongroom_errors::Coded;
use strongroom_topology::{ForceFlag, ForceFlags, Mapping, Outcome, Restriction, StoreId};
use strongroom_vault::{Proposal, PublicKeyImport, VaultError};

use super::{
    node,
    picture::look,
    statements::{
        authorize, delegate, delegation, namespace, namespace_key, party, protocol_key_of, public,
        rows, signers, sorted,
    },
};
use crate::house::{House, caller, code, foreign_key};

#[tokio::test]
async fn keys_that_were_asked_for_sign_only_if_they_may() {
    let house = House::new();
    let (vault, keys) = node(&house).await;
    let namespace = namespace(&vault);
    let stranger = namespace_key(&vault).await;
    let public_only = foreign_key(7).public;
    vault
        .import_public_key(
            &caller(),
            PublicKeyImport {
                public: public_only.clone(),
                name: None,
            },
        )
        .await
        .unwrap();
    let party = party(&namespace, "party", &[&protocol_key_of(&vault).await]);
    let root = keys.root.unwrap();
    let check = async |signing_keys: Vec<_>, force, expected: &str| {
        let proposal = Proposal {
            signing_keys,
            force,
            ..Proposal::announce(party.clone())
        };
        let before = look(&house, &vault).await;
        let error = authorize(&vault, proposal).await.unwrap_err();
        assert_eq!(error.code().name(), expected);
        // What the store itself rejected it remembers.
        if !expected.ends_with("UNAUTHORIZED_TRANSACTION") {
            assert_eq!(look(&house, &vault).await, before);
        }
        error
    };
    let forced = ForceFlags::of([ForceFlag::AllowUnvalidatedSigningKeys]);
    let careful = ForceFlags::default();
    let unusable = check(
        vec![root, stranger.fingerprint()],
        careful,
        "TOPOLOGY_NO_APPROPRIATE_SIGNING_KEY_IN_STORE",
    );
    let VaultError::Topology(unusable) = unusable.await else {
        panic!("another error")
    };
    let text = unusable.to_string();
    let named = format!("unusable: {})", stranger.fingerprint());
    assert!(text.ends_with(&named), "{text}");

    let unauthorized = "TOPOLOGY_UNAUTHORIZED_TRANSACTION";
    check(vec![stranger.fingerprint()], forced, unauthorized).await;
    let rejected = rows(&vault).await.pop().unwrap();
    let expected = format!("No delegation found for keys {}", stranger.fingerprint());
    assert_eq!(rejected.rejection.as_deref(), Some(expected.as_str()));

    let missing = "TOPOLOGY_SECRET_KEY_NOT_IN_STORE";
    check(vec![public_only.fingerprint()], forced, missing).await;
    check(vec![foreign_key(8).public.fingerprint()], forced, missing).await;
}

#[tokio::test]
async fn keys_that_were_asked_for_sign_and_no_others() {
    let house = House::new();
    let (vault, keys) = node(&house).await;
    delegate(&vault, Restriction::AllMappings).await;
    let party_key = protocol_key_of(&vault).await;
    let proposal = Proposal {
        signing_keys: vec![keys.root.unwrap(), party_key.fingerprint()],
        ..Proposal::announce(party(&namespace(&vault), "party", &[&party_key]))
    };
    let authorized = authorize(&vault, proposal).await.unwrap();
    assert_eq!(authorized.outcome, Outcome::Accepted);
    let root = public(&vault, &keys.root.unwrap());
    assert_eq!(signers(&authorized.signed), sorted(&[&root, &party_key]));
}

#[tokio::test]
async fn a_retired_key_signs_no_statement() {
    let house = House::new();
    let (vault, keys) = node(&house).await;
    let (key, root) = (
        delegate(&vault, Restriction::AllMappings).await,
        keys.root.unwrap(),
    );
    let retire = async |key| vault.retire_key(&caller(), &key).await.unwrap();
    let mapping = async |name| {
        let key = protocol_key_of(&vault).await;
        party(&namespace(&vault), name, &[&key])
    };
    retire(key.fingerprint()).await;
    // The next one towards the root takes over.
    let authorized = authorize(&vault, Proposal::announce(mapping("one").await)).await;
    let signed = authorized.unwrap().signed;
    assert!(!signers(&signed).contains(&key.fingerprint()) && signers(&signed).contains(&root));
    for (force, expected) in [
        (
            ForceFlags::default(),
            "TOPOLOGY_NO_APPROPRIATE_SIGNING_KEY_IN_STORE",
        ),
        (ForceFlags::all(), "TOPOLOGY_SECRET_KEY_NOT_IN_STORE"),
    ] {
        let asked_for = Proposal {
            signing_keys: vec![key.fingerprint()],
            force,
            ..Proposal::announce(mapping("two").await)
        };
        assert_eq!(code(authorize(&vault, asked_for).await), expected);
    }
    retire(root).await;
    let last = delegation(
        &namespace(&vault),
        &namespace_key(&vault).await,
        Restriction::AllMappings,
    );
    let refused = authorize(&vault, Proposal::announce(last)).await;
    assert_eq!(
        code(refused),
        "TOPOLOGY_NO_APPROPRIATE_SIGNING_KEY_IN_STORE"
    );
}

#[tokio::test]
async fn a_revoked_key_authorizes_nothing_more_and_what_it_authorized_stays() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let namespace = namespace(&vault);
    let key = delegate(&vault, Restriction::AllMappings).await;
    let below = delegate(&vault, Restriction::AllMappings).await;
    let before = party(&namespace, "before", &[&protocol_key_of(&vault).await]);
    authorize(&vault, Proposal::announce(before.clone()))
        .await
        .unwrap();

    let mapping = delegation(&namespace, &key, Restriction::AllMappings);
    let revoked = authorize(&vault, Proposal::revoke(mapping)).await.unwrap();
    assert_eq!(revoked.signed.transaction().serial().get(), 2);
    // Nor may it sign its own end.
    assert!(!signers(&revoked.signed).contains(&key.fingerprint()));

    let after = party(&namespace, "after", &[&protocol_key_of(&vault).await]);
    for signer in [&key, &below] {
        let forced = Proposal {
            signing_keys: vec![signer.fingerprint()],
            force: ForceFlags::all(),
            ..Proposal::announce(after.clone())
        };
        assert_eq!(
            code(authorize(&vault, forced).await),
            "TOPOLOGY_UNAUTHORIZED_TRANSACTION"
        );
        let row = rows(&vault).await.pop().unwrap();
        let expected = format!("No delegation found for keys {}", signer.fingerprint());
        assert_eq!(row.rejection.as_deref(), Some(expected.as_str()));
        assert_eq!(row.valid_until, Some(row.valid_from));
    }
    let store = vault.topology(&StoreId::Authorized).await.unwrap();
    let holds = |mapping: &Mapping| {
        let row = store.in_store(&mapping.unique_key());
        row.is_some_and(|row| row.stated() == Some(mapping))
    };
    assert!(holds(&before) && !holds(&after));
    drop(store);
    look(&house, &vault).await;
    // The root signs in their place.
    authorize(&vault, Proposal::announce(after)).await.unwrap();
}
