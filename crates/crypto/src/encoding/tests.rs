use proptest::prelude::*;

use super::{Decoder, Encoder, EncodingError};
use crate::time::Timestamp;

fn encoded(write: impl FnOnce(&mut Encoder) -> &mut Encoder) -> Vec<u8> {
    let mut encoder = Encoder::new();
    write(&mut encoder);
    encoder.into_vec()
}

#[test]
fn every_kind_of_value_has_the_documented_bytes() {
    assert_eq!(encoded(|e| e.byte(0xab)), [0xab]);
    assert_eq!(encoded(|e| e.int(-2)), [0xff, 0xff, 0xff, 0xfe]);
    assert_eq!(encoded(|e| e.long(258)), [0, 0, 0, 0, 0, 0, 1, 2]);
    assert_eq!(encoded(|e| e.bytes(&[7, 8])), [0, 0, 0, 2, 7, 8]);
    assert_eq!(encoded(|e| e.raw(&[7, 8])), [7, 8]);
    assert_eq!(encoded(|e| e.string("é")), [0, 0, 0, 2, 0xc3, 0xa9]);
    assert_eq!(encoded(|e| e.optional(None, Encoder::int)), [0]);
    assert_eq!(
        encoded(|e| e.optional(Some(1), Encoder::int)),
        [1, 0, 0, 0, 1]
    );
    assert_eq!(
        encoded(|e| e.list([1, 2].into_iter(), Encoder::byte)),
        [0, 0, 0, 2, 1, 2]
    );
    assert_eq!(encoded(|e| e.left(|e| e.byte(9))), [0, 9]);
    assert_eq!(encoded(|e| e.right(|e| e.byte(9))), [2, 9]);
    assert_eq!(encoded(|e| e.varint(0)), [0]);
    assert_eq!(encoded(|e| e.varint(300)), [0xac, 0x02]);
    assert_eq!(
        encoded(|e| e.varint(u32::MAX)),
        [0xff, 0xff, 0xff, 0xff, 0x0f]
    );
}

#[test]
fn an_instant_before_the_epoch_counts_its_nanoseconds_forwards() {
    let bytes = encoded(|e| e.instant(Timestamp::from_micros(-1)));
    assert_eq!(
        bytes,
        [
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3b, 0x9a, 0xc6, 0x18
        ]
    );
    assert_eq!(
        Decoder::new(&bytes).instant(),
        Ok(Timestamp::from_micros(-1))
    );
}

#[test]
fn the_first_and_last_instants_survive() {
    for micros in [i64::MIN, i64::MIN + 1, 0, i64::MAX] {
        let bytes = encoded(|e| e.instant(Timestamp::from_micros(micros)));
        assert_eq!(
            Decoder::new(&bytes).instant(),
            Ok(Timestamp::from_micros(micros))
        );
    }
}

#[test]
fn an_instant_out_of_range_is_refused() {
    for (seconds, nanos) in [
        (0, -1),
        (0, 1_000_000_000),
        (0, 1),
        (i64::MAX, 0),
        (i64::MIN, 0),
    ] {
        let bytes = encoded(|e| e.long(seconds).int(nanos));
        assert_eq!(
            Decoder::new(&bytes).instant(),
            Err(EncodingError::InstantOutOfRange { seconds, nanos })
        );
    }
}

#[test]
fn a_length_that_is_negative_or_too_large_is_refused() {
    let negative = [0xff, 0xff, 0xff, 0xff, 1];
    assert_eq!(
        Decoder::new(&negative).bytes(),
        Err(EncodingError::NegativeLength { length: -1 })
    );
    let large = [0, 0, 0, 3, 1, 2];
    assert_eq!(
        Decoder::new(&large).bytes(),
        Err(EncodingError::Truncated {
            wanted: 3,
            remaining: 2
        })
    );
    let huge = [0x7f, 0xff, 0xff, 0xff, 1];
    assert!(Decoder::new(&huge).bytes().is_err());
    assert!(Decoder::new(&huge).list(Decoder::byte).is_err());
}

#[test]
fn an_input_that_ends_early_is_refused() {
    assert!(Decoder::new(&[]).byte().is_err());
    assert!(Decoder::new(&[0; 3]).int().is_err());
    assert!(Decoder::new(&[0; 7]).long().is_err());
    assert!(Decoder::new(&[1]).optional(Decoder::byte).is_err());
}

#[test]
fn an_unknown_tag_is_refused() {
    assert_eq!(
        Decoder::new(&[2, 0]).optional(Decoder::byte),
        Err(EncodingError::UnknownTag { tag: 2 })
    );
    assert_eq!(
        Decoder::new(&[1, 0]).either(Decoder::byte, Decoder::byte),
        Err(EncodingError::UnknownTag { tag: 1 })
    );
}

#[test]
fn a_text_that_is_not_utf8_is_refused() {
    assert!(matches!(
        Decoder::new(&[0, 0, 0, 1, 0xff]).string(),
        Err(EncodingError::NotUtf8(_))
    ));
}

#[test]
fn bytes_after_the_last_value_are_noticed() {
    let mut decoder = Decoder::new(&[1, 2]);
    assert_eq!(decoder.byte(), Ok(1));
    assert_eq!(decoder.remaining(), 1);
    assert_eq!(
        decoder.finish(),
        Err(EncodingError::TrailingBytes { count: 1 })
    );
}

#[test]
fn a_varint_has_at_most_nine_groups() {
    let nine = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
    assert_eq!(Decoder::new(&nine).varint(), Ok((1 << 63) - 1));
    let ten = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01];
    assert_eq!(
        Decoder::new(&ten).varint(),
        Err(EncodingError::VarintTooLong)
    );
}

#[test]
fn a_varint_has_one_form_only() {
    assert_eq!(
        Decoder::new(&[0x92, 0x00]).varint(),
        Err(EncodingError::VarintNotMinimal)
    );
    assert_eq!(Decoder::new(&[0x00]).varint(), Ok(0));
}

proptest! {
    #[test]
    fn what_was_written_is_read_again(
        byte: u8, int: i32, long: i64, bytes: Vec<u8>, text: String, option: Option<i64>,
        list in proptest::collection::vec(any::<String>(), 0..5), varint: u32, micros: i64,
    ) {
        let mut encoder = Encoder::with_capacity(64);
        encoder.byte(byte).int(int).long(long).bytes(&bytes).string(&text).optional(option, Encoder::long)
            .list(list.iter(), |encoder, text| encoder.string(text)).varint(varint)
            .instant(Timestamp::from_micros(micros)).raw(&[1, 2, 3]);
        let written = encoder.into_vec();
        let mut decoder = Decoder::new(&written);
        prop_assert_eq!(decoder.byte(), Ok(byte));
        prop_assert_eq!(decoder.int(), Ok(int));
        prop_assert_eq!(decoder.long(), Ok(long));
        prop_assert_eq!(decoder.bytes(), Ok(&bytes[..]));
        prop_assert_eq!(decoder.string(), Ok(&text[..]));
        prop_assert_eq!(decoder.optional(Decoder::long), Ok(option));
        let read: Vec<&str> = decoder.list(Decoder::string).unwrap();
        prop_assert_eq!(read, list);
        prop_assert_eq!(decoder.varint(), Ok(u64::from(varint)));
        prop_assert_eq!(decoder.instant(), Ok(Timestamp::from_micros(micros)));
        prop_assert_eq!(decoder.array(), Ok([1, 2, 3]));
        prop_assert_eq!(decoder.finish(), Ok(()));
    }

    #[test]
    fn arbitrary_bytes_never_panic(input: Vec<u8>) {
        let _ = Decoder::new(&input).string();
        let _ = Decoder::new(&input).varint();
        let _ = Decoder::new(&input).instant();
        let _ = Decoder::new(&input).list(|decoder| decoder.optional(Decoder::bytes));
    }
}
