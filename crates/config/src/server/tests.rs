use std::net::SocketAddr;

use super::ServerConfig;
use crate::{Config, ConfigError, EXAMPLE};

const TLS: &str = "[server.tls]\ncertificate-file = \"/etc/s.pem\"\nprivate-key-file = \"/etc/s.key\"\n\
    client-certificates = \"required\"\nclient-ca-file = \"/etc/ca.pem\"\noldest-version = \"1.2\"\n";
const TOKENS: &str = "[[server.tokens]]\nkey-file = \"/etc/jwt.pem\"\naudience = \"vault\"\n";
const CALLER: &str = "[[callers]]\nname = \"p1\"\ncertificates = [\"dns:p1\"]\n";

fn with(text: &str) -> Result<Config, ConfigError> {
    Config::parse(&format!("{EXAMPLE}\n{text}"))
}

#[test]
fn without_a_word_it_is_for_this_machine_only() {
    let config = ServerConfig::default();
    config.validate(&[]).unwrap();
    assert!(config.address.ip().is_loopback());
    assert!(!config.export_private_keys);
    assert!(!config.init_identity);
}

#[test]
fn an_address_that_others_reach_needs_callers_and_tls() {
    let everywhere = "[server]\naddress = \"0.0.0.0:5012\"\n";
    assert!(with(&format!("{everywhere}{TLS}{CALLER}")).is_ok());
    for wrong in [
        everywhere.to_owned(),
        format!(
            "{everywhere}{}",
            TLS.replace("required", "none")
                .replace("client-ca-file = \"/etc/ca.pem\"\n", "")
        ),
        format!(
            "{everywhere}{TOKENS}{}",
            CALLER.replace("certificates", "tokens")
        ),
    ] {
        let error = with(&wrong).unwrap_err().to_string();
        assert!(error.contains("address"), "{error}");
    }
    let config = ServerConfig {
        address: SocketAddr::from(([0, 0, 0, 0], 5012)),
        ..ServerConfig::default()
    };
    assert!(config.validate(&[]).is_err());
}

#[test]
fn whoever_asks_for_proofs_says_whose() {
    for (wrong, told) in [(TLS, "client-certificates"), (TOKENS, "tokens")] {
        let error = with(wrong).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn a_way_to_be_known_that_nothing_verifies_is_refused() {
    for (caller, told) in [
        (CALLER.to_owned(), "client-certificates"),
        (CALLER.replace("certificates", "tokens"), "server.tokens"),
        (
            CALLER.replace("certificates = [\"dns:p1\"]", "unix-users = [1]"),
            "socket",
        ),
    ] {
        let error = with(&caller).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn services_of_tokens_are_checked() {
    let text = |tokens: &str| format!("{tokens}{}", CALLER.replace("certificates", "tokens"));
    let config = with(&text(TOKENS)).unwrap();
    assert_eq!(config.server.tokens[0].max_lifetime.as_secs(), 300);
    assert_eq!(Config::parse(&config.to_toml().unwrap()).unwrap(), config);
    for (right, wrong) in [
        ("key-file = \"/etc/jwt.pem\"\n", ""),
        ("key-file", "jwks-url = \"https://x/\"\nkey-file"),
        ("/etc/jwt.pem", "jwt.pem"),
        ("audience = \"vault\"", ""),
        ("audience = \"vault\"", "audience = \" \""),
        ("audience", "scope = \"s\"\naudience"),
        ("audience", "leeway = \"6m\"\naudience"),
        ("audience", "max-lifetime = \"0s\"\naudience"),
        ("audience", "max-lifetime = \"25h\"\naudience"),
        ("audience", "jwks-ca-file = \"/x\"\naudience"),
        ("audience", "jwks-cache = \"0s\"\naudience"),
        ("audience", "issuer = \"\"\naudience"),
    ] {
        let changed = TOKENS.replacen(right, wrong, 1);
        assert_ne!(changed, TOKENS);
        let error = with(&text(&changed)).unwrap_err();
        assert!(
            matches!(error, ConfigError::BadValue { .. }),
            "{wrong}: {error:?}"
        );
    }
}

#[test]
fn certificates_of_callers_go_with_authorities() {
    let text = |tls: &str| format!("{tls}{CALLER}");
    assert!(with(&text(TLS)).is_ok());
    for (right, wrong) in [
        ("client-ca-file = \"/etc/ca.pem\"\n", ""),
        ("/etc/ca.pem", "ca.pem"),
        ("/etc/s.key", "s.key"),
        ("required", "none"),
    ] {
        let changed = TLS.replace(right, wrong);
        assert_ne!(changed, TLS);
        assert!(with(&text(&changed)).is_err(), "{wrong}");
    }
    assert!(with(&text(&TLS.replace("1.2", "1.1"))).is_err());
}

#[test]
fn of_several_services_each_has_a_name_and_callers_say_which() {
    let named = |name: &str| TOKENS.replace("audience", &format!("name = {name:?}\naudience"));
    let caller = |name: &str, service: &str| {
        format!("[[callers]]\nname = {name:?}\ntokens = [\"x\"]\n{service}")
    };
    let of = |service: &str| format!("token-service = {service:?}\n");
    let two = named("ci") + &named("people");
    let good = two.clone() + &caller("robot", &of("ci")) + &caller("x", &of("people"));
    let config = with(&good).unwrap();
    assert_eq!(Config::parse(&config.to_toml().unwrap()).unwrap(), config);
    assert!(with(&(named("ci") + &caller("robot", &of("ci")))).is_ok());
    for (wrong, told) in [
        (
            TOKENS.repeat(2) + &caller("x", ""),
            "several [[server.tokens]]",
        ),
        (
            named("ci") + TOKENS + &caller("x", &of("ci")),
            "several [[server.tokens]]",
        ),
        (
            named("ci").repeat(2) + &caller("x", &of("ci")),
            "several [[server.tokens]]",
        ),
        (two.clone() + &caller("x", ""), "token-service"),
        (two.clone() + &caller("x", &of("other")), "token-service"),
        (TOKENS.to_owned() + &caller("x", &of("ci")), "token-service"),
        (named("ci") + &caller("x", ""), "token-service"),
        (
            two + &caller("x", &of("ci")) + &caller("y", &of("ci")),
            "is named twice",
        ),
        (named("") + &caller("x", ""), "name"),
    ] {
        let error = with(&wrong).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}
