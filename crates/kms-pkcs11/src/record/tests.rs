use super::*;

fn record() -> Record {
    Record {
        sequence: 3,
        id: KeyId::from_bytes([0xab; 16]),
        kind: KeyKind::Signing(SigningKeySpec::EcP256),
        label: Some("node".parse().unwrap()),
        tags: vec![("intent".to_owned(), "7".to_owned())],
        state: StoredState::PendingDeletion {
            at: Timestamp::from_micros(5),
        },
        created_at: Timestamp::from_micros(4),
        version: 1,
    }
}

#[test]
fn every_kind_and_state_is_read_as_it_was_written() {
    let kinds = [
        KeyKind::Wrapper,
        KeyKind::Signing(SigningKeySpec::EcCurve25519),
        KeyKind::Encryption(EncryptionKeySpec::Rsa2048),
    ];
    let states = [
        StoredState::Enabled,
        StoredState::Disabled,
        StoredState::PendingDeletion {
            at: Timestamp::from_micros(-1),
        },
    ];
    for kind in kinds {
        for state in states {
            let record = Record {
                kind,
                state,
                ..record()
            };
            assert_eq!(Record::from_bytes(&record.to_bytes()), Some(record));
        }
    }
    let bare = Record {
        label: None,
        tags: Vec::new(),
        ..record()
    };
    assert_eq!(Record::from_bytes(&bare.to_bytes()), Some(bare));
}

/// Tokens hold records for years.
#[test]
fn the_layout_of_a_record_is_frozen() {
    let expected = [
        [1, 0, 0, 0, 3].as_slice(),
        &[0xab; 16],
        &[1, 0, 0, 0, 8],
        b"ec-p-256",
        &[1, 0, 0, 0, 4],
        b"node",
        &[0, 0, 0, 1, 0, 0, 0, 6],
        b"intent",
        &[0, 0, 0, 1],
        b"7",
        &[2, 0, 0, 0, 0, 0, 0, 0, 5],
        &[0, 0, 0, 0, 0, 0, 0, 4],
        &[0, 0, 0, 1],
    ]
    .concat();
    assert_eq!(record().to_bytes(), expected);
}

#[test]
fn what_is_cut_or_longer_or_of_another_format_is_no_record() {
    let bytes = record().to_bytes();
    for length in 0..bytes.len() {
        assert_eq!(Record::from_bytes(&bytes[..length]), None, "{length} bytes");
    }
    assert_eq!(Record::from_bytes(&[bytes.as_slice(), &[0]].concat()), None);
    let newer = [&[2], &bytes[1..]].concat();
    assert_eq!(Record::from_bytes(&newer), None);
}
