//! Containers, item by item.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use strongroom_errors::{Category, Coded};
use strongroom_proto::{
    topology::{
        Container, DecodedItem, ItemReader, ReceivedItem, StreamError, encode_signed_transaction,
        encode_signed_transactions, write_snapshot_v1, write_snapshot_v2,
    },
    versioned::wrap_message,
};

use crate::topology::samples::{field, parts_of_signed, rows, signed};

fn snapshot_v1() -> Vec<u8> {
    let mut bytes = Vec::new();
    write_snapshot_v1(&rows(), &mut bytes).unwrap();
    bytes
}

fn snapshot_v2() -> Vec<u8> {
    let mut bytes = Vec::new();
    write_snapshot_v2(&rows(), &mut bytes).unwrap();
    bytes
}

/// Each container with what is in it, and how many items that is.
fn containers() -> [(Container, Vec<u8>, usize); 4] {
    let signed = signed();
    [
        (Container::SnapshotV1, snapshot_v1(), signed.len()),
        (Container::SnapshotV2, snapshot_v2(), signed.len()),
        (
            Container::Transactions,
            encode_signed_transactions(&signed),
            signed.len(),
        ),
        (
            Container::Certificate,
            encode_signed_transaction(&signed[0]),
            1,
        ),
    ]
}

fn read(input: impl BufRead, container: Container) -> Vec<Result<ReceivedItem, StreamError>> {
    ItemReader::new(input, container).collect()
}

/// The error that reading ends with.
fn error(bytes: &[u8], container: Container) -> StreamError {
    let mut items = read(bytes, container);
    items.pop().unwrap().unwrap_err()
}

#[test]
fn every_container_gives_its_items_in_order() {
    for (container, bytes, count) in containers() {
        let mut reader = ItemReader::new(bytes.as_slice(), container);
        for (index, expected) in signed().iter().take(count).enumerate() {
            let item = reader.next().unwrap().unwrap();
            let found = match item.decode().unwrap() {
                DecodedItem::Row(row) if container.is_snapshot() => row.signed,
                DecodedItem::Transaction(it) if !container.is_snapshot() => it,
                other => panic!("{container} gave {other:?}"),
            };
            assert_eq!(
                parts_of_signed(&found),
                parts_of_signed(expected),
                "{container} {index}"
            );
            assert!(reader.offset() <= bytes.len() as u64);
        }
        assert!(reader.next().is_none());
        assert_eq!(reader.offset(), bytes.len() as u64);
        assert!(reader.next().is_none());
    }
}

#[test]
fn the_pieces_in_which_input_arrives_do_not_matter() {
    for (container, bytes, _count) in containers() {
        let whole: Vec<_> = read(bytes.as_slice(), container)
            .into_iter()
            .map(Result::unwrap)
            .collect();
        for size in [1, 2, 7, 1000] {
            let pieces: Vec<_> = read(BufReader::with_capacity(size, bytes.as_slice()), container)
                .into_iter()
                .map(Result::unwrap)
                .collect();
            assert_eq!(pieces, whole);
        }
    }
}

#[test]
fn nothing_at_all_holds_no_items() {
    for container in Container::ALL {
        assert!(read(io::empty(), container).is_empty(), "{container}");
    }
}

#[test]
fn cut_input_gives_the_items_in_front_of_the_cut_and_then_an_error() {
    for (container, bytes, _count) in containers() {
        let whole: Vec<_> = read(bytes.as_slice(), container)
            .into_iter()
            .map(Result::unwrap)
            .collect();
        for length in 1..bytes.len() {
            let mut found = read(&bytes[..length], container);
            // A certificate is one item whatever is in it, which its decoder refuses.
            if container == Container::Certificate {
                let item = found.pop().unwrap().unwrap();
                // Without its version it is still complete.
                let without_version = bytes.len() - 2;
                assert_eq!(item.decode().is_ok(), length == without_version);
                continue;
            }
            let last = match found.last() {
                Some(Err(_)) => found.pop(),
                _ => None,
            };
            let items: Vec<_> = found.into_iter().map(Result::unwrap).collect();
            assert_eq!(items, whole[..items.len()]);
            match last {
                Some(Err(StreamError::Truncated { offset })) => {
                    assert!(offset <= length as u64);
                }
                // Between two records nothing is missing, and a wrapper need not have a version.
                None => assert!(
                    container == Container::SnapshotV2 || length == bytes.len() - 2,
                    "{container} {length}"
                ),
                other => panic!("{container} {length}: {other:?}"),
            }
        }
    }
}

#[test]
fn the_version_may_stand_on_either_side_of_the_data_or_nowhere() {
    let items = field(1, &encode_signed_transaction(&signed()[0]));
    let data = field(1, &items);
    let version = [0x10, 30];
    for bytes in [
        [&data[..], &version].concat(),
        [&version[..], &data].concat(),
        [&version[..], &data, &version].concat(),
        data.clone(),
    ] {
        let found = read(bytes.as_slice(), Container::Transactions);
        assert_eq!(found.len(), 1);
        assert!(found.into_iter().all(|item| item.is_ok()));
    }
    assert!(read(&version[..], Container::Transactions).is_empty());
}

#[test]
fn what_a_container_does_not_have_ends_the_reading() {
    let item = field(1, &encode_signed_transaction(&signed()[0]));
    let check = |bytes: &[u8], before: usize, place: u64| {
        let mut found = read(bytes, Container::Transactions);
        assert_eq!(found.len(), before + 1, "{found:?}");
        match found.pop() {
            Some(Err(error @ StreamError::UnexpectedField { offset })) => {
                assert_eq!(offset, place);
                assert_eq!(error.code().name(), "TOPOLOGY_INPUT_MALFORMED");
            }
            other => panic!("{other:?}"),
        }
    };
    let length = item.len() as u64;
    // Another field, and the same one as an integer, between the items.
    let head = u64::try_from(wrap_message(&item).len()).unwrap() - 2 - length;
    check(
        &wrap_message(&[&item[..], &field(2, b"x")].concat()),
        1,
        head + length,
    );
    check(
        &wrap_message(&[&item[..], &[0x08, 1]].concat()),
        1,
        head + length,
    );
    // In front of the data, behind it, and data a second time.
    check(&[&field(3, b"x"), &wrap_message(&item)[..]].concat(), 0, 0);
    let whole = wrap_message(&item);
    for more in [field(3, b"x"), vec![0x08, 1], whole.clone()] {
        check(&[&whole[..], &more].concat(), 1, whole.len() as u64);
    }
}

#[test]
fn an_item_that_reaches_beyond_its_wrapper_is_cut() {
    // Bytes enough in the file, but not in the data.
    let mut bytes = field(1, &[0x0a, 4, 1, 2]);
    bytes.extend([0x10, 30, 0x10, 30]);
    assert!(matches!(
        error(&bytes, Container::Transactions),
        StreamError::Truncated { offset: 2 }
    ));
    // And a tag or a length that is cut by the end of the data.
    for cut in [&[0x8a][..], &[0x0a], &[0x0a, 0x80]] {
        let mut bytes = field(1, cut);
        bytes.extend([0x01, 0x10, 30]);
        let found = error(&bytes, Container::SnapshotV1);
        assert!(
            matches!(
                found,
                StreamError::Truncated { .. } | StreamError::UnexpectedField { .. }
            ),
            "{found:?}"
        );
    }
}

#[test]
fn a_record_that_is_no_wrapper_is_refused() {
    for record in [&[][..], &[0x10, 30], &[0x0a, 9], &[0xff]] {
        let mut bytes = vec![u8::try_from(record.len()).unwrap()];
        bytes.extend_from_slice(record);
        let found = error(&bytes, Container::SnapshotV2);
        assert!(
            matches!(found, StreamError::NotARecord { offset: 0 }),
            "{record:02x?} gave {found:?}"
        );
    }
}

#[test]
fn a_number_that_is_too_long_is_refused() {
    let endless = [0xff; 11];
    let tenth = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
    for number in [&endless[..], &tenth] {
        for container in [
            Container::SnapshotV1,
            Container::SnapshotV2,
            Container::Transactions,
        ] {
            let found = error(number, container);
            assert!(
                matches!(found, StreamError::Malformed { offset: 0 }),
                "{found:?}"
            );
        }
    }
}

#[test]
fn an_item_that_cannot_be_read_does_not_end_the_container() {
    let good = encode_signed_transaction(&signed()[0]);
    let list = [field(1, b"broken"), field(1, &good)].concat();
    let found: Vec<_> = read(wrap_message(&list).as_slice(), Container::Transactions)
        .into_iter()
        .map(|item| item.unwrap().decode().is_ok())
        .collect();
    assert_eq!(found, [false, true]);
}

/// Fails once in a while, as a disk or a signal does.
struct Failing<R> {
    input: R,
    kind: io::ErrorKind,
    at: u64,
    read: u64,
}

impl<R: Read> Read for Failing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read >= self.at {
            self.at = u64::MAX;
            return Err(self.kind.into());
        }
        let most = buffer.len().min(1);
        let read = self.input.read(&mut buffer[..most])?;
        self.read += read as u64;
        Ok(read)
    }
}

fn failing(bytes: &[u8], kind: io::ErrorKind, at: u64) -> impl BufRead {
    BufReader::new(Failing {
        input: Cursor::new(bytes.to_vec()),
        kind,
        at,
        read: 0,
    })
}

#[test]
fn an_input_that_fails_says_where_and_why() {
    for (container, bytes, _count) in containers() {
        for at in [0, 1, 2, 3, 40] {
            let input = failing(&bytes, io::ErrorKind::PermissionDenied, at);
            let mut found = read(input, container);
            match found.pop() {
                Some(Err(error @ StreamError::Io { offset, .. })) => {
                    assert!(offset <= at);
                    assert_eq!(error.code().name(), "TOPOLOGY_INPUT_UNREADABLE");
                    assert!(std::error::Error::source(&error).is_some());
                }
                other => panic!("{container} {at}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_compressed_input_that_is_cut_or_damaged_is_the_callers_and_not_the_disks() {
    for (kind, expected) in [
        (io::ErrorKind::UnexpectedEof, "TOPOLOGY_INPUT_TRUNCATED"),
        (io::ErrorKind::InvalidData, "TOPOLOGY_INPUT_MALFORMED"),
        (io::ErrorKind::InvalidInput, "TOPOLOGY_INPUT_MALFORMED"),
        (io::ErrorKind::Other, "TOPOLOGY_INPUT_UNREADABLE"),
    ] {
        for (container, bytes, _count) in containers() {
            let mut found = read(failing(&bytes, kind, 3), container);
            match found.pop() {
                Some(Err(error)) => {
                    assert_eq!(error.code().name(), expected, "{container}");
                    let is_request = error.code().category() == Category::InvalidRequest;
                    assert_eq!(is_request, kind != io::ErrorKind::Other, "{container}");
                }
                other => panic!("{container}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_signal_does_not_end_the_reading() {
    for (container, bytes, count) in containers() {
        for at in [0, 1, 2, 3, 40] {
            let input = failing(&bytes, io::ErrorKind::Interrupted, at);
            let found = read(input, container);
            assert_eq!(found.len(), count, "{container} {at}");
            assert!(found.iter().all(Result::is_ok));
        }
    }
}
