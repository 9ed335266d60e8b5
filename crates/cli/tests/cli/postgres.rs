//! A vault in PostgreSQL: made, used, shared by several processes, refused.

#[path = "postgres/bad_input.rs"]
mod bad_input;
#[path = "postgres/benchmarks.rs"]
mod benchmarks;
#[path = "postgres/configuration.rs"]
mod configuration;
#[path = "postgres/moving.rs"]
mod moving;
#[path = "postgres/replicas.rs"]
mod replicas;
#[path = "postgres/servers.rs"]
mod servers;
#[path = "postgres/serving.rs"]
mod serving;
#[path = "postgres/using.rs"]
mod using;

use serde_json::Value;
use strongroom_test_postgres::{Database, shared};

use crate::support::Sandbox;

/// A sandbox, and a database for its vault.
struct House {
    sandbox: Sandbox,
    database: Database<'static>,
}

impl House {
    /// With an empty database of this name.
    fn empty(name: &str) -> Self {
        Self {
            sandbox: Sandbox::new(),
            database: shared().create_database(name),
        }
    }

    /// With a vault in it, made by `init` with further arguments.
    fn with_vault(name: &str, more: &[&str]) -> Self {
        let house = Self::empty(name);
        let url = house.database.url();
        let init = ["init", "--unprotected-key-file", "--store-url", &url];
        house.sandbox.run([&init[..], more].concat()).succeeded();
        house
    }

    /// What the database answers, without the end of the line.
    fn sql(&self, statement: &str) -> String {
        self.database.run(statement).trim().to_owned()
    }

    fn lease_is_free(&self) -> bool {
        self.sql("select holder is null from strongroom.lease") == "t"
    }
}

/// The rows of `doctor` with this name: status and detail.
fn doctor_rows(doctor: &Value, name: &str) -> Vec<(String, String)> {
    let rows = doctor["checks"].as_array().unwrap().iter();
    let named = rows.filter(|row| row["name"] == name);
    let text = |row: &Value, field: &str| row[field].as_str().unwrap().to_owned();
    named
        .map(|row| (text(row, "status"), text(row, "detail")))
        .collect()
}
