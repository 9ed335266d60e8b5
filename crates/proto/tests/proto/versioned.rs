//! The envelope and the wire format under it.

use strongroom_memory::SecretBytes;
use strongroom_proto::versioned::{VERSION, unwrap_message, wrap_message, wrap_secret_message};
use strongroom_proto::{ProtoError, WireError};

use crate::support::with_unknown_fields;

#[test]
fn a_wrapped_message_is_its_bytes_and_the_version_30() {
    let expected = [0x0a, 3, b'a', b'b', b'c', 0x10, 0x1e];
    assert_eq!(wrap_message(b"abc"), expected);
    assert_eq!(
        wrap_secret_message(&SecretBytes::from_slice(b"abc")).expose(),
        expected
    );
}

#[test]
fn a_long_message_comes_out_as_it_went_in() {
    let message = vec![7; 20_000];
    let wrapped = wrap_message(&message);
    let found = unwrap_message(&wrapped).unwrap();
    assert_eq!((found.data, found.version), (message.as_slice(), VERSION));
}

#[test]
fn an_empty_message_is_there_and_a_missing_one_is_not() {
    assert_eq!(unwrap_message(&wrap_message(b"")).unwrap().data, b"");
    for missing in [&[][..], &[0x10, 0x1e]] {
        assert!(matches!(
            unwrap_message(missing),
            Err(ProtoError::FieldNotSet { field: "data", .. })
        ));
    }
}

#[test]
fn any_version_and_any_order_is_read() {
    let check = |bytes: &[u8], version| assert_eq!(unwrap_message(bytes).unwrap().version, version);
    check(&[0x0a, 0], 0);
    check(&[0x0a, 0, 0x10, 0x1f], 31);
    check(&[0x10, 0x1e, 0x0a, 0], 30);
    check(
        &[
            0x0a, 0, 0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01,
        ],
        -1,
    );
}

#[test]
fn of_a_repeated_field_the_last_one_holds() {
    let found = unwrap_message(&[0x0a, 1, b'a', 0x10, 1, 0x0a, 1, b'b', 0x10, 2]).unwrap();
    assert_eq!((found.data, found.version), (&b"b"[..], 2));
}

#[test]
fn unknown_fields_and_known_ones_of_another_type_are_skipped() {
    let message = with_unknown_fields(wrap_message(b"abc"));
    assert_eq!(unwrap_message(&message).unwrap().data, b"abc");
    // Field 1 as an integer, field 2 as bytes.
    let found = unwrap_message(&[0x0a, 1, b'a', 0x08, 5, 0x12, 1, b'x']).unwrap();
    assert_eq!((found.data, found.version), (&b"a"[..], 0));
}

#[test]
fn bytes_that_are_no_message_are_refused() {
    let check = |bytes: &[u8], expected: WireError| match unwrap_message(bytes) {
        Err(ProtoError::MalformedSecret { source, .. }) => {
            assert_eq!(source, expected, "{bytes:02x?}")
        }
        other => panic!("{bytes:02x?} gave {other:?}"),
    };
    check(&[0x0a], WireError::Truncated);
    check(&[0x0a, 5, 1], WireError::Truncated);
    check(
        &[
            0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01,
        ],
        WireError::Truncated,
    );
    check(&[0x11, 1, 2, 3], WireError::Truncated);
    check(&[0x80], WireError::Truncated);
    check(&[0x00, 1], WireError::FieldNumber);
    check(&[0x80, 0x80, 0x80, 0x80, 0x10, 0], WireError::FieldNumber);
    check(&[0x13], WireError::WireType(3));
    check(&[0x14], WireError::WireType(4));
    check(&[0x17], WireError::WireType(7));
    check(
        &[
            0x10, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02,
        ],
        WireError::IntegerTooLong,
    );
    check(
        &[
            0x10, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0,
        ],
        WireError::IntegerTooLong,
    );
}

#[test]
fn the_inside_is_not_printed() {
    let wrapped = wrap_message(b"secret");
    assert_eq!(
        format!("{:?}", unwrap_message(&wrapped).unwrap()),
        "Versioned { data: 6 bytes, version: 30 }"
    );
}
