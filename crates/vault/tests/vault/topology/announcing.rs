//! Announcing and taking back statements of the node's own.

use strongroom_errors::Coded;
use strongroom_topology::{
    ForceFlag, ForceFlags, Mapping, MemberCode, Operation, Outcome, OwnerToKeyMapping, Restriction,
    Serial, StoreId,
};
use strongroom_vault::{AuditOperation, Proposal};

use super::{
    node,
    picture::look,
    protocol_key,
    statements::{
        authorize, delegate, delegation, namespace, namespace_key, party, party_with_threshold,
        protocol_key_of, public, rows, signers, sorted,
    },
};
use crate::house::{House, caller, code};

#[tokio::test]
async fn serials_are_given_as_canton_gives_them() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let namespace = namespace(&vault);
    let (one, other) = (protocol_key_of(&vault).await, protocol_key_of(&vault).await);
    let (first, changed) = (
        party(&namespace, "party", &[&one]),
        party(&namespace, "party", &[&one, &other]),
    );
    let (add, remove) = (Operation::AddReplace, Operation::Remove);
    let mismatch = Err("TOPOLOGY_SERIAL_MISMATCH");
    let exists = Err("TOPOLOGY_MAPPING_ALREADY_EXISTS");
    // In this order: each follows on what those above it left.
    for (operation, mapping, given, expected) in [
        (add, &first, Some(2), mismatch),
        (add, &first, None, Ok(1)),
        (add, &first, None, exists),
        (add, &first, Some(1), exists),
        (add, &first, Some(2), exists),
        (add, &changed, Some(1), mismatch),
        (add, &changed, Some(3), mismatch),
        (add, &changed, Some(2), Ok(2)),
        (remove, &changed, Some(2), mismatch),
        (remove, &changed, None, Ok(3)),
        (remove, &changed, None, exists),
        (add, &changed, Some(1), mismatch),
        (add, &changed, None, Ok(4)),
    ] {
        let before = look(&house, &vault).await;
        let proposal = Proposal {
            operation,
            serial: given.map(|serial| Serial::try_new(serial).unwrap()),
            ..Proposal::announce(mapping.clone())
        };
        let step = format!("{operation:?} {given:?}");
        let outcome = authorize(&vault, proposal).await;
        let outcome = outcome.map_err(|error| error.code().name());
        let after = look(&house, &vault).await;
        match (outcome, expected) {
            (Ok(authorized), Ok(expected)) => {
                let transaction = authorized.signed.transaction();
                assert_eq!(transaction.serial().get(), expected, "{step}");
                assert_eq!(authorized.outcome, Outcome::Accepted, "{step}");
                assert_ne!(after, before);
            }
            (Err(found), Err(expected)) => {
                assert_eq!(found, expected, "{step}");
                assert_eq!(after, before, "{step}");
            }
            (found, _) => panic!("{step}: {found:?}"),
        }
    }
}

#[tokio::test]
async fn the_same_statement_collects_the_signature_of_another_key() {
    let house = House::new();
    let (vault, keys) = node(&house).await;
    let delegate = delegate(&vault, Restriction::AllMappings).await;
    let party = party(
        &namespace(&vault),
        "party",
        &[&protocol_key_of(&vault).await],
    );
    let first = authorize(&vault, Proposal::announce(party.clone()))
        .await
        .unwrap();
    // The key farthest from the root was chosen.
    assert!(signers(&first.signed).contains(&delegate.fingerprint()));
    let root = keys.root.unwrap();
    let proposal = Proposal {
        signing_keys: vec![root],
        ..Proposal::announce(party)
    };
    let second = authorize(&vault, proposal.clone()).await.unwrap();
    assert_eq!(second.signed.hash(), first.signed.hash());
    let mut expected = signers(&first.signed);
    expected.push(root);
    expected.sort();
    assert_eq!(signers(&second.signed), expected);
    let rows = rows(&vault).await;
    let last = rows.last().unwrap();
    assert_eq!(signers(&last.signed), expected);
    assert_eq!(last.signed.transaction().serial(), Serial::FIRST);
    assert!(last.is_accepted() && last.valid_until.is_none());
    assert_eq!(
        code(authorize(&vault, proposal).await),
        "TOPOLOGY_MAPPING_ALREADY_EXISTS"
    );
}

#[tokio::test]
async fn a_proposal_waits_until_the_missing_key_has_signed() {
    let (house, other_house) = (House::new(), House::numbered(2));
    let (vault, _) = node(&house).await;
    let other = other_house.create().await;
    let key = protocol_key_of(&other).await;
    let party = party(&namespace(&vault), "party", &[&key]);
    // It proves itself only where it is.
    let refused = authorize(&vault, Proposal::announce(party.clone())).await;
    assert_eq!(code(refused), "TOPOLOGY_UNAUTHORIZED_TRANSACTION");
    let proposal = Proposal {
        must_fully_authorize: false,
        ..Proposal::announce(party)
    };
    let proposed = authorize(&vault, proposal).await.unwrap();
    assert_eq!(proposed.outcome, Outcome::Proposed);
    assert!(proposed.signed.is_proposal());

    let signed = other
        .sign_transactions(
            &caller(),
            &StoreId::Authorized,
            vec![proposed.signed.clone()],
            &[],
            ForceFlags::default(),
        )
        .await
        .unwrap();
    assert_eq!(signed[0].signatures().len(), 2);
    let added = super::statements::add(&vault, signed).await.unwrap();
    assert_eq!(super::statements::outcomes(&added), ["accepted"]);
    let rows = rows(&vault).await;
    let [.., rejected, waited, holds] = rows.as_slice() else {
        panic!("{rows:?}")
    };
    assert_eq!(rejected.rejection.as_deref(), Some("Not fully authorized"));
    assert!(waited.signed.is_proposal());
    assert_eq!(waited.valid_until, Some(holds.valid_from));
    assert!(holds.is_accepted() && holds.is_open());
    look(&house, &vault).await;
}

#[tokio::test]
async fn a_proposal_that_is_repeated_changes_nothing_and_says_who_has_signed() {
    let house = House::new();
    let (vault, keys) = node(&house).await;
    let other_house = House::numbered(2);
    let elsewhere = other_house.create().await;
    let delegate = delegate(&vault, Restriction::AllMappings).await;
    let mapping = party(
        &namespace(&vault),
        "party",
        &[&protocol_key_of(&elsewhere).await],
    );
    let proposal = Proposal {
        must_fully_authorize: false,
        ..Proposal::announce(mapping)
    };
    authorize(&vault, proposal.clone()).await.unwrap();
    let before = look(&house, &vault).await;
    let again = authorize(&vault, proposal.clone()).await.unwrap();
    assert_eq!(again.outcome, Outcome::Unchanged);
    assert_eq!(look(&house, &vault).await, before);
    let root = keys.root.unwrap();
    let by_root = Proposal {
        signing_keys: vec![root],
        ..proposal
    };
    let more = authorize(&vault, by_root).await.unwrap();
    assert_eq!(more.outcome, Outcome::Proposed);
    assert_eq!(
        signers(&more.signed),
        sorted(&[&delegate, &public(&vault, &root)])
    );
}

#[tokio::test]
async fn another_nodes_keys_are_announced_only_by_force() {
    let house = House::new();
    let (vault, keys) = node(&house).await;
    let mut member = keys.member.clone();
    member.code = MemberCode::Mediator;
    let key = vault.key(&protocol_key(&vault).await).unwrap();
    let mapping = OwnerToKeyMapping::try_new(member, vec![key.public.clone()]).unwrap();
    let proposal = |force| Proposal {
        force,
        ..Proposal::announce(Mapping::OwnerToKeyMapping(mapping.clone()))
    };
    let before = look(&house, &vault).await;
    assert_eq!(
        code(authorize(&vault, proposal(ForceFlags::default())).await),
        "TOPOLOGY_DANGEROUS_COMMAND_REQUIRES_FORCE_ALIEN_MEMBER"
    );
    assert_eq!(look(&house, &vault).await, before);
    let forced = ForceFlags::of([ForceFlag::AlienMember]);
    let authorized = authorize(&vault, proposal(forced)).await.unwrap();
    assert_eq!(authorized.outcome, Outcome::Accepted);
}

#[tokio::test]
async fn a_threshold_that_cannot_be_reached_is_not_announced() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let key = protocol_key_of(&vault).await;
    let mapping = party_with_threshold(&namespace(&vault), "party", &[&key], 2);
    let before = look(&house, &vault).await;
    for force in [ForceFlags::default(), ForceFlags::all()] {
        let proposal = Proposal {
            force,
            ..Proposal::announce(mapping.clone())
        };
        assert_eq!(
            code(authorize(&vault, proposal).await),
            "TOPOLOGY_SIGNING_THRESHOLD_CANNOT_BE_REACHED"
        );
    }
    assert_eq!(look(&house, &vault).await, before);
}

#[tokio::test]
async fn everything_announced_is_there_byte_for_byte_after_opening_again() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let key = delegate(&vault, Restriction::AllButNamespaceDelegations).await;
    let other_house = House::numbered(2);
    let elsewhere = other_house.create().await;
    let waiting = Proposal {
        must_fully_authorize: false,
        ..Proposal::announce(party(
            &namespace(&vault),
            "waiting",
            &[&protocol_key_of(&elsewhere).await],
        ))
    };
    authorize(&vault, waiting.clone()).await.unwrap();
    let rejected = Proposal {
        must_fully_authorize: true,
        ..waiting
    };
    authorize(&vault, rejected).await.unwrap_err();
    let mapping = delegation(
        &namespace(&vault),
        &key,
        Restriction::AllButNamespaceDelegations,
    );
    authorize(&vault, Proposal::revoke(mapping)).await.unwrap();
    let before = look(&house, &vault).await;
    assert_eq!(before.stores[&StoreId::Authorized].len(), 6);
    vault.close().await.unwrap();
    let vault = house.open().await;
    assert_eq!(look(&house, &vault).await, before);
    assert_eq!(
        vault.topology_stores().await.unwrap(),
        [StoreId::Authorized]
    );
}

#[tokio::test]
async fn the_audit_log_says_what_was_announced_who_signed_and_what_became_of_it() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let key = protocol_key_of(&vault).await;
    let mapping = party(&namespace(&vault), "party", &[&key]);
    let accepted = authorize(&vault, Proposal::announce(mapping.clone()))
        .await
        .unwrap();
    let stranger = namespace_key(&vault).await;
    let forced = Proposal {
        signing_keys: vec![stranger.fingerprint()],
        force: ForceFlags::all(),
        ..Proposal::revoke(mapping)
    };
    authorize(&vault, forced).await.unwrap_err();
    let mut told = Vec::new();
    vault
        .walk_audit(|entry| {
            if entry.operation == AuditOperation::AuthorizeTopology {
                told.push(entry.details);
            }
        })
        .await
        .unwrap();
    let [.., first, second] = told.as_slice() else {
        panic!("{told:?}")
    };
    let signed_by: Vec<_> = accepted
        .signed
        .signed_by()
        .map(|key| key.to_string())
        .collect();
    for (details, field, expected) in [
        (first, "store", "authorized"),
        (first, "transaction", &accepted.signed.hash().to_string()),
        (first, "mapping", "PARTY_TO_KEY_MAPPING"),
        (first, "operation", "ADD_REPLACE"),
        (first, "serial", "1"),
        (first, "signed_by", &signed_by.join(" ")),
        (first, "outcome", "accepted"),
        (second, "operation", "REMOVE"),
        (second, "serial", "2"),
        (second, "signed_by", &stranger.fingerprint().to_string()),
        (second, "outcome", "rejected"),
    ] {
        assert_eq!(details[field], expected, "{field}");
    }
}

#[tokio::test]
async fn a_store_that_nobody_made_takes_nothing() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let mapping = party(
        &namespace(&vault),
        "party",
        &[&protocol_key_of(&vault).await],
    );
    for id in ["temporary:nowhere", "synchronizer:da::ns::34-0"] {
        let id: StoreId = id.parse().unwrap();
        let proposal = Proposal::announce(mapping.clone());
        let refused = vault.authorize(&caller(), &id, proposal).await;
        assert_eq!(code(refused), "TOPOLOGY_STORE_NOT_FOUND");
        assert_eq!(code(vault.topology(&id).await), "TOPOLOGY_STORE_NOT_FOUND");
    }
    assert_eq!(
        vault.topology_stores().await.unwrap(),
        [StoreId::Authorized]
    );
}
