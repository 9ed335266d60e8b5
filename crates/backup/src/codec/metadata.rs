//! Everything but keys and topology.

use strongroom_crypto::{
    Fingerprint, Timestamp,
    encoding::{Decoder, Encoder},
};
use strongroom_store::{
    ApprovalId, ApprovalRecord, AuditRow, BackupId, BackupRecord, DataKeyId, DataKeyRecord,
    IdentityRecord, JournalId, JournalStep, KmsJournalRecord, RotationRecord, RowCode, VaultId,
    VaultRecord, WrapRecord,
};

use super::{
    Malformed, code, decode_name, decode_usages, encode_name, encode_usages, optional_text,
};

pub(super) fn encode_data_key(record: &DataKeyRecord, encoder: &mut Encoder) {
    encoder
        .raw(record.id.as_bytes())
        .raw(&record.commitment)
        .byte(record.state.code())
        .long(record.created_at.as_micros())
        .raw(&record.mac);
}

pub(crate) fn decode_data_key(bytes: &[u8]) -> Result<DataKeyRecord, Malformed> {
    let mut decoder = Decoder::new(bytes);
    let record = DataKeyRecord {
        id: DataKeyId::from_bytes(decoder.array()?),
        commitment: decoder.array()?,
        state: code(&mut decoder)?,
        created_at: Timestamp::from_micros(decoder.long()?),
        mac: decoder.array()?,
    };
    decoder.finish()?;
    Ok(record)
}

pub(super) fn encode_wrap(record: &WrapRecord, encoder: &mut Encoder) {
    encoder
        .raw(record.data_key_id.as_bytes())
        .string(&record.kms)
        .string(&record.wrapper_key_id)
        .bytes(&record.ciphertext)
        .long(record.created_at.as_micros());
}

pub(crate) fn decode_wrap(bytes: &[u8]) -> Result<WrapRecord, Malformed> {
    let mut decoder = Decoder::new(bytes);
    let record = WrapRecord {
        data_key_id: DataKeyId::from_bytes(decoder.array()?),
        kms: decoder.string()?.to_owned(),
        wrapper_key_id: decoder.string()?.to_owned(),
        ciphertext: decoder.bytes()?.to_owned(),
        created_at: Timestamp::from_micros(decoder.long()?),
    };
    decoder.finish()?;
    Ok(record)
}

pub(super) fn encode_vault(record: &VaultRecord, encoder: &mut Encoder) {
    encoder
        .raw(record.id.as_bytes())
        .long(record.created_at.as_micros())
        .raw(record.current_data_key.as_bytes())
        .bytes(&record.state);
}

pub(crate) fn decode_vault(bytes: &[u8]) -> Result<VaultRecord, Malformed> {
    let mut decoder = Decoder::new(bytes);
    let record = VaultRecord {
        id: VaultId::from_bytes(decoder.array()?),
        created_at: Timestamp::from_micros(decoder.long()?),
        current_data_key: DataKeyId::from_bytes(decoder.array()?),
        state: decoder.bytes()?.to_owned(),
    };
    decoder.finish()?;
    Ok(record)
}

pub(super) fn encode_identity(record: &IdentityRecord, encoder: &mut Encoder) {
    encoder
        .string(&record.member)
        .long(record.created_at.as_micros())
        .raw(record.data_key_id.as_bytes())
        .raw(&record.mac);
}

pub(crate) fn decode_identity(bytes: &[u8]) -> Result<IdentityRecord, Malformed> {
    let mut decoder = Decoder::new(bytes);
    let record = IdentityRecord {
        member: decoder.string()?.to_owned(),
        created_at: Timestamp::from_micros(decoder.long()?),
        data_key_id: DataKeyId::from_bytes(decoder.array()?),
        mac: decoder.array()?,
    };
    decoder.finish()?;
    Ok(record)
}

pub(super) fn encode_rotation(record: &RotationRecord, encoder: &mut Encoder) {
    encoder
        .raw(record.old.as_bytes())
        .raw(record.new.as_bytes())
        .string(&record.member)
        .raw(&record.position.to_be_bytes())
        .long(record.created_at.as_micros())
        .raw(record.data_key_id.as_bytes())
        .raw(&record.mac);
}

pub(crate) fn decode_rotation(bytes: &[u8]) -> Result<RotationRecord, Malformed> {
    let mut decoder = Decoder::new(bytes);
    let record = RotationRecord {
        old: Fingerprint::from_bytes(decoder.array()?),
        new: Fingerprint::from_bytes(decoder.array()?),
        member: decoder.string()?.to_owned(),
        position: u32::from_be_bytes(decoder.array()?),
        created_at: Timestamp::from_micros(decoder.long()?),
        data_key_id: DataKeyId::from_bytes(decoder.array()?),
        mac: decoder.array()?,
    };
    decoder.finish()?;
    Ok(record)
}

pub(super) fn encode_journal(record: &KmsJournalRecord, encoder: &mut Encoder) {
    encoder
        .raw(record.id.as_bytes())
        .string(&record.kms)
        .byte(record.step.code())
        .optional(record.kms_key_id.as_deref(), |encoder, id| {
            encoder.string(id)
        })
        .byte(record.spec.code());
    encode_usages(record.usages, encoder);
    encode_name(record.name.as_ref(), encoder);
    encoder
        .long(record.created_at.as_micros())
        .raw(record.data_key_id.as_bytes())
        .raw(&record.mac);
    // Last, and only if it says something: entries without it are as they ever were.
    if let Some(due) = record.due_at {
        encoder.long(due.as_micros());
    }
    if let Some(key) = record.fingerprint {
        encoder.raw(key.as_bytes());
    }
}

pub(crate) fn decode_journal(bytes: &[u8]) -> Result<KmsJournalRecord, Malformed> {
    let mut decoder = Decoder::new(bytes);
    let mut record = KmsJournalRecord {
        id: JournalId::from_bytes(decoder.array()?),
        kms: decoder.string()?.to_owned(),
        step: code(&mut decoder)?,
        kms_key_id: optional_text(&mut decoder)?,
        spec: code(&mut decoder)?,
        usages: decode_usages(&mut decoder)?,
        name: decode_name(&mut decoder)?,
        fingerprint: None,
        due_at: None,
        created_at: Timestamp::from_micros(decoder.long()?),
        data_key_id: DataKeyId::from_bytes(decoder.array()?),
        mac: decoder.array()?,
    };
    if record.step == JournalStep::Scheduled {
        record.due_at = Some(Timestamp::from_micros(decoder.long()?));
    }
    if decoder.remaining() > 0 {
        record.fingerprint = Some(Fingerprint::from_bytes(decoder.array()?));
    }
    decoder.finish()?;
    if record.is_consistent() {
        Ok(record)
    } else {
        Err(Malformed)
    }
}

pub(super) fn encode_audit(row: &AuditRow, encoder: &mut Encoder) {
    encoder
        .raw(&row.sequence.to_be_bytes())
        .bytes(&row.body)
        .raw(&row.hash);
}

pub(crate) fn decode_audit(bytes: &[u8]) -> Result<AuditRow, Malformed> {
    let mut decoder = Decoder::new(bytes);
    let row = AuditRow {
        sequence: u64::from_be_bytes(decoder.array()?),
        body: decoder.bytes()?.to_owned(),
        hash: decoder.array()?,
    };
    decoder.finish()?;
    Ok(row)
}

pub(super) fn encode_approval(record: &ApprovalRecord, encoder: &mut Encoder) {
    encoder
        .raw(record.id.as_bytes())
        .bytes(&record.body)
        .raw(record.data_key_id.as_bytes())
        .raw(&record.mac);
}

pub(crate) fn decode_approval(bytes: &[u8]) -> Result<ApprovalRecord, Malformed> {
    let mut decoder = Decoder::new(bytes);
    let record = ApprovalRecord {
        id: ApprovalId::from_bytes(decoder.array()?),
        body: decoder.bytes()?.to_owned(),
        data_key_id: DataKeyId::from_bytes(decoder.array()?),
        mac: decoder.array()?,
    };
    decoder.finish()?;
    Ok(record)
}

pub(super) fn encode_backup(record: &BackupRecord, encoder: &mut Encoder) {
    encoder
        .raw(record.id.as_bytes())
        .long(record.created_at.as_micros())
        .raw(&record.generation.to_be_bytes())
        .raw(&record.file_hash)
        .list(record.needs.iter(), |encoder, id| {
            encoder.raw(id.as_bytes())
        })
        .optional(record.verified_at, |encoder, at| {
            encoder.long(at.as_micros())
        })
        .raw(record.data_key_id.as_bytes())
        .raw(&record.mac);
}

pub(crate) fn decode_backup(bytes: &[u8]) -> Result<BackupRecord, Malformed> {
    let mut decoder = Decoder::new(bytes);
    let record = BackupRecord {
        id: BackupId::from_bytes(decoder.array()?),
        created_at: Timestamp::from_micros(decoder.long()?),
        generation: u64::from_be_bytes(decoder.array()?),
        file_hash: decoder.array()?,
        needs: decoder.list(|decoder| decoder.array().map(DataKeyId::from_bytes))?,
        verified_at: decoder.optional(Decoder::long)?.map(Timestamp::from_micros),
        data_key_id: DataKeyId::from_bytes(decoder.array()?),
        mac: decoder.array()?,
    };
    decoder.finish()?;
    Ok(record)
}
