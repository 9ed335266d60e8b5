//! Services that give out tokens, from the configuration.

use std::{path::Path, sync::Arc};

use aws_lc_rs::digest::{Context, SHA256};
use strongroom_config::TokenServiceConfig;
use strongroom_crypto::clock::SystemClock;
use strongroom_files::Files;
use strongroom_server::tokens::{
    Addressee, PublishedKeys, TokenKey, TokenKeys, TokenRules, TokenService, TokenServiceError,
    Tokens,
};

use super::{
    ServerSetupError,
    reload::{Found, Reload},
};
use crate::session;

/// The services, in their order, now and when their files change.
pub(crate) fn open(configs: &[TokenServiceConfig], reload: &mut Reload) -> anyhow::Result<Tokens> {
    if configs.is_empty() {
        return Ok(Tokens::default());
    }
    let (services, sum) = read_all(configs)?;
    let tokens = Tokens::of(services, Arc::new(SystemClock));
    let (current, configs) = (tokens.clone(), configs.to_vec());
    reload.watch("keys of token services", sum, move || {
        let (services, sum) = read_all(&configs)?;
        let tokens = current.clone();
        let take = move || {
            tokens.replace(services);
            Ok(())
        };
        let take = Box::new(take);
        Ok(Found { sum, take })
    });
    Ok(tokens)
}

/// The services, and a sum over their files.
fn read_all(configs: &[TokenServiceConfig]) -> anyhow::Result<(Vec<TokenService>, [u8; 32])> {
    let mut context = Context::new(&SHA256);
    let mut services = Vec::new();
    for config in configs {
        services.push(service(config, &mut context)?);
    }
    let mut sum = [0; 32];
    sum.copy_from_slice(context.finish().as_ref());
    Ok((services, sum))
}

fn service(config: &TokenServiceConfig, sum: &mut Context) -> anyhow::Result<TokenService> {
    let mut read = |path: &Path| {
        let read = read(path)?;
        sum.update(&read.len().to_be_bytes());
        sum.update(&read);
        anyhow::Ok(read)
    };
    let keys = if let Some(path) = &config.key_file {
        let key = TokenKey::from_pem(&read(path)?);
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
    Ok(TokenService {
        name: config.name.as_deref().map(Into::into),
        keys,
        rules,
    })
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
