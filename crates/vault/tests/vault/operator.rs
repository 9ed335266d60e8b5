//! The operator of the database is an adversary: what he edits is noticed.

#[path = "operator/bytes.rs"]
mod bytes;
#[path = "operator/edits.rs"]
mod edits;
#[path = "operator/history.rs"]
mod history;
#[path = "operator/rows.rs"]
mod rows;
#[path = "operator/substitution.rs"]
mod substitution;
#[path = "operator/while_open.rs"]
mod while_open;

use strongroom_crypto::Fingerprint;
use strongroom_errors::Coded;
use strongroom_store::{Custody, Sealing};
use strongroom_vault::{PublicKeyImport, VaultError};

use crate::house::{
    House, caller, encryption_key, foreign_key, name, new_protocol_key, settings, signing_key,
};

/// A closed vault with a key of every kind, and its keys by kind.
struct Victim {
    house: House,
    sealed: Fingerprint,
    other_sealed: Fingerprint,
    decrypting: Fingerprint,
    direct: Fingerprint,
    clear: Fingerprint,
    retired: Fingerprint,
    public_only: Fingerprint,
}

impl Victim {
    /// Nothing outside of the database remembers anything: the database has to defend itself.
    async fn without_anchor() -> Self {
        Self::in_house(House::new().without_anchor()).await
    }

    async fn with_anchor() -> Self {
        Self::in_house(House::new()).await
    }

    async fn in_house(house: House) -> Self {
        let vault = house.create().await;
        let sealed = vault
            .generate_signing_key(
                &caller(),
                strongroom_vault::NewSigningKey {
                    name: name("node-signing"),
                    ..new_protocol_key()
                },
            )
            .await
            .unwrap()
            .fingerprint();
        let other_sealed = signing_key(&vault).await;
        let decrypting = encryption_key(&vault).await;
        let retired = signing_key(&vault).await;
        vault.retire_key(&caller(), &retired).await.unwrap();
        let import = PublicKeyImport {
            public: foreign_key(1).public,
            name: name("somebody"),
        };
        let public_only = vault.import_public_key(&caller(), import).await.unwrap();
        vault.close().await.unwrap();

        let house = house.with_settings(settings(Custody::Envelope, Sealing::Direct));
        let vault = house.open().await;
        let direct = signing_key(&vault).await;
        vault.close().await.unwrap();

        let house = house.with_settings(settings(Custody::Clear, Sealing::DataKey));
        let vault = house.open().await;
        let clear = signing_key(&vault).await;
        vault.close().await.unwrap();
        Self {
            house,
            sealed,
            other_sealed,
            decrypting,
            direct,
            clear,
            retired,
            public_only: public_only.fingerprint(),
        }
    }

    /// A copy of the house in which the operator did this.
    fn tampered(&self, sql: &str) -> House {
        let house = self.house.copy();
        let database = house.database();
        database
            .execute_batch(sql)
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        drop(database);
        house
    }

    /// Opening is refused with `expected` after the operator did this.
    async fn refuses(&self, sql: &str, expected: &str) {
        assert_eq!(self.tampered(sql).refusal().await, expected, "{sql}");
    }
}

/// A fingerprint as SQL writes it.
fn blob(fingerprint: &Fingerprint) -> String {
    literal(fingerprint.as_bytes())
}

fn literal(bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("x'{hex}'")
}

/// The code with which opening, or else verifying the audit log, is refused; none if nothing was noticed.
async fn noticed(house: &House) -> Option<&'static str> {
    let code = |error: VaultError| Some(error.code().name());
    let vault = match house.try_open().await {
        Ok(vault) => vault,
        Err(error) => return code(error),
    };
    let verified = vault.walk_audit(|_| {}).await;
    verified.err().and_then(code)
}
