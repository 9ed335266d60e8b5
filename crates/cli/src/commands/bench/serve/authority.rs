//! Certificates for both sides of a benchmark, in its folder.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use strongroom_files::Access;

use crate::session;

/// An authority that certified one server and one client, and their files.
pub(in crate::commands::bench) struct Authority {
    pub(in crate::commands::bench) certificate: PathBuf,
    issuer: CertifiedIssuer<'static, KeyPair>,
    pub(in crate::commands::bench) server: Pair,
    pub(in crate::commands::bench) client: Pair,
}

/// A certificate and its private key, in PEM.
pub(in crate::commands::bench) struct Pair {
    pub(in crate::commands::bench) certificate: PathBuf,
    pub(in crate::commands::bench) private_key: PathBuf,
}

/// The name by which the server is reached.
pub(in crate::commands::bench) const SERVER_NAME: &str = "localhost";
/// The name by which the client is known.
pub(in crate::commands::bench) const CLIENT_NAME: &str = "load.bench";

impl Authority {
    /// Makes all of it; the keys live as long as the folder.
    pub(in crate::commands::bench) fn in_folder(folder: &Path) -> anyhow::Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let certificate = write(folder, "authority.pem", &issuer.pem())?;
        let pair = |name: &str, alternative: &str, purpose| -> anyhow::Result<Pair> {
            let (signed, key) = certify(&issuer, alternative, purpose)?;
            Ok(Pair {
                certificate: write(folder, &format!("{name}.pem"), &signed)?,
                private_key: write(folder, &format!("{name}.key"), &key)?,
            })
        };
        Ok(Self {
            server: pair("server", SERVER_NAME, ExtendedKeyUsagePurpose::ServerAuth)?,
            client: pair("client", CLIENT_NAME, ExtendedKeyUsagePurpose::ClientAuth)?,
            certificate,
            issuer,
        })
    }

    /// Puts another certificate with another key in the place of the server's.
    pub(in crate::commands::bench) fn renew_server(&self) -> anyhow::Result<()> {
        let purpose = ExtendedKeyUsagePurpose::ServerAuth;
        let (certificate, key) = certify(&self.issuer, SERVER_NAME, purpose)?;
        let replace = |path: &Path, pem: &str| {
            session::files().write_durably(path, pem.as_bytes(), Access::OwnerOnly)
        };
        replace(&self.server.certificate, &certificate)?;
        replace(&self.server.private_key, &key)?;
        Ok(())
    }
}

/// A certificate for a name, and its private key, in PEM.
fn certify(
    issuer: &CertifiedIssuer<'static, KeyPair>,
    name: &str,
    purpose: ExtendedKeyUsagePurpose,
) -> anyhow::Result<(String, String)> {
    let mut params = CertificateParams::new(vec![name.to_owned()])?;
    params.extended_key_usages = vec![purpose];
    let key = KeyPair::generate()?;
    let signed = params.signed_by(&key, issuer)?;
    Ok((signed.pem(), key.serialize_pem()))
}

fn write(folder: &Path, name: &str, pem: &str) -> anyhow::Result<PathBuf> {
    let path = folder.join(name);
    session::files().write_new_durably(&path, pem.as_bytes(), Access::OwnerOnly)?;
    Ok(path)
}
