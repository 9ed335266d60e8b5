//! What making an identity changed, and options that could not change anything.

use strongroom_vault::Vault;

use super::{IdentityView, Plan};
use crate::failure::CliError;

/// The identity as it was found, if there was one.
pub(super) async fn before(vault: &Vault) -> anyhow::Result<Option<IdentityView>> {
    match vault.identity() {
        Some(_) => Ok(Some(IdentityView::of(vault).await?)),
        None => Ok(None),
    }
}

/// Refuses options about what is there already and is otherwise: they would do nothing, and nobody would notice.
pub(super) fn refuse_idle_options(before: &IdentityView, plan: &Plan) -> Result<(), CliError> {
    let refuse = |option, why| Err(CliError::NoEffect { option, why });
    if plan.intermediate_key && !before.root_key_here {
        let signs_already = before
            .namespace_signer
            .as_ref()
            .is_some_and(|signer| *signer != before.namespace);
        if !signs_already {
            return refuse(
                "--intermediate-key",
                "the root key is not in this vault to let it sign",
            );
        }
    }
    let of = |purpose| before.keys.iter().filter(move |key| key.purpose == purpose);
    let signing = plan.signing_spec.map(|spec| spec.name());
    if signing.is_some_and(|wanted| of("signing").any(|key| key.spec != wanted)) {
        return refuse(
            "--signing-spec",
            "the node has announced signing keys of another spec; 'strongroom keys generate-signing' and 'keys announce' add one",
        );
    }
    let encryption = plan.encryption_spec.map(|spec| spec.name());
    if encryption.is_some_and(|wanted| of("encryption").any(|key| key.spec != wanted)) {
        return refuse(
            "--encryption-spec",
            "the node has announced an encryption key of another spec; 'strongroom keys generate-encryption' and 'keys announce' \
             add one",
        );
    }
    Ok(())
}

/// In words, what is otherwise than it was.
pub(super) fn between(before: Option<&IdentityView>, now: &IdentityView) -> Vec<String> {
    let Some(before) = before else {
        return vec!["identity made".to_owned()];
    };
    let mut changes = Vec::new();
    if let Some(signer) = &now.namespace_signer
        && before.namespace_signer.as_ref() != Some(signer)
    {
        let what = if *signer == now.namespace {
            "root certificate added"
        } else {
            "intermediate key added"
        };
        changes.push(format!("{what}: {signer} signs for the namespace"));
    }
    if before.keys.len() != now.keys.len() {
        changes.push("announcement of the node's keys finished".to_owned());
    }
    changes
}
