//! Numbers of a vault that Canton has too, by the names that its dashboards know (reference: operations, section 4).

use prometheus_client::{metrics::counter::Counter, registry::Registry};
use strongroom_topology::MemberCode;
use strongroom_vault::Numbers;

/// Canton names the kind of node: `daml.participant.kms.session-signing-keys-fallback`.
pub(super) fn register(registry: &mut Registry, kind: MemberCode, numbers: &Numbers) {
    let name = match kind {
        MemberCode::Participant => "participant_kms_session_signing_keys_fallback",
        MemberCode::Sequencer => "sequencer_kms_session_signing_keys_fallback",
        MemberCode::Mediator => "mediator_kms_session_signing_keys_fallback",
    };
    let fallbacks = <Counter>::default();
    fallbacks.inc_by(numbers.session_key_fallbacks);
    let canton = registry.sub_registry_with_prefix("daml");
    let help =
        "Signatures by a long-term key because no session key could be valid for long enough";
    canton.register(name, help, fallbacks);
}
