//! Backups that the server makes by itself.

use std::{
    error::Error,
    fs,
    num::NonZeroUsize,
    path::Path,
    sync::{Arc, Weak},
    time::Duration,
};

use strongroom_backup::{Protection, Unlock};
use strongroom_crypto::{EncryptionKeySpec, SigningKeySpec};
use strongroom_files::OsFiles;
use strongroom_server::{
    BackupMaker, ScheduledBackups, ServerSettings,
    contract::canton_admin::{
        health::v30::component_status::Status as ComponentState,
        participant::v30::{
            ParticipantStatusRequest, participant_status_response::Kind,
            participant_status_service_client::ParticipantStatusServiceClient,
        },
    },
};
use strongroom_topology::MemberCode;
use strongroom_vault::{BackupMeans, BackupSchedule, Caller, NewIdentity};
use tokio::sync::Semaphore;

use crate::house::{House, Plan};

/// Says when it is asked, which is when a round begins.
#[derive(Debug)]
struct Maker {
    schedule: BackupSchedule,
    fails: bool,
    asked: Semaphore,
}

impl Maker {
    fn new(folder: &Path, fails: bool) -> Arc<Self> {
        Arc::new(Self {
            schedule: BackupSchedule {
                folder: folder.to_owned(),
                every: Duration::from_secs(86_400),
                keep: NonZeroUsize::MIN,
                verify: true,
            },
            fails,
            asked: Semaphore::new(0),
        })
    }

    /// A server whose backups it makes.
    async fn house(self: &Arc<Self>) -> House {
        let maker = Arc::<Self>::clone(self);
        let server = ServerSettings {
            backups: Some(ScheduledBackups::new(Caller::new("schedule"), maker)),
            ..ServerSettings::default()
        };
        House::planned(Plan {
            server,
            ..Plan::default()
        })
        .await
    }

    async fn was_asked(&self) {
        let asked = tokio::time::timeout(Duration::from_secs(60), self.asked.acquire());
        asked.await.expect("a round begins").unwrap().forget();
    }
}

impl BackupMaker for Maker {
    fn schedule(&self) -> &BackupSchedule {
        &self.schedule
    }

    fn means(&self) -> Result<BackupMeans, Box<dyn Error + Send + Sync>> {
        self.asked.add_permits(1);
        if self.fails {
            return Err("on purpose".into());
        }
        Ok(BackupMeans {
            protection: Protection::None,
            unlock: Unlock::Nothing,
            files: Arc::new(OsFiles::new()),
            program: "test".to_owned(),
        })
    }
}

#[tokio::test]
async fn a_round_that_is_under_way_is_finished_when_the_server_ends() {
    let folder = tempfile::tempdir().unwrap();
    let maker = Maker::new(folder.path(), false);
    let mut house = maker.house().await;
    let vault = Arc::clone(&house.vault);
    maker.was_asked().await;
    house.end();
    house.ended().await;
    let backups = vault.backups();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    assert_eq!(backups.len(), 1);
    assert!(backups[0].verified_at.is_some());
    // Whoever serves can close the vault: nobody else has it.
    let held: Weak<_> = Arc::downgrade(&vault);
    drop(vault);
    assert!(held.upgrade().is_none());
}

#[tokio::test]
async fn a_backup_that_fails_is_told_by_the_status_and_by_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let maker = Maker::new(folder.path(), true);
    let house = maker.house().await;
    let new = NewIdentity {
        code: MemberCode::Participant,
        identifier: "participant1".to_owned(),
        node: "participant1".to_owned(),
        intermediate_key: false,
        signing_spec: SigningKeySpec::EcCurve25519,
        encryption_spec: EncryptionKeySpec::EcP256,
    };
    let made = house.vault.initialize(&Caller::new("test"), &new).await;
    made.unwrap();
    maker.was_asked().await;
    let mut client = ParticipantStatusServiceClient::new(house.channel().await);
    let answer = client.participant_status(ParticipantStatusRequest {}).await;
    let Kind::Status(status) = answer.unwrap().into_inner().kind.unwrap() else {
        panic!("it has no identity");
    };
    let components = status.common_status.unwrap().components;
    let (backups, others): (Vec<_>, Vec<_>) = components
        .into_iter()
        .partition(|part| part.name == "backups");
    let Some(ComponentState::Degraded(told)) = &backups[0].status else {
        panic!("{backups:?}");
    };
    assert!(told.description().ends_with("fail, 1 in a row"));
    let is_ok = |status: &Option<_>| matches!(status, Some(ComponentState::Ok(_)));
    assert!(others.iter().all(|part| is_ok(&part.status)), "{others:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
