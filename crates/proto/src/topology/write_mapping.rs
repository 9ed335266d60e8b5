//! Mappings, written: only those that this program announces for the first time. What was received is never written anew.

use strongroom_topology::{
    Mapping, MappingCode, NamespaceDelegation, PartyToParticipant, Restriction,
    SigningKeysWithThreshold,
};

use super::{
    mapping::write_permission,
    snapshot::write_time,
    v30::{
        self,
        namespace_delegation::{
            CanSignAllButNamespaceDelegations, CanSignAllMappings, CanSignSpecificMappings,
            Restriction as WireRestriction,
        },
        topology_mapping::Mapping as Wire,
    },
};

/// The message of a statement, as Canton writes it: restrictions always, sorted; the legacy root flag never.
#[must_use]
pub fn write_mapping(mapping: &Mapping) -> v30::TopologyMapping {
    let wire = match mapping {
        Mapping::NamespaceDelegation(it) => {
            Wire::NamespaceDelegation(write_delegation(it, write_restriction(it.restriction())))
        }
        Mapping::DecentralizedNamespaceDefinition(it) => {
            Wire::DecentralizedNamespaceDefinition(v30::DecentralizedNamespaceDefinition {
                decentralized_namespace: it.namespace().to_string(),
                threshold: i32::try_from(it.threshold()).unwrap_or(i32::MAX),
                owners: it.owners().iter().map(ToString::to_string).collect(),
            })
        }
        Mapping::OwnerToKeyMapping(it) => Wire::OwnerToKeyMapping(v30::OwnerToKeyMapping {
            member: it.member().to_string(),
            public_keys: it.keys().iter().map(Into::into).collect(),
        }),
        Mapping::SynchronizerTrustCertificate(it) => {
            Wire::SynchronizerTrustCertificate(v30::SynchronizerTrustCertificate {
                participant_uid: it.participant.to_string(),
                synchronizer_id: it.synchronizer.to_string(),
                feature_flags: it.feature_flags.clone(),
            })
        }
        Mapping::ParticipantSynchronizerPermission(it) => {
            Wire::ParticipantPermission(v30::ParticipantSynchronizerPermission {
                synchronizer_id: it.synchronizer.to_string(),
                participant_uid: it.participant.to_string(),
                permission: write_permission(it.permission),
                limits: it.limits.as_deref().map(Into::into),
                login_after: it.login_after.map(|time| time.as_micros()),
            })
        }
        Mapping::PartyHostingLimits(it) => Wire::PartyHostingLimits(v30::PartyHostingLimits {
            synchronizer_id: it.synchronizer.to_string(),
            party: it.party.to_string(),
        }),
        Mapping::VettedPackages(it) => {
            #[expect(deprecated, reason = "what was received is written again")]
            let message = v30::VettedPackages {
                participant_uid: it.participant.to_string(),
                package_ids: it.package_ids.clone(),
                packages: it.packages.iter().map(|it| it.to_vec()).collect(),
            };
            Wire::VettedPackages(message)
        }
        Mapping::PartyToParticipant(it) => Wire::PartyToParticipant(write_party(it)),
        Mapping::SynchronizerParametersState(it) => {
            Wire::SynchronizerParametersState(v30::SynchronizerParametersState {
                synchronizer_id: it.synchronizer.to_string(),
                synchronizer_parameters: it.parameters.as_deref().map(Into::into),
            })
        }
        Mapping::DynamicSequencingParametersState(it) => {
            Wire::SequencingDynamicParametersState(v30::DynamicSequencingParametersState {
                synchronizer_id: it.synchronizer.to_string(),
                sequencing_parameters: it.parameters.as_deref().map(Into::into),
            })
        }
        Mapping::MediatorSynchronizerState(it) => {
            Wire::MediatorSynchronizerState(v30::MediatorSynchronizerState {
                synchronizer_id: it.synchronizer.to_string(),
                group: it.group,
                threshold: it.threshold,
                active: it.active.iter().map(ToString::to_string).collect(),
                observers: it.observers.iter().map(ToString::to_string).collect(),
            })
        }
        Mapping::SequencerSynchronizerState(it) => {
            Wire::SequencerSynchronizerState(v30::SequencerSynchronizerState {
                synchronizer_id: it.synchronizer.to_string(),
                threshold: it.threshold,
                active: it.active.iter().map(ToString::to_string).collect(),
                observers: it.observers.iter().map(ToString::to_string).collect(),
            })
        }
        Mapping::PartyToKeyMapping(it) => Wire::PartyToKeyMapping(v30::PartyToKeyMapping {
            party: it.party.to_string(),
            threshold: it.signing_keys.threshold(),
            signing_keys: it.signing_keys.keys().iter().map(Into::into).collect(),
        }),
        Mapping::LsuAnnouncement(it) => {
            Wire::SynchronizerUpgradeAnnouncement(v30::LsuAnnouncement {
                successor_physical_synchronizer_id: it.successor.to_string(),
                upgrade_time: Some(write_time(it.upgrade_time)),
            })
        }
        Mapping::LsuSequencerConnectionSuccessor(it) => {
            Wire::SequencerConnectionSuccessor(v30::LsuSequencerConnectionSuccessor {
                sequencer_id: it.sequencer.to_string(),
                successor_physical_synchronizer_id: it.successor.to_string(),
                connection: it.connection.as_deref().map(Into::into),
            })
        }
    };
    v30::TopologyMapping {
        mapping: Some(wire),
    }
}

fn write_restriction(restriction: &Restriction) -> WireRestriction {
    match restriction {
        Restriction::AllMappings => WireRestriction::CanSignAllMappings(CanSignAllMappings {}),
        Restriction::AllButNamespaceDelegations => {
            WireRestriction::CanSignAllButNamespaceDelegations(CanSignAllButNamespaceDelegations {})
        }
        Restriction::SpecificMappings(codes) => write_specific(codes.iter().copied()),
    }
}

/// Some kinds of mappings, in the given order.
pub(super) fn write_specific(codes: impl IntoIterator<Item = MappingCode>) -> WireRestriction {
    WireRestriction::CanSignSpecificMapings(CanSignSpecificMappings {
        mappings: codes
            .into_iter()
            .map(|code| i32::from(code.number()))
            .collect(),
    })
}

pub(super) fn write_delegation(
    delegation: &NamespaceDelegation,
    restriction: WireRestriction,
) -> v30::NamespaceDelegation {
    v30::NamespaceDelegation {
        namespace: delegation.namespace().to_string(),
        target_key: Some(delegation.target().into()),
        restriction: Some(restriction),
        ..v30::NamespaceDelegation::default()
    }
}

fn write_party(mapping: &PartyToParticipant) -> v30::PartyToParticipant {
    use v30::party_to_participant::{HostingParticipant, hosting_participant::Onboarding};
    v30::PartyToParticipant {
        party: mapping.party().to_string(),
        threshold: mapping.threshold(),
        participants: mapping
            .participants()
            .iter()
            .map(|hosting| HostingParticipant {
                participant_uid: hosting.participant.to_string(),
                permission: write_permission(hosting.permission),
                onboarding: hosting.onboarding.then_some(Onboarding {}),
            })
            .collect(),
        party_signing_keys: mapping.signing_keys().map(write_signing_keys),
    }
}

fn write_signing_keys(keys: &SigningKeysWithThreshold) -> crate::v30::SigningKeysWithThreshold {
    crate::v30::SigningKeysWithThreshold {
        keys: keys.keys().iter().map(Into::into).collect(),
        threshold: keys.threshold(),
    }
}
