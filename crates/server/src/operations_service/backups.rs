//! A backup of a vault that is served, handed out to whoever asked for it.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
    sync::Arc,
};

use strongroom_backup::{Protection, Recipients};
use strongroom_crypto::Timestamp;
use strongroom_errors::Coded as _;
use strongroom_store::BackupId;
use strongroom_vault::{Backup as Known, CreatedBackup, NewBackup, Vault};

use crate::{
    concurrency::ConcurrencyLimit,
    context::Context,
    contract::strongroom::{
        Backup, CreateBackupEvent, CreateBackupRequest, ForgetBackupRequest, ForgetBackupResponse,
        ListBackupsRequest, ListBackupsResponse, ReleaseVaultRequest, ReleaseVaultResponse,
        create_backup_event::{Done, Event, Progress},
    },
    failure::{Failure, codes, in_words},
    long_work::{Doing, Telling},
    spool::Spool,
};

/// A backup goes out in pieces of so many bytes.
const CHUNK: usize = 1 << 20;

pub(super) async fn create(
    vault: Arc<Vault>,
    context: Context,
    message: CreateBackupRequest,
    telling: Arc<Telling<CreateBackupEvent>>,
    spool: Option<Spool>,
    limit: ConcurrencyLimit,
) -> Result<impl Doing<CreateBackupEvent>, Failure> {
    let permit = limit.try_acquire(&context.subject)?;
    let spool = spool.ok_or_else(|| {
        Failure::own(
            codes::NO_SPOOL,
            "this server has no folder for backups on their way",
        )
    })?;
    let recipients = Recipients::parse(message.recipients.iter().map(String::as_str));
    let recipients = recipients.map_err(|error| Failure::of(error.code(), &error))?;
    Ok(async move {
        let (_permit, caller) = (permit, context.caller());
        let folder = spool.new_folder().map_err(|error| unreadable(&error))?;
        let file = folder.path().join("vault.backup");
        let new = NewBackup {
            file: file.clone(),
            protection: Protection::Recipients(recipients),
            files: spool.files,
            program: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let tell = |rows| telling.tell(event(Event::Progress(Progress { rows })));
        let created = vault.create_backup(&caller, new, tell).await?;
        if let Err(failure) = hand_out(&file, &telling).await {
            // A backup that nobody has is not one to count on.
            vault.forget_backup(&caller, created.backup.id).await?;
            return Err(failure);
        }
        Ok(done(&created))
    })
}

pub(super) async fn list(
    vault: Arc<Vault>,
    _context: Context,
    _message: ListBackupsRequest,
) -> Result<ListBackupsResponse, Failure> {
    Ok(ListBackupsResponse {
        backups: vault.backups().into_iter().map(view).collect(),
        quarantined: vault.is_quarantined(),
    })
}

pub(super) async fn forget(
    vault: Arc<Vault>,
    context: Context,
    message: ForgetBackupRequest,
) -> Result<ForgetBackupResponse, Failure> {
    let id = message.id.parse::<BackupId>();
    let id = id.map_err(|error| Failure::unreadable(format!("Field `id`: {error}")))?;
    let forgotten = vault.forget_backup(&context.caller(), id).await?;
    Ok(ForgetBackupResponse {
        forgotten: Some(view(forgotten)),
    })
}

pub(super) async fn release(
    vault: Arc<Vault>,
    context: Context,
    _message: ReleaseVaultRequest,
) -> Result<ReleaseVaultResponse, Failure> {
    vault.release(&context.caller()).await?;
    Ok(ReleaseVaultResponse {})
}

fn view(backup: Known) -> Backup {
    Backup {
        id: backup.id.to_string(),
        created_at: backup.created_at.as_micros(),
        generation: backup.generation,
        file_hash: backup.file_hash.to_vec(),
        data_key_ids: backup.needs.iter().map(ToString::to_string).collect(),
        verified_at: backup.verified_at.map(Timestamp::as_micros),
    }
}

async fn hand_out(path: &Path, telling: &Telling<CreateBackupEvent>) -> Result<(), Failure> {
    let mut file = File::open(path).map_err(|error| unreadable(&error))?;
    loop {
        let (read, again) = next_piece(file).await?;
        file = again;
        let at_the_end = read.is_empty();
        let taken = if at_the_end {
            telling.taken().await
        } else {
            telling.hand(event(Event::Chunk(read))).await
        };
        if !taken {
            return Err(telling.not_taken("the backup was not taken to its end, and is forgotten"));
        }
        if at_the_end {
            return Ok(());
        }
    }
}

/// Reading blocks, so it leaves the async threads alone.
async fn next_piece(mut file: File) -> Result<(Vec<u8>, File), Failure> {
    let reading = tokio::task::spawn_blocking(move || {
        let mut piece = Vec::with_capacity(CHUNK);
        let mut part = (&mut file).take(CHUNK as u64);
        part.read_to_end(&mut piece).map(|_bytes| (piece, file))
    });
    match reading.await {
        Ok(Ok(read)) => Ok(read),
        Ok(Err(error)) => Err(unreadable(&error)),
        Err(panic) => Err(Failure::own(codes::SERVER_BUG, panic.to_string())),
    }
}

fn unreadable(error: &io::Error) -> Failure {
    Failure::own(codes::SPOOL_FAILED, in_words(error))
}

const fn event(event: Event) -> CreateBackupEvent {
    CreateBackupEvent { event: Some(event) }
}

fn done(created: &CreatedBackup) -> CreateBackupEvent {
    let sections = created.manifest.sections.iter();
    let needs = created.backup.needs.iter();
    event(Event::Done(Done {
        id: created.backup.id.to_string(),
        file_hash: created.backup.file_hash.to_vec(),
        bytes: created.bytes,
        generation: created.backup.generation,
        created_at: created.backup.created_at.as_micros(),
        rows: sections
            .map(|summary| (summary.section.name().to_owned(), summary.rows))
            .collect(),
        data_key_ids: needs.map(ToString::to_string).collect(),
    }))
}
