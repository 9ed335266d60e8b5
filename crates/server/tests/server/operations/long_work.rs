//! Long work, as others than who began it see it: they watch it, and call it off.

use std::{sync::Arc, time::Duration};

use strongroom_server::{
    ServerSettings,
    access::{Access, CallerRule, Grant, Identity, Operation, Role},
    contract::{
        strongroom::{
            CancelOperationRequest, CreateBackupRequest, ExamineRequest, ExportAuditRequest,
            ListOperationsRequest, Operation as OperationView, OperationState,
            ResumeWrapperKeyRotationRequest, RotateWrapperKeyEvent, RotateWrapperKeyRequest,
            WatchOperationRequest, operations_service_client::OperationsServiceClient,
        },
        vault,
    },
};
use strongroom_test_support::store::StoreCall;
use strongroom_vault::{
    ApprovalSettings, AuditEntry, AuditOperation, Caller, RotationSettings, Settings,
};
use tonic::{Code, Request, Response, Status, Streaming, transport::Channel};

use super::{RECIPIENT, client, many_keys, to_the_end};
use crate::{
    house::{House, Plan, told},
    issuer::{TokenIssuer, tokens},
    raw::with_token,
    stall::Stall,
};

/// A server at which alice begins long work, bob keeps it running, and an auditor looks on. Each key is a commit.
struct Office {
    house: House,
    issuer: TokenIssuer,
    /// By which each key takes its time.
    stall: Stall,
}

impl Office {
    async fn new(keys: usize, grace: Duration) -> Self {
        let stall = Stall::of(StoreCall::UpdatePrivateKeys);
        Self::held_by(stall, keys, grace, Settings::default()).await
    }

    async fn held_by(stall: Stall, keys: usize, grace: Duration, settings: Settings) -> Self {
        let issuer = TokenIssuer::new();
        let rule = |name: &str, role| CallerRule {
            name: name.to_owned(),
            identities: vec![Identity::token(name)],
            grants: vec![Grant::role(role)],
            rate_limit: None,
        };
        let server = ServerSettings {
            access: Access::of(vec![
                CallerRule {
                    grants: vec![
                        Grant::role(Role::KeyAdministrator),
                        Grant::of([Operation::BreakGlass]),
                    ],
                    ..rule("alice", Role::KeyAdministrator)
                },
                rule("bob", Role::Operator),
                rule("auditor", Role::Auditor),
            ]),
            tokens: tokens(vec![issuer.service()]),
            grace,
            ..ServerSettings::default()
        };
        let settings = Settings {
            rotation: RotationSettings { keys_per_commit: 1 },
            ..settings
        };
        let house = House::planned(Plan {
            settings,
            server,
            stall: Some(stall.clone()),
            ..Plan::default()
        })
        .await;
        many_keys(&house, keys).await;
        Self {
            house,
            issuer,
            stall,
        }
    }

    fn by<M>(&self, name: &str, message: M) -> Request<M> {
        with_token(message, Some(&self.issuer.token(name)))
    }

    async fn list(&self, client: &mut OperationsServiceClient<Channel>) -> Vec<OperationView> {
        let listed = client.list_operations(self.by("auditor", ListOperationsRequest {}));
        listed.await.unwrap().into_inner().operations
    }

    /// Has alice begin a rotation, which goes slowly; answers when some keys have moved, with the id that she was told.
    async fn rotating(&self, client: &mut OperationsServiceClient<Channel>) -> String {
        self.stall.slow_down(PACE);
        let begun = client.rotate_wrapper_key(self.by("alice", RotateWrapperKeyRequest::default()));
        let mut begun = begun.await.unwrap();
        let id = id_of(&begun);
        // The first event comes after the first commit, the second after some rows.
        for _event in 0..2 {
            begun.get_mut().message().await.unwrap().unwrap();
        }
        id
    }

    async fn cancel(
        &self,
        client: &mut OperationsServiceClient<Channel>,
        name: &str,
        id: &str,
    ) -> Result<OperationView, Status> {
        let request = CancelOperationRequest { id: id.to_owned() };
        let cancelled = client.cancel_operation(self.by(name, request)).await?;
        Ok(cancelled.into_inner().operation.unwrap())
    }

    /// Everything that a watcher hears.
    async fn watched(
        &self,
        client: &mut OperationsServiceClient<Channel>,
        id: &str,
    ) -> Vec<OperationView> {
        let request = WatchOperationRequest { id: id.to_owned() };
        let watched = client.watch_operation(self.by("auditor", request));
        let heard = to_the_end(watched.await.unwrap().into_inner())
            .await
            .unwrap();
        let heard = heard.into_iter().map(|told| told.operation.unwrap());
        heard.collect()
    }
}

/// The id that whoever began it is told.
fn id_of<E>(begun: &Response<E>) -> String {
    let id = begun.metadata().get("strongroom-operation").unwrap();
    id.to_str().unwrap().to_owned()
}

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(300);

/// Of each key: what is called off is not done before.
const PACE: Duration = Duration::from_millis(50);

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_is_watched_and_called_off_by_others_and_resumed() {
    let office = Office::new(500, LONG).await;
    let mut client = client(&office.house).await;
    let id = office.rotating(&mut client).await;
    let listed = office.list(&mut client).await;
    let [running] = listed.as_slice() else {
        panic!("{listed:?}");
    };
    assert_eq!(running.id, id);
    assert_eq!(running.state(), OperationState::Running);
    assert_eq!(
        (running.operation.as_str(), running.caller.as_str()),
        ("wrapper-keys.rotate", "alice")
    );
    assert_eq!(
        running.rpc,
        "/strongroom.v1.OperationsService/RotateWrapperKey"
    );
    assert!(running.ended_at.is_none() && running.problem.is_none());
    let refused = office.cancel(&mut client, "auditor", &id).await;
    assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied);

    let stopping = office.cancel(&mut client, "bob", &id).await.unwrap();
    assert_ne!(stopping.state(), OperationState::Done);
    assert_eq!(stopping.cancelled_by, "bob");
    let watched = office.watched(&mut client, &id).await;
    let last = watched.last().unwrap();
    assert_eq!(last.state(), OperationState::Cancelled, "{watched:?}");
    let problem = last.problem.as_ref().unwrap();
    assert_eq!(problem.code, "CALLED_OFF");
    assert!(!problem.advice.is_empty() && last.ended_at.is_some());
    let progress = last.progress.as_ref().unwrap();
    assert!(
        progress.done > 0 && progress.done < progress.of && progress.unit == "rows",
        "{progress:?}"
    );
    assert!(office.house.vault.wrapper_key_rotation().is_some());
    // What has ended stays as it is, and is told of at once.
    assert_eq!(
        office.cancel(&mut client, "alice", &id).await.unwrap(),
        *last
    );
    assert_eq!(
        office.watched(&mut client, &id).await,
        std::slice::from_ref(last)
    );

    office.stall.open();
    let resumed = office.by("alice", ResumeWrapperKeyRotationRequest {});
    let resumed = client.resume_wrapper_key_rotation(resumed).await.unwrap();
    to_the_end(resumed.into_inner()).await.unwrap();
    assert!(office.house.vault.wrapper_key_rotation().is_none());
    let listed = office.list(&mut client).await;
    let states: Vec<_> = listed.iter().map(OperationView::state).collect();
    assert_eq!(states, [OperationState::Cancelled, OperationState::Done]);
    let mut recorded = Vec::new();
    let look = |entry: AuditEntry| {
        if entry.operation == AuditOperation::CancelOperation {
            recorded.push((entry.caller, entry.details));
        }
    };
    office.house.vault.walk_audit(look).await.unwrap();
    let [(by, details)] = recorded.as_slice() else {
        panic!("{recorded:?}");
    };
    assert_eq!(
        (by.as_str(), details["begun_by"].as_str()),
        ("bob", "alice")
    );
    assert_eq!(details["operation"], "wrapper-keys.rotate");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_a_client_of_canton_began_is_listed_and_can_be_called_off() {
    let office = Office::new(500, LONG).await;
    office.stall.slow_down(PACE);
    let mut canton = office.house.vault_service().await;
    let request = office.by("alice", vault::RotateWrapperKeyRequest::default());
    let rotating = tokio::spawn(async move { canton.rotate_wrapper_key(request).await });
    let mut client = client(&office.house).await;
    let id = loop {
        let listed = office.list(&mut client).await;
        let moves = |it: &&OperationView| it.progress.as_ref().is_some_and(|told| told.done > 0);
        if let Some(moving) = listed.iter().find(moves) {
            break moving.id.clone();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    office.cancel(&mut client, "bob", &id).await.unwrap();
    let status = rotating.await.unwrap().unwrap_err();
    assert_eq!(told(&status).0, "CALLED_OFF");
    assert!(office.house.vault.wrapper_key_rotation().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_called_off_while_it_is_handed_out_is_forgotten() {
    let office = Office::new(5000, LONG).await;
    let mut client = client(&office.house).await;
    let request = CreateBackupRequest {
        recipients: vec![RECIPIENT.to_owned()],
    };
    // Nobody reads the pieces, and few of them fit on the way.
    let address = format!("http://{}", office.house.address);
    let narrow = Channel::from_shared(address).unwrap();
    let narrow = narrow.initial_stream_window_size(1 << 16).connect().await;
    let mut reader = OperationsServiceClient::new(narrow.unwrap());
    let begun = reader.create_backup(office.by("bob", request)).await;
    let begun = begun.unwrap();
    while office.house.vault.backups().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let listed = office.list(&mut client).await;
    office
        .cancel(&mut client, "alice", &listed[0].id)
        .await
        .unwrap();
    // Pieces that are on their way are not the whole.
    let heard = to_the_end(begun.into_inner())
        .await
        .map(|events| events.len());
    assert_eq!(told(&heard.unwrap_err()).0, "CALLED_OFF");
    assert!(office.house.vault.backups().is_empty());
}

#[tokio::test]
async fn what_has_ended_is_told_of_for_a_day_with_how_it_did() {
    let office = Office::new(3, LONG).await;
    let mut client = client(&office.house).await;
    let examined = client.examine(office.by("auditor", ExamineRequest {}));
    to_the_end(examined.await.unwrap().into_inner())
        .await
        .unwrap();
    let resumed = office.by("alice", ResumeWrapperKeyRotationRequest {});
    let resumed = client.resume_wrapper_key_rotation(resumed).await.unwrap();
    let status = to_the_end(resumed.into_inner()).await.unwrap_err();
    assert_eq!(told(&status).0, "NO_WRAPPER_KEY_ROTATION");
    let listed = office.list(&mut client).await;
    let [done, failed] = listed.as_slice() else {
        panic!("{listed:?}");
    };
    assert_eq!(done.state(), OperationState::Done);
    assert_eq!(
        (done.operation.as_str(), done.caller.as_str()),
        ("examine", "auditor")
    );
    assert_eq!(failed.state(), OperationState::Failed);
    let problem = failed.problem.as_ref().unwrap();
    assert_eq!(problem.code, "NO_WRAPPER_KEY_ROTATION");
    assert!(failed.cancelled_by.is_empty());
    office
        .house
        .clock
        .advance(Duration::from_secs(24 * 3600 + 1));
    assert_eq!(office.list(&mut client).await, []);
    for id in [done.id.as_str(), "", "no such"] {
        let status = office.cancel(&mut client, "bob", id).await.unwrap_err();
        assert_eq!(told(&status).0, "OPERATION_NOT_FOUND");
        let request = WatchOperationRequest { id: id.to_owned() };
        let status = client.watch_operation(office.by("auditor", request)).await;
        assert_eq!(status.unwrap_err().code(), Code::NotFound);
    }
}

#[tokio::test]
async fn of_what_has_ended_not_more_than_a_thousand_is_told_of() {
    let office = Office::new(0, LONG).await;
    let mut client = client(&office.house).await;
    let mut last = String::new();
    for _failed in 0..1003 {
        let resumed = office.by("alice", ResumeWrapperKeyRotationRequest {});
        let resumed = client.resume_wrapper_key_rotation(resumed).await.unwrap();
        last = id_of(&resumed);
        to_the_end(resumed.into_inner()).await.unwrap_err();
    }
    let listed = office.list(&mut client).await;
    assert_eq!(listed.len(), 1000);
    assert_eq!(listed.last().unwrap().id, last);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_stops_long_work_after_the_grace_and_holds_no_watcher() {
    let mut office = Office::new(500, SHORT).await;
    let mut client = client(&office.house).await;
    let id = office.rotating(&mut client).await;
    let request = WatchOperationRequest { id };
    let watched = client.watch_operation(office.by("auditor", request));
    let mut watched = watched.await.unwrap().into_inner();
    watched.message().await.unwrap().unwrap();
    let watching = tokio::spawn(to_the_end(watched));
    office.house.end();
    let status = watching.await.unwrap().unwrap_err();
    assert_eq!(told(&status).0, "ABORTED_DUE_TO_SHUTDOWN");
    let vault = Arc::clone(&office.house.vault);
    office.house.ended().await;
    assert!(vault.wrapper_key_rotation().is_some(), "it was waited for");
    office.stall.open();
    assert_eq!(Arc::strong_count(&vault), 1, "somebody holds the vault");
    let caller = Caller::new("test");
    let resumed = vault.resume_wrapper_key_rotation(&caller, &|_| {});
    resumed.await.unwrap();
}

/// Rotations of the wrapper key take a second person, or the glass is broken.
fn with_a_second_person() -> Settings {
    Settings {
        approvals: ApprovalSettings {
            operations: ["wrapper-keys.rotate".to_owned()].into(),
            break_glass: true,
            ..ApprovalSettings::default()
        },
        ..Settings::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_is_let_through_when_the_grace_is_over_is_called_off_where_it_begins() {
    let stall = Stall::of(StoreCall::Begin);
    let mut office = Office::held_by(stall, 1000, SHORT, with_a_second_person()).await;
    let mut client = client(&office.house).await;
    let mut request = office.by("alice", RotateWrapperKeyRequest::default());
    let reason = "the test".parse().unwrap();
    request
        .metadata_mut()
        .insert("strongroom-break-glass", reason);
    office.stall.close();
    let _begun = client.rotate_wrapper_key(request).await.unwrap();
    // The broken glass is not on record yet.
    office.stall.holds(1).await;
    office.house.end();
    let vault = Arc::clone(&office.house.vault);
    tokio::join!(office.house.ended(), async {
        tokio::time::sleep(5 * SHORT).await;
        office.stall.open();
    });
    assert!(vault.wrapper_key_rotation().is_some(), "it was waited for");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_has_not_begun_and_is_not_listed() {
    let stall = Stall::of(StoreCall::AuditAfter);
    let office = Office::held_by(stall, 3, LONG, with_a_second_person()).await;
    let mut client = client(&office.house).await;
    let refused = async |begun: Result<Response<Streaming<RotateWrapperKeyEvent>>, Status>| {
        to_the_end(begun.unwrap().into_inner()).await.unwrap_err()
    };
    let rotate = RotateWrapperKeyRequest::default();
    let begun = client.rotate_wrapper_key(office.by("alice", rotate.clone()));
    assert_eq!(told(&refused(begun.await).await).0, "APPROVAL_REQUIRED");
    // She may rotate, but not to a key that she names.
    let named = RotateWrapperKeyRequest {
        to: "another".to_owned(),
        ..rotate
    };
    let mut broken = office.by("alice", named);
    let reason = "the test".parse().unwrap();
    broken
        .metadata_mut()
        .insert("strongroom-break-glass", reason);
    let begun = client.rotate_wrapper_key(broken).await;
    assert_eq!(told(&refused(begun).await).0, "PERMISSION_DENIED");
    let backup = |recipient: &str| CreateBackupRequest {
        recipients: vec![recipient.to_owned()],
    };
    let begun = client.create_backup(office.by("bob", backup("nobody")));
    let status = to_the_end(begun.await.unwrap().into_inner()).await;
    assert_eq!(status.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(office.list(&mut client).await, []);

    // One export of an auditor is held, and there is no place for another one.
    office.stall.close();
    let export = || office.by("auditor", ExportAuditRequest {});
    let held = client.export_audit(export()).await.unwrap();
    office.stall.holds(1).await;
    let begun = client.export_audit(export()).await.unwrap();
    let status = to_the_end(begun.into_inner()).await.unwrap_err();
    assert_eq!(told(&status).0, "SERVER_BUSY");
    let listed = office.list(&mut client).await;
    let ids: Vec<_> = listed.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, [id_of(&held)]);
    office.stall.open();
    to_the_end(held.into_inner()).await.unwrap();
}
