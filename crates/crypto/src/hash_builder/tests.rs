use std::collections::{BTreeMap, BTreeSet};

use super::HashBuilder;
use crate::encoding::Encoder;
use crate::hash::Hash;
use crate::hash_purpose::HashPurpose;

/// SHA-256 of what an encoder wrote: the same content by another way.
fn sha256(write: impl FnOnce(&mut Encoder) -> &mut Encoder) -> Hash {
    let mut encoder = Encoder::new();
    write(&mut encoder);
    HashBuilder::without_purpose()
        .raw(encoder.as_slice())
        .finish()
}

fn hex(hash: Hash) -> String {
    hash.to_string().split_off(4)
}

/// Canton's `ValueHashTest`, quoted in `vectors.json` of the reference: a type tag, then one primitive.
#[test]
fn the_primitives_hash_as_in_canton() {
    let unit = HashBuilder::without_purpose().byte(0);
    assert_eq!(
        hex(unit.finish()),
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    );
    let yes = HashBuilder::without_purpose().byte(1).bool(true);
    assert_eq!(
        hex(yes.finish()),
        "9dcf97a184f32623d11a73124ceb99a5709b083721e878a16d78f596718ba7b2"
    );
    let no = HashBuilder::without_purpose().byte(1).bool(false);
    assert_eq!(
        hex(no.finish()),
        "47dc540c94ceb704a23875c11273e16bb0b8a87aed84de911f2133568115f254"
    );
    let text = HashBuilder::without_purpose()
        .byte(7)
        .string("hello world!");
    assert_eq!(
        hex(text.finish()),
        "a24821b4741b3616920a37dfccf3b1e271184c82fc89377ab22e5d96d9330e5c"
    );
    let numeric = HashBuilder::without_purpose().byte(3).numeric(125.1002);
    assert_eq!(
        hex(numeric.finish()),
        "fd23ea3b05b8b0e1d15902cccf7c6c0e6e292f0ae3e96513c8d8cec9d4f9bda9"
    );
}

#[test]
fn the_purpose_comes_first_as_an_integer() {
    let built = HashBuilder::new(HashPurpose::CiphertextId)
        .raw(b"content")
        .finish();
    assert_eq!(built, Hash::digest(HashPurpose::CiphertextId, b"content"));
    assert_eq!(built, sha256(|e| e.int(64).raw(b"content")));
}

#[test]
fn numbers_and_bytes_are_fed_as_documented() {
    let built = HashBuilder::without_purpose()
        .int(-1)
        .long(2)
        .byte(3)
        .bytes(b"ab")
        .raw(b"cd")
        .finish();
    assert_eq!(
        built,
        sha256(|e| e.int(-1).long(2).byte(3).bytes(b"ab").raw(b"cd"))
    );
}

#[test]
fn a_hash_is_fed_without_its_multihash_prefix() {
    let inner = Hash::from_bytes([7; 32]);
    assert_eq!(
        HashBuilder::without_purpose().hash(&inner).finish(),
        sha256(|e| e.raw(&[7; 32]))
    );
}

#[test]
fn an_option_is_marked() {
    let none = HashBuilder::without_purpose()
        .optional(None, HashBuilder::int)
        .finish();
    assert_eq!(none, sha256(|e| e.byte(0)));
    let some = HashBuilder::without_purpose()
        .optional(Some(5), HashBuilder::int)
        .finish();
    assert_eq!(some, sha256(|e| e.byte(1).int(5)));
}

#[test]
fn a_list_keeps_its_order() {
    let built = HashBuilder::without_purpose()
        .list(["b", "a"], HashBuilder::string)
        .finish();
    assert_eq!(built, sha256(|e| e.int(2).string("b").string("a")));
}

#[test]
fn a_map_is_sorted_by_its_keys() {
    let map = BTreeMap::from([("b", 2), ("a", 1)]);
    let built = HashBuilder::without_purpose()
        .map(&map, |builder, key, &value| builder.string(key).int(value));
    assert_eq!(
        built.finish(),
        sha256(|e| e.int(2).string("a").int(1).string("b").int(2))
    );
}

#[test]
fn a_set_of_texts_is_sorted_as_java_sorts() {
    // U+10000 is the surrogate pair d800 dc00 in UTF-16, below U+FFFD; in UTF-8 it is above.
    let (beyond, replacement) = ("\u{10000}", "\u{fffd}");
    let set = BTreeSet::from([replacement, beyond]);
    let built = HashBuilder::without_purpose().string_set(&set).finish();
    assert_eq!(
        built,
        sha256(|e| e.int(2).string(beyond).string(replacement))
    );
}

#[test]
fn a_text_in_parts_hashes_as_the_whole() {
    let whole = HashBuilder::without_purpose().string("PAR::alice");
    let parts = HashBuilder::without_purpose().string_of(&["PAR", "::", "", "alice"]);
    assert_eq!(whole.finish(), parts.finish());
}
