//! Rotating the keys that the node announces.

use std::{collections::BTreeSet, sync::Arc};

use strongroom_crypto::{Fingerprint, KeyName};
use strongroom_topology::StoreId;
use strongroom_vault::{Place, Rotate, Rotation, RotationStep, Successor, Vault};

use super::fields::{custody_field, fingerprint, kms_key_id, place, some};
use crate::{
    access::{NamedKey, Operation},
    context::Context,
    contract::strongroom::{
        self as wire, AbandonNodeKeyRotationRequest, AbandonNodeKeyRotationResponse,
        ListNodeKeyRotationsRequest, ListNodeKeyRotationsResponse, NodeKeyRotation,
        ResumeNodeKeyRotationRequest, RotateNodeKeysEvent, RotateNodeKeysRequest,
        RotationStage as Stage,
        rotate_node_keys_event::{Done, Event},
        rotate_node_keys_request::Which,
    },
    failure::{Failure, in_words},
    long_work::{Doing, Telling},
};

type Told = Arc<Telling<RotateNodeKeysEvent>>;

pub(super) async fn rotate(
    vault: Arc<Vault>,
    context: Context,
    message: RotateNodeKeysRequest,
    telling: Told,
) -> Result<impl Doing<RotateNodeKeysEvent>, Failure> {
    let pause = message.pause_for_backup;
    let which = which(message.which.ok_or_else(|| Failure::not_set("which"))?)?;
    Ok(async move {
        let begun = vault.begin_rotation(&context.caller(), which).await?;
        if pause && !begun.is_empty() {
            return Ok(done(Done {
                rotations: all(&vault, &begun, Stage::Begun),
                waiting_for: Vec::new(),
                paused_for_backup: true,
            }));
        }
        advance(&vault, &context, &BTreeSet::new(), &telling).await
    })
}

pub(super) async fn resume(
    vault: Arc<Vault>,
    context: Context,
    message: ResumeNodeKeyRotationRequest,
    telling: Told,
) -> Result<impl Doing<RotateNodeKeysEvent>, Failure> {
    let stores = message.not_waiting_for.iter().map(|text| {
        text.parse::<StoreId>().map_err(|error| {
            Failure::unreadable(format!("Field `not_waiting_for`: {}", in_words(&error)))
        })
    });
    let stores = stores.collect::<Result<BTreeSet<_>, _>>()?;
    // That none is under way is for the process to say that would go on with it.
    vault.check_writes().await?;
    Ok(async move { advance(&vault, &context, &stores, &telling).await })
}

pub(super) async fn abandon(
    vault: Arc<Vault>,
    context: Context,
    _message: AbandonNodeKeyRotationRequest,
) -> Result<AbandonNodeKeyRotationResponse, Failure> {
    let abandoned = vault.abandon_rotations(&context.caller()).await?;
    Ok(AbandonNodeKeyRotationResponse {
        rotations: all(&vault, &abandoned, Stage::Abandoned),
    })
}

/// Those of keys that the caller may see. Where that is the old one only, nothing is told of the new one but which it is, as topology does.
pub(super) async fn list(
    vault: Arc<Vault>,
    context: Context,
    _message: ListNodeKeyRotationsRequest,
) -> Result<ListNodeKeyRotationsResponse, Failure> {
    let sees = |fingerprint: Fingerprint| {
        let key = vault.key(&fingerprint);
        // Of a public half that is gone nobody knows the name any more.
        let gone = NamedKey {
            fingerprint,
            name: "",
            usages: None,
        };
        let named = key.as_ref().map_or(gone, NamedKey::from);
        context.subject.may_with(Operation::KeysList, named)
    };
    let rotations = vault.rotations().into_iter().filter_map(|rotation| {
        let sees_new = sees(rotation.new);
        let told = view(&vault, &rotation, Stage::Unspecified);
        match (sees_new, sees(rotation.old)) {
            (true, _) => Some(told),
            (false, true) => Some(NodeKeyRotation {
                name: String::new(),
                custody: wire::Custody::Unspecified.into(),
                kms: String::new(),
                kms_key_id: String::new(),
                ..told
            }),
            (false, false) => None,
        }
    });
    Ok(ListNodeKeyRotationsResponse {
        rotations: rotations.collect(),
    })
}

fn which(which: Which) -> Result<Rotate, Failure> {
    Ok(match which {
        Which::All(all) => Rotate::All {
            place: sealed_place(all.place)?,
        },
        Which::One(one) => Rotate::One {
            old: fingerprint(&one.fingerprint)?,
            successor: Successor::Generated {
                name: name(&one.name)?,
                place: sealed_place(one.place)?,
            },
        },
        Which::Registered(one) => Rotate::One {
            old: fingerprint(&one.fingerprint)?,
            successor: Successor::Registered {
                kms: some(one.kms),
                key: kms_key_id(one.kms_key_id)?.ok_or_else(|| Failure::not_set("kms_key_id"))?,
                name: name(&one.name)?,
            },
        },
    })
}

fn name(text: &str) -> Result<Option<KeyName>, Failure> {
    KeyName::parse_optional(text).map_err(|error| Failure::unreadable(in_words(&error)))
}

/// That keys are stored readable is for the configuration to say.
fn sealed_place(field: Option<wire::Place>) -> Result<Option<Place>, Failure> {
    match field.map(place).transpose()? {
        Some(Place::Clear) => Err(Failure::unreadable(
            "Field `place`: only the configuration has new keys stored readable",
        )),
        place => Ok(place),
    }
}

/// Does every step that can be done now, and tells of each.
async fn advance(
    vault: &Vault,
    context: &Context,
    not_waiting_for: &BTreeSet<StoreId>,
    telling: &Telling<RotateNodeKeysEvent>,
) -> Result<RotateNodeKeysEvent, Failure> {
    let caller = context.caller();
    let mut rotations = all(vault, &vault.rotations(), Stage::Begun);
    let mut waiting_for = Vec::new();
    while let Some(step) = vault.advance_rotation(&caller, not_waiting_for).await? {
        let (rotation, stage) = match step {
            RotationStep::Announced(rotation) => (rotation, Stage::Announced),
            RotationStep::Withdrawn(rotation) => (rotation, Stage::Withdrawn),
            RotationStep::Retired(rotation) => (rotation, Stage::Retired),
            RotationStep::Waiting { rotation, stores } => {
                waiting_for = stores.iter().map(ToString::to_string).collect();
                (rotation, Stage::Waiting)
            }
            // A step that this version does not know changes nothing in what is told.
            _ => continue,
        };
        let told = view(vault, &rotation, stage);
        let same = |known: &&mut NodeKeyRotation| known.old == told.old;
        if let Some(known) = rotations.iter_mut().find(same) {
            *known = told.clone();
        }
        telling.tell(RotateNodeKeysEvent {
            event: Some(Event::Step(told)),
        });
        if stage == Stage::Waiting {
            break;
        }
    }
    Ok(done(Done {
        rotations,
        waiting_for,
        paused_for_backup: false,
    }))
}

const fn done(done: Done) -> RotateNodeKeysEvent {
    RotateNodeKeysEvent {
        event: Some(Event::Done(done)),
    }
}

fn all(vault: &Vault, rotations: &[Rotation], stage: Stage) -> Vec<NodeKeyRotation> {
    let views = rotations.iter();
    views.map(|rotation| view(vault, rotation, stage)).collect()
}

fn view(vault: &Vault, rotation: &Rotation, stage: Stage) -> NodeKeyRotation {
    // The public half may be gone by force; the rotation can still be looked at and given up.
    let new = vault.key(&rotation.new).ok();
    let name = new.as_ref().and_then(|key| key.name.as_ref());
    let half = new.as_ref().and_then(|key| key.private.as_ref());
    let held = half.and_then(|half| half.external.as_deref().cloned());
    let (kms, kms_key_id) = held.map(|held| (held.kms, held.key_id)).unwrap_or_default();
    NodeKeyRotation {
        old: rotation.old.to_string(),
        new: rotation.new.to_string(),
        member: rotation.member.to_string(),
        created_at: rotation.created_at.as_micros(),
        stage: stage.into(),
        name: name.map_or_else(String::new, |name| name.as_str().to_owned()),
        custody: half
            .map_or(wire::Custody::Unspecified, |half| {
                custody_field(half.custody)
            })
            .into(),
        kms,
        kms_key_id,
    }
}
