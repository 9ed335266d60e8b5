//! `BaseQuery`: which rows of which stores.

use strongroom_crypto::Timestamp;
use strongroom_proto::topology::{read_timestamp, v30::enums::TopologyChangeOp};
use strongroom_topology::{At, Operation, StoreId, StoredTransaction};
use strongroom_vault::Vault;

use crate::{
    client_release::ClientRelease,
    contract::topology::{BaseQuery, base_query::TimeQuery},
    failure::Failure,
    topology::store_id,
};

const MESSAGE: &str = "BaseQuery";

/// Which rows of which stores.
#[derive(Debug)]
pub(crate) struct Query {
    pub(super) stores: Vec<StoreId>,
    proposals: bool,
    operation: Option<Operation>,
    time: Time,
    signed_key: String,
}

#[derive(Debug)]
enum Time {
    Head { now: Timestamp },
    Snapshot(Timestamp),
    Range(Option<Timestamp>, Option<Timestamp>),
}

impl Query {
    /// The query in a request.
    pub(super) async fn read(vault: &Vault, query: Option<BaseQuery>) -> Result<Self, Failure> {
        let query = query.ok_or_else(|| Failure::not_set("base_query"))?;
        if let Some(version) = &query.client_version {
            let _release: ClientRelease = version.parse()?;
        }
        let stores = match query.store {
            Some(store) => vec![store_id::read(vault, store).await?],
            None => vault.topology_stores().await?,
        };
        let read = |name, time| read_timestamp(MESSAGE, name, time);
        let time = match query.time_query {
            None => return Err(Failure::not_set("time_query")),
            Some(TimeQuery::HeadState(())) => Time::Head {
                now: vault.current_time(),
            },
            Some(TimeQuery::Snapshot(time)) => Time::Snapshot(read("snapshot", &time)?),
            Some(TimeQuery::Range(range)) => {
                let from = range.from.as_ref().map(|time| read("from", time));
                let until = range.until.as_ref().map(|time| read("until", time));
                Time::Range(from.transpose()?, until.transpose()?)
            }
        };
        let operation = match TopologyChangeOp::try_from(query.operation) {
            Ok(TopologyChangeOp::Unspecified) => None,
            Ok(TopologyChangeOp::AddReplace) => Some(Operation::AddReplace),
            Ok(TopologyChangeOp::Remove) => Some(Operation::Remove),
            Err(_unknown) => {
                let value = query.operation;
                return Err(Failure::unreadable(format!(
                    "Unrecognized value `{value}` in enum field `operation`"
                )));
            }
        };
        Ok(Self {
            stores,
            proposals: query.proposals,
            operation,
            time,
            signed_key: query.filter_signed_key,
        })
    }

    /// Whether a row of this store passes. What was rejected never does.
    pub(super) fn wants(&self, store: &StoreId, row: &StoredTransaction) -> bool {
        let signed = &row.signed;
        let operation = signed.transaction().operation();
        let signed_by = |key: &str| signed.signed_by().any(|by| by.to_string().starts_with(key));
        row.rejection.is_none()
            && signed.is_proposal() == self.proposals
            && self.operation.is_none_or(|wanted| wanted == operation)
            && self.time.covers(store, row)
            && (self.signed_key.is_empty() || signed_by(&self.signed_key))
    }
}

impl Time {
    fn covers(&self, store: &StoreId, row: &StoredTransaction) -> bool {
        match self {
            // A synchronizer's transactions become effective some time after they came.
            Self::Head { now } if matches!(store, StoreId::Synchronizer(_)) => holds(*now, row),
            Self::Head { .. } => row.valid_until.is_none(),
            Self::Snapshot(time) => holds(*time, row),
            Self::Range(from, until) => {
                from.is_none_or(|from| from <= row.valid_from)
                    && until.is_none_or(|until| row.valid_from <= until)
            }
        }
    }
}

/// Whether a row, or a proposal, is there at this time: without what becomes effective at that very time.
fn holds(time: Timestamp, row: &StoredTransaction) -> bool {
    At::Time(time).covers(row)
        || (row.signed.is_proposal()
            && row.valid_from < time
            && row.valid_until.is_none_or(|until| time <= until))
}
