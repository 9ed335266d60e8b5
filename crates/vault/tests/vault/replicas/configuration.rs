//! Several processes, and a file that they are to get one after the other.

use std::time::Duration;

use strongroom_vault::{Caller, ConfigurationProposal, ReplicaSettings, Settings};

use super::company::{Company, Process, settings};
use crate::{
    configuration::{guarded, mark},
    house::{caller, check_signs, code, signing_key},
};

fn of(callers: &str) -> Settings {
    Settings {
        replica: settings().replica,
        ..guarded(callers)
    }
}

/// A process that writes, begun with this file.
async fn served(file: Settings) -> (Company, Process) {
    let (company, one) = Company::new_with(file).await;
    assert!(one.vault.note_configuration(&caller()).await.unwrap());
    (company, one)
}

async fn approved(one: &Process, after: &Settings) {
    let (alice, bob) = (Caller::new("alice"), Caller::new("bob"));
    let after = mark(after);
    let proposed = one.vault.propose_configuration(&alice, &after, None);
    let ConfigurationProposal::Asked(asked) = proposed.await.unwrap() else {
        panic!("it is asked for");
    };
    one.vault.approve(&bob, asked.id).await.unwrap();
}

#[tokio::test]
async fn a_process_that_does_not_write_begins_with_no_file_that_nobody_approved() {
    let (company, one) = served(of("a")).await;
    let same = company.open_with("same", of("a")).await;
    assert!(!same.vault.note_configuration(&caller()).await.unwrap());
    let never_writes = Settings {
        replica: ReplicaSettings {
            writes: false,
            ..settings().replica
        },
        ..of("b")
    };
    for (name, file) in [("two", of("b")), ("three", never_writes)] {
        let other = company.open_with(name, file).await;
        let noted = other.vault.note_configuration(&caller()).await;
        assert_eq!(code(noted), "CONFIGURATION_NOT_APPROVED");
        // That it is open reads and signs.
        let key = signing_key(&one.vault).await;
        other.vault.catch_up().await.unwrap();
        check_signs(&other.vault, &key).await;
    }
}

#[tokio::test]
async fn processes_are_begun_with_an_approved_file_one_after_the_other_and_the_first_that_writes_uses_it_up()
 {
    let (company, one) = served(of("a")).await;
    approved(&one, &of("b")).await;
    // It may begin; to put it on record is for when it writes.
    let two = company.open_with("two", of("b")).await;
    let noted = two.vault.note_configuration(&caller()).await;
    assert_eq!(code(noted), "STORE_NOT_WRITER");
    two.vault.heed_configuration().await.unwrap();
    // Meanwhile the old file is as good.
    one.vault.heed_configuration().await.unwrap();
    let old = company.open_with("old", of("a")).await;
    assert!(!old.vault.note_configuration(&caller()).await.unwrap());

    one.vault.step_down(&caller()).await.unwrap();
    two.vault.catch_up().await.unwrap();
    assert!(two.vault.note_configuration(&caller()).await.unwrap());
    assert!(two.vault.approvals().is_empty());
    let three = company.open_with("three", of("b")).await;
    assert!(!three.vault.note_configuration(&caller()).await.unwrap());
    // Whoever still goes by the old file decides no more about what needs a second person.
    one.vault.catch_up().await.unwrap();
    let refused = "CONFIGURATION_NOT_APPROVED";
    assert_eq!(code(one.vault.heed_configuration().await), refused);
    let late = company.open_with("late", of("a")).await;
    assert_eq!(
        code(late.vault.note_configuration(&caller()).await),
        refused
    );
}

/// Others may have begun with another file while it did not write.
#[tokio::test]
async fn a_process_that_comes_to_write_again_puts_its_file_on_record_again() {
    let unguarded = |callers| Settings {
        approvals: strongroom_vault::ApprovalSettings::default(),
        configuration: Some(strongroom_vault::ConfigurationMark::of(
            callers,
            "",
            "",
            strongroom_vault::ConfigurationGuard::Record,
        )),
        ..of(callers)
    };
    let (company, one) = served(unguarded("a")).await;
    let two = company.open_with("two", unguarded("b")).await;
    one.vault.step_down(&caller()).await.unwrap();
    two.vault.catch_up().await.unwrap();
    assert!(two.vault.note_configuration(&caller()).await.unwrap());
    two.vault.step_down(&caller()).await.unwrap();
    // It left writing to others for a while.
    one.clock.advance(Duration::from_secs(600));
    one.vault.catch_up().await.unwrap();
    assert!(one.vault.note_configuration(&caller()).await.unwrap());
}

/// By what a server sees that it must end: the file that it began with was never on record, and is good no more.
#[tokio::test]
async fn a_process_that_began_by_an_approval_hears_that_it_was_taken_back() {
    let (company, one) = served(of("a")).await;
    approved(&one, &of("b")).await;
    let two = company.open_with("two", of("b")).await;
    assert!(two.vault.note_configuration(&caller()).await.is_err());
    two.vault.heed_configuration().await.unwrap();
    let id = one.vault.approvals()[0].id;
    one.vault.reject(&Caller::new("bob"), id).await.unwrap();
    two.vault.catch_up().await.unwrap();
    let refused = "CONFIGURATION_NOT_APPROVED";
    assert_eq!(code(two.vault.heed_configuration().await), refused);
    assert!(!two.vault.goes_by_remembered_configuration().await);
    assert!(one.vault.goes_by_remembered_configuration().await);
}
