//! Who may do what.
//!
//! A caller proves who it is (`identity`), the configuration says what it may do (`grant`), and each rpc is an
//! [`Operation`] (`table`). Nothing is allowed that is not granted. Without any configuration everybody may do everything, and
//! then the server listens on this machine only.

mod allowance;
mod approvable;
mod grant;
mod operation;
mod role;
mod subject;
mod table;

pub(crate) use self::{allowance::Wait, approvable::approvable};
pub use self::{
    grant::{Grant, KeyPattern, NamedKey},
    operation::{Operation, UnknownOperation},
    role::{Role, UnknownRole},
    subject::{Access, CallerRule, Identity, NotOne, Peer, Subject},
    table::operation_of,
};
