//! `quickstart`: a node's keys from one command.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::Args;
use serde::Serialize;
use strongroom_config::Protection;
use strongroom_crypto::{
    EncryptionKeySpec, KeyName, KeyPurpose, KeyUsage, KeyUsages, SigningKeySpec,
};
use strongroom_store_sqlite::SqliteStore;
use strongroom_vault::{KeyEntry, KeyFilter, NewEncryptionKey, NewSigningKey, Vault};

use crate::{
    args::Global,
    commands::init,
    environment, exit,
    key_view::{self, KeyView},
    output, progress,
    session::{self, Session},
};

/// What gets signed and encrypted, to see that it works.
const MESSAGE: &[u8] = b"strongroom quickstart";

/// Make a vault with a node's keys, use each of them, close it, open it again, and use them again.
///
/// It asks nothing: the key file is protected by file permissions only, and the end says how to add a passphrase. A
/// second run on the same folder goes on with what is there.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  strongroom quickstart --dir my-vault\n  strongroom quickstart --dir my-vault --output json"
)]
pub(crate) struct Options {
    /// The node's name, the prefix of the names of its keys.
    #[arg(long, default_value = "node")]
    node: String,
    /// Where key file and anchor go [default: the user's configuration folder, strongroom/VAULT-ID].
    #[arg(long, value_name = "DIR")]
    key_dir: Option<PathBuf>,
}

#[derive(Serialize)]
struct Report {
    vault_id: String,
    dir: PathBuf,
    created: bool,
    keys: Vec<KeyView>,
    checks: Vec<Check>,
    kms_calls: u64,
}

#[derive(Serialize)]
struct Check {
    name: String,
    passed: bool,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let spinner = progress::spinner(global, "making keys and using them");
    let (session, created) = open_or_make(global, &options).await?;
    let node = session.config.vault.node.clone();
    let protection = session
        .config
        .kms
        .iter()
        .map(|kms| kms.provider.clone())
        .collect::<Vec<_>>();
    let mut checks = Vec::new();

    let keys = node_keys(&session.vault, &node).await?;
    check_keys(&session.vault, &keys, "first use", &mut checks).await?;
    let mut kms_calls = session.kms.total_calls();
    session.close().await;

    let session = Session::open(global).await?;
    checks.push(Check {
        name: "the vault opened again with one KMS call".to_owned(),
        passed: session.kms.total_calls() == 1,
    });
    check_keys(&session.vault, &keys, "after reopening", &mut checks).await?;
    checks.push(no_key_in_files(&session.vault, &keys, &global.dir).await?);
    kms_calls += session.kms.total_calls();
    let report = Report {
        vault_id: session.vault.id().to_string(),
        dir: global.dir.clone(),
        created,
        keys: session
            .vault
            .list(&KeyFilter::default())?
            .iter()
            .map(|entry| KeyView::of(entry))
            .collect(),
        checks,
        kms_calls,
    };
    session.close().await;
    spinner.finish_and_clear();

    let unprotected = protection.iter().any(|provider| {
        let strongroom_config::KmsProviderConfig::Local { protection, .. } = provider;
        *protection == Protection::UnprotectedKeyFile {}
    });
    output::print(global.output, &report, |out| report.print(out, unprotected))?;
    let passed = report.checks.iter().all(|check| check.passed);
    Ok(ExitCode::from(if passed { 0 } else { exit::NO }))
}

impl Report {
    fn print(&self, out: &mut dyn std::io::Write, unprotected: bool) -> std::io::Result<()> {
        let dir = self.dir.display();
        let did = if self.created { "Made" } else { "Went on with" };
        writeln!(out, "{did} vault {} in {dir}\n", self.vault_id)?;
        writeln!(out, "{}\n", key_view::table(&self.keys))?;
        for check in &self.checks {
            writeln!(
                out,
                "{}  {}",
                if check.passed { "ok    " } else { "FAILED" },
                check.name
            )?;
        }
        writeln!(out, "\nKMS calls: {}\n", self.kms_calls)?;
        if unprotected {
            writeln!(
                out,
                "The key file is protected by file permissions only. Add a passphrase:"
            )?;
            writeln!(
                out,
                "  strongroom kms protect --dir {dir} --passphrase-prompt\n"
            )?;
        }
        let protocol = self
            .keys
            .iter()
            .find(|key| key.usage.contains(&KeyUsage::Protocol.label()));
        writeln!(out, "Try next:")?;
        if let Some(key) = protocol {
            writeln!(
                out,
                "  echo hello | strongroom sign - --dir {dir} --key {} --encoding base64",
                key.fingerprint
            )?;
        }
        writeln!(out, "  strongroom keys list --dir {dir}")?;
        writeln!(out, "  strongroom doctor --dir {dir}")?;
        writeln!(out, "  strongroom audit list --dir {dir}")
    }
}

/// Opens the vault of the folder, or makes it; an interrupted making goes on.
async fn open_or_make(global: &Global, options: &Options) -> anyhow::Result<(Session, bool)> {
    if SqliteStore::exists(&global.dir) {
        return Ok((Session::open(global).await?, false));
    }
    let session = init::make(
        global,
        &options.node,
        options.key_dir.as_deref(),
        Protection::UnprotectedKeyFile {},
    )
    .await?;
    Ok((session, true))
}

/// The node's keys, found by name or made, as a ledger node's own initialization does.
async fn node_keys(vault: &Vault, node: &str) -> anyhow::Result<Vec<Arc<KeyEntry>>> {
    let signing = [
        ("namespace", KeyUsage::Namespace),
        ("sequencer-auth", KeyUsage::SequencerAuthentication),
        ("signing", KeyUsage::Protocol),
    ];
    let mut keys = Vec::with_capacity(signing.len() + 1);
    for (suffix, usage) in signing {
        keys.push(signing_key(vault, KeyName::try_new(format!("{node}-{suffix}"))?, usage).await?);
    }
    keys.push(encryption_key(vault, KeyName::try_new(format!("{node}-encryption"))?).await?);
    Ok(keys)
}

async fn signing_key(
    vault: &Vault,
    name: KeyName,
    usage: KeyUsage,
) -> anyhow::Result<Arc<KeyEntry>> {
    let usages = KeyUsages::try_new([usage])?;
    if let Some(entry) = named(vault, &name, KeyPurpose::Signing)? {
        return Ok(entry);
    }
    let new = NewSigningKey {
        spec: SigningKeySpec::EcCurve25519,
        usages,
        name: Some(name),
    };
    Ok(vault
        .generate_signing_key(&environment::caller(), new)
        .await?)
}

async fn encryption_key(vault: &Vault, name: KeyName) -> anyhow::Result<Arc<KeyEntry>> {
    if let Some(entry) = named(vault, &name, KeyPurpose::Encryption)? {
        return Ok(entry);
    }
    let new = NewEncryptionKey {
        spec: EncryptionKeySpec::EcP256,
        name: Some(name),
    };
    Ok(vault
        .generate_encryption_key(&environment::caller(), new)
        .await?)
}

fn named(
    vault: &Vault,
    name: &KeyName,
    purpose: KeyPurpose,
) -> anyhow::Result<Option<Arc<KeyEntry>>> {
    let filter = KeyFilter {
        name: name.as_str().to_owned(),
        purposes: vec![purpose],
        ..KeyFilter::default()
    };
    Ok(vault
        .list(&filter)?
        .into_iter()
        .find(|entry| entry.name.as_ref() == Some(name)))
}

/// Signs and verifies, or encrypts and decrypts, with each key.
async fn check_keys(
    vault: &Vault,
    keys: &[Arc<KeyEntry>],
    when: &str,
    checks: &mut Vec<Check>,
) -> anyhow::Result<()> {
    for key in keys {
        let name = key.name.as_ref().map_or("-", |name| name.as_str());
        let (what, passed) = match key.usages() {
            Some(usages) => {
                let signature = vault.sign(&key.fingerprint(), MESSAGE, usages).await?;
                (
                    "signs and verifies",
                    vault.verify(MESSAGE, &signature, usages).is_ok(),
                )
            }
            None => {
                let encrypted = vault.encrypt(&key.fingerprint(), MESSAGE)?;
                let decrypted = vault.decrypt(&encrypted).await?;
                // EXPOSE: a message of ours, not a secret.
                ("encrypts and decrypts", decrypted.expose() == MESSAGE)
            }
        };
        checks.push(Check {
            name: format!("{name} {what} ({when})"),
            passed,
        });
    }
    Ok(())
}

/// Searches every file of the vault's folder for the private keys.
async fn no_key_in_files(
    vault: &Vault,
    keys: &[Arc<KeyEntry>],
    dir: &Path,
) -> anyhow::Result<Check> {
    let fingerprints: Vec<_> = keys.iter().map(|key| key.fingerprint()).collect();
    let mut files = 0;
    let mut clean = true;
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_file() {
            let contents = session::files().read(&path)?.unwrap_or_default();
            clean &= vault
                .find_private_keys(&fingerprints, &contents)
                .await?
                .is_empty();
            files += 1;
        }
    }
    Ok(Check {
        name: format!("no private key bytes in the {files} files of the vault"),
        passed: clean && files > 0,
    })
}
