//! What stands in a mapping, field by field, with the stable names of JSON documents.

use strongroom_crypto::{PublicKey, SigningPublicKey};
use strongroom_topology::{
    DecentralizedNamespaceDefinition, HostingParticipant, LsuAnnouncement,
    LsuSequencerConnectionSuccessor, Mapping, MediatorSynchronizerState, NamespaceDelegation,
    OwnerToKeyMapping, ParticipantSynchronizerPermission, PartyHostingLimits, PartyToKeyMapping,
    PartyToParticipant, Restriction, SequencerSynchronizerState, SigningKeysWithThreshold,
    SynchronizerParameters, SynchronizerTrustCertificate, VettedPackages,
};

use super::fields::{Fields, Value};
use crate::output;

pub(super) fn of(mapping: &Mapping) -> Fields {
    match mapping {
        Mapping::NamespaceDelegation(it) => delegation(it),
        Mapping::DecentralizedNamespaceDefinition(it) => decentralized(it),
        Mapping::OwnerToKeyMapping(it) => owner_to_key(it),
        Mapping::SynchronizerTrustCertificate(it) => trust_certificate(it),
        Mapping::ParticipantSynchronizerPermission(it) => participant_permission(it),
        Mapping::PartyHostingLimits(it) => hosting_limits(it),
        Mapping::VettedPackages(it) => vetted_packages(it),
        Mapping::PartyToParticipant(it) => party_to_participant(it),
        Mapping::SynchronizerParametersState(it)
        | Mapping::DynamicSequencingParametersState(it) => parameters(it),
        Mapping::MediatorSynchronizerState(it) => mediators(it),
        Mapping::SequencerSynchronizerState(it) => sequencers(it),
        Mapping::PartyToKeyMapping(it) => party_to_key(it),
        Mapping::LsuAnnouncement(it) => announcement(it),
        Mapping::LsuSequencerConnectionSuccessor(it) => connection_successor(it),
    }
}

fn delegation(mapping: &NamespaceDelegation) -> Fields {
    let (restriction, mappings) = match mapping.restriction() {
        Restriction::AllMappings => ("all", None),
        Restriction::AllButNamespaceDelegations => ("all-but-delegations", None),
        Restriction::SpecificMappings(codes) => {
            let names = codes.iter().map(|code| Value::from(code.name()));
            ("specific", Some(names.collect::<Value>()))
        }
    };
    Fields::default()
        .with("target_key", key(mapping.target()))
        .with("is_root", mapping.targets_root())
        .with("restriction", restriction)
        .with("may_sign", mappings)
}

fn decentralized(mapping: &DecentralizedNamespaceDefinition) -> Fields {
    let owners = mapping.owners().iter();
    Fields::default()
        .with("threshold", u32::try_from(mapping.threshold()).ok())
        .with("owners", texts(owners))
}

fn owner_to_key(mapping: &OwnerToKeyMapping) -> Fields {
    let keys = mapping.keys().iter().map(|either| match either {
        PublicKey::Signing(signing) => key(signing),
        PublicKey::Encryption(encryption) => Fields::default()
            .with("fingerprint", encryption.fingerprint().to_string())
            .with("purpose", "encryption")
            .with("spec", encryption.spec().name())
            .with("usage", Value::from_iter([])),
    });
    Fields::default()
        .with("member", mapping.member().to_string())
        .with("keys", keys.map(Value::from).collect::<Value>())
}

fn trust_certificate(mapping: &SynchronizerTrustCertificate) -> Fields {
    Fields::default()
        .with("participant", mapping.participant.to_string())
        .with("synchronizer", mapping.synchronizer.to_string())
        .with("feature_flags", texts(&mapping.feature_flags))
}

fn participant_permission(mapping: &ParticipantSynchronizerPermission) -> Fields {
    Fields::default()
        .with("participant", mapping.participant.to_string())
        .with("synchronizer", mapping.synchronizer.to_string())
        .with("permission", mapping.permission.name())
        .with("login_after", mapping.login_after.map(output::moment))
        .with("limits", mapping.limits.as_deref())
}

fn hosting_limits(mapping: &PartyHostingLimits) -> Fields {
    Fields::default()
        .with("party", mapping.party.to_string())
        .with("synchronizer", mapping.synchronizer.to_string())
}

fn vetted_packages(mapping: &VettedPackages) -> Fields {
    let packages = mapping
        .packages
        .iter()
        .map(|package| Value::from(&**package));
    Fields::default()
        .with("participant", mapping.participant.to_string())
        .with("package_ids", texts(&mapping.package_ids))
        .with("packages", packages.collect::<Value>())
}

fn party_to_participant(mapping: &PartyToParticipant) -> Fields {
    let participants = mapping.participants().iter().map(host);
    Fields::default()
        .with("party", mapping.party().to_string())
        .with("threshold", mapping.threshold())
        .with("participants", participants.collect::<Value>())
        .with("signing_keys", mapping.signing_keys().map(signing_keys))
        .with(
            "signing_threshold",
            mapping
                .signing_keys()
                .map(SigningKeysWithThreshold::threshold),
        )
}

fn host(hosting: &HostingParticipant) -> Value {
    Fields::default()
        .with("participant", hosting.participant.to_string())
        .with("permission", hosting.permission.name())
        .with("onboarding", hosting.onboarding)
        .into()
}

fn party_to_key(mapping: &PartyToKeyMapping) -> Fields {
    Fields::default()
        .with("party", mapping.party.to_string())
        .with("signing_keys", signing_keys(&mapping.signing_keys))
        .with("signing_threshold", mapping.signing_keys.threshold())
}

fn parameters(mapping: &SynchronizerParameters) -> Fields {
    Fields::default()
        .with("synchronizer", mapping.synchronizer.to_string())
        .with("parameters", mapping.parameters.as_deref())
}

fn mediators(mapping: &MediatorSynchronizerState) -> Fields {
    Fields::default()
        .with("synchronizer", mapping.synchronizer.to_string())
        .with("group", mapping.group)
        .with("threshold", mapping.threshold)
        .with("active", texts(&mapping.active))
        .with("observers", texts(&mapping.observers))
}

fn sequencers(mapping: &SequencerSynchronizerState) -> Fields {
    Fields::default()
        .with("synchronizer", mapping.synchronizer.to_string())
        .with("threshold", mapping.threshold)
        .with("active", texts(&mapping.active))
        .with("observers", texts(&mapping.observers))
}

fn announcement(mapping: &LsuAnnouncement) -> Fields {
    Fields::default()
        .with("successor", mapping.successor.to_string())
        .with("upgrade_time", output::moment(mapping.upgrade_time))
}

fn connection_successor(mapping: &LsuSequencerConnectionSuccessor) -> Fields {
    Fields::default()
        .with("sequencer", mapping.sequencer.to_string())
        .with("successor", mapping.successor.to_string())
        .with("connection", mapping.connection.as_deref())
}

fn key(key: &SigningPublicKey) -> Fields {
    let usages = key.usages().iter().map(|usage| Value::from(usage.label()));
    Fields::default()
        .with("fingerprint", key.fingerprint().to_string())
        .with("purpose", "signing")
        .with("spec", key.spec().name())
        .with("usage", usages.collect::<Value>())
}

fn signing_keys(keys: &SigningKeysWithThreshold) -> Value {
    keys.keys().iter().map(|it| Value::from(key(it))).collect()
}

fn texts<T: ToString>(things: impl IntoIterator<Item = T>) -> Value {
    let texts = things.into_iter().map(|thing| thing.to_string());
    texts.map(Value::from).collect()
}
