//! Compiles the contract files of `/proto` to Rust, without protoc, and leaves out every message with a private key.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

/// Messages that hold or may hold private keys. The contract files have them, Rust does not: a generated type derives
/// `Debug` and `Clone` and keeps its bytes in ordinary memory. `src/secret/` and `src/versioned.rs` read and write
/// them by hand. A public message that came to mention one of these would fail to compile for want of the type.
const SECRET_MESSAGES: [&str; 8] = [
    "SigningPrivateKey",
    "EncryptionPrivateKey",
    "SigningKeyPair",
    "EncryptionKeyPair",
    "PrivateKey",
    "CryptoKeyPair",
    "SymmetricKey",
    // The envelope around any of them.
    "UntypedVersionedMessage",
];

/// Field number of `message_type` in `FileDescriptorProto`: comments are filed under (4, index of the message).
const MESSAGE_TYPE: i32 = 4;

fn main() -> Result<(), Box<dyn Error>> {
    let contracts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    let files = [
        "com/digitalasset/canton/crypto/v30/crypto.proto",
        "com/digitalasset/canton/version/v1/untyped_versioned_message.proto",
    ];
    println!("cargo::rerun-if-changed={}", contracts.display());
    println!("cargo::rerun-if-changed=build.rs");

    let mut set = protox::compile(files, [&contracts])?;
    let mut left_out = 0;
    for file in &mut set.file {
        let mut new_index = BTreeMap::new();
        for (old, message) in file.message_type.iter().enumerate() {
            if SECRET_MESSAGES.contains(&message.name()) {
                left_out += 1;
            } else {
                new_index.insert(i32::try_from(old)?, i32::try_from(new_index.len())?);
            }
        }
        file.message_type
            .retain(|message| !SECRET_MESSAGES.contains(&message.name()));
        // Comments find their message by its index, which has moved.
        if let Some(comments) = &mut file.source_code_info {
            comments
                .location
                .retain_mut(|location| match location.path.as_mut_slice() {
                    [MESSAGE_TYPE, index, ..] => {
                        new_index.get(index).map(|new| *index = *new).is_some()
                    }
                    _ => true,
                });
        }
    }
    // A message renamed in the contract must not slip through as a generated type.
    if left_out != SECRET_MESSAGES.len() {
        return Err(format!(
            "{left_out} messages with private keys left out, not {}",
            SECRET_MESSAGES.len()
        )
        .into());
    }
    prost_build::Config::new().compile_fds(set)?;
    compile_topology(&contracts)
}

/// Messages of topology: nothing secret in them, and the keys and signatures are the types made above.
fn compile_topology(contracts: &Path) -> Result<(), Box<dyn Error>> {
    let files = [
        "com/digitalasset/canton/protocol/v30/topology.proto",
        "com/digitalasset/canton/topology/admin/v30/topology_transactions.proto",
    ];
    let mut config = prost_build::Config::new();
    config.extern_path(".com.digitalasset.canton.crypto.v30", "crate::v30");
    // Most of a snapshot: not copied out of what was received.
    config.bytes([
        ".com.digitalasset.canton.topology.admin.v30.TopologyTransactions.Item.transaction",
    ]);
    config.compile_fds(protox::compile(files, [contracts])?)?;
    Ok(())
}
