use strongroom_crypto::Timestamp;

use super::row::StoredTransaction;

/// The time as of which a store is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// After everything that is in the store, also what becomes effective later.
    Head,
    /// At a time, without what becomes effective at that very time. The rule for everything that happens at a time.
    Time(Timestamp),
    /// At a time, with what becomes effective at that very time.
    Including(Timestamp),
}

impl At {
    /// Whether the row holds then. Proposals and rejected rows never do.
    #[must_use]
    pub fn covers(self, row: &StoredTransaction) -> bool {
        row.is_accepted()
            && match self {
                Self::Head => row.valid_until.is_none(),
                Self::Time(time) => {
                    row.valid_from < time && row.valid_until.is_none_or(|until| time <= until)
                }
                Self::Including(time) => {
                    row.valid_from <= time && row.valid_until.is_none_or(|until| time < until)
                }
            }
    }
}
