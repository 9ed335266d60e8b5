//! Signatures and encryption.

use std::{io::Read, path::Path};

use strongroom_crypto::{
    AsymmetricEncrypted, Fingerprint, FrontReader, KeyUsages, PayloadFront, SecretBytes, Signature,
    Timestamp,
};
use strongroom_files::Access;
use strongroom_vault::{OpenedPayload, PayloadExpectation, PayloadOrder, SealedPayload};

use super::Client;
use crate::{
    input::{self, Destination},
    session::Session,
};

/// What goes into a payload or comes out of it, and where the other end of it is.
pub(crate) struct Passage<'p> {
    pub(crate) from: Box<dyn Read + 'p>,
    /// As messages call it.
    pub(crate) name: &'p Path,
    pub(crate) to: &'p Destination,
}

/// For whom a payload is, and who signed that.
pub(crate) struct Seal {
    /// Members, each with the key of it.
    pub(crate) recipients: Vec<(String, String)>,
    pub(crate) signed_by: Option<String>,
    pub(crate) at: Timestamp,
}

/// Where a payload comes from.
pub(crate) struct Origin {
    pub(crate) opened_by: String,
    /// Who signed for whom it is, and with which key, if somebody did.
    pub(crate) sender: Option<(String, String)>,
    pub(crate) at: Timestamp,
}

impl Client {
    /// A signature over `message`; the key must have one of the usages.
    pub(crate) async fn sign(
        &self,
        key: &Fingerprint,
        message: Vec<u8>,
        allowed: KeyUsages,
    ) -> anyhow::Result<Signature> {
        match self {
            Self::Here(session) => {
                let (vault, caller) = (&session.vault, &session.caller);
                let signature = vault.sign_for(caller, key, &message, allowed).await?;
                // Nobody has the signature before it is on record.
                vault.flush_audit().await?;
                Ok(signature)
            }
            Self::There(server) => server.sign(key, message, allowed).await,
        }
    }

    pub(crate) async fn encrypt(
        &self,
        key: &Fingerprint,
        message: Vec<u8>,
    ) -> anyhow::Result<AsymmetricEncrypted> {
        match self {
            Self::Here(session) => Ok(session.vault.encrypt(key, &message)?),
            Self::There(server) => server.encrypt(key, message).await,
        }
    }

    pub(crate) async fn decrypt(
        &self,
        encrypted: &AsymmetricEncrypted,
    ) -> anyhow::Result<SecretBytes> {
        match self {
            Self::Here(session) => {
                let (vault, caller) = (&session.vault, &session.caller);
                let plaintext = vault.decrypt_for(caller, encrypted).await?;
                // Nobody has the plaintext before that is on record.
                vault.flush_audit().await?;
                Ok(plaintext)
            }
            Self::There(server) => server.decrypt(encrypted).await,
        }
    }
}

impl Client {
    /// Encrypts what comes to members, as a payload. It is the last that is asked: a vault that is here is closed before the
    /// content is read, which may take long.
    pub(crate) async fn encrypt_payload(
        self,
        order: &PayloadOrder,
        passage: Passage<'_>,
    ) -> anyhow::Result<Seal> {
        match self {
            Self::Here(session) => seal(*session, order, passage).await,
            Self::There(server) => server.encrypt_payload(order, passage),
        }
    }

    /// Decrypts a payload. It is the last that is asked, as for [`Self::encrypt_payload`]. What leaves is authentic, and
    /// everything only if this succeeds.
    pub(crate) async fn decrypt_payload(
        self,
        expected: &PayloadExpectation,
        passage: Passage<'_>,
    ) -> anyhow::Result<Origin> {
        match self {
            Self::Here(session) => open(*session, expected, passage).await,
            Self::There(server) => server.decrypt_payload(expected, passage),
        }
    }
}

async fn seal(
    session: Session,
    order: &PayloadOrder,
    passage: Passage<'_>,
) -> anyhow::Result<Seal> {
    let sealed = session.vault.seal_payload(&session.caller, order).await?;
    session.vault.flush_audit().await?;
    session.close().await;
    let SealedPayload {
        front,
        mut sealer,
        recipients,
        signed_by,
        at,
    } = sealed;
    passage.to.stream(Access::Readable, |out| {
        out.write_all(&front)?;
        let mut write = |ciphertext: &[u8], tag: &[u8]| {
            out.write_all(ciphertext)?;
            Ok::<(), anyhow::Error>(out.write_all(tag)?)
        };
        input::in_pieces(passage.from, passage.name, |piece| {
            sealer.push(piece, &mut write)
        })?;
        sealer.finish(&mut [], &mut write)
    })?;
    let recipients = recipients.iter();
    Ok(Seal {
        recipients: recipients
            .map(|(member, key)| (member.to_string(), key.to_string()))
            .collect(),
        signed_by: signed_by.map(|key| key.to_string()),
        at,
    })
}

async fn open(
    session: Session,
    expected: &PayloadExpectation,
    mut passage: Passage<'_>,
) -> anyhow::Result<Origin> {
    let mut reader = FrontReader::default();
    let (front, mut rest) = read_front(&mut reader, &mut passage.from, passage.name)?;
    let opened = session
        .vault
        .open_payload(&session.caller, &front, expected);
    let OpenedPayload {
        mut opener,
        opened_by,
        sender,
    } = opened.await?;
    // Nobody has the content before that is on record.
    session.vault.flush_audit().await?;
    session.close().await;
    passage.to.stream(Access::OwnerOnly, |out| {
        let mut write = |content: &[u8]| Ok::<(), anyhow::Error>(out.write_all(content)?);
        opener.push(&mut rest, &mut write)?;
        input::in_pieces(passage.from, passage.name, |piece| {
            opener.push(piece, &mut write)
        })?;
        opener.finish(&mut [], &mut write)
    })?;
    Ok(Origin {
        opened_by: opened_by.to_string(),
        sender: sender.map(|it| (it.member.to_string(), it.key.to_string())),
        at: front.header().at(),
    })
}

/// The front, and what was read with it of the chunks: less than one, so none of it is opened where it is.
fn read_front(
    reader: &mut FrontReader,
    payload: &mut impl Read,
    name: &Path,
) -> anyhow::Result<(PayloadFront, Vec<u8>)> {
    let mut buffer = [0; 4096];
    loop {
        let length = input::read_piece(payload, &mut buffer, name)?;
        if length == 0 {
            return Err(reader.ended().into());
        }
        let piece = buffer.get(..length).unwrap_or_default();
        if let Some((front, length)) = reader.push(piece)? {
            let rest = piece.get(length..).unwrap_or_default();
            return Ok((front, rest.to_vec()));
        }
    }
}
