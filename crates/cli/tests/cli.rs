//! The command line as its users meet it: each test runs the program in a home of its own.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed test panics, in its helpers too"
)]

#[path = "cli/approvals.rs"]
mod approvals;
#[path = "cli/audit.rs"]
mod audit;
#[path = "cli/backup_schedule.rs"]
mod backup_schedule;
#[path = "cli/backups.rs"]
mod backups;
#[path = "cli/bad_input.rs"]
mod bad_input;
#[path = "cli/benchmarks.rs"]
mod benchmarks;
#[path = "cli/callers.rs"]
mod callers;
#[path = "cli/canton_import.rs"]
mod canton_import;
#[path = "cli/console.rs"]
mod console;
#[path = "cli/containers.rs"]
mod containers;
#[path = "cli/damage.rs"]
mod damage;
#[path = "cli/deploy.rs"]
mod deploy;
#[path = "cli/duties.rs"]
mod duties;
#[path = "cli/external_keys.rs"]
mod external_keys;
#[path = "cli/help.rs"]
mod help;
#[path = "cli/identity.rs"]
mod identity;
#[path = "cli/incident.rs"]
mod incident;
#[path = "cli/kms_benchmark.rs"]
mod kms_benchmark;
#[path = "cli/kms_calls.rs"]
mod kms_calls;
#[path = "cli/kms_log.rs"]
mod kms_log;
#[path = "cli/leaks.rs"]
mod leaks;
#[path = "cli/memory.rs"]
mod memory;
#[path = "cli/metrics.rs"]
mod metrics;
#[path = "cli/migration.rs"]
mod migration;
#[path = "cli/needles.rs"]
mod needles;
#[path = "cli/offline_root.rs"]
mod offline_root;
#[path = "cli/openssl.rs"]
mod openssl;
#[path = "cli/other_kms.rs"]
mod other_kms;
#[path = "cli/parties.rs"]
mod parties;
#[path = "cli/payloads.rs"]
mod payloads;
#[path = "cli/postgres.rs"]
mod postgres;
#[path = "cli/process.rs"]
mod process;
#[path = "cli/quickstart.rs"]
mod quickstart;
#[path = "cli/recovery.rs"]
mod recovery;
#[path = "cli/remote.rs"]
mod remote;
#[path = "cli/rotation.rs"]
mod rotation;
#[path = "cli/runbooks.rs"]
mod runbooks;
#[path = "cli/serving.rs"]
mod serving;
#[path = "cli/session_benchmark.rs"]
mod session_benchmark;
#[path = "cli/setting_up.rs"]
mod setting_up;
#[path = "cli/starting.rs"]
mod starting;
#[path = "cli/support.rs"]
mod support;
#[path = "cli/topology.rs"]
mod topology;
#[path = "cli/upkeep.rs"]
mod upkeep;
#[path = "cli/using_keys.rs"]
mod using_keys;
#[path = "cli/wrapped_exports.rs"]
mod wrapped_exports;
#[path = "cli/wrapper_key_rotation.rs"]
mod wrapper_key_rotation;
#[path = "cli/wraps.rs"]
mod wraps;
