//! Mappings, read.

use std::collections::BTreeSet;

use strongroom_crypto::{SigningPublicKey, Timestamp};
use strongroom_topology::{
    DecentralizedNamespaceDefinition, HostingParticipant, LsuAnnouncement,
    LsuSequencerConnectionSuccessor, MAX_KEYS, Mapping, MappingError, MediatorSynchronizerState,
    NamespaceDelegation, OwnerToKeyMapping, ParticipantSynchronizerPermission, PartyHostingLimits,
    PartyToKeyMapping, PartyToParticipant, Restriction, SequencerSynchronizerState,
    SigningKeysWithThreshold, SynchronizerParameters, SynchronizerTrustCertificate, VettedPackages,
};

use super::{
    mapping::{read_code, read_permission, refused},
    snapshot::read_time,
    text::{Field, field},
    v30::{self, namespace_delegation, topology_mapping},
};
use crate::{ProtoError, read_public_key, read_signing_public_key};

/// The statement in a message.
///
/// # Errors
/// [`ProtoError`] naming the first field that is missing, unknown or invalid.
pub fn read_mapping(message: &v30::TopologyMapping) -> Result<Mapping, ProtoError> {
    use topology_mapping::Mapping as Wire;
    let mapping = message
        .mapping
        .as_ref()
        .ok_or(field("TopologyMapping", "mapping").not_set())?;
    match mapping {
        Wire::NamespaceDelegation(it) => delegation(it).map(Mapping::NamespaceDelegation),
        Wire::DecentralizedNamespaceDefinition(it) => {
            decentralized(it).map(Mapping::DecentralizedNamespaceDefinition)
        }
        Wire::OwnerToKeyMapping(it) => owner_to_key(it).map(Mapping::OwnerToKeyMapping),
        Wire::SynchronizerTrustCertificate(it) => {
            trust_certificate(it).map(Mapping::SynchronizerTrustCertificate)
        }
        Wire::ParticipantPermission(it) => {
            participant_permission(it).map(Mapping::ParticipantSynchronizerPermission)
        }
        Wire::PartyHostingLimits(it) => hosting_limits(it).map(Mapping::PartyHostingLimits),
        Wire::VettedPackages(it) => vetted_packages(it).map(Mapping::VettedPackages),
        Wire::PartyToParticipant(it) => party_to_participant(it).map(Mapping::PartyToParticipant),
        Wire::SynchronizerParametersState(it) => parameters(
            field("SynchronizerParametersState", "synchronizer_id"),
            &it.synchronizer_id,
            it.synchronizer_parameters.as_deref(),
        )
        .map(Mapping::SynchronizerParametersState),
        Wire::SequencingDynamicParametersState(it) => parameters(
            field("DynamicSequencingParametersState", "synchronizer_id"),
            &it.synchronizer_id,
            it.sequencing_parameters.as_deref(),
        )
        .map(Mapping::DynamicSequencingParametersState),
        Wire::MediatorSynchronizerState(it) => {
            mediators(it).map(Mapping::MediatorSynchronizerState)
        }
        Wire::SequencerSynchronizerState(it) => {
            sequencers(it).map(Mapping::SequencerSynchronizerState)
        }
        Wire::PartyToKeyMapping(it) => party_to_key(it).map(Mapping::PartyToKeyMapping),
        Wire::SynchronizerUpgradeAnnouncement(it) => announcement(it).map(Mapping::LsuAnnouncement),
        Wire::SequencerConnectionSuccessor(it) => {
            connection_successor(it).map(Mapping::LsuSequencerConnectionSuccessor)
        }
    }
}

fn delegation(message: &v30::NamespaceDelegation) -> Result<NamespaceDelegation, ProtoError> {
    const NAME: &str = "NamespaceDelegation";
    let target = message
        .target_key
        .as_ref()
        .ok_or(field(NAME, "target_key").not_set())?;
    NamespaceDelegation::try_new(
        field(NAME, "namespace").parse(&message.namespace)?,
        read_signing_public_key(target)?.key,
        restriction(message)?,
    )
    .map_err(refused(NAME))
}

fn restriction(message: &v30::NamespaceDelegation) -> Result<Restriction, ProtoError> {
    use namespace_delegation::Restriction as Wire;
    #[expect(
        deprecated,
        reason = "the genesis of live networks has nothing but the flag"
    )]
    let is_root = message.is_root_delegation;
    match (&message.restriction, is_root) {
        (Some(_), true) => Err(refused("NamespaceDelegation")(
            MappingError::RestrictionAndRootFlag,
        )),
        (None, true) | (Some(Wire::CanSignAllMappings(_)), false) => Ok(Restriction::AllMappings),
        (None, false) | (Some(Wire::CanSignAllButNamespaceDelegations(_)), false) => {
            Ok(Restriction::AllButNamespaceDelegations)
        }
        (Some(Wire::CanSignSpecificMapings(specific)), false) => {
            let place = field("CanSignSpecificMappings", "mappings");
            let codes: BTreeSet<_> = specific
                .mappings
                .iter()
                .map(|number| read_code(place, *number))
                .collect::<Result<_, _>>()?;
            Ok(Restriction::SpecificMappings(codes))
        }
    }
}

fn decentralized(
    message: &v30::DecentralizedNamespaceDefinition,
) -> Result<DecentralizedNamespaceDefinition, ProtoError> {
    const NAME: &str = "DecentralizedNamespaceDefinition";
    let owners = message
        .owners
        .iter()
        .map(|owner| field(NAME, "owners").parse(owner))
        .collect::<Result<BTreeSet<_>, _>>()?;
    DecentralizedNamespaceDefinition::try_new(
        field(NAME, "decentralized_namespace").parse(&message.decentralized_namespace)?,
        message.threshold,
        owners,
    )
    .map_err(refused(NAME))
}

fn owner_to_key(message: &v30::OwnerToKeyMapping) -> Result<OwnerToKeyMapping, ProtoError> {
    const NAME: &str = "OwnerToKeyMapping";
    // Before any of them is looked at: one message has room for a hundred thousand keys.
    if message.public_keys.len() > MAX_KEYS {
        return Err(refused(NAME)(MappingError::TooManyKeys {
            limit: MAX_KEYS,
            found: message.public_keys.len(),
        }));
    }
    let keys = message
        .public_keys
        .iter()
        .map(|key| read_public_key(key).map(|read| read.key))
        .collect::<Result<Vec<_>, _>>()?;
    let member = field(NAME, "member").parse(&message.member)?;
    OwnerToKeyMapping::try_new(member, keys).map_err(refused(NAME))
}

fn trust_certificate(
    message: &v30::SynchronizerTrustCertificate,
) -> Result<SynchronizerTrustCertificate, ProtoError> {
    const NAME: &str = "SynchronizerTrustCertificate";
    Ok(SynchronizerTrustCertificate {
        participant: field(NAME, "participant_uid").participant(&message.participant_uid)?,
        synchronizer: field(NAME, "synchronizer_id").parse(&message.synchronizer_id)?,
        feature_flags: message.feature_flags.clone(),
    })
}

fn participant_permission(
    message: &v30::ParticipantSynchronizerPermission,
) -> Result<ParticipantSynchronizerPermission, ProtoError> {
    const NAME: &str = "ParticipantSynchronizerPermission";
    Ok(ParticipantSynchronizerPermission {
        synchronizer: field(NAME, "synchronizer_id").parse(&message.synchronizer_id)?,
        participant: field(NAME, "participant_uid").participant(&message.participant_uid)?,
        permission: read_permission(field(NAME, "permission"), message.permission)?,
        limits: message.limits.as_deref().map(Box::from),
        login_after: message.login_after.map(Timestamp::from_micros),
    })
}

fn hosting_limits(message: &v30::PartyHostingLimits) -> Result<PartyHostingLimits, ProtoError> {
    const NAME: &str = "PartyHostingLimits";
    Ok(PartyHostingLimits {
        synchronizer: field(NAME, "synchronizer_id").parse(&message.synchronizer_id)?,
        party: field(NAME, "party").parse(&message.party)?,
    })
}

fn vetted_packages(message: &v30::VettedPackages) -> Result<VettedPackages, ProtoError> {
    #[expect(deprecated, reason = "what was received is kept")]
    let package_ids = message.package_ids.clone();
    Ok(VettedPackages {
        participant: field("VettedPackages", "participant_uid")
            .participant(&message.participant_uid)?,
        package_ids,
        packages: message
            .packages
            .iter()
            .map(|it| it.as_slice().into())
            .collect(),
    })
}

fn party_to_participant(
    message: &v30::PartyToParticipant,
) -> Result<PartyToParticipant, ProtoError> {
    const NAME: &str = "PartyToParticipant";
    let participants = message
        .participants
        .iter()
        .map(hosting)
        .collect::<Result<Vec<_>, _>>()?;
    let signing_keys = match &message.party_signing_keys {
        None => None,
        Some(keys) => Some(signing_keys(NAME, &keys.keys, keys.threshold)?),
    };
    PartyToParticipant::try_new(
        field(NAME, "party").parse(&message.party)?,
        message.threshold,
        participants,
        signing_keys,
    )
    .map_err(refused(NAME))
}

fn hosting(
    message: &v30::party_to_participant::HostingParticipant,
) -> Result<HostingParticipant, ProtoError> {
    const NAME: &str = "HostingParticipant";
    Ok(HostingParticipant {
        participant: field(NAME, "participant_uid").participant(&message.participant_uid)?,
        permission: read_permission(field(NAME, "permission"), message.permission)?,
        onboarding: message.onboarding.is_some(),
    })
}

fn signing_keys(
    name: &'static str,
    keys: &[crate::v30::SigningPublicKey],
    threshold: u32,
) -> Result<SigningKeysWithThreshold, ProtoError> {
    let keys = keys
        .iter()
        .map(|key| read_signing_public_key(key).map(|read| read.key))
        .collect::<Result<Vec<SigningPublicKey>, _>>()?;
    SigningKeysWithThreshold::try_new(keys, threshold).map_err(refused(name))
}

fn parameters(
    place: Field,
    synchronizer: &str,
    parameters: Option<&[u8]>,
) -> Result<SynchronizerParameters, ProtoError> {
    Ok(SynchronizerParameters {
        synchronizer: place.parse(synchronizer)?,
        parameters: parameters.map(Box::from),
    })
}

fn mediators(
    message: &v30::MediatorSynchronizerState,
) -> Result<MediatorSynchronizerState, ProtoError> {
    const NAME: &str = "MediatorSynchronizerState";
    Ok(MediatorSynchronizerState {
        synchronizer: field(NAME, "synchronizer_id").parse(&message.synchronizer_id)?,
        group: message.group,
        threshold: message.threshold,
        active: field(NAME, "active").parse_all(&message.active)?,
        observers: field(NAME, "observers").parse_all(&message.observers)?,
    })
}

fn sequencers(
    message: &v30::SequencerSynchronizerState,
) -> Result<SequencerSynchronizerState, ProtoError> {
    const NAME: &str = "SequencerSynchronizerState";
    Ok(SequencerSynchronizerState {
        synchronizer: field(NAME, "synchronizer_id").parse(&message.synchronizer_id)?,
        threshold: message.threshold,
        active: field(NAME, "active").parse_all(&message.active)?,
        observers: field(NAME, "observers").parse_all(&message.observers)?,
    })
}

fn party_to_key(message: &v30::PartyToKeyMapping) -> Result<PartyToKeyMapping, ProtoError> {
    const NAME: &str = "PartyToKeyMapping";
    Ok(PartyToKeyMapping {
        party: field(NAME, "party").parse(&message.party)?,
        signing_keys: signing_keys(NAME, &message.signing_keys, message.threshold)?,
    })
}

fn announcement(message: &v30::LsuAnnouncement) -> Result<LsuAnnouncement, ProtoError> {
    const NAME: &str = "LsuAnnouncement";
    let upgrade_time = field(NAME, "upgrade_time");
    Ok(LsuAnnouncement {
        successor: field(NAME, "successor_physical_synchronizer_id")
            .parse(&message.successor_physical_synchronizer_id)?,
        upgrade_time: match &message.upgrade_time {
            Some(time) => read_time(upgrade_time, time)?,
            None => return Err(upgrade_time.not_set()),
        },
    })
}

fn connection_successor(
    message: &v30::LsuSequencerConnectionSuccessor,
) -> Result<LsuSequencerConnectionSuccessor, ProtoError> {
    const NAME: &str = "LsuSequencerConnectionSuccessor";
    Ok(LsuSequencerConnectionSuccessor {
        sequencer: field(NAME, "sequencer_id").parse(&message.sequencer_id)?,
        successor: field(NAME, "successor_physical_synchronizer_id")
            .parse(&message.successor_physical_synchronizer_id)?,
        connection: message.connection.as_deref().map(Box::from),
    })
}
