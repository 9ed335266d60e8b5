//! A database that was put back, or a standby that lacks commits, in which somebody who knew no better went on writing: it is later
//! than what others remember, and did not come from there.

use std::collections::BTreeSet;

use strongroom_crypto::Fingerprint;
use strongroom_vault::AnchorRecord;

use super::company::{Company, Process, Saved, settings};
use crate::{
    house::{
        ALLOW_PROTOCOL, House, caller, check_signs, code, new_protocol_key, sign, signing_key,
    },
    rotating::{rotate, tell},
};

/// What is written in the fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    AFewKeys,
    /// Nothing that was changed is looked for key by key.
    ManyKeys,
    /// Nobody walks along the log.
    ManyRecords,
    /// The state is under another data key, for which the one before vouches.
    AnotherDataKey,
}

impl Written {
    const ALL: [Self; 4] = [
        Self::AFewKeys,
        Self::ManyKeys,
        Self::ManyRecords,
        Self::AnotherDataKey,
    ];

    async fn write(self, process: &Process) {
        let keys = match self {
            Self::AFewKeys => 3,
            Self::ManyKeys => 201,
            Self::ManyRecords => 20_010,
            Self::AnotherDataKey => {
                rotate(&process.vault).await.unwrap();
                1
            }
        };
        // Whatever it takes, it is a later generation.
        signing_key(&process.vault).await;
        signing_key(&process.vault).await;
        let new = (0..keys).map(|_| new_protocol_key()).collect();
        let made = process.vault.generate_signing_keys(&caller(), new).await;
        assert_eq!(made.unwrap().len(), keys);
    }
}

/// Two processes know that a key was retired, a third one does not, and neither does the store any more.
struct Forked {
    company: Company,
    two: Process,
    three: Process,
    retired: Fingerprint,
}

impl Forked {
    async fn new() -> Self {
        let (company, one) = Company::new().await;
        let retired = signing_key(&one.vault).await;
        let (two, three) = (company.open("two").await, company.open("three").await);
        let saved = Saved::of(&company);
        one.vault.retire_key(&caller(), &retired).await.unwrap();
        two.vault.catch_up().await.unwrap();
        one.vault.step_down(&caller()).await.unwrap();
        drop(one);
        saved.put_back();
        Self {
            company,
            two,
            three,
            retired,
        }
    }
}

#[tokio::test]
async fn a_store_that_was_put_back_and_written_on_in_is_refused_by_whoever_saw_more() {
    for written in Written::ALL {
        let Forked {
            company,
            two,
            three,
            retired,
        } = Forked::new().await;
        written.write(&three).await;
        let refused = code(two.vault.catch_up().await);
        assert_eq!(refused, "ROLLED_BACK", "{written:?}, while it is open");
        assert_eq!(code(sign(&two.vault, &retired).await), "KEY_RETIRED");
        // The last that one wrote was that it leaves writing to others.
        for (name, seen) in [("one", 4), ("two", 3)] {
            let opened = company.try_open(name, settings()).await.map(drop);
            let error = opened.expect_err(name).to_string();
            let ending = format!("the anchor remembers another state of generation {seen}");
            assert!(error.ends_with(&ending), "{written:?}: {error}");
        }
        // Whoever saw nothing of it goes on.
        let three = {
            drop(three);
            company.open("three").await
        };
        check_signs(&three.vault, &retired).await;
        tell!("{written:?}: refused by who follows and by who opens");
    }
}

#[tokio::test]
async fn whoever_saw_more_is_brought_back_by_its_operator() {
    let Forked {
        company,
        two,
        three,
        retired,
    } = Forked::new().await;
    drop(two);
    Written::AFewKeys.write(&three).await;
    // The audit log says so, which is for the holder of the lease to do.
    assert_eq!(
        code(company.accept("two").await.map(drop)),
        "STORE_NOT_WRITER"
    );
    three.vault.step_down(&caller()).await.unwrap();
    let two = company.accept("two").await.unwrap();
    // Those who follow are in quarantine with it, and come out of it with it.
    for vault in [&two.vault, &three.vault] {
        vault.catch_up().await.unwrap();
        let refused = vault.sign(&retired, b"message", ALLOW_PROTOCOL).await;
        assert_eq!(code(refused), "VAULT_IN_QUARANTINE");
    }
    two.vault.release(&caller()).await.unwrap();
    check_signs(&two.vault, &retired).await;
    three.vault.catch_up().await.unwrap();
    check_signs(&three.vault, &retired).await;
    drop(two);
    drop(company.open("two").await);
}

#[tokio::test]
async fn whoever_changes_the_log_of_a_fork_as_well_breaks_the_chain() {
    let Forked {
        company,
        two,
        three,
        retired: _,
    } = Forked::new().await;
    Written::AFewKeys.write(&three).await;
    let remembered = two.vault.audit_head().await;
    let place = i64::try_from(remembered.records).unwrap();
    let database = company.house.database();
    database
        .execute(
            "UPDATE audit SET hash = ?1 WHERE sequence = ?2",
            (remembered.hash, place),
        )
        .unwrap();
    assert_eq!(code(two.vault.catch_up().await), "AUDIT_BROKEN");
    let opened = company.try_open("two", settings()).await.map(drop);
    assert_eq!(code(opened), "AUDIT_BROKEN");
}

#[tokio::test]
async fn an_anchor_of_before_that_knows_of_no_audit_log_goes_by_the_generation() {
    let Forked {
        company,
        two,
        three,
        retired: _,
    } = Forked::new().await;
    drop(two);
    Written::AFewKeys.write(&three).await;
    let path = company.anchor_path("two");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut anchor: serde_json::Value = serde_json::from_str(&text).unwrap();
    let confirmed = anchor["confirmed"].as_object_mut().unwrap();
    assert!(confirmed.remove("audit_head").is_some());
    std::fs::write(&path, anchor.to_string()).unwrap();
    drop(company.open("two").await);
}

#[tokio::test]
async fn a_fork_in_postgresql_is_refused_at_opening() {
    for rotated in [false, true] {
        let house = House::on_postgres();
        let vault = house.create().await;
        let key = signing_key(&vault).await;
        vault.close().await.unwrap();
        // Its anchor knows as much as it: it is the standby.
        let standby = house.copy();
        let vault = house.open().await;
        vault.retire_key(&caller(), &key).await.unwrap();
        vault.close().await.unwrap();

        let vault = standby.open().await;
        if rotated {
            rotate(&vault).await.unwrap();
        }
        for _ in 0..3 {
            signing_key(&vault).await;
        }
        vault.close().await.unwrap();
        house.put_back(&standby);
        assert_eq!(house.refusal().await, "ROLLED_BACK");
        // What came from what is remembered is taken: only the other one was not there.
        house.take_anchor_of(&standby);
        check_signs(&house.open().await, &key).await;
    }
}

#[tokio::test]
async fn whoever_follows_keeps_the_data_keys_of_a_state_that_was_given_up_until_somebody_prunes() {
    let (company, one) = Company::new().await;
    signing_key(&one.vault).await;
    let saved = Saved::of(&company);
    rotate(&one.vault).await.unwrap();
    one.vault.step_down(&caller()).await.unwrap();
    drop(one);
    saved.put_back();
    assert_eq!(
        code(company.try_open("one", settings()).await.map(drop)),
        "ROLLED_BACK"
    );
    let one = company.accept("one").await.unwrap();
    one.vault.release(&caller()).await.unwrap();
    let given_up = || {
        let anchor = std::fs::read(company.anchor_path("one")).unwrap();
        let anchor: AnchorRecord = serde_json::from_slice(&anchor).unwrap();
        anchor.given_up_data_keys.len()
    };
    assert_eq!(given_up(), 1);

    one.vault.step_down(&caller()).await.unwrap();
    let two = company.open("two").await;
    signing_key(&two.vault).await;
    one.vault.catch_up().await.unwrap();
    assert_eq!(given_up(), 1);
    rotate(&two.vault).await.unwrap();
    one.vault.catch_up().await.unwrap();
    assert_eq!(given_up(), 1);
    let none = BTreeSet::new();
    two.vault.prune_data_keys(&caller(), &none).await.unwrap();
    one.vault.catch_up().await.unwrap();
    assert_eq!(given_up(), 0);
}
