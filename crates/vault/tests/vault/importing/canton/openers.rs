//! Encrypted rows do not say which KMS opens them: that is found out once.

use std::sync::Arc;

use strongroom_kms::{KmsKeyId, KmsProvider as _, WrapperKeyRequest};
use strongroom_kms_local::LocalKms;
use strongroom_proto::tables::{KeyTables, PrivateKeyRow};
use strongroom_test_support::kms::{Fault, FlakyKms};
use strongroom_vault::{Environment, Vault, VaultError};

use super::{
    import, outcomes,
    tables::{encrypted_under, private_row},
};
use crate::{
    house::{House, KMS_NAME, Picture, code, foreign_key},
    wraps::{SECOND, named},
};

/// A vault with two KMSs.
struct TwoKms {
    first: FlakyKms,
    second: FlakyKms,
    in_first: Arc<LocalKms>,
    in_second: Arc<LocalKms>,
    vault: Vault,
}

impl TwoKms {
    async fn new() -> (Self, [House; 2]) {
        let (house, other) = (House::new(), House::numbered(2));
        house.create().await.close().await.unwrap();
        let (in_first, in_second) = (Arc::clone(&house.kms), Arc::clone(&other.kms));
        let first = FlakyKms::new(Arc::<LocalKms>::clone(&in_first));
        let second = FlakyKms::new(Arc::<LocalKms>::clone(&in_second));
        let environment = Environment {
            wrappers: vec![named(KMS_NAME, &first), named(SECOND, &second)],
            ..house.environment(house.store().await.unwrap())
        };
        let vault = Vault::open(environment, house.settings.clone()).await;
        let two = Self {
            first,
            second,
            in_first,
            in_second,
            vault: vault.unwrap(),
        };
        (two, [house, other])
    }

    /// How many calls an import made of each of them, and what came of it.
    async fn import(
        &self,
        rows: Vec<PrivateKeyRow>,
    ) -> ((usize, usize), Result<usize, VaultError>) {
        let before = (self.first.calls(), self.second.calls());
        let tables = KeyTables {
            private_keys: rows,
            ..KeyTables::default()
        };
        let report = import(&self.vault, tables).await;
        let taken = report.map(|report| {
            let outcomes = outcomes(&report).into_iter();
            outcomes.filter(|outcome| *outcome == "taken").count()
        });
        let (first, second) = (self.first.calls(), self.second.calls());
        ((first - before.0, second - before.1), taken)
    }
}

async fn wrapper_key(kms: &LocalKms) -> KmsKeyId {
    let wrapper = kms.key_wrapper().unwrap();
    let request = WrapperKeyRequest::default();
    wrapper.generate_wrapper_key(&request).await.unwrap()
}

/// Rows of so many keys, from this one on.
async fn rows(kms: &LocalKms, under: &KmsKeyId, first: i64, many: i64) -> Vec<PrivateKeyRow> {
    let mut rows = Vec::new();
    for seed in first..first + many {
        rows.push(encrypted_under(kms, under, private_row(&foreign_key(seed))).await);
    }
    rows
}

#[tokio::test]
async fn a_kms_that_does_not_have_a_wrapper_key_is_asked_for_it_once_however_many_rows_there_are() {
    let (two, _houses) = TwoKms::new().await;
    let (one, other) = (
        wrapper_key(&two.in_second).await,
        wrapper_key(&two.in_second).await,
    );
    let near = wrapper_key(&two.in_first).await;
    let mut all = rows(&two.in_second, &one, 100, 40).await;
    all.extend(rows(&two.in_second, &other, 200, 30).await);
    all.extend(rows(&two.in_first, &near, 300, 20).await);
    let (calls, taken) = two.import(all).await;
    assert_eq!(taken.unwrap(), 90);
    assert_eq!(calls, (20 + 2, 40 + 30));
    let picture = Picture::of(&two.vault).await;
    assert_eq!(picture.keys.len(), 90);
}

#[tokio::test]
async fn a_wrapper_key_that_nobody_has_costs_one_call_of_each() {
    let (two, _houses) = TwoKms::new().await;
    let stranger = House::numbered(3);
    let lost = wrapper_key(&stranger.kms).await;
    let (calls, taken) = two.import(rows(&stranger.kms, &lost, 100, 25).await).await;
    assert_eq!(code(taken), "KMS_KEY_NOT_FOUND");
    assert_eq!(calls, (1, 1));
}

#[tokio::test]
async fn a_kms_that_did_not_answer_is_asked_again_the_next_time() {
    let (two, _houses) = TwoKms::new().await;
    let key = wrapper_key(&two.in_second).await;
    let all = || rows(&two.in_second, &key, 100, 5);
    two.second.fail_at(1, Fault::Unavailable);
    let (_, taken) = two.import(all().await).await;
    assert_eq!(code(taken), "KMS_UNAVAILABLE");
    let (calls, taken) = two.import(all().await).await;
    assert_eq!(taken.unwrap(), 5);
    assert_eq!(calls, (1, 5));
}
