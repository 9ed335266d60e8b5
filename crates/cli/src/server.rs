//! From the configuration to a server: who may do what, certificates, tokens, and where callers come in.

mod access;
mod approvals;
pub(crate) mod configuration;
mod doubts;
mod error;
mod reload;
mod socket;
mod tls;
mod tokens;

pub(crate) use self::{
    access::{access, grant},
    approvals::{check as check_approvals, check_served as check_served_approvals},
    doubts::{doubts, http_doubt},
    error::ServerSetupError,
    reload::Reload,
    socket::bind as bind_socket,
    tls::open as open_tls,
    tokens::open as open_tokens,
};
