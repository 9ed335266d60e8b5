use std::str::FromStr;

use strongroom_topology::{MappingCode, Restriction};

use crate::commands::RootError;

/// What a target may sign, and kinds of mappings in the order in which they were given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RestrictionArg {
    pub(crate) restriction: Restriction,
    pub(crate) order: Vec<MappingCode>,
}

impl RestrictionArg {
    fn without_order(restriction: Restriction) -> Self {
        Self {
            restriction,
            order: Vec::new(),
        }
    }
}

impl Default for RestrictionArg {
    /// What a node needs of its intermediate key.
    fn default() -> Self {
        Self::without_order(Restriction::AllButNamespaceDelegations)
    }
}

impl FromStr for RestrictionArg {
    type Err = RootError;

    /// A kind that is named twice counts once.
    fn from_str(text: &str) -> Result<Self, RootError> {
        match text {
            "all" => return Ok(Self::without_order(Restriction::AllMappings)),
            "all-but-delegations" => return Ok(Self::default()),
            _ => {}
        }
        let mut order: Vec<MappingCode> = Vec::new();
        for name in text.split(',') {
            let code = name
                .parse()
                .map_err(|_unknown| RootError::UnknownRestriction {
                    text: name.chars().take(80).collect(),
                })?;
            if !order.contains(&code) {
                order.push(code);
            }
        }
        Ok(Self {
            restriction: Restriction::SpecificMappings(order.iter().copied().collect()),
            order,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use MappingCode::{OwnerToKeyMapping, PartyToParticipant};

    use super::*;

    #[test]
    fn kinds_of_mappings_keep_their_order_and_count_once() {
        let given = "PARTY_TO_PARTICIPANT,otk,party-to-participant";
        let parsed: RestrictionArg = given.parse().unwrap();
        assert_eq!(parsed.order, [PartyToParticipant, OwnerToKeyMapping]);
        let codes = BTreeSet::from([OwnerToKeyMapping, PartyToParticipant]);
        assert_eq!(parsed.restriction, Restriction::SpecificMappings(codes));
    }

    #[test]
    fn what_is_no_kind_of_mapping_is_refused_by_its_name() {
        for (given, refused) in [
            ("", ""),
            ("ALL", "ALL"),
            ("OWNER_TO_KEY_MAPPING,", ""),
            ("otk,nothing", "nothing"),
            ("otk all", "otk all"),
        ] {
            let error = given.parse::<RestrictionArg>().unwrap_err();
            assert!(
                matches!(&error, RootError::UnknownRestriction { text } if text == refused),
                "{given}: {error}"
            );
        }
    }
}
