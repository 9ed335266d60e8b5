//! A server that begins with another configuration says so in the audit log.

use serde_json::Value;

use super::Serving;
use crate::support::{Sandbox, text};

fn changes(sandbox: &Sandbox) -> Vec<Value> {
    let listed = sandbox.json(["audit", "list", "--last", "1000"]);
    let mut records = listed["records"].as_array().unwrap().clone();
    records.retain(|record| record["operation"] == "change_configuration");
    records
}

#[test]
fn a_server_that_begins_with_another_configuration_puts_that_on_record() {
    let sandbox = Sandbox::with_vault();
    for _start in 0..2 {
        Serving::start(&sandbox).end();
    }
    let first = changes(&sandbox);
    assert_eq!(first.len(), 1, "{first:?}");
    assert_eq!(
        text(&first[0]["details"], "sections"),
        "access, approvals, audit"
    );
    // How long somebody may idle, and what the author remarks, changes nobody's rights.
    sandbox.edit_config(|config| format!("{config}\n# as ever\n[server]\nidle-limit = \"9m\"\n"));
    Serving::start(&sandbox).end();
    assert_eq!(changes(&sandbox).len(), 1);
    sandbox.edit_config(|config| format!("{config}\n[audit]\nsignatures = \"batched\"\n"));
    Serving::start(&sandbox).end();
    let second = changes(&sandbox);
    assert_eq!(second.len(), 2, "{second:?}");
    let details = &second[1]["details"];
    assert_eq!(text(details, "sections"), "audit");
    assert_eq!(details["audit_before"], first[0]["details"]["audit_after"]);
    assert_ne!(details["audit_before"], details["audit_after"]);
}
