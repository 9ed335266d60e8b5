//! Rotations of a server's node keys.

use strongroom_crypto::KeyName;
use strongroom_server::contract::strongroom::{
    AbandonNodeKeyRotationRequest, NodeKeyRotation, ResumeNodeKeyRotationRequest,
    RotateNodeKeysEvent, RotateNodeKeysRequest, RotationStage,
    rotate_node_keys_event::Event,
    rotate_node_keys_request::{All, One, Registered, Which},
};
use strongroom_topology::StoreId;
use strongroom_vault::{Rotate, Successor};
use tonic::Streaming;

use super::{RemoteError, Server, custody};
use crate::commands::keys::rotate::{Report, View};

impl Server {
    pub(crate) async fn rotate_node_keys(
        &self,
        rotate: Rotate,
        pause_for_backup: bool,
        tell: impl Fn(&View),
    ) -> anyhow::Result<Report> {
        let request = RotateNodeKeysRequest {
            which: Some(which(rotate)),
            pause_for_backup,
        };
        let begun = self.operations().rotate_node_keys(request).await;
        to_the_end(begun.map_err(RemoteError::from)?.into_inner(), tell).await
    }

    pub(crate) async fn resume_node_key_rotation(
        &self,
        not_waiting_for: &[StoreId],
        tell: impl Fn(&View),
    ) -> anyhow::Result<Report> {
        let request = ResumeNodeKeyRotationRequest {
            not_waiting_for: not_waiting_for.iter().map(ToString::to_string).collect(),
        };
        let begun = self.operations().resume_node_key_rotation(request).await;
        to_the_end(begun.map_err(RemoteError::from)?.into_inner(), tell).await
    }

    pub(crate) async fn abandon_node_key_rotation(&self) -> anyhow::Result<Report> {
        let request = AbandonNodeKeyRotationRequest {};
        let abandoned = self.operations().abandon_node_key_rotation(request).await;
        let abandoned = abandoned.map_err(RemoteError::from)?.into_inner();
        Ok(Report {
            rotations: views(abandoned.rotations)?,
            waiting_for: Vec::new(),
            paused_for_backup: false,
        })
    }
}

async fn to_the_end(
    mut events: Streaming<RotateNodeKeysEvent>,
    tell: impl Fn(&View),
) -> anyhow::Result<Report> {
    while let Some(told) = events.message().await.map_err(RemoteError::from)? {
        match told.event {
            Some(Event::Step(step)) => tell(&view(step)?),
            Some(Event::Done(done)) => {
                return Ok(Report {
                    rotations: views(done.rotations)?,
                    waiting_for: done.waiting_for,
                    paused_for_backup: done.paused_for_backup,
                });
            }
            None => {}
        }
    }
    let reason = "it ended without saying how the rotation did".to_owned();
    Err(RemoteError::Gone { reason }.into())
}

fn which(rotate: Rotate) -> Which {
    let text = |name: Option<KeyName>| name.map(|it| it.as_str().to_owned()).unwrap_or_default();
    match rotate {
        Rotate::All { place } => Which::All(All {
            place: place.map(custody::place),
        }),
        Rotate::One { old, successor } => match successor {
            Successor::Generated { name, place } => Which::One(One {
                fingerprint: old.to_string(),
                name: text(name),
                place: place.map(custody::place),
            }),
            Successor::Registered { kms, key, name } => Which::Registered(Registered {
                fingerprint: old.to_string(),
                name: text(name),
                kms: kms.unwrap_or_default(),
                kms_key_id: key.as_str().to_owned(),
            }),
        },
    }
}

fn views(rotations: Vec<NodeKeyRotation>) -> Result<Vec<View>, RemoteError> {
    rotations.into_iter().map(view).collect()
}

fn view(rotation: NodeKeyRotation) -> Result<View, RemoteError> {
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    let custody = custody::read(rotation.custody());
    let state = match rotation.stage() {
        RotationStage::Unspecified => return Err(RemoteError::without("how far a rotation is")),
        RotationStage::Begun => "begun",
        RotationStage::Announced => "announced",
        RotationStage::Waiting => "waiting",
        RotationStage::Withdrawn => "withdrawn",
        RotationStage::Retired => "retired",
        RotationStage::Abandoned => "abandoned",
    };
    Ok(View {
        old: rotation.old,
        new: rotation.new,
        name: some(rotation.name),
        custody: custody.map(str::to_owned),
        kms: some(rotation.kms),
        kms_key: some(rotation.kms_key_id),
        state,
    })
}
