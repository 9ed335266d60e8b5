//! TLS with certificates of both sides, for drivers on other machines.

use std::fmt;
use std::sync::Arc;

use strongroom_memory::SecretBytes;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::error::DriverError;

/// What gRPC is called in the handshake (RFC 9113, section 3.1).
const HTTP_2: &[u8] = b"h2";

/// Who we are, and who may vouch for the other side: the same for a vault and for a driver. Clones share it.
///
/// The private key is kept by the TLS library, in its own memory.
#[derive(Clone)]
pub struct TlsIdentity {
    authorities: Arc<RootCertStore>,
    own: Arc<CertifiedKey>,
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authorities = self.authorities.len();
        write!(f, "TlsIdentity({authorities} authorities)")
    }
}

impl TlsIdentity {
    /// Reads PEM: the certificates of the authorities that may vouch for the other side, and no others; our certificate, with
    /// those between it and its authority behind it; its private key (PKCS#8, SEC 1 or PKCS#1, not encrypted).
    ///
    /// # Errors
    /// [`DriverError::TlsMaterial`], also if the key is not that of the certificate.
    pub fn from_pem(
        authorities: &[u8],
        certificates: &[u8],
        private_key: &SecretBytes,
    ) -> Result<Self, DriverError> {
        let mut store = RootCertStore::empty();
        for authority in read_certificates("authorities", authorities)? {
            let added = store.add(authority);
            added.map_err(|error| unusable("certificate of an authority", error))?;
        }
        let chain = read_certificates("certificate", certificates)?;
        // EXPOSE: the library takes the key over and keeps it.
        let key = PrivateKeyDer::from_pem_slice(private_key.expose())
            // Not what it says: it may repeat a part of the text.
            .map_err(|_what| unusable("private key", "it is no unencrypted private key in PEM"))?;
        let own = CertifiedKey::from_der(chain, key, &provider())
            .map_err(|error| unusable("private key", error))?;
        Ok(Self {
            authorities: Arc::new(store),
            own: Arc::new(own),
        })
    }

    /// For whoever connects: the other side must have a certificate for the name that is connected to.
    pub(crate) fn client(&self) -> Result<ClientConfig, DriverError> {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .map_err(of_authorities)?;
        let mut config = builder
            .with_root_certificates(Arc::clone(&self.authorities))
            .with_client_cert_resolver(self.shown());
        config.alpn_protocols = vec![HTTP_2.to_vec()];
        Ok(config)
    }

    /// For whoever listens: the other side must have a certificate, and one that an authority of ours vouches for.
    pub(crate) fn server(&self) -> Result<ServerConfig, DriverError> {
        let authorities = Arc::clone(&self.authorities);
        let verifier = WebPkiClientVerifier::builder_with_provider(authorities, provider());
        let verifier = verifier.build().map_err(of_authorities)?;
        let builder = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .map_err(of_authorities)?;
        let mut config = builder
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(self.shown());
        config.alpn_protocols = vec![HTTP_2.to_vec()];
        Ok(config)
    }

    fn shown(&self) -> Arc<SingleCertAndKey> {
        Arc::new(SingleCertAndKey::from(Arc::clone(&self.own)))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn read_certificates(
    what: &'static str,
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, DriverError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Ok(found) if found.is_empty() => Err(unusable(what, "there is no certificate in PEM")),
        Ok(found) => Ok(found),
        Err(error) => Err(unusable(what, error)),
    }
}

fn of_authorities(error: impl fmt::Display) -> DriverError {
    unusable("authorities", error)
}

fn unusable(what: &'static str, reason: impl fmt::Display) -> DriverError {
    DriverError::TlsMaterial {
        what,
        reason: reason.to_string(),
    }
}
