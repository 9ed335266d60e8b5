//! Keys that a service publishes: fetched when they are needed, kept for a while, by one at a time.

use std::{
    fmt,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use reqwest::{Certificate, Client, redirect};
use strongroom_crypto::clock::Clock;
use tokio::sync::Mutex;
use url::Url;

use super::{
    error::{TokenError, TokenServiceError},
    json_key::JsonKeys,
    jwt::Jwt,
    key::TokenKey,
};

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const FETCH_WITHIN: Duration = Duration::from_secs(10);

/// Keys have so many bytes at most.
const MOST_BYTES: usize = 1024 * 1024;

/// Between two fetches, whatever tokens come: whoever sends made-up key ids must not make us attack the service.
const PAUSE: Duration = Duration::from_secs(5);

/// The keys that a service publishes at an address.
pub struct PublishedKeys {
    url: Url,
    client: Client,
    /// Who vouches for its host; none: whom the system trusts.
    authorities: Option<Vec<u8>>,
    keep: Duration,
    current: ArcSwapOption<Fetched>,
    /// Whether the next token has the keys fetched, although there are some.
    ask_again: AtomicBool,
    /// When a fetch was last tried. Whoever holds it fetches.
    fetching: Mutex<Option<Duration>>,
}

/// Keys, and when they came.
pub(super) struct Fetched {
    keys: Vec<(Option<String>, TokenKey)>,
    at: Duration,
}

impl fmt::Debug for PublishedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublishedKeys({})", self.url.host_str().unwrap_or("-"))
    }
}

impl PublishedKeys {
    /// Keys at `url`, kept for `keep`. `authorities`, in PEM, vouch for its host instead of those of the system.
    ///
    /// # Errors
    /// [`TokenServiceError`].
    pub fn new(
        url: &str,
        authorities: Option<&[u8]>,
        keep: Duration,
    ) -> Result<Self, TokenServiceError> {
        let url = Url::parse(url).map_err(|_what| TokenServiceError::Url)?;
        let safe = match url.scheme() {
            "https" => url.host().is_some(),
            "http" => url.host_str().is_some_and(is_this_machine),
            _ => false,
        };
        if !safe || !url.username().is_empty() || url.password().is_some() {
            return Err(TokenServiceError::Url);
        }
        let mut builder = Client::builder()
            // Whoever can redirect could put its own keys there.
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_WITHIN)
            .timeout(FETCH_WITHIN);
        if let Some(pem) = authorities {
            let roots = Certificate::from_pem_bundle(pem);
            let roots = roots.map_err(|_what| TokenServiceError::Authorities)?;
            if roots.is_empty() {
                return Err(TokenServiceError::Authorities);
            }
            builder = builder.tls_certs_only(roots);
        }
        Ok(Self {
            url,
            client: builder.build().map_err(TokenServiceError::Client)?,
            authorities: authorities.map(<[u8]>::to_vec),
            keep,
            current: ArcSwapOption::empty(),
            ask_again: AtomicBool::new(false),
            fetching: Mutex::new(None),
        })
    }

    /// Goes on with the keys that were fetched from the same source, for as long as they would have been kept. They are asked
    /// for once more with the next token: whoever has this done may know of others. When the source does not answer then, these
    /// stay.
    pub(super) fn go_on_from(&self, before: &Self) {
        if self.url == before.url && self.authorities == before.authorities {
            self.current.store(before.current.load_full());
            self.ask_again.store(true, Ordering::Release);
        }
    }

    /// Keys that are fresh and, as far as the service has it, with the one that a token names.
    pub(super) async fn get(
        &self,
        key_id: Option<&str>,
        clock: &dyn Clock,
    ) -> Result<Arc<Fetched>, TokenError> {
        if let Some(fetched) = self.fresh(clock)
            && self.suffice(&fetched, key_id)
        {
            return Ok(fetched);
        }
        let mut tried = self.fetching.lock().await;
        // Somebody may have fetched them meanwhile.
        let there = self.fresh(clock);
        if let Some(fetched) = &there
            && self.suffice(fetched, key_id)
        {
            return Ok(Arc::clone(fetched));
        }
        // Nobody else waits for a source that hangs, where there are keys.
        self.ask_again.store(false, Ordering::Release);
        let now = clock.elapsed();
        if tried.is_none_or(|tried| now >= tried + PAUSE) {
            // Also if whoever asked goes meanwhile.
            *tried = Some(now);
            let fetched = self.fetch(now).await;
            // A service that hangs must not have everybody who waits hang in turn.
            *tried = Some(clock.elapsed());
            match fetched {
                Ok(fetched) => {
                    let fetched = Arc::new(fetched);
                    self.current.store(Some(Arc::clone(&fetched)));
                    return Ok(fetched);
                }
                Err(error) => tracing::warn!(
                    url = %self.url,
                    error = &error as &dyn std::error::Error,
                    "the keys of a service of tokens were not fetched"
                ),
            }
        }
        there.ok_or(TokenError::KeysUnavailable)
    }

    fn suffice(&self, fetched: &Fetched, key_id: Option<&str>) -> bool {
        fetched.has(key_id) && !self.ask_again.load(Ordering::Acquire)
    }

    fn fresh(&self, clock: &dyn Clock) -> Option<Arc<Fetched>> {
        let fetched = self.current.load_full();
        fetched.filter(|fetched| clock.elapsed() < fetched.at + self.keep)
    }

    async fn fetch(&self, at: Duration) -> Result<Fetched, FetchError> {
        let mut response = self.client.get(self.url.clone()).send().await?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(FetchError::Status(response.status().as_u16()));
        }
        let mut text = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if text.len() + chunk.len() > MOST_BYTES {
                return Err(FetchError::TooLarge);
            }
            text.extend_from_slice(&chunk);
        }
        let keys: JsonKeys = serde_json::from_slice(&text)?;
        let keys = keys.usable();
        Ok(Fetched { keys, at })
    }
}

impl Fetched {
    fn has(&self, key_id: Option<&str>) -> bool {
        key_id.is_none_or(|wanted| {
            let mut ids = self.keys.iter().map(|(id, _key)| id.as_deref());
            ids.any(|id| id == Some(wanted))
        })
    }

    /// The one key that can be meant: with the id that the token names, and of its algorithm. Without an id it must be the
    /// only one: keys are not tried out.
    pub(super) fn fitting(&self, jwt: &Jwt<'_>) -> Result<&TokenKey, TokenError> {
        let named = |id: &Option<String>| jwt.key_id.is_none() || *id == jwt.key_id;
        let mut fitting = self
            .keys
            .iter()
            .filter(|(id, key)| named(id) && key.does(&jwt.algorithm));
        match (fitting.next(), fitting.next()) {
            (Some((_id, key)), None) => Ok(key),
            _ => Err(TokenError::NoKey),
        }
    }
}

fn is_this_machine(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Why keys were not fetched.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("the service could not be asked")]
    Request(#[from] reqwest::Error),
    #[error("the service answered with status {0}")]
    Status(u16),
    #[error("the answer is too large")]
    TooLarge,
    #[error("the answer holds no keys")]
    NoKeys(#[from] serde_json::Error),
}
