//! Authorities that live as long as a test, and clients behind TLS.

use std::{net::SocketAddr, sync::Arc};

use hyper_util::rt::TokioIo;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    SanType, date_time_ymd,
};
use strongroom_memory::SecretBytes;
use strongroom_server::{CallerCertificates, Tls, TlsMaterial};
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore, SupportedProtocolVersion,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
        version::TLS13,
    },
};
use tonic::transport::{Channel, Endpoint, Uri};

/// An authority.
pub(crate) struct Authority {
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its private key, in PEM.
#[derive(Clone)]
pub(crate) struct Shown {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let name = format!("authority {:x?}", key.public_key_raw());
        params.distinguished_name.push(DnType::CommonName, name);
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { pem, issuer }
    }

    pub(crate) fn issue(&self, change: impl FnOnce(&mut CertificateParams)) -> Shown {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        let key = key.serialize_pem();
        Shown { certificate, key }
    }

    pub(crate) fn server(&self) -> Shown {
        self.issue(|params| params.subject_alt_names = vec![dns("localhost")])
    }

    /// A caller of this name, with everything that a caller needs.
    pub(crate) fn caller(&self, name: &str) -> Shown {
        self.issue(|params| of_caller(params, name))
    }
}

pub(crate) fn of_caller(params: &mut CertificateParams, name: &str) {
    params.subject_alt_names = vec![dns(name)];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
}

pub(crate) fn expired(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2020, 2, 1);
}

pub(crate) fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

/// What a server shows, and that callers must have certificates of `callers`.
pub(crate) fn tls(shown: &Shown, callers: CallerCertificates<'_>) -> Tls {
    let key = SecretBytes::from_slice(shown.key.as_bytes());
    Tls::try_new(&material(shown, &key, callers)).unwrap()
}

pub(crate) fn material<'a>(
    shown: &'a Shown,
    key: &'a SecretBytes,
    callers: CallerCertificates<'a>,
) -> TlsMaterial<'a> {
    TlsMaterial {
        certificates: shown.certificate.as_bytes(),
        private_key: key,
        callers,
        with_tls_12: false,
    }
}

/// A client that trusts `authority` and shows this, if anything.
pub(crate) fn client(
    authority: &Authority,
    shown: Option<&Shown>,
    versions: &[&'static SupportedProtocolVersion],
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap();
    roots.add(root).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match shown {
        None => builder.with_no_client_auth(),
        Some(shown) => {
            let chain = CertificateDer::pem_slice_iter(shown.certificate.as_bytes());
            let chain = chain.collect::<Result<_, _>>().unwrap();
            let key = PrivateKeyDer::from_pem_slice(shown.key.as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

/// A connection through TLS 1.3.
pub(crate) async fn connect(
    address: SocketAddr,
    authority: &Authority,
    shown: Option<&Shown>,
) -> Result<Channel, tonic::transport::Error> {
    connect_as(address, client(authority, shown, &[&TLS13])).await
}

pub(crate) async fn connect_as(
    address: SocketAddr,
    config: ClientConfig,
) -> Result<Channel, tonic::transport::Error> {
    let connector = TlsConnector::from(Arc::new(config));
    let connect = tower::service_fn(move |_uri: Uri| {
        let connector = connector.clone();
        async move {
            let stream = TcpStream::connect(address).await?;
            let name = ServerName::try_from("localhost").unwrap();
            let stream = connector.connect(name, stream).await?;
            Ok::<_, std::io::Error>(TokioIo::new(stream))
        }
    });
    let endpoint = Endpoint::from(Uri::from_static("http://vault.invalid"));
    endpoint.connect_with_connector(connect).await
}
