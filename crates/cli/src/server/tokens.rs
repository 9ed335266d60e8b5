//! Services that give out tokens, from the configuration.

use std::{path::Path, sync::Arc};

use strongroom_config::TokenServiceConfig;
use strongroom_crypto::clock::SystemClock;
use strongroom_files::Files;
use strongroom_server::tokens::{
    Addressee, PublishedKeys, TokenKey, TokenKeys, TokenRules, TokenService, TokenServiceError,
    Tokens,
};

use super::ServerSetupError;
use crate::session;

/// The services, in their order.
pub(crate) fn open(services: &[TokenServiceConfig]) -> anyhow::Result<Tokens> {
    if services.is_empty() {
        return Ok(Tokens::default());
    }
    let services: anyhow::Result<_> = services.iter().map(service).collect();
    Ok(Tokens::of(services?, Arc::new(SystemClock)))
}

fn service(config: &TokenServiceConfig) -> anyhow::Result<TokenService> {
    let keys = if let Some(path) = &config.key_file {
        let pem = read(path)?;
        let key = TokenKey::from_pem(&pem);
        TokenKeys::Fixed(Box::new(key.map_err(|source| unusable(path, source))?))
    } else {
        let url = config.jwks_url.as_deref().unwrap_or_default();
        let authorities = config.jwks_ca_file.as_deref().map(read).transpose()?;
        let keys = PublishedKeys::new(url, authorities.as_deref(), config.jwks_cache);
        let keys = keys.map_err(|source| unusable(Path::new(url), source))?;
        TokenKeys::Published(Box::new(keys))
    };
    let addressee = match (&config.audience, &config.scope) {
        (Some(audience), _) => Addressee::Audience(audience.clone()),
        (None, scope) => Addressee::Scope(scope.clone().unwrap_or_default()),
    };
    let rules = TokenRules {
        addressee,
        issuer: config.issuer.clone(),
        leeway: config.leeway,
        max_lifetime: config.max_lifetime,
    };
    Ok(TokenService { keys, rules })
}

/// Whoever writes there says who is let in.
fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let read = session::files().read_guarded(path)?;
    let path = || path.to_owned();
    Ok(read.ok_or_else(|| ServerSetupError::NoFile { path: path() })?)
}

fn unusable(place: &Path, source: TokenServiceError) -> ServerSetupError {
    let place = place.display().to_string();
    ServerSetupError::Tokens { place, source }
}
