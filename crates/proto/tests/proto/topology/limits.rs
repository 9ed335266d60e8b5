//! What hostile input may cost: bounded memory, time in proportion to its length.

use std::cell::Cell;
use std::io::{self, BufReader, Read};

use prost::Message;
use strongroom_errors::Coded;
use strongroom_proto::{
    topology::{
        Container, ItemReader, MAX_ITEM_BYTES, ReceivedItem, StreamError,
        decode_signed_transaction, encode_signed_transaction,
    },
    v30::Signature,
    versioned::wrap_message,
};

use crate::topology::samples::{field, root, signature_message};

fn varint(number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    prost::encoding::encode_varint(number, &mut bytes);
    bytes
}

/// `length` zeros that nobody holds in memory.
fn zeros(length: u64) -> impl Read {
    io::repeat(0).take(length)
}

fn first(input: impl Read, container: Container) -> Result<ReceivedItem, StreamError> {
    ItemReader::new(BufReader::new(input), container)
        .next()
        .unwrap()
}

#[test]
fn the_limit_is_ten_mebibytes() {
    assert_eq!(MAX_ITEM_BYTES, 10 * 1024 * 1024);
}

#[test]
fn an_item_may_have_as_many_bytes_as_allowed_and_no_more() {
    let max = MAX_ITEM_BYTES as u64;
    // A list: the lengths of data and item in front.
    let list = |length: u64| {
        let item = [&[0x0a][..], &varint(length)].concat();
        let data = item.len() as u64 + length;
        let head = [&[0x0a][..], &varint(data), &item].concat();
        first(
            io::Cursor::new(head).chain(zeros(length)),
            Container::Transactions,
        )
    };
    match list(max) {
        Ok(ReceivedItem::Transaction(bytes)) => assert_eq!(bytes.len(), MAX_ITEM_BYTES),
        other => panic!("{other:?}"),
    }
    assert!(
        matches!(list(max + 1), Err(StreamError::TooLarge { length, .. }) if length == max + 1)
    );

    // A certificate has no length, so it is read up to the limit.
    let envelope = |data: u64| [&[0x0a][..], &varint(data)].concat();
    let data = max - envelope(max).len() as u64;
    let whole = io::Cursor::new(envelope(data)).chain(zeros(data));
    match first(whole, Container::Certificate) {
        Ok(ReceivedItem::Transaction(bytes)) => assert_eq!(bytes.len(), MAX_ITEM_BYTES),
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        first(io::repeat(0), Container::Certificate),
        Err(StreamError::TooLarge { .. })
    ));
}

#[test]
fn a_length_alone_makes_nobody_read_or_reserve() {
    let max = MAX_ITEM_BYTES as u64;
    for length in [
        max + 1,
        u64::from(u32::MAX),
        i64::MAX.cast_unsigned(),
        u64::MAX,
    ] {
        // Endless input behind it is not touched.
        let record = io::Cursor::new(varint(length)).chain(io::repeat(0));
        let error = first(record, Container::SnapshotV2).unwrap_err();
        assert!(
            matches!(error, StreamError::TooLarge { offset, length: found } if found == length && offset <= 10)
        );
        assert_eq!(error.code().name(), "TOPOLOGY_INPUT_TOO_LARGE");

        for container in [Container::SnapshotV1, Container::Transactions] {
            let head = [&[0x0a][..], &varint(u64::MAX), &[0x0a], &varint(length)].concat();
            let error = first(io::Cursor::new(head).chain(io::repeat(0)), container).unwrap_err();
            assert!(matches!(error, StreamError::TooLarge { .. }), "{error:?}");
        }
    }
    // A length that is allowed, with nothing behind it.
    assert!(matches!(
        first(io::Cursor::new(varint(max)), Container::SnapshotV2),
        Err(StreamError::Truncated { .. })
    ));
}

/// Repeats a record for ever, and counts what was taken.
struct Endless<'a> {
    record: Vec<u8>,
    place: usize,
    taken: &'a Cell<u64>,
}

impl Read for Endless<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.place %= self.record.len();
        let read = (&self.record[self.place..]).read(buffer)?;
        self.place += read;
        self.taken.set(self.taken.get() + read as u64);
        Ok(read)
    }
}

#[test]
fn a_snapshot_of_any_length_is_read_item_by_item_and_not_ahead() {
    const BUFFER: usize = 4096;
    let wrapped = wrap_message(&vec![0; 100_000]);
    let record = [varint(wrapped.len() as u64), wrapped].concat();
    let length = record.len() as u64;
    let taken = Cell::new(0);
    let input = Endless {
        record,
        place: 0,
        taken: &taken,
    };
    let mut reader = ItemReader::new(
        BufReader::with_capacity(BUFFER, input),
        Container::SnapshotV2,
    );
    for index in 1..=500 {
        assert!(matches!(reader.next(), Some(Ok(ReceivedItem::Row(row))) if row.len() == 100_000));
        assert_eq!(reader.offset(), index * length);
        // At most a buffer, and what reading to the end of an item asks for at once.
        assert!(taken.get() <= index * length + BUFFER as u64);
    }
}

#[test]
fn as_many_signatures_as_fit_are_read_in_time_that_grows_with_their_number() {
    // Each in a group of its own, which is the most that can be written.
    let root = root();
    let mut message = field(1, root.bytes());
    let unsigned = Signature {
        signature: Vec::new(),
        ..signature_message(1, &root)
    };
    let mut count = 0_u32;
    while message.len() < MAX_ITEM_BYTES / 4 {
        // A name that no key has.
        let signature = Signature {
            signed_by: format!("1220{count:064x}"),
            ..unsigned.clone()
        };
        let mut hash = [0; 34];
        hash[..2].copy_from_slice(&[0x12, 0x20]);
        hash[2..6].copy_from_slice(&count.to_be_bytes());
        let group = [field(1, &hash), field(2, &signature.encode_to_vec())].concat();
        message.extend(field(4, &group));
        count += 1;
    }
    let read = decode_signed_transaction(&wrap_message(&message)).unwrap();
    assert_eq!(read.signatures().len(), usize::try_from(count).unwrap());
    assert_eq!(encode_signed_transaction(&read), wrap_message(&message));
}
