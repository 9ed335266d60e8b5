use strongroom_store::{AuditRow, StoreError};

use super::{assert_error, begin, read, refused, samples, written};
use crate::store::Storage;

/// All fields of audit records come back, in order, and the last one is the head.
pub async fn audit_records_come_in_order_page_by_page(storage: &dyn Storage) {
    let store = storage.create().await;
    let mut write = begin(&store).await;
    for sequence in 1..=5 {
        write.append_audit(samples::audit(sequence)).await.unwrap();
    }
    write.commit().await.unwrap();

    let mut read = read(&store).await;
    let records = |sequences: std::ops::RangeInclusive<u64>| {
        sequences.map(samples::audit).collect::<Vec<_>>()
    };
    assert_eq!(read.audit_after(0, 2).await.unwrap(), records(1..=2));
    assert_eq!(read.audit_after(2, 2).await.unwrap(), records(3..=4));
    assert_eq!(read.audit_after(4, 2).await.unwrap(), records(5..=5));
    assert_eq!(read.audit_after(5, 2).await.unwrap(), []);
    assert_eq!(read.audit_after(u64::MAX, usize::MAX).await.unwrap(), []);
    assert_eq!(read.audit_head().await.unwrap(), Some(samples::audit(5)));
}

/// The log has neither gaps nor second versions of a record.
pub async fn an_audit_record_follows_the_last_one(storage: &dyn Storage) {
    let store = storage.create().await;
    for sequence in [0, 2, u64::MAX] {
        let error = refused!(store, |write| write.append_audit(samples::audit(sequence)));
        assert_error!(error, StoreError::AuditOutOfOrder { expected: 1, found } if *found == sequence);
    }
    let empty = AuditRow {
        body: Vec::new(),
        ..samples::audit(1)
    };
    written!(store, |write| write.append_audit(empty.clone()));
    for sequence in [0, 1, 3] {
        let error = refused!(store, |write| write.append_audit(samples::audit(sequence)));
        assert_error!(error, StoreError::AuditOutOfOrder { expected: 2, found } if *found == sequence);
    }
    assert_eq!(
        read(&store).await.audit_after(0, 10).await.unwrap(),
        [empty]
    );
}
