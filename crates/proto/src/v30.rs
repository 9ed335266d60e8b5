//! The messages of package `com.digitalasset.canton.crypto.v30`, generated from `/proto`, without those that carry
//! private keys.
#![expect(clippy::allow_attributes_without_reason, reason = "generated")]

include!(concat!(
    env!("OUT_DIR"),
    "/com.digitalasset.canton.crypto.v30.rs"
));
