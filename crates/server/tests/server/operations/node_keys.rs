//! Rotating the keys that the node announces.

use strongroom_server::{
    ServerSettings,
    access::{Access, CallerRule, Grant, Identity, KeyPattern, Role},
    contract::strongroom::{
        AbandonNodeKeyRotationRequest, Custody, ListNodeKeyRotationsRequest, NodeKeyRotation,
        Place, ResumeNodeKeyRotationRequest, RotateNodeKeysEvent, RotateNodeKeysRequest,
        RotationStage,
        rotate_node_keys_event::{Done, Event},
        rotate_node_keys_request::{All, One, Which},
    },
};
use strongroom_store::KeyState;
use strongroom_vault::{Caller, Rotate, Successor};
use tonic::{Code, Status, Streaming};

use super::{client, to_the_end};
use crate::{
    house::{House, Plan, told},
    issuer::{TokenIssuer, tokens},
    raw::with_token,
    topology::identified,
};

/// The steps, and how it ended.
async fn steps(
    events: Streaming<RotateNodeKeysEvent>,
) -> Result<(Vec<NodeKeyRotation>, Done), Status> {
    let mut steps = Vec::new();
    for event in to_the_end(events).await? {
        match event.event.unwrap() {
            Event::Step(step) => steps.push(step),
            Event::Done(done) => return Ok((steps, done)),
        }
    }
    panic!("it ended without a last event");
}

fn rotate(which: Which, pause_for_backup: bool) -> RotateNodeKeysRequest {
    RotateNodeKeysRequest {
        which: Some(which),
        pause_for_backup,
    }
}

const fn all() -> Which {
    Which::All(All { place: None })
}

#[tokio::test]
async fn every_announced_key_is_rotated_step_by_step() {
    let house = House::new().await;
    identified(&house).await;
    let mut client = client(&house).await;
    let events = client.rotate_node_keys(rotate(all(), false)).await;
    let (told, done) = steps(events.unwrap().into_inner()).await.unwrap();
    assert_eq!(told.len(), 3 * done.rotations.len());
    assert!(done.waiting_for.is_empty() && !done.paused_for_backup);
    for rotation in &done.rotations {
        assert_eq!(rotation.stage(), RotationStage::Retired);
        assert_eq!(rotation.custody(), Custody::Envelope);
        let old = house.vault.key(&rotation.old.parse().unwrap()).unwrap();
        assert_eq!(old.private.as_ref().unwrap().state, KeyState::Retired);
        let of_it = told.iter().filter(|step| step.old == rotation.old);
        let stages: Vec<_> = of_it.map(NodeKeyRotation::stage).collect();
        let expected = [
            RotationStage::Announced,
            RotationStage::Withdrawn,
            RotationStage::Retired,
        ];
        assert_eq!(stages, expected);
    }
    assert!(house.vault.rotations().is_empty());
}

#[tokio::test]
async fn a_rotation_pauses_for_a_backup_and_is_resumed_or_given_up() {
    let house = House::new().await;
    identified(&house).await;
    let mut client = client(&house).await;
    for resume in [true, false] {
        let events = client.rotate_node_keys(rotate(all(), true)).await;
        let (told, done) = steps(events.unwrap().into_inner()).await.unwrap();
        assert!(told.is_empty() && done.paused_for_backup);
        let under_way = done.rotations.len();
        assert_eq!(house.vault.rotations().len(), under_way);
        let listed = client.list_node_key_rotations(ListNodeKeyRotationsRequest {});
        assert_eq!(
            listed.await.unwrap().into_inner().rotations.len(),
            under_way
        );
        if resume {
            let request = ResumeNodeKeyRotationRequest::default();
            let events = client.resume_node_key_rotation(request).await;
            let (_told, done) = steps(events.unwrap().into_inner()).await.unwrap();
            let retired = |it: &NodeKeyRotation| it.stage() == RotationStage::Retired;
            assert!(done.rotations.len() == under_way && done.rotations.iter().all(retired));
        } else {
            let abandon = AbandonNodeKeyRotationRequest {};
            let given_up = client.abandon_node_key_rotation(abandon).await.unwrap();
            assert_eq!(given_up.into_inner().rotations.len(), under_way);
        }
        assert!(house.vault.rotations().is_empty());
    }
}

#[tokio::test]
async fn a_rotation_that_cannot_be_meant_begins_nothing() {
    let house = House::new().await;
    let keys = identified(&house).await;
    let mut client = client(&house).await;
    let one = |fingerprint: String, custody: Custody| {
        Which::One(One {
            fingerprint,
            name: String::new(),
            place: Some(Place {
                custody: custody.into(),
                kms: String::new(),
            }),
        })
    };
    let root = keys.member.uid.namespace().to_string();
    for (which, id) in [
        (None, "PROTO_DESERIALIZATION_FAILURE"),
        (
            Some(one("1220".to_owned(), Custody::Envelope)),
            "PROTO_DESERIALIZATION_FAILURE",
        ),
        (
            Some(one(root.clone(), Custody::Clear)),
            "PROTO_DESERIALIZATION_FAILURE",
        ),
        (Some(one(root, Custody::Envelope)), "PERMANENT_KEY"),
    ] {
        let request = RotateNodeKeysRequest {
            which,
            pause_for_backup: false,
        };
        let events = client.rotate_node_keys(request).await.unwrap().into_inner();
        assert_eq!(told(&steps(events).await.unwrap_err()).0, id);
    }
    let request = ResumeNodeKeyRotationRequest {
        not_waiting_for: vec!["nonsense".to_owned()],
    };
    let events = client.resume_node_key_rotation(request).await.unwrap();
    let status = steps(events.into_inner()).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(house.vault.rotations().is_empty());
}

#[tokio::test]
async fn whoever_may_see_some_keys_sees_the_rotations_of_those_only() {
    let issuer = TokenIssuer::new();
    let rule = |name: &str| {
        let keys = vec![KeyPattern::Name(name.to_owned())];
        CallerRule {
            name: name.to_owned(),
            identities: vec![Identity::token(name)],
            grants: vec![Grant::role(Role::Node).with_keys(keys)],
            rate_limit: None,
        }
    };
    let server = ServerSettings {
        access: Access::of(
            ["participant1-signing", "next", "other", "*"]
                .map(rule)
                .to_vec(),
        ),
        tokens: tokens(vec![issuer.service()]),
        ..ServerSettings::default()
    };
    let house = House::planned(Plan {
        server,
        ..Plan::default()
    })
    .await;
    identified(&house).await;
    let signing = house.vault.list(&Default::default()).unwrap();
    let is_it = |name: &str| name == "participant1-signing";
    let signing = signing
        .iter()
        .find(|key| key.name.as_ref().is_some_and(|it| is_it(it.as_str())));
    let one = Rotate::One {
        old: signing.unwrap().fingerprint(),
        successor: Successor::Generated {
            name: Some("next".parse().unwrap()),
            place: None,
        },
    };
    let begun = house
        .vault
        .begin_rotation(&Caller::new("test"), one)
        .await
        .unwrap();
    let mut client = client(&house).await;
    let mut seen = async |by: &str| {
        let request = with_token(ListNodeKeyRotationsRequest {}, Some(&issuer.token(by)));
        let listed = client.list_node_key_rotations(request).await;
        listed.unwrap().into_inner().rotations
    };
    assert_eq!(seen("other").await, []);
    let whole = seen("*").await;
    assert_eq!((whole.len(), whole[0].name.as_str()), (1, "next"));
    assert_eq!(seen("next").await, whole);
    // Of the new key topology tells no more than this.
    let part = NodeKeyRotation {
        old: begun[0].old.to_string(),
        new: begun[0].new.to_string(),
        name: String::new(),
        custody: Custody::Unspecified.into(),
        ..whole[0].clone()
    };
    assert_eq!(seen("participant1-signing").await, [part]);
}
