use crate::{Config, ConfigError, EXAMPLE};

const NODE: &str = "[[callers]]\nname = \"participant1\"\ncertificates = [\"dns:p1.example\"]\n\
    tokens = [\"p1\"]\nunix-users = [\"canton\", 990]\nrate-limit = 500\n\n[[callers.grants]]\nrole = \"node\"\n\
    keys = [\"participant1-*\"]\nusages = [\"protocol\"]\n";

/// Everything by which callers prove who they are.
const PROOFS: &str = "[server]\nsocket = \"/run/vault.sock\"\n[server.tls]\ncertificate-file = \"/s.pem\"\n\
    private-key-file = \"/s.key\"\nclient-certificates = \"optional\"\nclient-ca-file = \"/ca.pem\"\n\
    [[server.tokens]]\nkey-file = \"/jwt.pem\"\nscope = \"vault\"\n";

fn with(callers: &str) -> Result<Config, ConfigError> {
    Config::parse(&format!("{EXAMPLE}\n{PROOFS}\n{callers}"))
}

#[test]
fn callers_are_written_as_they_are_read() {
    let config = with(NODE).unwrap();
    assert_eq!(config.callers[0].grants.len(), 1);
    assert_eq!(Config::parse(&config.to_toml().unwrap()).unwrap(), config);
}

#[test]
fn each_mistake_is_named() {
    for (right, wrong, told) in [
        ("name = \"participant1\"", "name = \"a b\"", "a name has"),
        (
            "name = \"participant1\"",
            "name = \"network:1\"",
            "a name has",
        ),
        ("dns:p1.example", "p1.example", "certificates"),
        ("dns:p1.example", "dns:*.example", "certificates"),
        ("dns:p1.example", "dns:", "certificates"),
        ("tokens = [\"p1\"]", "tokens = [\"\"]", "tokens"),
        ("role = \"node\"", "", "a role, or operations"),
        (
            "role = \"node\"",
            "role = \"node\"\noperations = [\"sign\"]",
            "a role, or operations",
        ),
        (
            "role = \"node\"",
            "operations = []",
            "a role, or operations",
        ),
        (
            "keys = [\"participant1-*\"]",
            "keys = []",
            "keys: leave it out",
        ),
        ("participant1-*", "*-participant1", "keys:"),
        (
            "usages = [\"protocol\"]",
            "usages = []",
            "usages: leave it out",
        ),
        (
            "\"protocol\"",
            "\"everything\"",
            "usages: there is no key usage",
        ),
    ] {
        let text = NODE.replace(right, wrong);
        assert_ne!(text, NODE);
        let error = with(&text).unwrap_err();
        assert!(matches!(error, ConfigError::BadCaller { .. }), "{error:?}");
        assert!(error.to_string().contains(told), "{error}");
    }
    for wrong in ["rate-limit = 0", "rate-limit = -1", "rate = 7"] {
        let text = NODE.replace("rate-limit = 500", wrong);
        assert!(
            matches!(with(&text), Err(ConfigError::Syntax { .. })),
            "{wrong}"
        );
    }
    let nobody = "[[callers]]\nname = \"x\"\n";
    let error = with(nobody).unwrap_err().to_string();
    assert!(error.contains("known by nothing"), "{error}");
}

#[test]
fn no_two_callers_are_the_same() {
    let second = |known: &str| format!("{NODE}\n[[callers]]\nname = \"other\"\n{known}\n");
    assert!(with(&second("tokens = [\"p2\"]")).is_ok());
    for known in [
        "tokens = [\"p1\"]",
        "certificates = [\"dns:p1.example\"]",
        "certificates = [\"dns:P1.Example\"]",
        "unix-users = [990]",
        "unix-users = [\"canton\"]",
    ] {
        let error = with(&second(known)).unwrap_err().to_string();
        assert!(error.contains("is named twice"), "{error}");
    }
    let same = format!("{NODE}\n[[callers]]\nname = \"participant1\"\ntokens = [\"p2\"]\n");
    let error = with(&same).unwrap_err().to_string();
    assert!(error.contains("two [[callers]]"), "{error}");
}
