//! Who may do what.

mod every_rpc;
mod floods;
mod keys;
mod matrix;
pub(crate) mod refusals;

use strongroom_server::{
    Rpc,
    access::{Access, CallerRule, Grant, KeyPattern, Operation, Role, operation_of},
    contract::vault::GetWrapperKeyIdRequest,
};
use tonic::Code;

use crate::house::House;

#[tokio::test]
async fn nobody_is_let_in_whom_the_rules_do_not_know() {
    let house = House::with_access(Access::of(Vec::new())).await;
    let mut client = house.vault_service().await;
    let status = client
        .get_wrapper_key_id(GetWrapperKeyIdRequest {})
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert!(status.message().starts_with("An error occurred."));
}

#[test]
fn every_rpc_is_found_by_its_path() {
    for rpc in Rpc::ALL {
        assert_eq!(Rpc::of_path(rpc.path()), Some(rpc));
        // Some role may do it, or it belongs to no role on purpose.
        let operation = operation_of(rpc);
        let by_role = Role::ALL
            .iter()
            .any(|role| role.operations().contains(&operation));
        let by_name_only = [
            Operation::Health,
            Operation::KeysExport,
            Operation::WrapperKeysAdd,
        ];
        assert!(by_role || by_name_only.contains(&operation), "{operation}");
    }
}

#[test]
fn duties_are_separate() {
    let may = |role: Role, operation| Grant::role(role).allows(operation);
    for operation in [Operation::Sign, Operation::Decrypt] {
        assert!(may(Role::Node, operation));
        assert!(!may(Role::KeyAdministrator, operation));
        assert!(!may(Role::Operator, operation));
        assert!(!may(Role::Auditor, operation));
    }
    for operation in [
        Operation::KeysExport,
        Operation::KeysRevert,
        Operation::WrapperKeysAdd,
        Operation::WrapperKeysRotateTo,
        Operation::BreakGlass,
    ] {
        for role in Role::ALL {
            assert!(!may(role, operation), "{role:?} {operation}");
        }
    }
    for operation in [
        Operation::KeysGenerate,
        Operation::KeysDelete,
        Operation::WrapperKeysRotate,
    ] {
        assert!(may(Role::KeyAdministrator, operation));
        for role in [Role::Node, Role::Operator, Role::Auditor] {
            assert!(!may(role, operation), "{role:?} {operation}");
        }
    }
}

#[test]
fn a_grant_for_some_keys_gives_nothing_that_no_key_limits() {
    let some = vec![KeyPattern::Name("p1-*".to_owned())];
    let every = || Grant::of(Operation::ALL.iter().copied());
    let limited = every().with_keys(some);
    for operation in Operation::ALL {
        assert!(every().allows(*operation));
        let gives = operation.is_about_a_key() || operation.is_harmless();
        assert_eq!(limited.allows(*operation), gives, "{operation}");
    }
    for operation in [
        Operation::KeysGenerate,
        Operation::NodeKeysRotate,
        Operation::KeysImportPublic,
        Operation::TopologySign,
        Operation::TopologyWrite,
        Operation::AuditRead,
        Operation::HealthDump,
    ] {
        assert!(!limited.allows(operation), "{operation}");
    }
}

#[test]
fn names_are_stable_and_read_back() {
    for operation in Operation::ALL {
        assert_eq!(operation.name().parse(), Ok(*operation));
    }
    for role in Role::ALL {
        assert_eq!(role.name().parse(), Ok(role));
    }
    let rule = CallerRule {
        name: "x".to_owned(),
        identities: Vec::new(),
        grants: Vec::new(),
        rate_limit: None,
    };
    let access = Access::of(vec![rule]);
    assert!(!access.named("x").unwrap().may(Operation::Status));
    assert!(access.named("y").is_none());
}
