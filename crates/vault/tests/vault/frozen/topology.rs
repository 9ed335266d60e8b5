//! The vault of version 2: a node with topology.

use std::{fmt::Write as _, fs};

use strongroom_topology::{Restriction, StoreId};
use strongroom_vault::{Proposal, Rotate, RotationStep, Vault};

use super::{Sample, house_of_a_sample, keep_sample, pasts};
use crate::{
    house::{House, caller, code},
    topology::{
        PATIENT, announced_keys, finish_rotations,
        picture::TopologyPicture,
        protocol_key,
        statements::{authorize, delegate, namespace, party, protocol_key_of, rows},
        synchronizers::{second, sequence},
        with_intermediate_key,
    },
};

/// All of topology as lines of text.
fn lines(picture: &TopologyPicture) -> String {
    let mut lines = String::new();
    let identity = picture.identity.as_ref().unwrap();
    writeln!(lines, "identity | {}", identity.member).unwrap();
    for rotation in &picture.rotations {
        let (old, new) = (rotation.old, rotation.new);
        writeln!(lines, "rotation | {old} | {new} | {}", rotation.position).unwrap();
    }
    for (store, rows) in &picture.stores {
        for row in rows {
            let until = row.valid_until.map(|until| until.as_micros().to_string());
            writeln!(
                lines,
                "row | {store} | {} | {} | {} | {} | {} | {}",
                row.ordinal,
                row.sequenced.as_micros(),
                row.valid_from.as_micros(),
                until.as_deref().unwrap_or("-"),
                row.rejection.as_deref().unwrap_or("-"),
                row.signed
            )
            .unwrap();
        }
    }
    lines
}

#[tokio::test]
async fn the_topology_of_version_2_is_there_byte_for_byte_and_its_rotation_goes_on() {
    let sample = Sample::of("v2");
    let expected = fs::read_to_string(Sample::folder("v2").join("topology.txt")).unwrap();
    let vault = sample.house.open().await;
    let picture = TopologyPicture::of(&vault).await;
    assert_eq!(lines(&picture), expected);
    for kind in ["rotation", "row | authorized", "row | synchronizer"] {
        assert!(
            expected.lines().any(|line| line.starts_with(kind)),
            "{kind}"
        );
    }
    let rows = &picture.stores[&StoreId::Authorized];
    assert!(rows.iter().any(|row| row.rejection.is_some()));

    // The new keys are announced; now a synchronizer must say so.
    let old = picture.rotations[0].old;
    assert!(announced_keys(&vault).await.contains(&old));
    let step = vault.advance_rotation(&caller(), &PATIENT).await.unwrap();
    assert!(
        matches!(step, Some(RotationStep::Waiting { .. })),
        "{step:?}"
    );
    follow(&vault, 1).await;
    let step = vault.advance_rotation(&caller(), &PATIENT).await.unwrap();
    assert!(matches!(step, Some(RotationStep::Withdrawn(_))), "{step:?}");
    follow(&vault, 2).await;
    finish_rotations(&vault).await;
    let signed = vault
        .sign(&old, b"message", crate::house::ALLOW_PROTOCOL)
        .await;
    assert_eq!(code(signed), "KEY_RETIRED");
    let after = TopologyPicture::of(&vault).await;
    vault.close().await.unwrap();
    let vault = sample.house.open().await;
    assert_eq!(TopologyPicture::of(&vault).await, after);
}

#[tokio::test]
async fn a_vault_of_version_1_becomes_a_nodes() {
    let sample = Sample::of("v1");
    let vault = sample.house.open().await;
    assert!(vault.identity().is_none() && vault.rotations().is_empty());
    assert_eq!(rows(&vault).await.len(), 0);
    let new = with_intermediate_key();
    let keys = vault.initialize(&caller(), &new).await.unwrap();
    let picture = TopologyPicture::of(&vault).await;
    vault.close().await.unwrap();
    let vault = sample.house.open().await;
    assert_eq!(vault.identity().unwrap().member, keys.member);
    assert_eq!(TopologyPicture::of(&vault).await, picture);
}

/// Sequences what the node's own store has accepted.
async fn follow(vault: &Vault, number: i64) {
    let rows = rows(vault).await.into_iter();
    let accepted = rows.filter(|row| row.is_accepted());
    let accepted = accepted.map(|row| row.signed.as_ref().clone()).collect();
    sequence(vault, second(number), accepted).await.unwrap();
}

/// Fills every table of topology with every kind of row.
async fn furnish(vault: &Vault) {
    let new = with_intermediate_key();
    vault.initialize(&caller(), &new).await.unwrap();
    delegate(vault, Restriction::AllMappings).await;
    let party_key = protocol_key_of(vault).await;
    let mapping = party(&namespace(vault), "party", &[&party_key]);
    authorize(vault, Proposal::announce(mapping.clone()))
        .await
        .unwrap();
    authorize(vault, Proposal::revoke(mapping)).await.unwrap();
    follow(vault, 0).await;
    let other_house = House::numbered(2);
    let elsewhere = protocol_key_of(&other_house.create().await).await;
    let waiting = Proposal {
        must_fully_authorize: false,
        ..Proposal::announce(party(&namespace(vault), "waiting", &[&elsewhere]))
    };
    authorize(vault, waiting.clone()).await.unwrap();
    let rejected = Proposal {
        must_fully_authorize: true,
        ..waiting
    };
    let refused = authorize(vault, rejected).await;
    assert_eq!(code(refused), "TOPOLOGY_UNAUTHORIZED_TRANSACTION");
}

#[tokio::test]
#[ignore = "makes a new frozen sample; run by hand when a stored form gets a new version"]
async fn make_the_sample() {
    let folder = tempfile::tempdir().unwrap();
    let house = house_of_a_sample(folder.path(), 2028);
    let vault = house.create().await;
    furnish(&vault).await;
    let old = protocol_key(&vault).await;
    let which = Rotate::one(old);
    vault.begin_rotation(&caller(), which).await.unwrap();
    vault.advance_rotation(&caller(), &PATIENT).await.unwrap();
    let pasts = pasts(&vault).await;
    let text = lines(&TopologyPicture::of(&vault).await);
    fs::write(folder.path().join("topology.txt"), text).unwrap();
    let sample = keep_sample(folder, vault, pasts).await;
    println!("the sample is in {}", sample.display());
}
