//! A client behind TLS, with a certificate.

use std::{fs, net::SocketAddr, path::Path, sync::Arc};

use hyper_util::rt::TokioIo;
use strongroom_server::contract::strongroom::signing_service_client::SigningServiceClient;
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

/// What calls.
pub(super) struct Client;

impl Client {
    /// So many connections to a server.
    pub(super) async fn connect(
        address: SocketAddr,
        authority: &Authority,
        number: usize,
    ) -> anyhow::Result<Vec<SigningServiceClient<Channel>>> {
        let connector = TlsConnector::from(Arc::new(tls(authority)?));
        let mut clients = Vec::with_capacity(number);
        for _connection in 0..number {
            let connector = connector.clone();
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
            let channel = endpoint.connect_with_connector(connect).await?;
            clients.push(SigningServiceClient::new(channel));
        }
        Ok(clients)
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
