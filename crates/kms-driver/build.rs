//! Compiles the contract of KMS drivers to Rust, without protoc.

use std::error::Error;
use std::path::Path;

/// Messages with a secret in them: `src/contract.rs` prints them without it, and wipes it.
const SECRET_MESSAGES: [&str; 4] = [
    ".strongroom.kms.v1.EncryptRequest",
    ".strongroom.kms.v1.DecryptResponse",
    ".strongroom.kms.v1.DecryptAsymmetricResponse",
    ".strongroom.kms.v1.ImportKeyRequest",
];

fn main() -> Result<(), Box<dyn Error>> {
    let contracts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    let ours = contracts.join("strongroom/kms");
    println!("cargo::rerun-if-changed={}", ours.display());
    println!("cargo::rerun-if-changed=build.rs");

    let set = protox::compile(["strongroom/kms/v1/kms.proto"], [&contracts])?;
    let mut config = prost_build::Config::new();
    config.skip_debug(SECRET_MESSAGES);
    tonic_prost_build::configure()
        .build_transport(false)
        .compile_fds_with_config(set, config)?;
    Ok(())
}
