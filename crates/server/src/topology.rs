//! Canton's services of topology (reference: admin services, sections 1 to 4).

pub(crate) mod aggregation;
mod filters;
pub(crate) mod read;
mod store_id;
pub(crate) mod write;
