use async_trait::async_trait;
use strongroom_crypto::{
    EncryptionKeySpec, Fingerprint, KeyName, KeySpec, KeyUsage, KeyUsages, SigningKeySpec,
    Timestamp,
};
use strongroom_store::{
    Custody, KeyRow, KeyState, PrivateKeyRecord, PublicKeyRecord, Sealing, StoreError, StoredKey,
    TakeKeys, VaultRecord,
};

use super::{assert_error, begin, read, refused, samples, store_with_data_key, written};
use crate::store::Storage;

/// Every spec and every set of usages come back.
pub async fn every_kind_of_public_key_is_read_back(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let mut records = Vec::new();
    for spec in SigningKeySpec::ALL {
        for usages in [
            vec![KeyUsage::Namespace],
            vec![KeyUsage::Protocol, KeyUsage::SequencerAuthentication],
        ] {
            records.push(PublicKeyRecord {
                spec: KeySpec::Signing(spec),
                usages: Some(KeyUsages::try_new(usages).unwrap()),
                ..samples::public_key(records.len().try_into().unwrap())
            });
        }
    }
    for spec in EncryptionKeySpec::ALL {
        let number = records.len().try_into().unwrap();
        records.push(PublicKeyRecord {
            spec: KeySpec::Encryption(spec),
            ..samples::encryption_key(number)
        });
    }
    for record in &records {
        written!(store, |write| write.insert_public_key(record.clone()));
    }
    let mut read = read(&store).await;
    for record in &records {
        assert_eq!(
            read.public_key(record.fingerprint).await.unwrap().as_ref(),
            Some(record)
        );
    }
    let rows = read.keys_after(None, 100).await.unwrap();
    assert_eq!(
        rows,
        records
            .into_iter()
            .map(|record| (record, None))
            .collect::<Vec<_>>()
    );
}

/// Every custody, sealing and state come back.
pub async fn every_custody_of_a_private_key_is_read_back(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let kinds: [fn(u32) -> PrivateKeyRecord; 7] = [
        samples::private_key,
        samples::directly_sealed_key,
        samples::clear_key,
        samples::external_key,
        samples::copied_key,
        |number| PrivateKeyRecord {
            state: KeyState::Retired,
            ..samples::private_key(number)
        },
        |number| PrivateKeyRecord {
            exposed: true,
            ..samples::private_key(number)
        },
    ];
    let pairs = || -> Vec<KeyRow> {
        (0..)
            .zip(kinds)
            .map(|(number, kind)| (samples::public_key(number), Some(kind(number))))
            .collect()
    };
    for (public, private) in pairs() {
        written!(
            store,
            |write| write.insert_public_key(public),
            write.insert_private_key(private.unwrap()),
        );
    }
    let mut read = read(&store).await;
    for (public, private) in pairs() {
        assert_eq!(read.private_key(public.fingerprint).await.unwrap(), private);
    }
    assert_eq!(read.keys_after(None, 100).await.unwrap(), pairs());
}

/// The ends of every range are stored without loss.
pub async fn extreme_values_are_read_back(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let first = PublicKeyRecord {
        fingerprint: Fingerprint::from_bytes([0; 32]),
        created_at: Timestamp::from_micros(i64::MIN),
        name: Some(KeyName::try_new("\u{10ffff}".repeat(150)).unwrap()),
        spki: Box::default(),
        ..samples::public_key(0)
    };
    let last = PublicKeyRecord {
        fingerprint: Fingerprint::from_bytes([0xff; 32]),
        created_at: Timestamp::from_micros(i64::MAX),
        name: Some(KeyName::try_new("ä'; --\u{301}").unwrap()),
        spki: vec![0xff; 1 << 20].into(),
        ..samples::public_key(0)
    };
    let sealed = |length| PrivateKeyRecord {
        fingerprint: Fingerprint::from_bytes([0xff; 32]),
        key: StoredKey::Sealed(vec![7; length]),
        ..samples::private_key(0)
    };
    let vault = VaultRecord {
        state: Vec::new(),
        ..samples::vault()
    };
    written!(
        store,
        |write| write.insert_vault(vault.clone()),
        write.insert_keys(vec![
            (last.clone(), Some(sealed(1 << 20))),
            (first.clone(), None)
        ]),
    );
    let mut read = read(&store).await;
    assert_eq!(read.vault().await.unwrap(), Some(vault));
    let rows = read.keys_after(None, usize::MAX).await.unwrap();
    assert_eq!(rows, [(first, None), (last, Some(sealed(1 << 20)))]);
    drop(read);
    written!(store, |write| write.update_private_keys(vec![sealed(0)]));
}

/// Absence is an answer, not an error.
pub async fn what_is_not_stored_is_not_found(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    written!(store, |write| write
        .insert_public_key(samples::public_key(1)));
    let mut read = read(&store).await;
    assert_eq!(
        read.public_key(samples::fingerprint(2)).await.unwrap(),
        None
    );
    assert_eq!(
        read.private_key(samples::fingerprint(1)).await.unwrap(),
        None
    );
    assert_eq!(
        read.keys_after(Some(samples::fingerprint(1)), 10)
            .await
            .unwrap(),
        []
    );
    assert_eq!(read.keys_after(None, 0).await.unwrap(), []);
}

/// A fingerprint names one public and one private key.
pub async fn a_key_is_stored_once(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    written!(store, |write| write.insert_keys(vec![samples::key_pair(1)]));
    let is_first = |fingerprint: &Fingerprint| *fingerprint == samples::fingerprint(1);
    let error = refused!(store, |write| write
        .insert_public_key(samples::encryption_key(1)));
    assert_error!(error, StoreError::KeyExists { fingerprint } if is_first(fingerprint));
    let error = refused!(store, |write| write
        .insert_private_key(samples::clear_key(1)));
    assert_error!(error, StoreError::KeyExists { fingerprint } if is_first(fingerprint));
    let error = refused!(store, |write| write
        .insert_keys(vec![samples::key_pair(2), samples::key_pair(1)]));
    assert_error!(error, StoreError::KeyExists { fingerprint } if is_first(fingerprint));
    assert_eq!(
        read(&store).await.keys_after(None, 10).await.unwrap(),
        [samples::key_pair(1)]
    );
}

/// A private key stands beside the public key of its fingerprint.
pub async fn a_private_key_needs_its_public_key(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let error = refused!(store, |write| write
        .insert_private_key(samples::private_key(1)));
    assert_error!(error, StoreError::KeyMissing { fingerprint } if *fingerprint == samples::fingerprint(1));
}

/// The data key that authenticates a row is stored before it.
pub async fn a_key_needs_its_data_key(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let missing = samples::data_key_id(7);
    let public = || PublicKeyRecord {
        data_key_id: missing,
        ..samples::public_key(2)
    };
    let private = || PrivateKeyRecord {
        data_key_id: missing,
        ..samples::private_key(1)
    };
    let error = refused!(store, |write| write.insert_public_key(public()));
    assert_error!(error, StoreError::DataKeyMissing { id } if *id == missing);
    written!(store, |write| write
        .insert_public_key(samples::public_key(1)));
    let error = refused!(store, |write| write.insert_private_key(private()));
    assert_error!(error, StoreError::DataKeyMissing { id } if *id == missing);
    written!(store, |write| write
        .insert_private_key(samples::private_key(1)));
    let error = refused!(store, |write| write.update_private_keys(vec![private()]));
    assert_error!(error, StoreError::DataKeyMissing { id } if *id == missing);
}

/// Custody, sealing, wrapper key and bytes belong together; so do spec and usages.
pub async fn a_contradictory_private_key_is_refused(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    written!(store, |write| write
        .insert_public_key(samples::public_key(1)));
    let contradictions = [
        PrivateKeyRecord {
            custody: Custody::External,
            ..samples::private_key(1)
        },
        PrivateKeyRecord {
            custody: Custody::Envelope,
            ..samples::clear_key(1)
        },
        PrivateKeyRecord {
            sealing: Sealing::None,
            ..samples::private_key(1)
        },
        PrivateKeyRecord {
            sealing: Sealing::Direct,
            ..samples::private_key(1)
        },
        PrivateKeyRecord {
            wrapper_key_id: None,
            ..samples::directly_sealed_key(1)
        },
        PrivateKeyRecord {
            key: samples::external_key(1).key,
            ..samples::private_key(1)
        },
        PrivateKeyRecord {
            sealing: Sealing::Direct,
            ..samples::copied_key(1)
        },
        PrivateKeyRecord {
            sealing: Sealing::None,
            ..samples::copied_key(1)
        },
        PrivateKeyRecord {
            custody: Custody::Envelope,
            ..samples::copied_key(1)
        },
        PrivateKeyRecord {
            key: samples::clear_key(1).key,
            ..samples::private_key(1)
        },
        PrivateKeyRecord {
            key: samples::private_key(1).key,
            ..samples::clear_key(1)
        },
    ];
    for record in contradictions {
        let error = refused!(store, |write| write.insert_private_key(record));
        assert_error!(error, StoreError::RecordRefused { .. });
    }
    let usages_of_encryption = PublicKeyRecord {
        usages: samples::public_key(2).usages,
        ..samples::encryption_key(2)
    };
    let error = refused!(store, |write| write.insert_public_key(usages_of_encryption));
    assert_error!(error, StoreError::RecordRefused { .. });
    let no_usages = PublicKeyRecord {
        usages: None,
        ..samples::public_key(2)
    };
    let error = refused!(store, |write| write.insert_public_key(no_usages));
    assert_error!(error, StoreError::RecordRefused { .. });
}

/// Pages follow each other without gaps, each public key with its private half, whatever the page's size.
pub async fn keys_come_page_by_page_in_the_order_of_fingerprints(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let key = |number| match number % 3 {
        0 => (samples::public_key(number), None),
        _ => samples::key_pair(number),
    };
    let shuffled = (0..60).map(|number| key(number * 37 % 60)).collect();
    written!(store, |write| write.insert_keys(shuffled));
    let expected = (0..60).map(key).collect::<Vec<_>>();

    let mut read = read(&store).await;
    assert_eq!(read.key_count().await.unwrap(), 60);
    for limit in [1, 7, 59, 60, 61] {
        let mut rows: Vec<KeyRow> = Vec::new();
        loop {
            let after = rows.last().map(|(public, _)| public.fingerprint);
            let page = read.keys_after(after, limit).await.unwrap();
            let is_last = page.len() < limit;
            rows.extend(page);
            if is_last {
                break;
            }
        }
        assert_eq!(rows, expected, "pages of {limit}");
        let mut pages = Pages::wanted(usize::MAX);
        read.all_keys(limit, &mut pages).await.unwrap();
        let sizes: Vec<usize> = pages.taken.iter().map(Vec::len).collect();
        let whole = std::iter::repeat_n(limit, 60 / limit);
        assert_eq!(sizes, whole.chain([60 % limit]).collect::<Vec<_>>());
        assert_eq!(pages.flat(), expected, "all in pages of {limit}");
        // The transaction goes on.
        assert_eq!(read.key_count().await.unwrap(), 60);
    }
}

/// Keeps so many pages.
struct Pages {
    taken: Vec<Vec<KeyRow>>,
    wanted: usize,
}

impl Pages {
    const fn wanted(wanted: usize) -> Self {
        Self {
            taken: Vec::new(),
            wanted,
        }
    }

    fn flat(self) -> Vec<KeyRow> {
        self.taken.into_iter().flatten().collect()
    }
}

#[async_trait]
impl TakeKeys for Pages {
    async fn take(&mut self, keys: Vec<KeyRow>) -> bool {
        self.taken.push(keys);
        self.taken.len() < self.wanted
    }
}

/// The store is as good as before.
pub async fn whoever_wants_no_more_keys_gets_no_more(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let keys = |most| -> Vec<KeyRow> { (0..most).map(samples::key_pair).collect() };
    written!(store, |write| write.insert_keys(keys(6_000)));
    for _again in 0..3 {
        let mut pages = Pages::wanted(2);
        let mut read = read(&store).await;
        read.all_keys(10, &mut pages).await.unwrap();
        assert_eq!(pages.flat(), keys(20));
    }
    assert_eq!(read(&store).await.key_count().await.unwrap(), 6_000);
}

/// The position of a page is a place in the order, not a row: that row may have been deleted meanwhile.
pub async fn a_page_starts_after_a_fingerprint_that_is_not_stored(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    written!(store, |write| write
        .insert_keys(vec![samples::key_pair(1), samples::key_pair(3)]));
    let rows = read(&store)
        .await
        .keys_after(Some(samples::fingerprint(2)), 10)
        .await
        .unwrap();
    assert_eq!(rows, [samples::key_pair(3)]);
}

/// A refused row takes its whole transaction with it.
pub async fn many_keys_are_stored_at_once_or_not_at_all(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let mut write = begin(&store).await;
    let mut keys = (0..2_000).map(samples::key_pair).collect::<Vec<_>>();
    keys.push(samples::key_pair(1_000));
    let error = write.insert_keys(keys).await.unwrap_err();
    assert_error!(error, StoreError::KeyExists { fingerprint } if *fingerprint == samples::fingerprint(1_000));
    assert_error!(
        write.commit().await.unwrap_err(),
        StoreError::TransactionClosed
    );
    assert_eq!(read(&store).await.key_count().await.unwrap(), 0);

    written!(store, |write| write
        .insert_keys((0..2_000).map(samples::key_pair).collect()));
    assert_eq!(read(&store).await.key_count().await.unwrap(), 2_000);
}
