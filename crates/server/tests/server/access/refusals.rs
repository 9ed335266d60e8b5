//! Attempts of those who may not: an auditor sees them.

use std::{sync::Arc, time::Duration};

use strongroom_server::{
    ServerSettings,
    access::{Access, CallerRule, Grant, Identity, KeyPattern, Operation, Role},
    contract::{
        strongroom::{
            ApproveRequest, ListAuditRequest, SignBatchRequest, SignItem, StepDownRequest,
            operations_service_client::OperationsServiceClient,
            sign_item::{Content, Key},
            signing_service_client::SigningServiceClient,
        },
        vault::DeleteKeyPairRequest,
    },
};
use strongroom_store::Replicas as _;
use strongroom_vault::{
    ApprovalSettings, AuditEntry, AuditOperation, ReplicaSettings, Settings, Vault,
};
use tonic::{Code, Request};

use crate::{
    house::{House, Plan, told},
    issuer::{TokenIssuer, tokens},
    raw::with_token,
    vault_service::key,
};

/// What was refused, as the log has it, once there are so many records of it.
pub(crate) async fn refused(vault: &Vault, records: usize) -> Vec<AuditEntry> {
    loop {
        let mut refused = Vec::new();
        let look = |entry: AuditEntry| {
            if entry.operation == AuditOperation::RefuseOperation {
                refused.push(entry);
            }
        };
        vault.walk_audit(look).await.unwrap();
        assert!(refused.len() <= records, "{refused:?}");
        if refused.len() == records {
            return refused;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

struct Office {
    house: House,
    issuer: TokenIssuer,
}

impl Office {
    /// Carol sees keys and may delete some; dave signs with some and may delete any, with a second person.
    async fn new(shared: bool) -> Self {
        let issuer = TokenIssuer::new();
        let rule = |name: &str, grants| CallerRule {
            name: name.to_owned(),
            identities: vec![Identity::token(name)],
            grants,
            rate_limit: None,
        };
        let some = || vec![KeyPattern::Name("p1-*".to_owned())];
        let delete = Grant::of([Operation::KeysDelete]);
        let server = ServerSettings {
            access: Access::of(vec![
                rule("auditor", vec![Grant::role(Role::Auditor)]),
                rule("carol", vec![delete.clone().with_keys(some())]),
                rule(
                    "dave",
                    vec![
                        Grant::role(Role::Node).with_keys(some()),
                        delete,
                        Grant::of([Operation::ApprovalsDecide]),
                    ],
                ),
            ]),
            tokens: tokens(vec![issuer.service()]),
            ..ServerSettings::default()
        };
        let settings = Settings {
            approvals: ApprovalSettings {
                operations: ["keys.delete".to_owned()].into(),
                ..ApprovalSettings::default()
            },
            replica: ReplicaSettings {
                wait_for_lease: Duration::ZERO,
                ..ReplicaSettings::default()
            },
            ..Settings::default()
        };
        let house = House::planned(Plan {
            settings,
            server,
            shared,
            ..Plan::default()
        })
        .await;
        Self { house, issuer }
    }

    fn by<M>(&self, name: &str, message: M) -> Request<M> {
        with_token(message, Some(&self.issuer.token(name)))
    }

    async fn step_down(&self, request: Request<StepDownRequest>) -> Code {
        let mut client = OperationsServiceClient::new(self.house.channel().await);
        client.step_down(request).await.unwrap_err().code()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_on_record_once_in_a_minute_and_the_others_are_counted() {
    let mut office = Office::new(false).await;
    for _again in 0..40 {
        let request = office.by("carol", StepDownRequest {});
        assert_eq!(office.step_down(request).await, Code::PermissionDenied);
    }
    let other = office.by("auditor", StepDownRequest {});
    assert_eq!(office.step_down(other).await, Code::PermissionDenied);
    // Somebody whom nobody knows leaves nothing.
    let stranger = Request::new(StepDownRequest {});
    assert_eq!(office.step_down(stranger).await, Code::Unauthenticated);
    let forged = with_token(StepDownRequest {}, Some(&TokenIssuer::new().token("carol")));
    assert_eq!(office.step_down(forged).await, Code::Unauthenticated);

    let first = refused(&office.house.vault, 2).await;
    let by: Vec<_> = first.iter().map(|it| it.caller.as_str()).collect();
    assert!(
        by == ["carol", "auditor"] || by == ["auditor", "carol"],
        "{by:?}"
    );
    for record in &first {
        assert_eq!(record.outcome.name(), "refused");
        assert_eq!(record.details["operation"], "replicas.step-down");
        assert_eq!(record.details["code"], "PERMISSION_DENIED");
        assert!(record.trace_id.is_some() && record.key.is_none());
        assert!(!record.details.contains_key("passed_over"));
    }
    office.house.end();
    let vault = Arc::clone(&office.house.vault);
    office.house.ended().await;
    let all = refused(&vault, 3).await;
    assert_eq!(all[2].caller, "carol");
    // The first one and this one are the other two of forty.
    assert_eq!(all[2].details["passed_over"], "38");
    assert_eq!(Arc::strong_count(&vault), 1, "somebody holds the vault");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_on_record_that_somebody_wanted_and_may_not() {
    let office = Office::new(false).await;
    let other = key(&office.house.vault, "p2-signing").await;
    let mut client = office.house.vault_service().await;
    let request = DeleteKeyPairRequest {
        fingerprint: other.to_string(),
    };
    let deleted = client.delete_key_pair(office.by("carol", request.clone()));
    // Nobody is asked whether she may all the same.
    assert_eq!(deleted.await.unwrap_err().code(), Code::PermissionDenied);
    assert!(office.house.vault.approvals().is_empty());
    let deleted = client.delete_key_pair(office.by("dave", request));
    assert_eq!(told(&deleted.await.unwrap_err()).0, "APPROVAL_REQUIRED");
    let own = office.house.vault.approvals()[0].id;
    let mut client = OperationsServiceClient::new(office.house.channel().await);
    let id = own.to_string();
    let approved = client.approve(office.by("dave", ApproveRequest { id }));
    assert_eq!(told(&approved.await.unwrap_err()).0, "APPROVAL_OWN");

    let mut client = SigningServiceClient::new(office.house.channel().await);
    let item = SignItem {
        key: Some(Key::Fingerprint(other.to_string())),
        content: Some(Content::Message(b"message".to_vec())),
        usages: vec![4],
    };
    let batch = SignBatchRequest {
        items: vec![item; 20],
    };
    client.sign_batch(office.by("dave", batch)).await.unwrap();

    let mut seen: Vec<_> = refused(&office.house.vault, 4)
        .await
        .into_iter()
        .map(|it| {
            let details = it.details;
            let named = |name: &str| details[name].clone();
            (it.caller, named("operation"), named("code"), it.key)
        })
        .collect();
    seen.sort();
    let row = |caller: &str, operation: &str, code: &str, key: Option<String>| {
        (
            caller.to_owned(),
            operation.to_owned(),
            code.to_owned(),
            key,
        )
    };
    let key = Some(other.to_string());
    assert_eq!(
        seen,
        [
            row("carol", "keys.delete", "PERMISSION_DENIED", key.clone()),
            row("dave", "approvals.decide", "APPROVAL_OWN", None),
            row("dave", "keys.delete", "APPROVAL_REQUIRED", None),
            row("dave", "sign", "PERMISSION_DENIED", key),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_refused_where_nothing_can_be_written_is_refused_all_the_same() {
    let mut office = Office::new(true).await;
    let (shared, handle) = office.house.shared.clone().unwrap();
    handle.fall_silent(true);
    shared.handle("other").take_lease().await.unwrap();
    let request = office.by("carol", StepDownRequest {});
    assert_eq!(office.step_down(request).await, Code::PermissionDenied);
    let mut client = OperationsServiceClient::new(office.house.channel().await);
    let listed = client.list_audit(office.by("auditor", ListAuditRequest::default()));
    assert!(!listed.await.unwrap().into_inner().records.is_empty());
    // A server that has ended has tried to put it on record.
    let vault = Arc::clone(&office.house.vault);
    office.house.end();
    office.house.ended().await;
    assert!(refused(&vault, 0).await.is_empty());
}
