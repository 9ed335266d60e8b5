//! Keys that a service publishes: fetched when they are needed, kept for a while. Callers wait for a fetch, none of them does it.

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
use parking_lot::Mutex;
use reqwest::{Certificate, Client, redirect};
use strongroom_crypto::clock::Clock;
use tokio::sync::watch;
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
pub struct PublishedKeys(Arc<Source>);

struct Source {
    url: Url,
    client: Client,
    /// Who vouches for its host; none: whom the system trusts.
    authorities: Option<Vec<u8>>,
    keep: Duration,
    current: ArcSwapOption<Fetched>,
    /// Whether the next token has the keys fetched, although there are some.
    ask_again: AtomicBool,
    fetches: Mutex<Fetches>,
}

/// One fetch at a time.
#[derive(Default)]
struct Fetches {
    /// When one began or, if that is later, ended.
    last: Option<Duration>,
    /// Closed when the last one has ended, however it did.
    ended: Option<watch::Receiver<()>>,
}

/// Keys, and when they came.
pub(super) struct Fetched {
    keys: Vec<(Option<String>, TokenKey)>,
    at: Duration,
}

impl fmt::Debug for PublishedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublishedKeys({})", self.0.url.host_str().unwrap_or("-"))
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
        Ok(Self(Arc::new(Source {
            url,
            client: builder.build().map_err(TokenServiceError::Client)?,
            authorities: authorities.map(<[u8]>::to_vec),
            keep,
            current: ArcSwapOption::empty(),
            ask_again: AtomicBool::new(false),
            fetches: Mutex::default(),
        })))
    }

    /// Goes on with the keys that were fetched from the same source, for as long as they would have been kept. They are asked
    /// for once more with the next token: whoever has this done may know of others. When the source does not answer then, these
    /// stay.
    pub(super) fn go_on_from(&self, before: &Self) {
        let (source, before) = (&self.0, &before.0);
        if source.url == before.url && source.authorities == before.authorities {
            source.current.store(before.current.load_full());
            source.ask_again.store(true, Ordering::Release);
        }
    }

    /// Whether [`PublishedKeys::get`] waits for nobody.
    pub(super) fn are_here(&self, key_id: Option<&str>, clock: &dyn Clock) -> bool {
        let fresh = self.0.fresh(clock.elapsed());
        fresh.is_some_and(|fetched| self.0.suffice(&fetched, key_id))
    }

    /// Keys that are fresh and, as far as the service has it, with the one that a token names.
    pub(super) async fn get(
        &self,
        key_id: Option<&str>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Arc<Fetched>, TokenError> {
        let source = &self.0;
        let now = clock.elapsed();
        if let Some(fetched) = source.fresh(now)
            && source.suffice(&fetched, key_id)
        {
            if now >= fetched.at + source.keep / 4 * 3 {
                // So that nobody has to wait when their time is over.
                source.fetch_once(clock);
            }
            return Ok(fetched);
        }
        if let Some(mut ended) = source.fetch_once(clock) {
            // Nothing is ever sent: this is its end.
            let _closed = ended.changed().await;
        }
        let fetched = source.fresh(clock.elapsed());
        fetched.ok_or(TokenError::KeysUnavailable)
    }
}

impl Source {
    fn suffice(&self, fetched: &Fetched, key_id: Option<&str>) -> bool {
        fetched.has(key_id) && !self.ask_again.load(Ordering::Acquire)
    }

    fn fresh(&self, now: Duration) -> Option<Arc<Fetched>> {
        let fetched = self.current.load_full();
        fetched.filter(|fetched| now < fetched.at + self.keep)
    }

    /// Has the keys fetched, unless that is being done or was done just now. It is a task of its own: a caller who goes must
    /// not keep the keys from all others. Returns what closes at the end of the fetch that goes on.
    fn fetch_once(self: &Arc<Self>, clock: &Arc<dyn Clock>) -> Option<watch::Receiver<()>> {
        let mut fetches = self.fetches.lock();
        if let Some(ended) = &fetches.ended
            && ended.has_changed().is_ok()
        {
            return Some(ended.clone());
        }
        // Nobody else waits for a source that hangs, where there are keys.
        self.ask_again.store(false, Ordering::Release);
        let now = clock.elapsed();
        if fetches.last.is_some_and(|last| now < last + PAUSE) {
            return None;
        }
        let (ending, ended) = watch::channel(());
        *fetches = Fetches {
            last: Some(now),
            ended: Some(ended.clone()),
        };
        let (source, clock) = (Arc::clone(self), Arc::clone(clock));
        tokio::spawn(async move {
            source.take(source.fetch(now).await);
            // A service that hangs must not have everybody who waits hang in turn.
            source.fetches.lock().last = Some(clock.elapsed());
            drop(ending);
        });
        Some(ended)
    }

    fn take(&self, fetched: Result<Fetched, FetchError>) {
        match fetched {
            Ok(fetched) => self.current.store(Some(Arc::new(fetched))),
            Err(error) => tracing::warn!(
                url = %self.url,
                error = &error as &dyn std::error::Error,
                "the keys of a service of tokens were not fetched"
            ),
        }
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
