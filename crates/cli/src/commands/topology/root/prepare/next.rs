//! What to do with a prepared transaction.

use std::{
    io::{self, Write},
    path::Path,
};

use strongroom_crypto::{SigningAlgorithm, SigningKeySpec};

use crate::args::quoted;

/// Prints the commands that sign the hash of `prefix` with OpenSSL and join the certificate, as a shell reads them.
///
/// Without `spec` the digest depends on a key that is not known here.
pub(super) fn write(
    out: &mut dyn Write,
    prefix: &Path,
    spec: Option<SigningKeySpec>,
) -> io::Result<()> {
    let file = |suffix: &str| {
        let mut name = prefix.as_os_str().to_owned();
        name.push(suffix);
        quoted(Path::new(&name))
    };
    let (prepared, hash) = (file(".prep"), file(".hash"));
    let (signature, certificate) = (file(".signature"), file(".cert"));
    let digest = spec.map_or(" [-digest sha256|sha384]", digest);
    writeln!(
        out,
        "next: sign the hash with the root's private key, here in root-private.pem, and assemble:\n  \
        openssl pkeyutl -sign -rawin{digest} -inkey root-private.pem -in {hash} -out {signature}\n  \
        strongroom topology root assemble --prepared {prepared} --signature {signature} --out {certificate}"
    )?;
    if spec.is_none() {
        writeln!(
            out,
            "of an ECDSA key: -digest sha256 on P-256 and secp256k1, -digest sha384 on P-384; of other keys no digest"
        )?;
    }
    Ok(())
}

/// What OpenSSL must be told of the digest: ECDSA signs one, the others hash themselves.
fn digest(spec: SigningKeySpec) -> &'static str {
    match spec.algorithm() {
        SigningAlgorithm::EcDsaSha256 => " -digest sha256",
        SigningAlgorithm::EcDsaSha384 => " -digest sha384",
        _ => "",
    }
}
