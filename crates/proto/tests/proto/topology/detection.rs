//! Finding out what a file is.

use std::collections::BTreeSet;

use strongroom_errors::Coded;
use strongroom_proto::{
    topology::{
        Container, DetectError, detect, encode_signed_transaction, encode_signed_transactions,
        write_snapshot_v1, write_snapshot_v2,
    },
    versioned::wrap_message,
};

use crate::topology::samples::{root, rows, signed, signed_message, wrap_version_first};

fn snapshot(container: Container, count: usize) -> Vec<u8> {
    let (rows, mut bytes) = (rows(), Vec::new());
    match container {
        Container::SnapshotV1 => write_snapshot_v1(&rows[..count], &mut bytes),
        _ => write_snapshot_v2(&rows[..count], &mut bytes),
    }
    .unwrap();
    bytes
}

/// Every container with a few items.
fn files(count: usize) -> [(Container, Vec<u8>); 4] {
    [
        (
            Container::SnapshotV1,
            snapshot(Container::SnapshotV1, count),
        ),
        (
            Container::SnapshotV2,
            snapshot(Container::SnapshotV2, count),
        ),
        (
            Container::Transactions,
            encode_signed_transactions(&signed()[..count]),
        ),
        (
            Container::Certificate,
            encode_signed_transaction(&signed()[count - 1]),
        ),
    ]
}

#[test]
fn every_container_is_recognised() {
    for count in [1, 2, 12] {
        for (container, bytes) in files(count) {
            assert_eq!(detect(&bytes, true), Ok(container), "{count}");
            assert_eq!(detect(&bytes, false), Ok(container), "{count}");
        }
    }
    let certificate = wrap_version_first(&signed_message(&[1]));
    assert_eq!(detect(&certificate, true), Ok(Container::Certificate));
}

#[test]
fn a_head_with_whole_items_is_enough_unless_it_is_said_to_be_everything() {
    for (container, bytes) in files(12) {
        if container == Container::Certificate {
            continue;
        }
        let head = &bytes[..bytes.len() / 2];
        assert_eq!(detect(head, false), Ok(container));
        // In the second format the head may end between two records, and then it is a snapshot itself.
        if container != Container::SnapshotV2 {
            assert!(detect(head, true).is_err());
        }
        assert!(detect(&bytes[..20], false).is_err(), "not one whole item");
    }
}

#[test]
fn a_short_file_that_is_cut_is_nothing() {
    for (container, bytes) in files(2) {
        for cut in [3, 5, 50] {
            assert!(
                detect(&bytes[..bytes.len() - cut], true).is_err(),
                "{container} {cut}"
            );
        }
    }
}

#[test]
fn behind_the_first_items_nobody_looks() {
    let mut bytes = snapshot(Container::SnapshotV2, 9);
    let whole = bytes.len();
    bytes.extend([0xff; 100]);
    assert_eq!(detect(&bytes, true), Ok(Container::SnapshotV2));
    // Among the first eight it counts.
    let mut few = snapshot(Container::SnapshotV2, 2);
    few.extend(&bytes[whole..]);
    assert!(detect(&few, true).is_err());
}

#[test]
fn an_empty_input_is_nothing() {
    for is_whole in [false, true] {
        let error = detect(&[], is_whole).unwrap_err();
        assert_eq!(error, DetectError::Empty);
        assert_eq!(error.code().name(), "TOPOLOGY_INPUT_UNKNOWN");
    }
}

#[test]
fn what_is_no_topology_says_why_for_each_container() {
    let certificate = encode_signed_transaction(&signed()[0]);
    let hex = data_encoding::HEXLOWER.encode(&certificate);
    let base64 = data_encoding::BASE64.encode(&certificate);
    let prepared = root();
    let inputs: [&[u8]; 8] = [
        hex.as_bytes(),
        base64.as_bytes(),
        // Whoever reads files opens gzip; here it is bytes like any other.
        &[0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0],
        // A prepared transaction, which nobody has signed.
        prepared.bytes(),
        // Containers without items.
        &wrap_message(&[]),
        &[0x10, 30],
        // A certificate without its wrapper.
        &certificate[3..],
        &[0],
    ];
    for input in inputs {
        let error = detect(input, true).unwrap_err();
        assert_eq!(error.code().name(), "TOPOLOGY_INPUT_UNKNOWN");
        let text = error.to_string();
        for container in Container::ALL {
            assert!(text.contains(&format!("not {container}, since ")), "{text}");
        }
        let DetectError::Unknown { reasons } = error else {
            panic!("{text}")
        };
        assert!(
            reasons
                .iter()
                .map(|(container, _)| *container)
                .eq(Container::ALL)
        );
    }
}

#[test]
fn a_container_is_called_by_its_name() {
    for container in Container::ALL {
        assert_eq!(container.to_string().parse(), Ok(container));
    }
    let names: BTreeSet<_> = Container::ALL.map(Container::name).into();
    assert_eq!(names.len(), 4);
    for text in ["", "snapshot", "Certificate", "snapshot-v3"] {
        let error = text.parse::<Container>().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{text:?} is none of snapshot-v1, snapshot-v2, transactions, certificate")
        );
    }
    assert!(Container::SnapshotV1.is_snapshot() && Container::SnapshotV2.is_snapshot());
    assert!(!Container::Transactions.is_snapshot() && !Container::Certificate.is_snapshot());
}
