//! The format of a version never changes: backups are kept for years.

use data_encoding::HEXLOWER;
use strongroom_crypto::HashBuilder;

use crate::support::{SealOfDataKey, frozen_kinds, read, write};

#[test]
fn the_format_of_version_1_is_frozen() {
    let seal = SealOfDataKey::frozen();
    let (bytes, _) = write(&frozen_kinds(), &seal);
    let hash = HashBuilder::without_purpose().raw(&bytes).finish();
    assert_eq!(
        (bytes.len(), HEXLOWER.encode(hash.as_bytes()).as_str()),
        (
            6371,
            "36aa0165634cb5248857a42e408ccd5960f0f25436abf791ed04d78fc0e8f43c"
        )
    );
    read(&bytes).unwrap().unseal(seal).unwrap();
}
