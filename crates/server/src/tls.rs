//! TLS: what the server shows, and what callers must show.

mod names;

use std::{fmt, sync::Arc};

use arc_swap::ArcSwap;
use strongroom_memory::SecretBytes;
use tokio_rustls::rustls::{
    RootCertStore, ServerConfig, SupportedProtocolVersion,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{NoServerSessionStorage, WebPkiClientVerifier},
    sign::{CertifiedKey, SingleCertAndKey},
    version::{TLS12, TLS13},
};

pub(crate) use self::names::names_of;

/// What gRPC is called in the handshake (RFC 9113, section 3.1).
const HTTP_2: &[u8] = b"h2";

/// What TLS is made of, in PEM.
#[derive(Debug)]
pub struct TlsMaterial<'a> {
    /// The server's certificate, and those between it and its authority.
    pub certificates: &'a [u8],
    /// Its private key, not encrypted.
    pub private_key: &'a SecretBytes,
    /// What callers must show.
    pub callers: CallerCertificates<'a>,
    /// Whether TLS 1.2 is spoken too.
    pub with_tls_12: bool,
}

/// What callers must show, with the certificates of the authorities that may vouch for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerCertificates<'a> {
    /// Nothing: they are not asked.
    None,
    /// What is shown is verified.
    Optional(&'a [u8]),
    /// Whoever shows nothing is refused.
    Required(&'a [u8]),
}

/// TLS as it is now. Clones share it: what is replaced is replaced for new connections of all.
#[derive(Clone)]
pub struct Tls(Arc<ArcSwap<ServerConfig>>);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the {what} cannot be used: {reason}")]
pub struct TlsError {
    what: &'static str,
    reason: String,
}

impl Tls {
    /// TLS with these certificates.
    ///
    /// # Errors
    /// [`TlsError`], also if the key is not that of the certificate.
    pub fn try_new(material: &TlsMaterial<'_>) -> Result<Self, TlsError> {
        let config = config(material)?;
        Ok(Self(Arc::new(ArcSwap::from_pointee(config))))
    }

    /// Takes other certificates for new connections.
    ///
    /// # Errors
    /// [`TlsError`]; what was there before stays.
    pub fn replace(&self, material: &TlsMaterial<'_>) -> Result<(), TlsError> {
        self.0.store(Arc::new(config(material)?));
        Ok(())
    }

    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        self.0.load_full()
    }
}

fn config(material: &TlsMaterial<'_>) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let versions: &[&SupportedProtocolVersion] = if material.with_tls_12 {
        &[&TLS13, &TLS12]
    } else {
        &[&TLS13]
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .map_err(|error| unusable("versions of TLS", error))?;
    let verifier = |pem, or_nothing| {
        let roots = Arc::new(authorities(pem)?);
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider));
        let verifier = if or_nothing {
            verifier.allow_unauthenticated()
        } else {
            verifier
        };
        verifier.build().map_err(of_authorities)
    };
    let builder = match material.callers {
        CallerCertificates::None => builder.with_no_client_auth(),
        CallerCertificates::Optional(pem) => {
            builder.with_client_cert_verifier(verifier(pem, true)?)
        }
        CallerCertificates::Required(pem) => {
            builder.with_client_cert_verifier(verifier(pem, false)?)
        }
    };
    let mut config = builder.with_cert_resolver(shown(material, &provider)?);
    config.alpn_protocols = vec![HTTP_2.to_vec()];
    // A resumed session would bring back a certificate that has expired meanwhile; connections live long as it is.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

fn shown(
    material: &TlsMaterial<'_>,
    provider: &CryptoProvider,
) -> Result<Arc<SingleCertAndKey>, TlsError> {
    let chain = certificates("certificate", material.certificates)?;
    // EXPOSE: the library takes the key over and keeps it.
    let key = PrivateKeyDer::from_pem_slice(material.private_key.expose())
        // Not what it says: it may repeat a part of the text.
        .map_err(|_what| unusable("private key", "it is no unencrypted private key in PEM"))?;
    let own = CertifiedKey::from_der(chain, key, provider)
        .map_err(|error| unusable("private key", error))?;
    Ok(Arc::new(SingleCertAndKey::from(own)))
}

fn authorities(pem: &[u8]) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for authority in certificates("authorities of callers", pem)? {
        store.add(authority).map_err(of_authorities)?;
    }
    Ok(store)
}

fn certificates(what: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Ok(found) if found.is_empty() => Err(unusable(what, "there is no certificate in PEM")),
        Ok(found) => Ok(found),
        Err(error) => Err(unusable(what, error)),
    }
}

fn of_authorities(error: impl fmt::Display) -> TlsError {
    unusable("authorities of callers", error)
}

fn unusable(what: &'static str, reason: impl fmt::Display) -> TlsError {
    let reason = reason.to_string();
    TlsError { what, reason }
}
