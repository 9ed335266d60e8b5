//! Moving the keys of a server to another place.

use strongroom_server::contract::strongroom::{
    KeyMove, KeySelection, MigrateKeysRequest, PlanMigrationRequest, migrate_keys_event::Event,
};
use strongroom_vault::Move;

use super::{RemoteError, Server, custody, known};
use crate::{
    client::{Client, Labels},
    commands::keys::migrate::{Asked, Moved, Reason, View},
};

impl Server {
    /// Moves keys, or says what would become of them; `tell` hears how many were looked at, and of how many.
    pub(crate) async fn migrate_keys(
        &self,
        asked: Asked,
        tell: impl Fn(u64, u64),
    ) -> anyhow::Result<Moved> {
        let labels = Client::There(self.clone()).labels().await?;
        let keys = Some(KeySelection {
            all: asked.key.is_none(),
            fingerprints: asked.key.iter().map(ToString::to_string).collect(),
        });
        let to_custody = asked.place.custody().name();
        let (from, to) = (
            asked.from.map(custody::write).unwrap_or_default().into(),
            Some(custody::place(asked.place)),
        );
        if asked.dry_run {
            let request = PlanMigrationRequest { keys, from, to };
            let planned = self.operations().plan_migration(request).await;
            let moves = planned.map_err(RemoteError::from)?.into_inner().keys;
            return Ok(Moved {
                keys: views(moves, to_custody, &labels)?,
                outcome: Ok(()),
            });
        }
        let request = MigrateKeysRequest { keys, from, to };
        let begun = self.operations().migrate_keys(request).await;
        let mut events = begun.map_err(RemoteError::from)?.into_inner();
        while let Some(told) = events.message().await.map_err(RemoteError::from)? {
            match told.event {
                Some(Event::Progress(progress)) => tell(progress.done, progress.of),
                Some(Event::Done(done)) => {
                    let failed = done.failed.map(|problem| RemoteError::of(problem).into());
                    return Ok(Moved {
                        keys: views(done.keys, to_custody, &labels)?,
                        outcome: failed.map_or(Ok(()), Err),
                    });
                }
                None => {}
            }
        }
        let reason = "it ended without saying what became of the keys".to_owned();
        Err(RemoteError::Gone { reason }.into())
    }
}

fn views(moves: Vec<KeyMove>, to: &'static str, labels: &Labels) -> Result<Vec<View>, RemoteError> {
    moves.into_iter().map(|it| view(it, to, labels)).collect()
}

fn view(moved: KeyMove, to: &'static str, labels: &Labels) -> Result<View, RemoteError> {
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    let names = [
        Move::Nothing.name(),
        Move::Seal.name(),
        Move::Unseal.name(),
        Move::Bring(String::new()).name(),
        Move::TakeBack.name(),
    ];
    let from = custody::read(moved.from());
    let key = moved.fingerprint.parse();
    let key =
        key.map_err(|error: strongroom_crypto::FingerprintError| RemoteError::unreadable(&error))?;
    let stays = moved.stays.map(|problem| Reason {
        code: problem.code.clone(),
        message: problem.message.clone(),
        advice: problem.advice.clone(),
        error: Some(RemoteError::of(problem).into()),
    });
    let done = some(moved.r#move)
        .map(|name| known(names, &name))
        .transpose()?;
    Ok(View {
        fingerprint: moved.fingerprint,
        name: labels.of(&key).name,
        from: from.unwrap_or("-"),
        to: if stays.is_some() {
            from.unwrap_or("-")
        } else {
            to
        },
        r#move: done,
        kms: some(moved.kms),
        kms_key_id: some(moved.kms_key_id),
        copy: moved.copy,
        stays,
    })
}
