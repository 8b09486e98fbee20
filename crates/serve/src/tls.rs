//! HTTPS.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::ServeError;

/// What takes TLS connections with the certificate chain and private key of these PEM files.
pub(crate) fn acceptor(certificates: &Path, key: &Path) -> Result<TlsAcceptor, ServeError> {
    let refuse = |path: &Path, message: String| ServeError::Tls {
        path: path.to_owned(),
        message,
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificates)
        .and_then(Iterator::collect)
        .map_err(|error| refuse(certificates, error.to_string()))?;
    if chain.is_empty() {
        return Err(refuse(certificates, "no certificate in PEM".to_owned()));
    }
    let private =
        PrivateKeyDer::from_pem_file(key).map_err(|error| refuse(key, error.to_string()))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(chain, private)
        })
        .map_err(|error| refuse(key, error.to_string()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
