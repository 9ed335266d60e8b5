//! A client behind TLS, with a certificate.

use std::{fs, net::SocketAddr, path::Path, sync::Arc};

use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
        version::TLS13,
    },
};
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

use super::authority::{Authority, Pair, SERVER_NAME};

/// What connects to a server.
#[derive(Clone)]
pub(in crate::commands::bench) struct Client {
    connector: TlsConnector,
    address: SocketAddr,
}

impl Client {
    pub(in crate::commands::bench) fn of(
        address: SocketAddr,
        authority: &Authority,
    ) -> anyhow::Result<Self> {
        let connector = TlsConnector::from(Arc::new(tls(authority)?));
        Ok(Self { connector, address })
    }

    /// One more connection.
    pub(in crate::commands::bench) async fn connect(&self) -> anyhow::Result<Channel> {
        let (connector, address) = (self.connector.clone(), self.address);
        let connect = service_fn(move |_uri| {
            let connector = connector.clone();
            async move {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                let name = ServerName::try_from(SERVER_NAME).map_err(std::io::Error::other)?;
                let stream = connector.connect(name, stream).await?;
                Ok::<_, std::io::Error>(TokioIo::new(stream))
            }
        });
        let endpoint = Endpoint::from_shared(format!("http://{SERVER_NAME}"))?;
        Ok(endpoint.connect_with_connector(connect).await?)
    }
}

fn tls(authority: &Authority) -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate(&authority.certificate)?)?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .with_root_certificates(roots)
        .with_client_auth_cert(
            vec![certificate(&authority.client.certificate)?],
            private_key(&authority.client)?,
        )?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

/// The certificate in a file.
pub(super) fn certificate(path: &Path) -> anyhow::Result<CertificateDer<'static>> {
    Ok(CertificateDer::from_pem_slice(&fs::read(path)?)?)
}

/// The private key of a certificate of this benchmark.
pub(super) fn private_key(pair: &Pair) -> anyhow::Result<PrivateKeyDer<'static>> {
    Ok(PrivateKeyDer::from_pem_slice(&fs::read(
        &pair.private_key,
    )?)?)
}
