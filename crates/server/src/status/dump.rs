//! `HealthDump`: what is needed to find a fault, in one file that may be given to others.

use std::{
    io::{Cursor, Write as _},
    sync::Arc,
};

use serde_json::{Value, json};
use strongroom_vault::Vault;
use zip::{ZipWriter, result::ZipError, write::SimpleFileOptions};

use super::{About, RELEASE, components};
use crate::{
    access::Operation,
    context::Context,
    contract::canton_admin::health::v30::HealthDumpRequest,
    failure::{Failure, codes},
    http::{Calls, metrics_text},
};

/// A dump goes out in pieces of so many bytes, if nothing is said and at most, and at least.
const MOST_PIECE: usize = 1 << 20;
const LEAST_PIECE: usize = 1 << 10;

pub(super) async fn dump(
    vault: Arc<Vault>,
    context: Context,
    message: HealthDumpRequest,
    about: Arc<About>,
    calls: Calls,
) -> Result<Vec<Vec<u8>>, Failure> {
    let (scheduled, kms) = (about.backups.as_ref(), about.kms_numbers.as_deref());
    let metrics = metrics_text(&vault, &calls, scheduled, kms).await;
    let metrics = metrics.map_err(|error| Failure::own(codes::SERVER_BUG, error.to_string()))?;
    let mut files = vec![
        ("status.json", status(&vault, &about).await.to_string()),
        ("versions.json", versions().to_string()),
        ("metrics.txt", metrics),
    ];
    // Who finds faults need not know who may do what.
    let shows = context.subject.may(Operation::ConfigurationShow);
    if let Some(configuration) = about.configuration.as_ref().filter(|_| shows) {
        files.push(("configuration.toml", configuration.clone()));
    }
    let archive = archive(&files);
    let archive = archive.map_err(|error| Failure::own(codes::SERVER_BUG, error.to_string()))?;
    let wanted = message.chunk_size.map(usize::try_from);
    let piece = wanted.and_then(Result::ok).unwrap_or(MOST_PIECE);
    let pieces = archive.chunks(piece.clamp(LEAST_PIECE, MOST_PIECE));
    Ok(pieces.map(<[u8]>::to_vec).collect())
}

/// What the vault knows of itself, without asking anybody.
async fn status(vault: &Vault, about: &About) -> Value {
    let (standing, readiness) = (vault.standing().await, vault.readiness());
    let parts = components::parts(vault, about.backups.as_ref()).into_iter();
    let parts = parts.map(|part| {
        json!({
            "name": part.name,
            "condition": part.condition.name(),
            "description": part.condition.description(),
        })
    });
    json!({
        "vault": vault.id().to_string(),
        "node": vault.identity().map(|identity| identity.member.to_string()),
        "uptime_seconds": about.began.elapsed().as_secs(),
        "ports": about.ports,
        "role": standing.role.name(),
        "generation": standing.generation,
        "in_touch": standing.in_touch,
        "degraded": standing.degraded,
        "quarantined": vault.is_quarantined(),
        "ready": readiness.ready,
        "in_doubt": readiness.in_doubt,
        "keys": vault.key_count(),
        "keys_waiting": readiness.keys_waiting,
        "reopens": readiness.reopens,
        "components": parts.collect::<Vec<_>>(),
    })
}

fn versions() -> Value {
    json!({
        "strongroom": env!("CARGO_PKG_VERSION"),
        "canton_admin_api": RELEASE,
    })
}

/// A zip archive of these files, by their names. They are small: nothing is compressed.
fn archive(files: &[(&str, String)]) -> Result<Vec<u8>, ZipError> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in files {
        archive.start_file(*name, SimpleFileOptions::default())?;
        archive.write_all(text.as_bytes())?;
    }
    Ok(archive.finish()?.into_inner())
}
