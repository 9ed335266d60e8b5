//! A second person over the network.

mod checked;

use std::{collections::BTreeSet, sync::Arc};

use strongroom_kms::KmsProvider;
use strongroom_server::{
    ServerSettings,
    access::{Access, CallerRule, Grant, Identity, KeyPattern, Operation, Role},
    contract::{
        strongroom::{
            AcknowledgeBreakGlassRequest, Approval, ApproveRequest, ListApprovalsRequest,
            ProposeConfigurationRequest, RejectRequest, RetireKeyRequest, RewrapDataKeyRequest,
            RotateWrapperKeyRequest, operations_service_client::OperationsServiceClient,
        },
        vault::{DeleteKeyPairRequest, vault_service_client::VaultServiceClient},
    },
};
use strongroom_test_support::{FixedClock, SeededRandom};
use strongroom_vault::{
    ApprovalSettings, CHANGE_OF_CONFIGURATION, Caller, ConfigurationGuard, ConfigurationMark,
    Environment, NamedWrapper, NoAnchor, Settings, Vault,
};
use tonic::{Code, Request, Status, transport::Channel};
use tonic_types::StatusExt as _;

use super::{client, to_the_end};
use crate::{
    house::{House, KMS, Plan, told},
    issuer::{TokenIssuer, tokens},
    raw::with_token,
    vault_service::key,
};

/// A server with two key administrators, of whom alice may break the glass, somebody who decides nothing, and carol, who may do
/// something with a few keys only.
struct Office {
    house: House,
    issuer: TokenIssuer,
}

impl Office {
    async fn new(operations: &[Operation]) -> Self {
        Self::planned(operations, false).await
    }

    /// `shared`: other processes may open its store.
    async fn planned(operations: &[Operation], shared: bool) -> Self {
        let issuer = TokenIssuer::new();
        let rule = |name: &str, grants| CallerRule {
            name: name.to_owned(),
            identities: vec![Identity::token(name)],
            grants,
            rate_limit: None,
        };
        let administrator = || Grant::role(Role::KeyAdministrator);
        let glass = Grant::of([Operation::BreakGlass, Operation::WrapperKeysRotateTo]);
        let tests = Grant::of([
            Operation::KeysDelete,
            Operation::KeysRetire,
            Operation::KeysMigrate,
            Operation::KeysExport,
        ]);
        let tests = tests.with_keys(vec![KeyPattern::Name("test-*".to_owned())]);
        let rules = vec![
            rule("alice", vec![administrator(), glass]),
            rule("bob", vec![administrator()]),
            rule("auditor", vec![Grant::role(Role::Auditor)]),
            rule("operator", vec![Grant::role(Role::Operator)]),
            rule("carol", vec![tests, Grant::of([Operation::BreakGlass])]),
        ];
        let server = ServerSettings {
            access: Access::of(rules),
            tokens: tokens(vec![issuer.service()]),
            ..ServerSettings::default()
        };
        let names = operations.iter().map(|operation| operation.name());
        let settings = Settings {
            approvals: ApprovalSettings {
                operations: names.map(str::to_owned).collect::<BTreeSet<_>>(),
                break_glass: true,
                ..ApprovalSettings::default()
            },
            ..Settings::default()
        };
        let plan = Plan {
            settings: marked(settings),
            server,
            shared,
            ..Plan::default()
        };
        Self {
            house: House::planned(plan).await,
            issuer,
        }
    }

    fn by<M>(&self, name: &str, message: M) -> Request<M> {
        with_token(message, Some(&self.issuer.token(name)))
    }

    async fn delete(&self, name: &str, fingerprint: &str) -> Result<(), Status> {
        let mut client = VaultServiceClient::new(self.house.channel().await);
        let request = DeleteKeyPairRequest {
            fingerprint: fingerprint.to_owned(),
        };
        client.delete_key_pair(self.by(name, request)).await?;
        Ok(())
    }

    async fn client(&self) -> OperationsServiceClient<Channel> {
        client(&self.house).await
    }

    async fn approve(&self, name: &str, id: &str) -> Result<Approval, Status> {
        let request = ApproveRequest { id: id.to_owned() };
        let mut client = self.client().await;
        let approved = client.approve(self.by(name, request)).await?;
        Ok(approved.into_inner().approval.unwrap())
    }

    async fn listed(&self) -> Vec<Approval> {
        let mut client = self.client().await;
        let listed = client.list_approvals(self.by("auditor", ListApprovalsRequest {}));
        listed.await.unwrap().into_inner().approvals
    }
}

/// As if they came from a file.
fn marked(settings: Settings) -> Settings {
    let guard = ConfigurationGuard::of(&settings.approvals);
    Settings {
        configuration: Some(ConfigurationMark::of("access", "approvals", "audit", guard)),
        ..settings
    }
}

/// What is to be approved, as the refusal says it.
fn required(status: &Status) -> String {
    assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
    let details = status.get_error_details();
    let info = details.error_info().expect("the error has an id");
    assert_eq!(info.reason, "APPROVAL_REQUIRED", "{status:?}");
    info.metadata["approval"].clone()
}

#[tokio::test]
async fn a_key_is_deleted_when_another_person_has_approved_it() {
    let office = Office::new(&[Operation::KeysDelete]).await;
    let key = key(&office.house.vault, "one").await;
    let id = required(&office.delete("alice", &key.to_string()).await.unwrap_err());
    assert!(office.house.vault.key(&key).is_ok());
    let [waiting] = office.listed().await.try_into().unwrap();
    assert_eq!(
        (waiting.id.as_str(), waiting.state.as_str()),
        (id.as_str(), "pending")
    );
    assert_eq!(waiting.requester, "alice");
    assert!(waiting.summary.contains("DeleteKeyPair"), "{waiting:?}");
    assert!(waiting.summary.contains(&key.to_string()), "{waiting:?}");

    let own = office.approve("alice", &id).await.unwrap_err();
    assert_eq!(told(&own).0, "APPROVAL_OWN");
    let auditor = office.approve("auditor", &id).await.unwrap_err();
    assert_eq!(auditor.code(), Code::PermissionDenied);
    let approved = office.approve("bob", &id).await.unwrap();
    assert_eq!(
        (approved.state.as_str(), approved.decided_by.as_str()),
        ("approved", "bob")
    );

    // Bob's yes is for Alice, not for Bob.
    required(&office.delete("bob", &key.to_string()).await.unwrap_err());
    office.delete("alice", &key.to_string()).await.unwrap();
    assert!(office.house.vault.key(&key).is_err());
    // It is gone: there is nothing to agree to any more.
    office.delete("alice", &key.to_string()).await.unwrap();
    let [of_bob] = office.listed().await.try_into().unwrap();
    assert_eq!(
        (of_bob.requester.as_str(), of_bob.state.as_str()),
        ("bob", "pending")
    );
}

#[tokio::test]
async fn what_was_rejected_says_so() {
    let office = Office::new(&[Operation::KeysRetire]).await;
    let key = key(&office.house.vault, "one").await;
    let mut client = office.client().await;
    let mut retire = async || {
        let request = RetireKeyRequest {
            fingerprint: key.to_string(),
        };
        client.retire_key(office.by("alice", request)).await
    };
    let id = required(&retire().await.unwrap_err());
    let mut other = office.client().await;
    let reject = RejectRequest { id: id.clone() };
    other.reject(office.by("bob", reject)).await.unwrap();
    assert_eq!(told(&retire().await.unwrap_err()).0, "APPROVAL_REJECTED");
    for (id, code) in [
        ("nonsense", Code::InvalidArgument),
        (&"00".repeat(16), Code::NotFound),
    ] {
        let status = office.approve("bob", id).await.unwrap_err();
        assert_eq!(status.code(), code, "{status:?}");
    }
}

#[tokio::test]
async fn long_work_waits_too_and_a_named_wrapper_key_is_an_operation_of_its_own() {
    let office = Office::new(&[Operation::WrapperKeysRotateTo]).await;
    let mut client = office.client().await;
    let rotated = client.rotate_wrapper_key(office.by("alice", RotateWrapperKeyRequest::default()));
    to_the_end(rotated.await.unwrap().into_inner())
        .await
        .unwrap();
    let before = office.house.vault.opening().wrapper_key_id;
    let named = RotateWrapperKeyRequest {
        to: "some key".to_owned(),
        ..RotateWrapperKeyRequest::default()
    };
    let events = client.rotate_wrapper_key(office.by("alice", named)).await;
    let status = to_the_end(events.unwrap().into_inner()).await.unwrap_err();
    required(&status);
    assert_eq!(office.listed().await[0].operation, "wrapper-keys.rotate-to");
    assert_eq!(office.house.vault.opening().wrapper_key_id, before);
}

#[tokio::test]
async fn who_is_granted_it_goes_on_alone_for_a_reason() {
    let office = Office::new(&[Operation::KeysRetire]).await;
    let key = key(&office.house.vault, "one").await;
    let mut client = office.client().await;
    let mut retire = async |name: &str, reason: &'static str| {
        let mut request = office.by(
            name,
            RetireKeyRequest {
                fingerprint: key.to_string(),
            },
        );
        let reason = reason.parse().unwrap();
        request
            .metadata_mut()
            .insert("strongroom-break-glass", reason);
        client.retire_key(request).await
    };
    let status = retire("bob", "it burns").await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    let status = retire("alice", " ").await.unwrap_err();
    assert_eq!(told(&status).0, "BREAK_GLASS_REASON");
    assert!(office.listed().await.is_empty());
    retire("alice", "it burns").await.unwrap();
    let [bypassed] = office.listed().await.try_into().unwrap();
    assert_eq!(
        (bypassed.state.as_str(), bypassed.reason.as_str()),
        ("bypassed", "it burns")
    );
    let seen = AcknowledgeBreakGlassRequest { id: bypassed.id };
    let mut other = office.client().await;
    let own = other.acknowledge_break_glass(office.by("alice", seen.clone()));
    assert_eq!(told(&own.await.unwrap_err()).0, "APPROVAL_OWN");
    let acknowledged = other.acknowledge_break_glass(office.by("bob", seen));
    acknowledged.await.unwrap();
    assert!(office.listed().await.is_empty());
}

#[tokio::test]
async fn no_secret_of_a_request_is_shown_to_who_approves_it() {
    use strongroom_server::{Features, contract::vault::ExportKeyPairRequest};
    let mut office = Office::new(&[Operation::KeysExport]).await;
    let issuer = &office.issuer;
    let rule = CallerRule {
        name: "alice".to_owned(),
        identities: vec![Identity::token("alice")],
        grants: vec![Grant::of([Operation::KeysExport, Operation::ApprovalsList])],
        rate_limit: None,
    };
    let server = ServerSettings {
        access: Access::of(vec![rule]),
        tokens: tokens(vec![issuer.service()]),
        features: Features {
            export_of_private_keys: true,
            ..Features::default()
        },
        ..ServerSettings::default()
    };
    let settings = Settings {
        approvals: ApprovalSettings {
            operations: BTreeSet::from([Operation::KeysExport.name().to_owned()]),
            ..ApprovalSettings::default()
        },
        ..Settings::default()
    };
    let plan = Plan {
        settings,
        server,
        ..Plan::default()
    };
    office.house = House::planned(plan).await;
    let key = key(&office.house.vault, "one").await;
    let mut client = VaultServiceClient::new(office.house.channel().await);
    let request = ExportKeyPairRequest {
        fingerprint: key.to_string(),
        protocol_version: 34,
        password: "XYZZY".to_owned(),
    };
    let status = client.export_key_pair(office.by("alice", request)).await;
    required(&status.unwrap_err());
    let [waiting] = office.house.vault.approvals().try_into().unwrap();
    assert!(!waiting.summary.contains("XYZZY"), "{waiting:?}");
    assert!(waiting.summary.contains(&key.to_string()), "{waiting:?}");
}

/// Another configuration, by which nothing needs a second person.
fn other() -> ProposeConfigurationRequest {
    let hash = vec![7; 32];
    ProposeConfigurationRequest {
        access: hash.clone(),
        approvals: hash.clone(),
        audit: hash,
        guard: "record".to_owned(),
    }
}

#[tokio::test]
async fn another_configuration_is_proposed_by_one_person_and_approved_by_another() {
    assert_eq!(
        Operation::ConfigurationChange.name(),
        CHANGE_OF_CONFIGURATION
    );
    let office = Office::new(&[Operation::ConfigurationChange]).await;
    let mut client = office.client().await;
    let free = client.propose_configuration(office.by("alice", other()));
    let free = free.await.unwrap().into_inner();
    assert_eq!((free.approval, free.unchanged), (None, false));
    let vault = &office.house.vault;
    let starter = Caller::new("starter");
    vault.note_configuration(&starter).await.unwrap();

    let proposed = client.propose_configuration(office.by("alice", other()));
    let asked = proposed.await.unwrap().into_inner().approval.unwrap();
    assert_eq!(
        (asked.requester.as_str(), asked.operation.as_str()),
        ("alice", "configuration.change")
    );
    let own = office.approve("alice", &asked.id).await.unwrap_err();
    assert_eq!(told(&own).0, "APPROVAL_OWN");
    let auditor = client.propose_configuration(office.by("auditor", other()));
    assert_eq!(auditor.await.unwrap_err().code(), Code::PermissionDenied);
    office.approve("bob", &asked.id).await.unwrap();
    let again = client.propose_configuration(office.by("bob", other()));
    let again = again.await.unwrap().into_inner().approval.unwrap();
    assert_eq!((again.id, again.state.as_str()), (asked.id, "approved"));
}

#[tokio::test]
async fn only_who_may_break_the_glass_changes_the_configuration_alone() {
    let office = Office::new(&[Operation::ConfigurationChange]).await;
    let vault = &office.house.vault;
    let starter = Caller::new("starter");
    vault.note_configuration(&starter).await.unwrap();
    let mut client = office.client().await;
    let alone = |name: &str| {
        let mut request = office.by(name, other());
        let reason = "bob is gone".parse().unwrap();
        request
            .metadata_mut()
            .insert("strongroom-break-glass", reason);
        request
    };
    let refused = client.propose_configuration(alone("bob")).await;
    assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied);
    assert!(office.listed().await.is_empty());
    client.propose_configuration(alone("alice")).await.unwrap();
    let mut states: Vec<_> = office
        .listed()
        .await
        .into_iter()
        .map(|it| it.state)
        .collect();
    states.sort();
    assert_eq!(states, ["approved", "bypassed"]);
}

#[tokio::test]
async fn what_is_no_mark_of_a_configuration_is_not_proposed() {
    let office = Office::new(&[Operation::ConfigurationChange]).await;
    let mut client = office.client().await;
    let short = ProposeConfigurationRequest {
        audit: vec![7; 31],
        ..other()
    };
    let unknown = ProposeConfigurationRequest {
        guard: "nobody".to_owned(),
        ..other()
    };
    for (request, field) in [(short, "audit"), (unknown, "guard")] {
        let refused = client.propose_configuration(office.by("alice", request));
        let refused = refused.await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        let details = refused.get_error_details();
        let reason = &details.error_info().unwrap().metadata["reason"];
        assert!(reason.contains(field), "{reason}");
    }
}

/// Another process on the store of `house`, with these settings.
async fn neighbour(house: &House, settings: Settings) -> Vault {
    let (shared, _handle) = house.shared.as_ref().unwrap();
    let kms: Arc<dyn KmsProvider> = Arc::<_>::clone(&house.kms) as _;
    let environment = Environment {
        store: shared.handle("neighbour"),
        wrappers: vec![NamedWrapper {
            name: KMS.to_owned(),
            wrapper: kms.key_wrapper().unwrap(),
        }],
        kms: Vec::new(),
        anchor: Arc::new(NoAnchor),
        clock: Arc::<FixedClock>::clone(&house.clock),
        random: Arc::new(SeededRandom::new(9)),
    };
    Vault::open(environment, settings).await.unwrap()
}

/// What it would ask for is told by a file that is good no more, and so is what needs nobody.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_lets_nothing_through_that_could_need_somebody_once_another_file_is_remembered() {
    let office = Office::planned(&[Operation::ConfigurationChange], true).await;
    let vault = &office.house.vault;
    let fingerprint = key(vault, "one").await.to_string();
    let starter = Caller::new("starter");
    vault.note_configuration(&starter).await.unwrap();
    let guard = ConfigurationGuard::PersonOrReason;
    let mark = ConfigurationMark::of("other", "other", "other", guard);
    let after = Settings {
        configuration: Some(mark),
        ..Settings::default()
    };
    vault
        .propose_configuration(&Caller::new("alice"), &mark, Some("bob is gone"))
        .await
        .unwrap();
    vault.step_down(&starter).await.unwrap();
    let neighbour = neighbour(&office.house, after).await;
    neighbour.note_configuration(&starter).await.unwrap();
    vault.catch_up().await.unwrap();

    let mut client = office.client().await;
    let retire = RetireKeyRequest { fingerprint };
    let refused = client.retire_key(office.by("alice", retire)).await;
    assert_eq!(told(&refused.unwrap_err()).0, "CONFIGURATION_NOT_APPROVED");
    // Nor does whoever may break the glass by it.
    neighbour.step_down(&starter).await.unwrap();
    let mut alone = office.by("alice", other());
    let reason = "I was let in once".parse().unwrap();
    alone
        .metadata_mut()
        .insert("strongroom-break-glass", reason);
    let refused = client.propose_configuration(alone).await;
    assert_eq!(told(&refused.unwrap_err()).0, "CONFIGURATION_NOT_APPROVED");
}

/// Whoever commands that KMS can open the vault from then on.
#[tokio::test]
async fn a_wrapper_key_of_another_kms_counts_as_one_that_is_named() {
    let office = Office::new(&[Operation::WrapperKeysRotateTo]).await;
    let mut client = office.client().await;
    let there = |kms: &str| RotateWrapperKeyRequest {
        kms: kms.to_owned(),
        ..RotateWrapperKeyRequest::default()
    };
    let rotated = client.rotate_wrapper_key(office.by("alice", there("elsewhere")));
    let rotated = to_the_end(rotated.await.unwrap().into_inner()).await;
    required(&rotated.unwrap_err());
    assert_eq!(office.listed().await[0].operation, "wrapper-keys.rotate-to");
    let rewrap = RewrapDataKeyRequest {
        rotation: Some(there("elsewhere")),
    };
    let rewrapped = client.rewrap_data_key(office.by("alice", rewrap)).await;
    required(&rewrapped.unwrap_err());
    // Bob may rotate, and not to a key of his choice.
    let unguarded = Office::new(&[]).await;
    let mut client = unguarded.client().await;
    let rewrap = RewrapDataKeyRequest {
        rotation: Some(there("elsewhere")),
    };
    let refused = client.rewrap_data_key(unguarded.by("bob", rewrap)).await;
    assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied);
    let rewrap = RewrapDataKeyRequest {
        rotation: Some(there(KMS)),
    };
    let rewrapped = client.rewrap_data_key(unguarded.by("bob", rewrap)).await;
    rewrapped.unwrap();
}
