//! PostgreSQL servers of their own, for tests only.
//!
//! A test binary starts one server and makes a database per test:
//!
//! ```no_run
//! let server = strongroom_test_postgres::shared();
//! let database = server.create_database("mine");
//! database.run("create table t (a int)");
//! println!("{}", database.url());
//! ```
//!
//! That server listens on a Unix socket in a folder that nobody else reads, and on nothing else. A test that does things to a
//! server starts one of its own ([`Server::start`]): with a port on loopback, with TLS, with standbys. Every server stops when
//! the process that started it ends, however that ends: a watcher holds the other end of a pipe. [`Proxy`] is the network.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed test panics, in its helpers too"
)]

mod account;
mod control;
mod program;
mod proxy;
mod server;

pub use control::Stop;
pub use proxy::{Proxy, Weather};
pub use server::{Database, GUARDED, PASSWORD, Server, Setup, bytes, shared};
