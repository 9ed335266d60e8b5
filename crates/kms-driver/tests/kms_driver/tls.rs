//! Drivers on other machines: who is talked to, and who is not.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use strongroom_errors::Coded;
use strongroom_kms::{KeyWrapper, KmsError, KmsHealth, KmsProvider, WrapperKeyRequest};
use strongroom_kms_driver::{DriverKms, DriverServer, DriverSettings, TlsIdentity};
use strongroom_memory::SecretBytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{ServerName, pem::PemObject};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types};

use crate::house::{House, context, secret};

/// An authority that lives as long as a test.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        // Of two authorities of one name a verifier could not say which one it does not know.
        let name = format!("authority {:x?}", key.public_key_raw());
        params.distinguished_name.push(DnType::CommonName, name);
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { pem, issuer }
    }

    /// A certificate for `name` and its private key, in PEM.
    fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// Somebody called `name` who trusts those that `trusted` vouches for.
    fn identity(&self, name: &str, trusted: &Self) -> TlsIdentity {
        let (certificate, key) = self.issue(name);
        let key = SecretBytes::from_slice(key.as_bytes());
        TlsIdentity::from_pem(trusted.pem.as_bytes(), certificate.as_bytes(), &key).unwrap()
    }
}

/// Serves a KMS in `house` as a driver of this identity, until the test ends.
async fn serve(house: &House, identity: TlsIdentity) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = DriverServer::new(Arc::new(house.local_kms()));
    tokio::spawn(async move {
        let end = std::future::pending();
        server.serve_tls(listener, &identity, end).await
    });
    address
}

async fn connect(address: SocketAddr, identity: TlsIdentity) -> Result<DriverKms, KmsError> {
    let address = format!("localhost:{}", address.port());
    DriverKms::connect(DriverSettings::tls(address, identity)).await
}

#[tokio::test(flavor = "current_thread")]
async fn a_driver_with_a_certificate_wraps_for_a_vault_with_one() {
    let (house, authority) = (House::new(), Authority::new());
    let address = serve(&house, authority.identity("localhost", &authority)).await;
    let identity = authority.identity("vault", &authority);
    let driver = connect(address, identity).await.unwrap();
    assert_eq!(driver.health().await, KmsHealth::Ok);
    let request = WrapperKeyRequest::default();
    let key = driver.generate_wrapper_key(&request).await.unwrap();
    let wrapped = driver.wrap_key(&key, &context(), &secret()).await.unwrap();
    let opened = driver.unwrap_key(&wrapped, &context()).await.unwrap();
    assert_eq!(opened, secret());
}

#[tokio::test(flavor = "current_thread")]
async fn both_sides_may_have_authorities_of_their_own_and_the_driver_an_ip_address() {
    let (house, of_drivers, of_vaults) = (House::new(), Authority::new(), Authority::new());
    let address = serve(&house, of_drivers.identity("127.0.0.1", &of_vaults)).await;
    let identity = of_vaults.identity("vault", &of_drivers);
    let settings = DriverSettings::tls(address.to_string(), identity);
    let driver = DriverKms::connect(settings).await.unwrap();
    assert_eq!(driver.capabilities().provider, "local");
}

#[tokio::test(flavor = "current_thread")]
async fn a_driver_of_another_authority_is_sent_nothing() {
    let (house, authority, other) = (House::new(), Authority::new(), Authority::new());
    let address = serve(&house, other.identity("localhost", &authority)).await;
    let identity = authority.identity("vault", &authority);
    let error = connect(address, identity).await.unwrap_err();
    assert_eq!(error.code().name(), "KMS_DRIVER_UNTRUSTED", "{error:?}");
    assert!(!error.is_retryable());
}

#[tokio::test(flavor = "current_thread")]
async fn a_driver_whose_certificate_is_for_another_host_is_sent_nothing() {
    let (house, authority) = (House::new(), Authority::new());
    let address = serve(&house, authority.identity("elsewhere.example", &authority)).await;
    let identity = authority.identity("vault", &authority);
    let error = connect(address, identity).await.unwrap_err();
    assert_eq!(error.code().name(), "KMS_DRIVER_UNTRUSTED", "{error:?}");
    assert!(format!("{error:?}").contains("localhost"), "{error:?}");
}

#[tokio::test(flavor = "current_thread")]
async fn a_vault_of_another_authority_is_served_nothing_and_told_so() {
    let (house, authority, other) = (House::new(), Authority::new(), Authority::new());
    let address = serve(&house, authority.identity("localhost", &authority)).await;
    let identity = other.identity("vault", &authority);
    let error = connect(address, identity).await.unwrap_err();
    let code = error.code().name();
    assert_eq!(code, "KMS_DRIVER_HANDSHAKE_REFUSED", "{error:?}");
    assert!(!error.is_retryable());
    assert!(format!("{error:?}").contains("UnknownCA"), "{error:?}");
}

#[tokio::test(flavor = "current_thread")]
async fn a_caller_without_a_certificate_is_served_nothing() {
    let (house, authority) = (House::new(), Authority::new());
    let address = serve(&house, authority.identity("localhost", &authority)).await;
    let mut trusted = RootCertStore::empty();
    let der = pki_types::CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap();
    trusted.add(der).unwrap();
    let nameless = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(trusted)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    let host = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(nameless));
    // It learns with the first answer that it is not wanted.
    let mut stream = connector.connect(host, stream).await.unwrap();
    let _sent = stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    let mut answer = Vec::new();
    let error = stream.read_to_end(&mut answer).await.unwrap_err();
    assert!(error.to_string().contains("CertificateRequired"), "{error}");
    assert_eq!(answer, b"");
}

#[tokio::test(flavor = "current_thread")]
async fn a_caller_without_tls_is_served_nothing() {
    let (house, authority) = (House::new(), Authority::new());
    let address = serve(&house, authority.identity("localhost", &authority)).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    let _ended = stream.read_to_end(&mut answer).await;
    // At most an alert, which is no frame of HTTP/2.
    assert!(answer.len() <= 7, "{answer:?}");
}

#[test]
fn material_that_cannot_be_used_is_named_and_not_repeated() {
    let authority = Authority::new();
    let (certificate, key) = authority.issue("vault");
    let (_, other_key) = authority.issue("vault");
    let try_with = |ca: &str, certificate: &str, key: &str| {
        let key = SecretBytes::from_slice(key.as_bytes());
        let made = TlsIdentity::from_pem(ca.as_bytes(), certificate.as_bytes(), &key);
        let error = made.unwrap_err();
        assert_eq!(error.code().name(), "KMS_DRIVER_TLS_MATERIAL");
        error.to_string()
    };
    assert!(try_with("", &certificate, &key).contains("authorities"));
    assert!(try_with(&authority.pem, &key, &key).contains("certificate"));
    let secret = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----";
    let told = try_with(&authority.pem, &certificate, secret);
    assert!(told.contains("private key") && !told.contains("hunter2"));
    assert!(try_with(&authority.pem, &certificate, &other_key).contains("private key"));
}

#[tokio::test(flavor = "current_thread")]
async fn an_address_is_a_host_and_a_port() {
    let authority = Authority::new();
    for address in ["localhost", "a b:1", ":1"] {
        let identity = authority.identity("vault", &authority);
        let settings = DriverSettings::tls(address, identity);
        let error = DriverKms::connect(settings).await.unwrap_err();
        assert_eq!(error.code().name(), "KMS_DRIVER_ADDRESS", "{address}");
    }
}
