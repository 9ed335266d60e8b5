//! `EncryptSessionKeys` and `DecryptSessionKey`.

use std::sync::Arc;

use strongroom_crypto::{Fingerprint, Timestamp};
use strongroom_proto::read_asymmetric_encrypted;
use strongroom_topology::Member;
use strongroom_vault::{RecipientsTree, SessionEncryptionKey, SessionSnapshot, SessionView, Vault};

use super::key;
use crate::{
    access::Operation,
    context::Context,
    contract::strongroom::{
        self as contract, DecryptSessionKeyRequest, DecryptSessionKeyResponse,
        EncryptSessionKeysRequest, EncryptSessionKeysResponse, EncryptedSessionKey,
    },
    failure::Failure,
};

/// Views of one request, and recipients of all of them together: each is encrypted to.
const MOST: usize = 1024;

pub(super) async fn encrypt_session_keys(
    vault: Arc<Vault>,
    context: Context,
    request: EncryptSessionKeysRequest,
) -> Result<EncryptSessionKeysResponse, Failure> {
    let views = request.views.into_iter().map(read_view);
    let views = views.collect::<Result<Vec<_>, _>>()?;
    let recipients = recipients(&views);
    // Each is encrypted to, and counts as a call of its own.
    context.count(check_bounds(&recipients)?)?;
    let snapshot = SessionSnapshot {
        store: key::read("store", &request.store)?,
        at: request.at.map(Timestamp::from_micros),
        deterministic: request.deterministic,
    };
    let may = |recipient: &Fingerprint| match vault.key(recipient) {
        Ok(entry) => context.check_key(Operation::Encrypt, &entry),
        // Of keys that are not in the vault there are no grants.
        Err(_not_here) => Ok(()),
    };
    let session = vault.session_encryption().on_behalf_of(context.caller());
    let keys = session.keys_if(&views, &snapshot, may).await?;
    let keys = keys.iter().zip(recipients);
    Ok(EncryptSessionKeysResponse {
        keys: keys.map(|(key, members)| view_of(key, members)).collect(),
    })
}

pub(super) async fn decrypt_session_key(
    vault: Arc<Vault>,
    context: Context,
    request: DecryptSessionKeyRequest,
) -> Result<DecryptSessionKeyResponse, Failure> {
    let encrypted = request.encrypted;
    let encrypted = encrypted.ok_or_else(|| Failure::not_set("encrypted"))?;
    let encrypted = read_asymmetric_encrypted(&encrypted)?;
    let store = key::read("store", &request.store)?;
    // Also for one that is known.
    key::allowed(
        &vault,
        &context,
        Operation::Decrypt,
        &encrypted.encrypted_for,
    )?;
    let session = vault.session_encryption().on_behalf_of(context.caller());
    let secret = session.on(&store).secret(&encrypted).await?;
    Ok(DecryptSessionKeyResponse {
        // EXPOSE: the answer, which is wiped when it was sent.
        secret: secret.expose().to_vec(),
    })
}

fn read_view(view: contract::SessionView) -> Result<SessionView, Failure> {
    let recipients = view.recipients;
    let recipients = recipients.ok_or_else(|| Failure::not_set("recipients"))?;
    let subviews = view.subviews.into_iter().map(read_view);
    Ok(SessionView {
        recipients: read_tree(recipients)?,
        subviews: subviews.collect::<Result<_, _>>()?,
    })
}

fn read_tree(tree: contract::RecipientsTree) -> Result<RecipientsTree, Failure> {
    let members = tree.members.iter();
    let children = tree.children.into_iter().map(read_tree);
    Ok(RecipientsTree {
        members: members
            .map(|member| key::read("members", member))
            .collect::<Result<_, _>>()?,
        children: children.collect::<Result<_, _>>()?,
    })
}

/// The recipients of each view, each view before its parts.
fn recipients(views: &[SessionView]) -> Vec<Vec<Member>> {
    let mut all = Vec::new();
    for view in views {
        all.push(view.recipients.members.iter().cloned().collect());
        all.extend(recipients(&view.subviews));
    }
    all
}

/// How many recipients there are, at least one for each view.
fn check_bounds(recipients: &[Vec<Member>]) -> Result<usize, Failure> {
    let in_all = recipients.iter().map(Vec::len).sum();
    for (what, number) in [("views", recipients.len()), ("recipients", in_all)] {
        if number > MOST {
            return Err(Failure::unreadable(format!(
                "a request has at most {MOST} {what}, this one has {number}"
            )));
        }
    }
    if recipients.iter().any(Vec::is_empty) {
        return Err(Failure::not_set("members"));
    }
    Ok(in_all)
}

fn view_of(key: &SessionEncryptionKey, members: Vec<Member>) -> contract::SessionEncryptionKey {
    let encryptions = members.into_iter().zip(key.encryptions());
    let encryptions = encryptions.map(|(member, encrypted)| EncryptedSessionKey {
        member: member.to_string(),
        encrypted: Some(encrypted.into()),
    });
    let mut view = contract::SessionEncryptionKey::default();
    view.encryptions = encryptions.collect();
    // EXPOSE: the answer, which is wiped when it was sent.
    view.secret = key.secret().expose().to_vec();
    view
}
