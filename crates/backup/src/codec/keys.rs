//! Keys, both halves.

use strongroom_crypto::{
    Fingerprint, Timestamp,
    encoding::{Decoder, Encoder},
};
use strongroom_store::{
    DataKeyId, KeyRow, KmsKeyRef, PrivateKeyRecord, PublicKeyRecord, RowCode, StoredKey,
};

use super::{Malformed, code, decode_name, decode_usages, encode_name, encode_usages, flag};
use crate::{error::BackupError, seal::Seal};

const SEALED: u8 = 1;
const EXTERNAL: u8 = 2;
const CLEAR: u8 = 3;
const COPIED: u8 = 4;

pub(super) fn encode(
    (public, private): &KeyRow,
    seal: &dyn Seal,
    encoder: &mut Encoder,
) -> Result<(), BackupError> {
    encoder.raw(public.fingerprint.as_bytes());
    encoder.byte(public.spec.code());
    encode_usages(public.usages, encoder);
    encoder.bytes(&public.spki);
    encode_name(public.name.as_ref(), encoder);
    encoder
        .long(public.created_at.as_micros())
        .raw(public.data_key_id.as_bytes())
        .raw(&public.mac);
    match private {
        None => {
            encoder.byte(0);
            Ok(())
        }
        Some(private) => encode_private(private, seal, encoder.byte(1)),
    }
}

fn encode_private(
    record: &PrivateKeyRecord,
    seal: &dyn Seal,
    encoder: &mut Encoder,
) -> Result<(), BackupError> {
    encoder
        .byte(record.custody.code())
        .byte(record.sealing.code())
        .byte(record.state.code())
        .byte(u8::from(record.exposed))
        .optional(record.wrapper_key_id.as_deref(), |encoder, id| {
            encoder.string(id)
        })
        .raw(record.data_key_id.as_bytes());
    match &record.key {
        StoredKey::Sealed(sealed) => encoder.byte(SEALED).bytes(sealed),
        StoredKey::External(key) => encoder.byte(EXTERNAL).string(&key.kms).string(&key.key_id),
        StoredKey::Copied { held, copy } => encoder
            .byte(COPIED)
            .string(&held.kms)
            .string(&held.key_id)
            .bytes(copy),
        StoredKey::Clear(secret) => {
            let sealed = seal.seal_clear_key(&record.fingerprint, secret)?;
            encoder.byte(CLEAR).bytes(&sealed)
        }
    };
    encoder.long(record.created_at.as_micros()).raw(&record.mac);
    Ok(())
}

/// The fingerprint, by which the rows are found; the rest is decoded when it is asked for.
pub(crate) fn fingerprint_of(bytes: &[u8]) -> Result<Fingerprint, Malformed> {
    Ok(Fingerprint::from_bytes(Decoder::new(bytes).array()?))
}

/// Reads a key. A readable one is opened by `seal`; without one it is [`BackupError::StillSealed`].
pub(crate) fn decode(
    bytes: &[u8],
    seal: Option<&dyn Seal>,
) -> Result<Result<KeyRow, BackupError>, Malformed> {
    let mut decoder = Decoder::new(bytes);
    let public = PublicKeyRecord {
        fingerprint: Fingerprint::from_bytes(decoder.array()?),
        spec: code(&mut decoder)?,
        usages: decode_usages(&mut decoder)?,
        spki: decoder.bytes()?.into(),
        name: decode_name(&mut decoder)?,
        created_at: Timestamp::from_micros(decoder.long()?),
        data_key_id: DataKeyId::from_bytes(decoder.array()?),
        mac: decoder.array()?,
    };
    let private = if flag(&mut decoder)? {
        match decode_private(public.fingerprint, &mut decoder, seal)? {
            Ok(private) => Some(private),
            Err(refused) => return Ok(Err(refused)),
        }
    } else {
        None
    };
    decoder.finish()?;
    Ok(Ok((public, private)))
}

fn decode_private(
    fingerprint: Fingerprint,
    decoder: &mut Decoder<'_>,
    seal: Option<&dyn Seal>,
) -> Result<Result<PrivateKeyRecord, BackupError>, Malformed> {
    let (custody, sealing) = (code(decoder)?, code(decoder)?);
    let (state, exposed) = (code(decoder)?, flag(decoder)?);
    let wrapper_key_id = super::optional_text(decoder)?;
    let data_key_id = DataKeyId::from_bytes(decoder.array()?);
    let key = match decoder.byte()? {
        SEALED => Ok(StoredKey::Sealed(decoder.bytes()?.to_owned())),
        EXTERNAL => Ok(StoredKey::External(KmsKeyRef {
            kms: decoder.string()?.to_owned(),
            key_id: decoder.string()?.to_owned(),
        })),
        COPIED => Ok(StoredKey::Copied {
            held: KmsKeyRef {
                kms: decoder.string()?.to_owned(),
                key_id: decoder.string()?.to_owned(),
            },
            copy: decoder.bytes()?.to_owned(),
        }),
        CLEAR => {
            let sealed = decoder.bytes()?;
            seal.ok_or(BackupError::StillSealed)
                .and_then(|seal| seal.open_clear_key(&fingerprint, sealed))
                .map(StoredKey::Clear)
        }
        _ => return Err(Malformed),
    };
    let (created_at, mac) = (decoder.long()?, decoder.array()?);
    let key = match key {
        Ok(key) => key,
        Err(refused) => return Ok(Err(refused)),
    };
    let record = PrivateKeyRecord {
        fingerprint,
        custody,
        sealing,
        state,
        exposed,
        wrapper_key_id,
        data_key_id,
        key,
        created_at: Timestamp::from_micros(created_at),
        mac,
    };
    if record.is_consistent() {
        Ok(Ok(record))
    } else {
        Err(Malformed)
    }
}
