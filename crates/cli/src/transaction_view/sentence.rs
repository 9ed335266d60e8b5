//! A transaction in one sentence.

use strongroom_topology::{
    DecentralizedNamespaceDefinition, LsuAnnouncement, LsuSequencerConnectionSuccessor, Mapping,
    MappingCode, MediatorSynchronizerState, NamespaceDelegation, Operation, OwnerToKeyMapping,
    ParticipantSynchronizerPermission, PartyToKeyMapping, PartyToParticipant, Restriction,
    SequencerSynchronizerState, SynchronizerTrustCertificate, VettedPackages,
};

use crate::output;

pub(super) fn of(operation: Operation, mapping: &Mapping) -> String {
    match operation {
        Operation::AddReplace => stated(mapping),
        Operation::Remove => removed(mapping),
    }
}

fn stated(mapping: &Mapping) -> String {
    match mapping {
        Mapping::NamespaceDelegation(it) => delegated(it),
        Mapping::DecentralizedNamespaceDefinition(it) => decentralized(it),
        Mapping::OwnerToKeyMapping(it) => owner_to_key(it),
        Mapping::SynchronizerTrustCertificate(it) => trusted(it),
        Mapping::ParticipantSynchronizerPermission(it) => permitted(it),
        Mapping::PartyHostingLimits(it) => format!(
            "Limits how party {} may be hosted on synchronizer {}.",
            it.party, it.synchronizer
        ),
        Mapping::VettedPackages(it) => vetted(it),
        Mapping::PartyToParticipant(it) => hosted(it),
        Mapping::SynchronizerParametersState(it) => {
            format!("Sets the parameters of synchronizer {}.", it.synchronizer)
        }
        Mapping::DynamicSequencingParametersState(it) => format!(
            "Sets the parameters of sequencing on synchronizer {}.",
            it.synchronizer
        ),
        Mapping::MediatorSynchronizerState(it) => mediators(it),
        Mapping::SequencerSynchronizerState(it) => sequencers(it),
        Mapping::PartyToKeyMapping(it) => party_to_key(it),
        Mapping::LsuAnnouncement(it) => announced(it),
        Mapping::LsuSequencerConnectionSuccessor(it) => reached(it),
    }
}

fn removed(mapping: &Mapping) -> String {
    match mapping {
        Mapping::NamespaceDelegation(it) => revoked(it),
        Mapping::DecentralizedNamespaceDefinition(it) => {
            format!(
                "Dissolves the namespace {} of several owners.",
                it.namespace()
            )
        }
        Mapping::OwnerToKeyMapping(it) => {
            let member = it.member();
            format!("Withdraws all keys of {} {}.", member.code, member.uid)
        }
        Mapping::SynchronizerTrustCertificate(it) => format!(
            "Participant {} no longer trusts synchronizer {}.",
            it.participant, it.synchronizer
        ),
        Mapping::ParticipantSynchronizerPermission(it) => format!(
            "Takes from participant {} its permission on synchronizer {}.",
            it.participant, it.synchronizer
        ),
        Mapping::PartyHostingLimits(it) => format!(
            "Lifts the limits on hosting party {} on synchronizer {}.",
            it.party, it.synchronizer
        ),
        Mapping::VettedPackages(it) => {
            format!(
                "Participant {} no longer accepts any package.",
                it.participant
            )
        }
        Mapping::PartyToParticipant(it) => format!("Ends the hosting of party {}.", it.party()),
        Mapping::SynchronizerParametersState(it) => {
            format!(
                "Withdraws the parameters of synchronizer {}.",
                it.synchronizer
            )
        }
        Mapping::DynamicSequencingParametersState(it) => format!(
            "Withdraws the parameters of sequencing on synchronizer {}.",
            it.synchronizer
        ),
        Mapping::MediatorSynchronizerState(it) => format!(
            "Dissolves mediator group {} of synchronizer {}.",
            it.group, it.synchronizer
        ),
        Mapping::SequencerSynchronizerState(it) => {
            format!(
                "Withdraws the sequencers of synchronizer {}.",
                it.synchronizer
            )
        }
        Mapping::PartyToKeyMapping(it) => {
            format!("Withdraws the signing keys of party {}.", it.party)
        }
        Mapping::LsuAnnouncement(it) => format!(
            "Calls off the upgrade of synchronizer {} to {}.",
            it.successor.synchronizer, it.successor
        ),
        Mapping::LsuSequencerConnectionSuccessor(it) => format!(
            "Withdraws where sequencer {} is reached after the upgrade to {}.",
            it.sequencer, it.successor
        ),
    }
}

fn delegated(mapping: &NamespaceDelegation) -> String {
    let (namespace, target) = (mapping.namespace(), mapping.target().fingerprint());
    if mapping.targets_root() {
        return format!(
            "Root certificate: makes key {target} the root of its own namespace, with the right to sign everything there \
             and to let other keys sign."
        );
    }
    let right = match mapping.restriction() {
        Restriction::AllMappings => "everything, and let further keys sign".to_owned(),
        Restriction::AllButNamespaceDelegations => "everything but delegations".to_owned(),
        Restriction::SpecificMappings(codes) => {
            let names: Vec<_> = codes.iter().map(|code| MappingCode::name(*code)).collect();
            format!("nothing but {}", names.join(", "))
        }
    };
    format!("Delegation: in namespace {namespace}, key {target} may sign {right}.")
}

fn revoked(mapping: &NamespaceDelegation) -> String {
    let (namespace, target) = (mapping.namespace(), mapping.target().fingerprint());
    if mapping.targets_root() {
        format!(
            "Revocation of the root: nothing can be signed in namespace {namespace} any more, by no key."
        )
    } else {
        format!("Revocation: in namespace {namespace}, key {target} may no longer sign.")
    }
}

fn decentralized(mapping: &DecentralizedNamespaceDefinition) -> String {
    format!(
        "Namespace {} belongs to {}, of which {} must agree.",
        mapping.namespace(),
        counted(mapping.owners().len(), "owner"),
        mapping.threshold()
    )
}

fn owner_to_key(mapping: &OwnerToKeyMapping) -> String {
    let member = mapping.member();
    format!(
        "{} {} has {} and {}, and no others.",
        capitalized(member.code.name()),
        member.uid,
        counted(mapping.signing_keys().count(), "signing key"),
        counted(mapping.encryption_keys().count(), "encryption key")
    )
}

fn trusted(mapping: &SynchronizerTrustCertificate) -> String {
    format!(
        "Participant {} trusts synchronizer {}.",
        mapping.participant, mapping.synchronizer
    )
}

fn permitted(mapping: &ParticipantSynchronizerPermission) -> String {
    format!(
        "Participant {} has the permission {} on synchronizer {}.",
        mapping.participant,
        mapping.permission.name(),
        mapping.synchronizer
    )
}

fn vetted(mapping: &VettedPackages) -> String {
    let count = mapping.packages.len().max(mapping.package_ids.len());
    format!(
        "Participant {} accepts {}, and no others.",
        mapping.participant,
        counted(count, "package")
    )
}

fn hosted(mapping: &PartyToParticipant) -> String {
    let mut sentence = format!(
        "Party {} is hosted by {}, of which {} must confirm",
        mapping.party(),
        counted(mapping.participants().len(), "participant"),
        mapping.threshold()
    );
    if let Some(keys) = mapping.signing_keys() {
        sentence.push_str(&format!(
            "; it has {} of its own, of which {} must sign",
            counted(keys.keys().len(), "signing key"),
            keys.threshold()
        ));
    }
    sentence.push('.');
    sentence
}

fn party_to_key(mapping: &PartyToKeyMapping) -> String {
    format!(
        "Party {} has {}, of which {} must sign.",
        mapping.party,
        counted(mapping.signing_keys.keys().len(), "signing key"),
        mapping.signing_keys.threshold()
    )
}

fn mediators(mapping: &MediatorSynchronizerState) -> String {
    format!(
        "Mediator group {} of synchronizer {} has {}, of which {} must agree.",
        mapping.group,
        mapping.synchronizer,
        counted(mapping.active.len(), "active mediator"),
        mapping.threshold
    )
}

fn sequencers(mapping: &SequencerSynchronizerState) -> String {
    format!(
        "Synchronizer {} has {}, of which {} must agree.",
        mapping.synchronizer,
        counted(mapping.active.len(), "active sequencer"),
        mapping.threshold
    )
}

fn announced(mapping: &LsuAnnouncement) -> String {
    format!(
        "Synchronizer {} becomes {} at {}.",
        mapping.successor.synchronizer,
        mapping.successor,
        output::moment(mapping.upgrade_time)
    )
}

fn reached(mapping: &LsuSequencerConnectionSuccessor) -> String {
    format!(
        "States where sequencer {} is reached once its synchronizer has become {}.",
        mapping.sequencer, mapping.successor
    )
}

fn counted(count: usize, thing: &str) -> String {
    match count {
        0 => format!("no {thing}"),
        1 => format!("1 {thing}"),
        _ => format!("{count} {thing}s"),
    }
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
