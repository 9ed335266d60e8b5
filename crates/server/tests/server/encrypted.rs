//! TLS: who is let in, and by which names.

use rcgen::{DnType, ExtendedKeyUsagePurpose, SanType};
use strongroom_memory::SecretBytes;
use strongroom_server::{
    CallerCertificates, Rpc, ServerSettings, Tls,
    access::{Access, CallerRule, Grant, Identity, NotOne, Role},
};
use strongroom_test_support::HeardLog;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tonic::{Code, Status, transport::Channel};
use tracing::Level;

use crate::{
    certificates::{
        Authority, Shown, client, connect, connect_as, dns, expired, material, of_caller, tls,
    },
    house::{House, Plan},
    raw::call,
};

async fn house(tls: &Tls, names: &[&str]) -> House {
    let known = |name: &&str| Identity::Certificate((*name).to_owned());
    let rule = CallerRule {
        name: "auditor".to_owned(),
        identities: names.iter().map(known).collect(),
        grants: vec![Grant::role(Role::Auditor)],
        rate_limit: None,
    };
    let server = ServerSettings {
        access: Access::of(vec![rule]),
        ..ServerSettings::default()
    };
    House::planned(Plan {
        server,
        tls: Some(tls.clone()),
        ..Plan::default()
    })
    .await
}

async fn ask(channel: &Channel) -> Result<(), Status> {
    call(channel, Rpc::VaultServiceGetWrapperKeyId.path(), None).await
}

/// A connection may fail when it is made, or, since TLS 1.3 judges callers last, when it is used first.
async fn is_shut_out(house: &House, authority: &Authority, shown: Option<&Shown>) -> bool {
    match connect(house.address, authority, shown).await {
        Err(_refused) => true,
        Ok(channel) => {
            let status = ask(&channel).await.unwrap_err();
            let told = format!("{status:?}");
            assert!(!told.contains("PRIVATE"), "{told}");
            [
                Code::Unavailable,
                Code::Unknown,
                Code::Internal,
                Code::Cancelled,
            ]
            .contains(&status.code())
        }
    }
}

#[tokio::test]
async fn a_caller_is_known_by_each_kind_of_name_in_its_certificate() {
    let (servers, callers) = (Authority::new(), Authority::new());
    let required = CallerCertificates::Required(callers.pem.as_bytes());
    let tls = tls(&servers.server(), required);
    let shown = callers.issue(|params| {
        of_caller(params, "P1.Example");
        let names = &mut params.subject_alt_names;
        names.push(SanType::URI("spiffe://example/p1".try_into().unwrap()));
        names.push(SanType::Rfc822Name("p1@example.org".try_into().unwrap()));
        params
            .distinguished_name
            .push(DnType::CommonName, "Päticipant 1");
    });
    for name in [
        "dns:p1.example",
        "uri:spiffe://example/p1",
        "email:p1@example.org",
        "cn:Päticipant 1",
    ] {
        let house = house(&tls, &[name]).await;
        let channel = connect(house.address, &servers, Some(&shown))
            .await
            .unwrap();
        ask(&channel).await.unwrap();
    }
    for name in ["dns:p2.example", "cn:p1.example", "dns:example"] {
        let house = house(&tls, &[name]).await;
        let channel = connect(house.address, &servers, Some(&shown))
            .await
            .unwrap();
        let status = ask(&channel).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated, "{name}");
    }
}

#[tokio::test]
async fn certificates_that_are_not_good_are_refused() {
    let (servers, callers) = (Authority::new(), Authority::new());
    let required = CallerCertificates::Required(callers.pem.as_bytes());
    let tls = tls(&servers.server(), required);
    let house = house(&tls, &["dns:p1"]).await;
    let late = callers.issue(|params| {
        of_caller(params, "p1");
        expired(params);
    });
    let for_servers = callers.issue(|params| {
        params.subject_alt_names = vec![dns("p1")];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    let stranger = Authority::new().caller("p1");
    for shown in [Some(&late), Some(&for_servers), Some(&stranger), None] {
        assert!(is_shut_out(&house, &servers, shown).await);
    }
    let good = callers.caller("p1");
    let channel = connect(house.address, &servers, Some(&good)).await.unwrap();
    ask(&channel).await.unwrap();
}

#[tokio::test]
async fn whoever_need_not_show_a_certificate_and_shows_none_is_nobody() {
    let (servers, callers) = (Authority::new(), Authority::new());
    let optional = CallerCertificates::Optional(callers.pem.as_bytes());
    let house = house(&tls(&servers.server(), optional), &["dns:p1"]).await;
    let channel = connect(house.address, &servers, None).await.unwrap();
    let status = ask(&channel).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    let stranger = Authority::new().caller("p1");
    assert!(is_shut_out(&house, &servers, Some(&stranger)).await);
    let shown = callers.caller("p1");
    let channel = connect(house.address, &servers, Some(&shown))
        .await
        .unwrap();
    ask(&channel).await.unwrap();
}

#[tokio::test]
async fn other_certificates_are_taken_while_the_server_runs_and_broken_ones_are_not() {
    let (servers, callers) = (Authority::new(), Authority::new());
    let required = CallerCertificates::Required(callers.pem.as_bytes());
    let tls = tls(&servers.server(), required);
    let house = house(&tls, &["dns:p1"]).await;
    let shown = callers.caller("p1");
    let before = connect(house.address, &servers, Some(&shown))
        .await
        .unwrap();
    ask(&before).await.unwrap();
    // The key of another certificate.
    let (one, two) = (servers.server(), servers.server());
    let key = SecretBytes::from_slice(two.key.as_bytes());
    let error = tls.replace(&material(&one, &key, required)).unwrap_err();
    assert!(!error.to_string().contains("BEGIN"), "{error}");
    let channel = connect(house.address, &servers, Some(&shown))
        .await
        .unwrap();
    ask(&channel).await.unwrap();
    // Other authorities on both sides.
    let (new_servers, new_callers) = (Authority::new(), Authority::new());
    let required = CallerCertificates::Required(new_callers.pem.as_bytes());
    let next = new_servers.server();
    let key = SecretBytes::from_slice(next.key.as_bytes());
    tls.replace(&material(&next, &key, required)).unwrap();
    assert!(
        connect(house.address, &servers, Some(&shown))
            .await
            .is_err()
    );
    assert!(is_shut_out(&house, &new_servers, Some(&shown)).await);
    let shown = new_callers.caller("p1");
    let channel = connect(house.address, &new_servers, Some(&shown)).await;
    ask(&channel.unwrap()).await.unwrap();
    // Whoever was there stays.
    ask(&before).await.unwrap();
}

#[tokio::test]
async fn tls_1_2_is_spoken_only_where_it_is_wanted() {
    let servers = Authority::new();
    let shown = servers.server();
    let key = SecretBytes::from_slice(shown.key.as_bytes());
    for (wanted, versions, spoken) in [
        (false, &[&TLS12], false),
        (false, &[&TLS13], true),
        (true, &[&TLS12], true),
        (true, &[&TLS13], true),
    ] {
        let mut material = material(&shown, &key, CallerCertificates::None);
        material.with_tls_12 = wanted;
        let house = house(&Tls::try_new(&material).unwrap(), &[]).await;
        let connected = connect_as(house.address, client(&servers, None, versions)).await;
        assert_eq!(connected.is_ok(), spoken, "{wanted} {versions:?}");
    }
}

#[test]
fn what_is_no_certificate_or_no_key_is_refused_and_not_repeated() {
    let servers = Authority::new();
    let shown = servers.server();
    let secret = SecretBytes::from_slice(b"-----BEGIN PRIVATE KEY-----\nXYZZY");
    let good = SecretBytes::from_slice(shown.key.as_bytes());
    let broken = Shown {
        certificate: "garbage".to_owned(),
        ..shown.clone()
    };
    let none = CallerCertificates::None;
    for material in [
        material(&shown, &secret, none),
        material(&broken, &good, none),
        material(&shown, &good, CallerCertificates::Required(b"")),
        material(&shown, &good, CallerCertificates::Optional(b"garbage")),
    ] {
        let error = Tls::try_new(&material).unwrap_err();
        assert!(!error.to_string().contains("XYZZY"), "{error}");
    }
}

#[tokio::test]
async fn a_certificate_with_the_names_of_two_callers_is_neither_of_them() {
    let (servers, callers) = (Authority::new(), Authority::new());
    let required = CallerCertificates::Required(callers.pem.as_bytes());
    let rule = |name: &str, identities: &[&str]| CallerRule {
        name: name.to_owned(),
        identities: identities
            .iter()
            .map(|name| Identity::Certificate((*name).to_owned()))
            .collect(),
        grants: vec![Grant::role(Role::Auditor)],
        rate_limit: None,
    };
    let one = rule("one", &["dns:p1.example", "cn:p1"]);
    let other = rule("other", &["dns:p2.example"]);
    for rules in [vec![one.clone(), other.clone()], vec![other, one]] {
        let access = Access::of(rules);
        let server = ServerSettings {
            access,
            ..ServerSettings::default()
        };
        let house = House::planned(Plan {
            server,
            tls: Some(tls(&servers.server(), required)),
            ..Plan::default()
        })
        .await;
        let asks = async |names: &[&str]| {
            let shown = callers.issue(|params| {
                of_caller(params, "p1.example");
                params.subject_alt_names = names.iter().map(|name| dns(name)).collect();
                params.distinguished_name.push(DnType::CommonName, "p1");
            });
            let channel = connect(house.address, &servers, Some(&shown)).await;
            ask(&channel.unwrap()).await.map_err(|status| status.code())
        };
        let log = HeardLog::down_to(Level::INFO);
        let heard = log.hear();
        let refused = asks(&["p1.example", "p2.example"]).await;
        assert_eq!(refused, Err(Code::Unauthenticated));
        assert_eq!(
            log.count("are known by it: take a name from one of them"),
            1
        );
        drop(heard);
        // All names of one caller, and names that nobody has, are no contradiction.
        assert_eq!(asks(&["p1.example", "p3.example"]).await, Ok(()));
    }
}

#[test]
fn a_proof_of_two_callers_says_whose_it_is() {
    let rule = |name: &str| CallerRule {
        name: name.to_owned(),
        identities: vec![Identity::token("both"), Identity::token(name)],
        grants: Vec::new(),
        rate_limit: None,
    };
    let access = Access::of(vec![rule("one"), rule("other")]);
    assert_eq!(access.of_token(None, "other").unwrap().name(), "other");
    assert_eq!(access.of_token(None, "third").unwrap_err(), NotOne::Nobody);
    let both = access.of_token(None, "both").unwrap_err();
    assert!(
        both.to_string()
            .starts_with("both one and other are known by it")
    );
}
