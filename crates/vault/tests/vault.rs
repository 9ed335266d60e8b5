//! The vault: what it does for its users, and what it notices when somebody works against it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed test panics, in its helpers too"
)]

#[path = "vault/acts.rs"]
mod acts;
#[path = "vault/ages.rs"]
mod ages;
#[path = "vault/anchor_tag.rs"]
mod anchor_tag;
#[path = "vault/approvals.rs"]
mod approvals;
#[path = "vault/audit.rs"]
mod audit;
#[path = "vault/backups.rs"]
mod backups;
#[path = "vault/caching.rs"]
mod caching;
#[path = "vault/called_off.rs"]
mod called_off;
#[path = "vault/cancelled.rs"]
mod cancelled;
#[path = "vault/codes.rs"]
mod codes;
#[path = "vault/concurrency.rs"]
mod concurrency;
#[path = "vault/configuration.rs"]
mod configuration;
#[path = "vault/crashes.rs"]
mod crashes;
#[path = "vault/custody.rs"]
mod custody;
#[path = "vault/deletion.rs"]
mod deletion;
#[path = "vault/exporting.rs"]
mod exporting;
#[path = "vault/external.rs"]
mod external;
#[path = "vault/faults.rs"]
mod faults;
#[path = "vault/frozen.rs"]
mod frozen;
#[path = "vault/histories.rs"]
mod histories;
#[path = "vault/house.rs"]
mod house;
#[path = "vault/importing.rs"]
mod importing;
#[path = "vault/incidents.rs"]
mod incidents;
#[path = "vault/kms_calls.rs"]
mod kms_calls;
#[path = "vault/kms_down.rs"]
mod kms_down;
#[path = "vault/lifecycle.rs"]
mod lifecycle;
#[path = "vault/listing.rs"]
mod listing;
#[path = "vault/meeting.rs"]
mod meeting;
#[path = "vault/migrating.rs"]
mod migrating;
#[path = "vault/model.rs"]
mod model;
#[path = "vault/moving.rs"]
mod moving;
#[path = "vault/numbers.rs"]
mod numbers;
#[path = "vault/operator.rs"]
mod operator;
#[path = "vault/parties.rs"]
mod parties;
#[path = "vault/payloads.rs"]
mod payloads;
#[path = "vault/protocol.rs"]
mod protocol;
#[path = "vault/replay.rs"]
mod replay;
#[path = "vault/replicas.rs"]
mod replicas;
#[path = "vault/retirement.rs"]
mod retirement;
#[path = "vault/rotating.rs"]
mod rotating;
#[path = "vault/session_encryption.rs"]
mod session_encryption;
#[path = "vault/starting.rs"]
mod starting;
#[path = "vault/topology.rs"]
mod topology;
#[path = "vault/unopenable.rs"]
mod unopenable;
#[path = "vault/usage.rs"]
mod usage;
#[path = "vault/wrapper_keys.rs"]
mod wrapper_keys;
#[path = "vault/wraps.rs"]
mod wraps;
