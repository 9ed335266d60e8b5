//! `import canton-db`: the database of a node of Canton, on a real PostgreSQL.

use std::fs;

use serde_json::Value;
use strongroom_crypto::{
    EncryptionKeySpec, KeyPurpose, KeySpec, KeyUsage, KeyUsages, PrivateKey, PublicKey,
    SecretBytes, SigningKeySpec, SystemRandom,
};
use strongroom_kms::{ExternalKeyRequest, KmsKeyId, KmsProvider, WrapContext, WrapperKeyRequest};
use strongroom_kms_aws::{AwsKms, AwsKmsSettings, Credentials};
use strongroom_proto::{encode_stored_private_key, encode_stored_public_key};
use strongroom_test_postgres::{Database, bytes, shared};

use crate::{
    other_kms::Cloud,
    support::{Sandbox, text},
};

/// As Canton's migrations make them.
const TABLES: &str = include_str!("../../../canton-db/tests/canton_db/tables.sql");

/// The database of a node, and keys in it.
pub(crate) struct Node {
    database: Database<'static>,
}

/// A key of a node.
struct Key {
    public: PublicKey,
    /// The message that a private row holds.
    message: SecretBytes,
}

impl Key {
    fn new(spec: KeySpec) -> Self {
        let private = PrivateKey::generate(spec, &SystemRandom).unwrap();
        let protocol = KeyUsages::try_new([KeyUsage::Protocol]).unwrap();
        let usages = (spec.purpose() == KeyPurpose::Signing).then_some(protocol);
        let public = private.public_key(usages).unwrap();
        let message = encode_stored_private_key(&private, &public).unwrap();
        Self { public, message }
    }

    fn fingerprint(&self) -> String {
        self.public.fingerprint().to_string()
    }
}

fn purpose(public: &PublicKey) -> u8 {
    u8::from(public.spec().purpose() == KeyPurpose::Encryption)
}

impl Node {
    pub(crate) fn new(name: &str) -> Self {
        let database = shared().create_database(name);
        database.run(TABLES);
        Self { database }
    }

    /// A node with a signing key and an encryption key, readable in the database.
    pub(crate) fn with_clear_keys(name: &str) -> Self {
        let node = Self::new(name);
        let signing = Key::new(SigningKeySpec::EcCurve25519.into());
        let encryption = Key::new(EncryptionKeySpec::EcP256.into());
        for (key, label) in [(signing, "node-signing"), (encryption, "node-encryption")] {
            node.add_public(&key.public, label);
            node.add_private(&key, label, None, key.message.expose());
        }
        node
    }

    pub(crate) fn url(&self) -> String {
        self.database.url()
    }

    fn add_public(&self, public: &PublicKey, name: &str) {
        let data = bytes(&encode_stored_public_key(public));
        let (fingerprint, purpose) = (public.fingerprint(), purpose(public));
        self.database.run(&format!(
            "insert into common_crypto_public_keys values ('{fingerprint}', {purpose}, {data}, '{name}')"
        ));
    }

    fn add_private(&self, key: &Key, name: &str, wrapper_key: Option<&str>, data: &[u8]) {
        let wrapper_key = wrapper_key.map_or("null".to_owned(), |id| format!("'{id}'"));
        let (fingerprint, purpose, data) = (key.fingerprint(), purpose(&key.public), bytes(data));
        self.database.run(&format!(
            "insert into common_crypto_private_keys
             values ('{fingerprint}', {wrapper_key}, {purpose}, {data}, '{name}')"
        ));
    }

    fn add_held(&self, public: &PublicKey, kms_key: &KmsKeyId) {
        let fingerprint = public.fingerprint();
        self.database.run(&format!(
            "insert into common_kms_metadata_store values ('{fingerprint}', '{kms_key}', 0, '{{3,4}}')"
        ));
    }
}

/// What Canton made in AWS before there was a vault: a wrapper key, and the ciphertext of a row; a key that it holds.
struct Made {
    wrapper_key: KmsKeyId,
    ciphertext: Vec<u8>,
    held: (PublicKey, KmsKeyId),
}

fn make_in_aws(endpoint: &str, message: &SecretBytes) -> Made {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let settings = AwsKmsSettings {
        region: Some("eu-central-1".to_owned()),
        endpoint: Some(endpoint.to_owned()),
        credentials: Credentials::Rehearsal,
        ..AwsKmsSettings::default()
    };
    runtime.block_on(async {
        let kms = AwsKms::connect(settings).await.unwrap();
        let wrapper = kms.key_wrapper().unwrap();
        let request = WrapperKeyRequest::default();
        let wrapper_key = wrapper.generate_wrapper_key(&request).await.unwrap();
        let none = WrapContext::none();
        let wrapped = wrapper
            .wrap_key(&wrapper_key, &none, message)
            .await
            .unwrap();
        let keys = kms.external_keys().unwrap();
        let request = ExternalKeyRequest::default();
        let held = keys
            .generate_signing_key(SigningKeySpec::EcP256, &request)
            .await
            .unwrap();
        let public = keys.public_key(&held).await.unwrap();
        let usages = KeyUsages::try_new([KeyUsage::Protocol]).unwrap();
        let public = strongroom_crypto::SigningPublicKey::from_spki(
            SigningKeySpec::EcP256,
            &public.spki,
            usages,
        );
        Made {
            wrapper_key,
            ciphertext: wrapped.ciphertext,
            held: (PublicKey::Signing(public.unwrap()), held),
        }
    })
}

fn outcomes(document: &Value) -> [u64; 4] {
    ["taken", "missing", "there", "unreadable"].map(|count| document[count].as_u64().unwrap())
}

fn row<'d>(document: &'d Value, fingerprint: &str) -> &'d Value {
    let mut rows = document["keys"].as_array().unwrap().iter();
    rows.find(|row| row["fingerprint"] == *fingerprint).unwrap()
}

#[test]
fn a_node_that_encrypts_with_aws_moves_into_a_vault() {
    let cloud = Cloud::with_vault(&[]);
    let sandbox = &cloud.sandbox;
    let sealed = Key::new(SigningKeySpec::EcP256.into());
    let made = make_in_aws(cloud.simulator.endpoint(), &sealed.message);
    let (clear, alone) = (
        Key::new(SigningKeySpec::EcCurve25519.into()),
        Key::new(EncryptionKeySpec::EcP256.into()),
    );
    let node = Node::new("aws");
    node.add_public(&sealed.public, "sealed");
    node.add_private(
        &sealed,
        "sealed",
        Some(made.wrapper_key.as_str()),
        &made.ciphertext,
    );
    node.add_public(&clear.public, "clear");
    node.add_private(&clear, "clear", None, clear.message.expose());
    node.add_public(&made.held.0, "held");
    node.add_held(&made.held.0, &made.held.1);
    node.add_public(&alone.public, "alone");

    let url = node.url();
    let dry = ["import", "canton-db", "--url", &url, "--dry-run"];
    assert_eq!(outcomes(&sandbox.json(dry)), [0, 4, 0, 0]);
    assert_eq!(
        sandbox.json(["keys", "list", "--all"])["keys"],
        Value::Array(vec![])
    );

    sandbox.write("url", format!("{url}\n"));
    sandbox.set_mode("url", 0o600);
    let import = ["import", "canton-db", "--url-file", "url", "--kms", "aws"];
    cloud.simulator.reset_calls();
    let document = sandbox.json(import);
    assert_eq!(outcomes(&document), [4, 0, 0, 0]);
    // One for the vault, one for the row.
    assert_eq!(cloud.simulator.calls().of("Decrypt").arrived, 2);
    let sealed_row = row(&document, &sealed.fingerprint());
    assert_eq!(sealed_row["from"], "encrypted");
    assert_eq!(sealed_row["kms_key"], made.wrapper_key.as_str());
    assert_eq!(sealed_row["purpose"], "signing");
    assert_eq!(sealed_row["name"], "sealed");
    let held = made.held.0.fingerprint().to_string();
    assert_eq!(row(&document, &held)["from"], "kms");

    sandbox.write("message", "a message");
    for key in [&sealed.fingerprint(), &clear.fingerprint(), &held] {
        let sign = [
            "sign",
            "message",
            "--key",
            key,
            "--out",
            "signature",
            "--force",
        ];
        sandbox.run(sign).succeeded();
        sandbox
            .run([
                "verify",
                "message",
                "--signature",
                "signature",
                "--key",
                key,
            ])
            .succeeded();
    }
    let shown = |key: &str| sandbox.json(["keys", "show", key]);
    assert_eq!(shown(&clear.fingerprint())["exposed"], true);
    assert_eq!(shown(&sealed.fingerprint())["exposed"], false);
    assert_eq!(shown(&held)["custody"], "external");

    assert_eq!(outcomes(&sandbox.json(import)), [0, 0, 4, 0]);
    let table = sandbox.run(import).succeeded();
    let expected = format!("encrypted under {}", made.wrapper_key);
    assert!(table.text().contains(&expected), "{}", table.text());
    assert!(
        table.text().contains("0 keys taken, 4 there already"),
        "{}",
        table.text()
    );
    let verified = sandbox.json(["audit", "verify"]);
    assert_eq!(verified["records"], 5, "{verified}");
}

#[test]
fn a_row_that_cannot_be_read_is_named_and_left_out_only_if_asked_to() {
    let sandbox = Sandbox::with_vault();
    let node = Node::with_clear_keys("unreadable");
    let broken = Key::new(SigningKeySpec::EcP256.into());
    node.add_public(&broken.public, "broken");
    node.add_private(&broken, "broken", None, &[0xd7; 200]);
    let url = node.url();
    let import = ["import", "canton-db", "--url", &url];
    let refused = sandbox.run(import).failed("CANTON_ROW_UNREADABLE", 3);
    let fingerprint = broken.fingerprint();
    assert!(refused.stderr.contains(&fingerprint), "{}", refused.stderr);
    assert_eq!(
        sandbox.json(["keys", "list", "--all"])["keys"],
        Value::Array(vec![])
    );

    let lenient = [&import[..], &["--skip-unreadable"]].concat();
    let ran = sandbox.run([&lenient[..], &["--output", "json"]].concat());
    assert_eq!(ran.status, 1, "{}", ran.stderr);
    let document = ran.json();
    assert_eq!(outcomes(&document), [2, 0, 0, 1]);
    let left_out = row(&document, &fingerprint);
    assert_eq!(text(left_out, "code"), "CANTON_ROW_UNREADABLE");
    let table = sandbox.run(&lenient);
    assert_eq!(table.status, 1, "{}", table.stderr);
    assert!(
        table.text().contains("left out: row 1220"),
        "{}",
        table.text()
    );
}

#[test]
fn a_password_is_no_argument_and_is_never_shown() {
    let sandbox = Sandbox::with_vault();
    for url in [
        "postgres://node:hunter2@localhost/node",
        "postgres://node@localhost/node?password=hunter2",
    ] {
        let refused = sandbox.refuses(
            ["import", "canton-db", "--url", url],
            "PASSWORD_IN_ARGUMENT",
            2,
        );
        assert!(!refused.stderr.contains("hunter2"), "{}", refused.stderr);
    }
    // In the environment it is taken, and not shown either.
    let mut command = sandbox.command(["import", "canton-db", "--url-env", "CANTON_URL"]);
    command.env(
        "CANTON_URL",
        "postgres://node:hunter2@localhost/node?host=/nowhere",
    );
    let refused = crate::support::Ran::of(command).failed("CANTON_DB_UNREACHABLE", 6);
    assert!(!refused.stderr.contains("hunter2"), "{}", refused.stderr);

    sandbox.refuses(["import", "canton-db"], "WRONG_USAGE", 2);
    let both = [
        "import",
        "canton-db",
        "--url",
        "postgres:///c",
        "--url-env",
        "C",
    ];
    sandbox.refuses(both, "WRONG_USAGE", 2);
    let h2 = ["import", "canton-db", "--url", "jdbc:h2:file:./node"];
    let refused = sandbox.refuses(h2, "CANTON_DB_ADDRESS_INVALID", 2);
    assert!(refused.stderr.contains("JDBC"), "{}", refused.stderr);
}

/// What the runbook finds before its first block: the address of a node's database, in a file of its owner's.
pub(crate) fn prepare_runbook(sandbox: &Sandbox) {
    let node = Node::with_clear_keys("runbook");
    let file = sandbox.write("canton-url", node.url());
    sandbox.set_mode("canton-url", 0o600);
    assert!(fs::metadata(file).unwrap().is_file());
}
