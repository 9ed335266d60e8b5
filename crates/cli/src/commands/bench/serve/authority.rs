//! Certificates for both sides of a benchmark, in its folder.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use strongroom_files::Access;

use crate::session;

/// An authority that certified one server and one client, and their files.
pub(super) struct Authority {
    pub(super) certificate: PathBuf,
    pub(super) server: Pair,
    pub(super) client: Pair,
}

/// A certificate and its private key, in PEM.
pub(super) struct Pair {
    pub(super) certificate: PathBuf,
    pub(super) private_key: PathBuf,
}

/// The name by which the server is reached.
pub(super) const SERVER_NAME: &str = "localhost";
/// The name by which the client is known.
pub(super) const CLIENT_NAME: &str = "load.bench";

impl Authority {
    /// Makes all of it; the keys live as long as the folder.
    pub(super) fn in_folder(folder: &Path) -> anyhow::Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let certificate = write(folder, "authority.pem", &issuer.pem())?;
        let pair = |name: &str, alternative: &str, purpose| -> anyhow::Result<Pair> {
            let mut params = CertificateParams::new(vec![alternative.to_owned()])?;
            params.extended_key_usages = vec![purpose];
            let key = KeyPair::generate()?;
            let signed = params.signed_by(&key, &issuer)?;
            Ok(Pair {
                certificate: write(folder, &format!("{name}.pem"), &signed.pem())?,
                private_key: write(folder, &format!("{name}.key"), &key.serialize_pem())?,
            })
        };
        Ok(Self {
            server: pair("server", SERVER_NAME, ExtendedKeyUsagePurpose::ServerAuth)?,
            client: pair("client", CLIENT_NAME, ExtendedKeyUsagePurpose::ClientAuth)?,
            certificate,
        })
    }
}

fn write(folder: &Path, name: &str, pem: &str) -> anyhow::Result<PathBuf> {
    let path = folder.join(name);
    session::files().write_new_durably(&path, pem.as_bytes(), Access::OwnerOnly)?;
    Ok(path)
}
