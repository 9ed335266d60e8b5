//! `topology root`: delegations by a root key that is kept offline.

#[path = "offline_root/exchange.rs"]
mod exchange;
#[path = "offline_root/inspection.rs"]
mod inspection;
#[path = "offline_root/next_steps.rs"]
mod next_steps;
#[path = "offline_root/refusals.rs"]
mod refusals;
#[path = "offline_root/vectors.rs"]
mod vectors;

use strongroom_crypto::{
    KeyUsage, KeyUsages, PrivateKey, PublicKey, SigningKeySpec, SigningPublicKey, SystemRandom,
};

use crate::support::{Ran, Sandbox};

/// A sandbox without a vault, with a root key (`root.key`, `root.pem`) and a node's (`node.key`, `node.pem`).
pub(crate) struct Site {
    pub(crate) sandbox: Sandbox,
    root: SigningPublicKey,
    node: SigningPublicKey,
}

impl Site {
    pub(crate) fn new(spec: SigningKeySpec) -> Self {
        let sandbox = Sandbox::new();
        let root = new_key(&sandbox, "root", spec);
        let node = new_key(&sandbox, "node", SigningKeySpec::EcP256);
        Self {
            sandbox,
            root,
            node,
        }
    }

    /// Runs `topology root` with the words of `line`.
    fn run(&self, line: &str) -> Ran {
        self.sandbox.run(words(line))
    }

    #[track_caller]
    fn refuses(&self, line: &str, code: &str, status: i32) -> Ran {
        self.sandbox.refuses(words(line), code, status)
    }

    fn json(&self, line: &str) -> serde_json::Value {
        self.sandbox.json(words(line))
    }

    /// Makes `root.prep`, `root.hash`, `root.signature` and `root.cert`, and the same of `node`.
    pub(crate) fn certify(&self) {
        for (name, what) in [("root", "--root"), ("node", "--target-key node.pem")] {
            for line in [
                format!("prepare {what} --root-key root.pem --out {name}"),
                format!("sign --prepared {name}.prep --key root.key --out {name}.signature"),
                format!(
                    "assemble --prepared {name}.prep --signature {name}.signature --root-key root.pem --out {name}.cert"
                ),
            ] {
                self.run(&line).succeeded();
            }
        }
    }
}

fn words(line: &str) -> Vec<&str> {
    let line = line.split_whitespace();
    ["topology", "root"].into_iter().chain(line).collect()
}

/// Writes a key pair for namespaces as PEM.
fn new_key(sandbox: &Sandbox, name: &str, spec: SigningKeySpec) -> SigningPublicKey {
    let private = PrivateKey::generate(spec.into(), &SystemRandom).unwrap();
    let usages = KeyUsages::try_new([KeyUsage::Namespace]).unwrap();
    let public = private.signing_public_key(usages).unwrap();
    // EXPOSE: a key of this test.
    let pem = private.to_pkcs8_pem().unwrap();
    sandbox.write(&format!("{name}.key"), pem.expose());
    sandbox.write(&format!("{name}.pem"), public.to_pem());
    public
}

/// The file of a key with these usages, as Canton's console writes it.
fn key_file(key: &SigningPublicKey, usages: &[KeyUsage]) -> Vec<u8> {
    let usages = KeyUsages::try_new(usages.iter().copied()).unwrap();
    let key = SigningPublicKey::from_spki(key.spec(), key.spki(), usages).unwrap();
    strongroom_proto::encode_stored_public_key(&PublicKey::Signing(key))
}
