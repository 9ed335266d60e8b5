//! The use cases, one file each.

pub(crate) mod accept;
pub(crate) mod ages;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod create;
pub(crate) mod custody;
pub(crate) mod decrypt;
pub(crate) mod delete;
pub(crate) mod encrypt;
pub(crate) mod export;
pub(crate) mod external;
pub(crate) mod generate;
pub(crate) mod import;
pub(crate) mod inspect;
pub(crate) mod leak;
pub(crate) mod list;
pub(crate) mod migrate;
pub(crate) mod open;
pub(crate) mod place;
pub(crate) mod readiness;
pub(crate) mod retire;
pub(crate) mod seal;
pub(crate) mod sign;
pub(crate) mod topology;
pub(crate) mod verify;
pub(crate) mod wraps;
