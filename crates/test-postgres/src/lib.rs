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
//! The server listens on a Unix socket in a folder that nobody else reads, and on nothing else. It stops when the process
//! that started it ends, however that ends: a watcher holds the other end of a pipe.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed test panics, in its helpers too"
)]

mod account;
mod program;
mod server;

pub use server::{Database, GUARDED, Server, bytes, shared};
