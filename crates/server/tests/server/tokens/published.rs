//! Keys that a service publishes.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use serde_json::{Value, json};
use strongroom_server::{
    Rpc,
    access::Identity,
    tokens::{PublishedKeys, TokenKeys, TokenService},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
        version::TLS13,
    },
};
use tonic::Code;

use super::{ask, house, house_of, house_with};
use crate::{
    certificates::Authority,
    issuer::{TokenIssuer, claims, service, tokens, tokens_that_stand_still},
    raw::HalfCaller,
};

/// A service that publishes keys, and counts who asks.
#[derive(Clone)]
struct Publisher {
    address: SocketAddr,
    answer: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
    /// How many of those have gone without an answer.
    given_up: Arc<AtomicUsize>,
    /// Held by whoever does not want it to answer yet.
    stopped: Arc<tokio::sync::Mutex<()>>,
}

impl Publisher {
    async fn new(keys: Vec<Value>) -> Self {
        Self::behind(None, keys).await
    }

    /// The same behind TLS, if there is any.
    async fn behind(tls: Option<TlsAcceptor>, keys: Vec<Value>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let publisher = Self {
            address: listener.local_addr().unwrap(),
            answer: Arc::default(),
            asked: Arc::default(),
            given_up: Arc::default(),
            stopped: Arc::default(),
        };
        publisher.publish(keys);
        let serving = publisher.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _address) = listener.accept().await.unwrap();
                let (serving, tls) = (serving.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serving.tell(stream).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => serving.tell(stream).await,
                            Err(_refused) => {}
                        },
                    }
                });
            }
        });
        publisher
    }

    /// Answers one request.
    async fn tell(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let _request = stream.read(&mut [0; 4096]).await;
        let mut more = [0];
        tokio::select! {
            _goes_on = self.stopped.lock() => {}
            _gone = stream.read(&mut more) => {
                self.given_up.fetch_add(1, Ordering::SeqCst);
                return;
            }
        }
        let answer = self.answer.lock().clone();
        let _sent = stream.write_all(answer.as_bytes()).await;
        let _gone = stream.shutdown().await;
    }

    fn publish(&self, keys: Vec<Value>) {
        let keys = json!({ "keys": keys }).to_string();
        let length = keys.len();
        self.answers(format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{keys}"
        ));
    }

    fn answers(&self, answer: String) {
        *self.answer.lock() = answer;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn given_up(&self) -> usize {
        self.given_up.load(Ordering::SeqCst)
    }

    /// Asked over https, by whoever trusts `authority`.
    fn service_behind_tls(&self, authority: &Authority) -> TokenService {
        let url = format!("https://localhost:{}/keys.json", self.address.port());
        let authorities = Some(authority.pem.as_bytes());
        let keys = PublishedKeys::new(&url, authorities, Duration::from_secs(300)).unwrap();
        service(TokenKeys::Published(Box::new(keys)))
    }

    fn service(&self) -> TokenService {
        self.kept_for(Duration::from_secs(300))
    }

    fn kept_for(&self, keep: Duration) -> TokenService {
        let url = format!("http://{}/keys.json", self.address);
        let keys = PublishedKeys::new(&url, None, keep).unwrap();
        service(TokenKeys::Published(Box::new(keys)))
    }
}

fn header(id: &str) -> Value {
    json!({ "alg": "EdDSA", "kid": id })
}

#[tokio::test]
async fn many_calls_at_once_fetch_keys_once() {
    let issuer = TokenIssuer::new();
    let publisher = Publisher::new(vec![issuer.published("one")]).await;
    let house = Arc::new(house(vec![publisher.service()]).await);
    let calls = (0..16).map(|call| {
        // Each has a token of its own: none is remembered.
        let mut claims = claims("auditor");
        claims["jti"] = json!(call);
        let token = issuer.sign(&header("one"), &claims);
        let house = Arc::clone(&house);
        tokio::spawn(async move { ask(&house, &token).await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    assert_eq!(publisher.asked(), 1);
}

#[tokio::test]
async fn keys_come_over_https_from_a_service_that_its_own_authority_vouches_for() {
    let (issuer, authority) = (TokenIssuer::new(), Authority::new());
    let shown = authority.server();
    let key = PrivateKeyDer::from_pem_slice(shown.key.as_bytes()).unwrap();
    let chain = CertificateDer::pem_slice_iter(shown.certificate.as_bytes());
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.collect::<Result<_, _>>().unwrap(), key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let publisher = Publisher::behind(Some(acceptor), vec![issuer.published("one")]).await;
    let token = issuer.sign(&header("one"), &claims("auditor"));
    let trusting = house(vec![publisher.service_behind_tls(&authority)]).await;
    ask(&trusting, &token).await.unwrap();
    assert_eq!(publisher.asked(), 1);
    // Another authority does not.
    let wary = house(vec![publisher.service_behind_tls(&Authority::new())]).await;
    let status = ask(&wary, &token).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().starts_with("TOKEN_KEYS_UNAVAILABLE(1,"));
    assert_eq!(publisher.asked(), 1);
}

#[tokio::test]
async fn a_token_without_an_id_is_good_where_one_key_fits_only() {
    let issuer = TokenIssuer::new();
    let rsa = json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "weak" });
    let publisher = Publisher::new(vec![rsa, issuer.published("one")]).await;
    let house = house(vec![publisher.service()]).await;
    ask(&house, &issuer.token("auditor")).await.unwrap();
    let other = TokenIssuer::new();
    let two = vec![issuer.published("one"), other.published("two")];
    let publisher = Publisher::new(two).await;
    let house = super::house(vec![publisher.service()]).await;
    let status = ask(&house, &issuer.token("auditor")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    let named = other.sign(&header("two"), &claims("auditor"));
    ask(&house, &named).await.unwrap();
    // The name of one key, and the signature of the other.
    let confused = issuer.sign(&header("two"), &claims("auditor"));
    assert!(ask(&house, &confused).await.is_err());
}

#[tokio::test]
async fn a_service_that_fails_is_not_asked_by_everybody_who_waits() {
    let issuer = TokenIssuer::new();
    let publisher = Publisher::new(Vec::new()).await;
    publisher.answers("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n".to_owned());
    let token: Arc<str> = issuer.sign(&header("one"), &claims("auditor")).into();
    // After a while it would be asked again.
    let (tokens, _clock) = tokens_that_stand_still(vec![publisher.service()]);
    let house = Arc::new(house_with(tokens).await);
    let calls = (0..16).map(|_call| {
        let token = Arc::clone(&token);
        let house = Arc::clone(&house);
        tokio::spawn(async move { ask(&house, &token).await })
    });
    for call in calls.collect::<Vec<_>>() {
        let status = call.await.unwrap().unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
        assert!(status.message().starts_with("TOKEN_KEYS_UNAVAILABLE(1,"));
    }
    assert_eq!(publisher.asked(), 1);
}

#[tokio::test]
async fn made_up_ids_do_not_make_us_ask_each_time() {
    let issuer = TokenIssuer::new();
    let publisher = Publisher::new(vec![issuer.published("one")]).await;
    let tokens: Vec<String> = (0..20)
        .map(|number| fresh(&issuer, &format!("made-up-{number}"), number))
        .collect();
    // After a while it would be asked again.
    let (known, _clock) = tokens_that_stand_still(vec![publisher.service()]);
    let house = house_with(known).await;
    for token in tokens {
        let status = ask(&house, &token).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated);
    }
    assert_eq!(publisher.asked(), 1);
}

#[tokio::test]
async fn keys_for_something_else_and_keys_elsewhere_are_not_used() {
    let issuer = TokenIssuer::new();
    let mut encrypts = issuer.published("one");
    encrypts["use"] = json!("enc");
    let mut differs = issuer.published("one");
    differs["alg"] = json!("ES256");
    for key in [encrypts, differs] {
        let publisher = Publisher::new(vec![key]).await;
        let house = house(vec![publisher.service()]).await;
        let token = issuer.sign(&header("one"), &claims("auditor"));
        let status = ask(&house, &token).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated);
    }
    let elsewhere = Publisher::new(vec![issuer.published("one")]).await;
    let redirects = Publisher::new(Vec::new()).await;
    redirects.answers(format!(
        "HTTP/1.1 302 Found\r\nlocation: http://{}/\r\ncontent-length: 0\r\n\r\n",
        elsewhere.address
    ));
    let house = house(vec![redirects.service()]).await;
    let token = issuer.sign(&header("one"), &claims("auditor"));
    let status = ask(&house, &token).await.unwrap_err();
    // It cannot be said whether the token is good.
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(elsewhere.asked(), 0);
}

#[test]
fn keys_come_over_https_or_from_this_machine() {
    let new = |url| PublishedKeys::new(url, None, Duration::from_secs(1));
    for url in [
        "https://login.example/keys",
        "http://127.0.0.1:8/k",
        "http://[::1]/k",
        "http://localhost/k",
    ] {
        assert!(new(url).is_ok(), "{url}");
    }
    for url in [
        "",
        "login.example",
        "http://login.example/keys",
        "http://localhost.evil.example/",
        "file:///etc/passwd",
        "https://user:password@login.example/",
    ] {
        assert!(new(url).is_err(), "{url}");
    }
}

/// A token that nobody has seen yet.
fn fresh(issuer: &TokenIssuer, id: &str, number: u32) -> String {
    let mut claims = claims("auditor");
    claims["jti"] = json!(number);
    issuer.sign(&header(id), &claims)
}

const OUTAGE: &str = "HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n";

#[tokio::test]
async fn after_a_reload_keys_of_the_same_source_stay_while_it_does_not_answer() {
    let issuer = TokenIssuer::new();
    let publisher = Publisher::new(vec![issuer.published("one")]).await;
    let tokens = tokens(vec![publisher.service()]);
    let house = house_with(tokens.clone()).await;
    ask(&house, &fresh(&issuer, "one", 0)).await.unwrap();
    publisher.answers(OUTAGE.to_owned());
    for reload in 1..=2 {
        tokens.replace(vec![publisher.service()]);
        for number in 0..3 {
            let token = fresh(&issuer, "one", reload * 10 + number);
            ask(&house, &token).await.unwrap();
        }
        // It was asked, once for each reload.
        assert_eq!(publisher.asked(), 1 + reload as usize);
    }
}

#[tokio::test]
async fn after_a_reload_a_key_that_was_withdrawn_meanwhile_is_not_used() {
    let (before, after) = (TokenIssuer::new(), TokenIssuer::new());
    let publisher = Publisher::new(vec![before.published("one")]).await;
    let tokens = tokens(vec![publisher.service()]);
    let house = house_with(tokens.clone()).await;
    ask(&house, &fresh(&before, "one", 0)).await.unwrap();
    publisher.publish(vec![after.published("one")]);
    ask(&house, &fresh(&before, "one", 1)).await.unwrap();
    tokens.replace(vec![publisher.service()]);
    let status = ask(&house, &fresh(&before, "one", 2)).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    ask(&house, &fresh(&after, "one", 3)).await.unwrap();
}

#[tokio::test]
async fn keys_of_another_source_do_not_outlive_a_reload() {
    let issuer = TokenIssuer::new();
    let keys = || vec![issuer.published("one")];
    let (publisher, other) = (Publisher::new(keys()).await, Publisher::new(keys()).await);
    let tokens = tokens(vec![publisher.service()]);
    let house = house_with(tokens.clone()).await;
    ask(&house, &fresh(&issuer, "one", 0)).await.unwrap();
    other.answers(OUTAGE.to_owned());
    tokens.replace(vec![other.service()]);
    let status = ask(&house, &fresh(&issuer, "one", 1)).await.unwrap_err();
    assert!(status.message().starts_with("TOKEN_KEYS_UNAVAILABLE(1,"));
}

#[tokio::test]
async fn a_caller_who_goes_keeps_the_keys_from_nobody() {
    let issuer = TokenIssuer::new();
    let publisher = Publisher::new(vec![issuer.published("one")]).await;
    let house = house(vec![publisher.service()]).await;
    let stopped = publisher.stopped.lock().await;
    // Well-formed, and signed by nobody that we know.
    let stranger = format!("Bearer {}", fresh(&TokenIssuer::new(), "one", 0));
    let stream = TcpStream::connect(house.address).await.unwrap();
    let path = Rpc::VaultServiceGetWrapperKeyId.path();
    let headers = [
        ("grpc-timeout", "100m"),
        ("authorization", stranger.as_str()),
    ];
    let gone = HalfCaller::over(stream).await.begin(path, &headers).await;
    assert_eq!(gone.unwrap()["grpc-status"], "4");
    drop(stopped);
    ask(&house, &fresh(&issuer, "one", 1)).await.unwrap();
    // What was begun for the stranger was good for all.
    assert_eq!(publisher.asked(), 1);
}

#[tokio::test]
async fn an_issuer_that_hangs_stalls_nobody_who_has_tokens_of_another() {
    let (fixed, published) = (TokenIssuer::new(), TokenIssuer::new());
    let publisher = Publisher::new(vec![published.published("one")]).await;
    let named = |name: &str, service: TokenService| TokenService {
        name: Some(name.into()),
        ..service
    };
    let identity = Identity::Token {
        service: Some("good".to_owned()),
        subject: "auditor".to_owned(),
    };
    for (what, service, issuer) in [
        ("its key is here", fixed.service(), fixed),
        ("its keys are fetched", publisher.service(), published),
    ] {
        let hanging = Publisher::new(Vec::new()).await;
        let _stopped = hanging.stopped.lock().await;
        // The one that hangs is asked about everybody: it does not say of which issuer its tokens are.
        let services = vec![named("hangs", hanging.service()), named("good", service)];
        let house = house_of(tokens(services), vec![identity.clone()]).await;
        let token = fresh(&issuer, "one", 0);
        ask(&house, &token).await.expect(what);
        // Whoever waits for it waits until then.
        assert_eq!(hanging.given_up(), 0, "{what}");
    }
}

#[tokio::test]
async fn a_service_is_not_asked_about_tokens_that_say_themselves_that_they_are_of_another() {
    let issuer = TokenIssuer::new();
    let publisher = Publisher::new(vec![issuer.published("one")]).await;
    let mut service = publisher.service();
    service.rules.issuer = Some("https://login.example".to_owned());
    let house = house(vec![service]).await;
    let with_issuer = |name: &str| {
        let mut claims = claims("auditor");
        claims["iss"] = json!(name);
        issuer.sign(&header("one"), &claims)
    };
    for token in [
        fresh(&issuer, "one", 0),
        with_issuer("https://other.example"),
    ] {
        let status = ask(&house, &token).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated);
    }
    assert_eq!(publisher.asked(), 0);
    ask(&house, &with_issuer("https://login.example"))
        .await
        .unwrap();
    assert_eq!(publisher.asked(), 1);
}

#[tokio::test]
async fn keys_are_fetched_again_before_their_time_is_over_and_nobody_waits_for_that() {
    let issuer = TokenIssuer::new();
    let publisher = Publisher::new(vec![issuer.published("one")]).await;
    // Longer than the pause between two fetches.
    let kept = publisher.kept_for(Duration::from_secs(8));
    let (first, second) = (fresh(&issuer, "one", 0), fresh(&issuer, "one", 1));
    let (tokens, clock) = tokens_that_stand_still(vec![kept]);
    let house = house_with(tokens).await;
    ask(&house, &first).await.unwrap();
    let stopped = publisher.stopped.lock().await;
    clock.advance(Duration::from_millis(6_200));
    ask(&house, &second).await.unwrap();
    // Whoever waits for it waits until then.
    assert_eq!(publisher.given_up(), 0);
    let asked = async {
        while publisher.asked() < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let asked = tokio::time::timeout(Duration::from_secs(60), asked).await;
    asked.expect("it is asked again");
    drop(stopped);
}
