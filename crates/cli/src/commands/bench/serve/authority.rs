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
    issuer: CertifiedIssuer<'static, KeyPair>,
    pub(in crate::commands::bench) certificate: PathBuf,
    pub(in crate::commands::bench) server: Pair,
    pub(in crate::commands::bench) client: Pair,
}

/// A certificate and its private key, in PEM.
pub(in crate::commands::bench) struct Pair {
    pub(in crate::commands::bench) certificate: PathBuf,
    pub(in crate::commands::bench) private_key: PathBuf,
}

/// The name by which the server is reached.
pub(super) const SERVER_NAME: &str = "localhost";
/// The name by which the client is known.
pub(super) const CLIENT_NAME: &str = "load.bench";

impl Authority {
    /// Makes all of it; the keys live as long as the folder.
    pub(in crate::commands::bench) fn in_folder(folder: &Path) -> anyhow::Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let certificate = folder.join("authority.pem");
        write(&certificate, &issuer.pem())?;
        let pair = |name: &str| Pair {
            certificate: folder.join(format!("{name}.pem")),
            private_key: folder.join(format!("{name}.key")),
        };
        let authority = Self {
            issuer,
            certificate,
            server: pair("server"),
            client: pair("client"),
        };
        authority.renew_server()?;
        let purpose = ExtendedKeyUsagePurpose::ClientAuth;
        authority.certify(&authority.client, CLIENT_NAME, purpose)?;
        Ok(authority)
    }

    /// Puts another certificate of the server, with another key, in the place of the one that is there.
    pub(in crate::commands::bench) fn renew_server(&self) -> anyhow::Result<()> {
        let purpose = ExtendedKeyUsagePurpose::ServerAuth;
        self.certify(&self.server, SERVER_NAME, purpose)
    }

    fn certify(
        &self,
        pair: &Pair,
        name: &str,
        purpose: ExtendedKeyUsagePurpose,
    ) -> anyhow::Result<()> {
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        params.extended_key_usages = vec![purpose];
        let key = KeyPair::generate()?;
        let signed = params.signed_by(&key, &self.issuer)?;
        write(&pair.private_key, &key.serialize_pem())?;
        write(&pair.certificate, &signed.pem())
    }
}

fn write(path: &Path, pem: &str) -> anyhow::Result<()> {
    Ok(session::files().write_durably(path, pem.as_bytes(), Access::OwnerOnly)?)
}
