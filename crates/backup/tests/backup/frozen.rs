//! The format of a version never changes: backups are kept for years.

use data_encoding::HEXLOWER;
use strongroom_crypto::HashBuilder;

use crate::support::{SealOfDataKey, every_kind, read, write};

#[test]
fn the_format_of_version_1_is_frozen() {
    let seal = SealOfDataKey::frozen();
    let (bytes, _) = write(&every_kind(), &seal);
    let hash = HashBuilder::without_purpose().raw(&bytes).finish();
    assert_eq!(
        (bytes.len(), HEXLOWER.encode(hash.as_bytes()).as_str()),
        (0, "")
    );
    read(&bytes).unwrap().unseal(seal).unwrap();
}
