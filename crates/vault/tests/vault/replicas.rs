//! Several processes on one store: what each learns of the others, and what it refuses meanwhile.

#[path = "replicas/company.rs"]
mod company;
#[path = "replicas/configuration.rs"]
mod configuration;
#[path = "replicas/following.rs"]
mod following;
#[path = "replicas/forked.rs"]
mod forked;
#[path = "replicas/handing_over.rs"]
mod handing_over;
#[path = "replicas/leases.rs"]
mod leases;
#[path = "replicas/meanwhile.rs"]
mod meanwhile;
#[path = "replicas/session_keys.rs"]
mod session_keys;
#[path = "replicas/stopped.rs"]
mod stopped;
#[path = "replicas/stuck.rs"]
mod stuck;
#[path = "replicas/touch.rs"]
mod touch;
