//! What is done with hostile bytes, by the fuzzer and by the tests alike: one function per parser.
//!
//! None may panic. What is read must survive being written and read again. Each says whether it read anything.

use std::collections::BTreeSet;

use strongroom_crypto::{FrontReader, KeyPurpose, PayloadFront, Timestamp};
use strongroom_proto::{
    decode_key_pair, decode_named_public_key, decode_public_key, decode_public_key_for_import,
    decode_stored_public_key, encode_key_pair, encode_named_public_key, encode_public_key,
    encode_stored_public_key,
    topology::{
        Container, DecodedItem, DetectError, ItemReader, SnapshotItem, decode_broadcast,
        decode_signed_transaction, decode_signed_transactions, decode_snapshot_item,
        decode_transaction, detect, encode_broadcast, encode_signed_transaction,
        encode_signed_transactions, encode_transaction, encode_transaction_as_script,
        write_snapshot_v1, write_snapshot_v2,
    },
    versioned::{self, unwrap_message, wrap_message},
};
use strongroom_topology::{
    Draft, MappingCode, Member, Namespace, PhysicalSynchronizerId, SignedTransaction, StoreId,
    Transaction, TransactionHash, UniqueIdentifier,
};

/// A function of this file by the name of its folder of seeds.
pub type Target = (&'static str, fn(&[u8]) -> bool);

/// All of them.
pub const TARGETS: [Target; 15] = [
    ("broadcast", broadcast),
    ("certificate", certificate),
    ("detection", detection),
    ("identifiers", identifiers),
    ("key_pair", key_pair),
    ("payload", payload),
    ("public_keys", public_keys),
    ("signed_transaction", signed_transaction),
    ("snapshot_item", snapshot_item),
    ("snapshot_v1", snapshot_v1),
    ("snapshot_v2", snapshot_v2),
    ("transaction", transaction),
    ("transaction_list", transaction_list),
    ("transactions", transactions),
    ("versioned", versioned_envelope),
];

/// What stands before the chunks of a payload, in one piece and byte by byte.
pub fn payload(data: &[u8]) -> bool {
    let mut reader = FrontReader::default();
    let whole = reader.push(data).map(|read| read.map(|(front, _)| front));
    let mut reader = FrontReader::default();
    let in_pieces = data
        .chunks(1)
        .map(|byte| reader.push(byte).map(|read| read.map(|(front, _)| front)))
        .find(|read| !matches!(read, Ok(None)))
        .unwrap_or(Ok(None));
    let header = |front: Option<PayloadFront>| front.map(|front| front.header().clone());
    let whole = whole.map(header);
    assert_eq!(whole, in_pieces.map(header));
    matches!(whole, Ok(Some(_)))
}

/// A wrapped `TopologyTransaction`.
pub fn transaction(data: &[u8]) -> bool {
    let Ok(read) = decode_transaction(data) else {
        return false;
    };
    assert_eq!(read.bytes(), data, "what was received is kept");
    says_the_same_when_written(&read);
    true
}

fn says_the_same_when_written(read: &Transaction) {
    assert_eq!(read.hash(), TransactionHash::of(read.bytes()));
    let draft = Draft {
        operation: read.operation(),
        serial: read.serial(),
        mapping: read.mapping().clone(),
    };
    for written in [
        encode_transaction(draft.clone()),
        encode_transaction_as_script(draft.clone(), &[]),
    ] {
        let again = decode_transaction(written.bytes()).unwrap();
        assert_eq!(again.hash(), written.hash());
        assert_eq!(again.mapping(), &draft.mapping);
        assert_eq!(
            (again.operation(), again.serial(), again.unique_key()),
            (draft.operation, draft.serial, read.unique_key())
        );
    }
}

/// A wrapped `SignedTopologyTransaction`.
pub fn signed_transaction(data: &[u8]) -> bool {
    let Ok(read) = decode_signed_transaction(data) else {
        return false;
    };
    assert!(contains(data, read.transaction().bytes()));
    says_the_same_when_written(read.transaction());
    let written = encode_signed_transaction(&read);
    let again = decode_signed_transaction(&written).unwrap();
    assert_eq!(parts(&again), parts(&read));
    assert_eq!(encode_signed_transaction(&again), written);
    true
}

fn contains(data: &[u8], part: &[u8]) -> bool {
    part.is_empty() || data.windows(part.len()).any(|window| window == part)
}

/// What can be compared of a signed transaction; in which order signatures stand is not.
type Parts<'t> = (&'t [u8], BTreeSet<&'t [u8]>, bool);

fn parts(signed: &SignedTransaction) -> Parts<'_> {
    let bytes = signed.transaction().bytes();
    let signatures = signed.signatures().iter().map(|it| it.encoded());
    (bytes, signatures.collect(), signed.is_proposal())
}

fn same(found: &[SignedTransaction], expected: &[SignedTransaction]) {
    assert!(found.iter().map(parts).eq(expected.iter().map(parts)));
}

/// A wrapped `SignedTopologyTransactions`, at once.
pub fn transactions(data: &[u8]) -> bool {
    let Ok(read) = decode_signed_transactions(data) else {
        return false;
    };
    let written = encode_signed_transactions(&read);
    same(&decode_signed_transactions(&written).unwrap(), &read);
    true
}

/// A wrapped `TopologyTransactionsBroadcast`.
pub fn broadcast(data: &[u8]) -> bool {
    let Ok((synchronizer, read)) = decode_broadcast(data) else {
        return false;
    };
    let written = encode_broadcast(&synchronizer, &read);
    let (again, transactions) = decode_broadcast(&written).unwrap();
    assert_eq!(again, synchronizer);
    same(&transactions, &read);
    true
}

/// A bare `Item` of a snapshot.
pub fn snapshot_item(data: &[u8]) -> bool {
    let Ok(read) = decode_snapshot_item(data) else {
        return false;
    };
    survives_in_both_formats(&[read]);
    true
}

type Row<'a> = (Timestamp, Timestamp, Option<Timestamp>, Option<&'a str>);

fn row(item: &SnapshotItem) -> (Row<'_>, Parts<'_>) {
    let rejection = item.rejection.as_deref();
    let times = (item.sequenced, item.valid_from, item.valid_until, rejection);
    (times, parts(&item.signed))
}

fn survives_in_both_formats(rows: &[SnapshotItem]) {
    let mut written = Vec::new();
    write_snapshot_v1(rows, &mut written).unwrap();
    let again = rows_of(&written, Container::SnapshotV1);
    assert!(again.iter().map(row).eq(rows.iter().map(row)));
    written.clear();
    write_snapshot_v2(rows, &mut written).unwrap();
    let again = rows_of(&written, Container::SnapshotV2);
    assert!(again.iter().map(row).eq(rows.iter().map(row)));
}

fn rows_of(bytes: &[u8], container: Container) -> Vec<SnapshotItem> {
    ItemReader::new(bytes, container)
        .filter_map(|item| match item.unwrap().decode().unwrap() {
            DecodedItem::Row(row) => Some(row),
            DecodedItem::Transaction(_) => None,
        })
        .collect()
}

/// A snapshot in the first format, as a stream.
pub fn snapshot_v1(data: &[u8]) -> bool {
    stream(data, Container::SnapshotV1)
}

/// A snapshot in the second format, as a stream.
pub fn snapshot_v2(data: &[u8]) -> bool {
    stream(data, Container::SnapshotV2)
}

/// A list of transactions, as a stream.
pub fn transaction_list(data: &[u8]) -> bool {
    stream(data, Container::Transactions)
}

/// A certificate, as a stream.
pub fn certificate(data: &[u8]) -> bool {
    stream(data, Container::Certificate)
}

/// Reads to the end or to the first error, and all the rows again from what was written.
fn stream(data: &[u8], container: Container) -> bool {
    let mut reader = ItemReader::new(data, container);
    let (mut rows, mut transactions) = (Vec::new(), Vec::new());
    let mut complete = true;
    while let Some(item) = reader.next() {
        assert!(reader.offset() <= data.len() as u64);
        let Ok(item) = item else {
            complete = false;
            assert!(reader.next().is_none(), "nothing comes behind an error");
            break;
        };
        match item.decode() {
            Ok(DecodedItem::Row(row)) => rows.push(row),
            Ok(DecodedItem::Transaction(it)) => transactions.push(it),
            Err(_refused) => complete = false,
        }
    }
    if complete {
        assert_eq!(reader.offset(), data.len() as u64);
    }
    survives_in_both_formats(&rows);
    complete && rows.len() + transactions.len() > 0
}

/// What a file is.
pub fn detection(data: &[u8]) -> bool {
    // A head that fits goes on fitting when something may follow.
    match detect(data, true) {
        Ok(container) => {
            let first = ItemReader::new(data, container).next();
            assert!(first.unwrap().is_ok());
            match detect(data, false) {
                Ok(again) => assert_eq!(again, container),
                Err(DetectError::Ambiguous { candidates }) => {
                    assert!(candidates.contains(&container));
                }
                Err(other) => panic!("{other}"),
            }
            true
        }
        Err(_refused) => {
            let _ = detect(data, false);
            false
        }
    }
}

/// Every text that names something.
pub fn identifiers(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    let texts = [
        text.parse::<Namespace>().ok().map(|it| it.to_string()),
        text.parse::<UniqueIdentifier>()
            .ok()
            .map(|it| it.to_string()),
        text.parse::<Member>().ok().map(|it| it.to_string()),
        text.parse::<PhysicalSynchronizerId>()
            .ok()
            .map(|it| it.to_string()),
        text.parse::<StoreId>().ok().map(|it| it.to_string()),
    ];
    let read: Vec<_> = texts.into_iter().flatten().collect();
    assert!(read.iter().all(|written| written == text), "{read:?}");
    if let Ok(hash) = text.parse::<TransactionHash>() {
        // Digits are read in either case.
        assert!(hash.to_string().eq_ignore_ascii_case(text));
        return true;
    }
    if let Ok(code) = text.parse::<MappingCode>() {
        assert_eq!(code.name().parse(), Ok(code));
        return true;
    }
    !read.is_empty()
}

/// The envelope around everything.
pub fn versioned_envelope(data: &[u8]) -> bool {
    let Ok(read) = unwrap_message(data) else {
        return false;
    };
    assert!(contains(data, read.data));
    let written = wrap_message(read.data);
    let again = unwrap_message(&written).unwrap();
    assert_eq!((again.data, again.version), (read.data, versioned::VERSION));
    true
}

/// Public keys in all their forms.
pub fn public_keys(data: &[u8]) -> bool {
    let mut found = false;
    if let Ok(read) = decode_public_key(data) {
        let again = decode_public_key(&encode_public_key(&read.key)).unwrap();
        assert!(again.key == read.key && !again.was_legacy);
        found = true;
    }
    if let Ok(read) = decode_public_key_for_import(data) {
        let again = decode_public_key_for_import(&encode_public_key(&read.key)).unwrap();
        assert!(again.key == read.key && !again.was_wrapped);
        found = true;
    }
    if let Ok(read) = decode_named_public_key(data) {
        let again = decode_named_public_key(&encode_named_public_key(&read.key)).unwrap();
        assert_eq!(again.key, read.key);
        found = true;
    }
    for purpose in KeyPurpose::ALL {
        if let Ok(read) = decode_stored_public_key(purpose, data) {
            let written = encode_stored_public_key(&read.key);
            let again = decode_stored_public_key(purpose, &written).unwrap();
            assert_eq!(again.key, read.key);
            found = true;
        }
    }
    found
}

/// An exported key pair without a password.
pub fn key_pair(data: &[u8]) -> bool {
    let Ok(read) = decode_key_pair(data) else {
        return false;
    };
    let written = encode_key_pair(&read.private, &read.public).unwrap();
    // EXPOSE: what an importer reads.
    let again = decode_key_pair(written.expose()).unwrap();
    assert_eq!(again.public, read.public);
    assert_eq!(again.private.stored(), read.private.stored());
    true
}
