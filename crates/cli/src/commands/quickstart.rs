//! `quickstart`: a node's keys from one command.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::Args;
use serde::Serialize;
use strongroom_config::Protection;
use strongroom_crypto::{EncryptionKeySpec, KeyName, KeyUsage, KeyUsages, SigningKeySpec};
use strongroom_store::KeyState;
use strongroom_vault::{KeyEntry, KeyFilter, NewEncryptionKey, NewSigningKey, Vault};

use crate::{
    args::Global,
    commands::{init, keys},
    exit,
    failure::CliError,
    key_view::{self, Announced, KeyView},
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
    /// The node's name, the prefix of the names of its keys [default: node].
    #[arg(long)]
    node: Option<String>,
    /// Where key file and anchor go [default: the user's configuration folder, strongroom/VAULT-ID].
    #[arg(long, value_name = "DIR")]
    key_dir: Option<PathBuf>,
}

#[derive(Serialize)]
struct Report {
    vault_id: String,
    dir: String,
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
    let plan = init::Plan {
        node: options.node.as_deref(),
        key_dir: options.key_dir.as_deref(),
        protection: None,
    };
    let (session, created) = init::open_or_make(global, &plan).await?;
    let spinner = progress::spinner(global, "making keys and using them");
    let node = session.config.vault.node.clone();
    let protection = session
        .config
        .kms
        .iter()
        .map(|kms| kms.provider.clone())
        .collect::<Vec<_>>();
    let mut checks = Vec::new();

    let keys = node_keys(&session, &node).await?;
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
    let announced = Announced::of(&session.vault).await?;
    let report = Report {
        vault_id: session.vault.id().to_string(),
        dir: global.dir.display().to_string(),
        created,
        keys: session
            .vault
            .list(&KeyFilter::default())?
            .iter()
            .map(|entry| KeyView::of(entry, &announced))
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
    let vault_args = global.vault_args();
    output::print(global.output, &report, |out| {
        report.print(out, unprotected, &vault_args)
    })?;
    let passed = report.checks.iter().all(|check| check.passed);
    Ok(ExitCode::from(if passed { 0 } else { exit::NO }))
}

impl Report {
    /// `vault` are the arguments that name the vault, as a shell reads them.
    fn print(
        &self,
        out: &mut dyn std::io::Write,
        unprotected: bool,
        vault: &str,
    ) -> std::io::Result<()> {
        let did = if self.created { "Made" } else { "Went on with" };
        writeln!(out, "{did} vault {} in {}\n", self.vault_id, self.dir)?;
        key_view::write_list(out, &self.keys)?;
        writeln!(out)?;
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
                "  strongroom kms protect {vault} --passphrase-prompt\n"
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
                "  echo hello | strongroom sign - {vault} --key {} --encoding base64",
                key.fingerprint
            )?;
        }
        writeln!(out, "  strongroom keys list {vault}")?;
        writeln!(out, "  strongroom doctor {vault}")?;
        writeln!(out, "  strongroom audit list {vault}")
    }
}

/// What the name of the namespace key ends in.
const NAMESPACE: &str = "namespace";

/// The node's signing keys: what their names end in, and what they are for. The namespace key comes first.
const SIGNING: [(&str, KeyUsage); 3] = [
    (NAMESPACE, KeyUsage::Namespace),
    ("sequencer-auth", KeyUsage::SequencerAuthentication),
    ("signing", KeyUsage::Protocol),
];

/// What the name of the encryption key ends in.
const ENCRYPTION: &str = "encryption";

/// The node's keys, found by name or made, as a ledger node's own initialization does.
async fn node_keys(session: &Session, node: &str) -> anyhow::Result<Vec<Arc<KeyEntry>>> {
    refuse_new_identity(&session.vault, node)?;
    let mut keys = Vec::with_capacity(SIGNING.len() + 1);
    for (suffix, usage) in SIGNING {
        keys.push(signing_key(session, name(node, suffix)?, usage).await?);
    }
    keys.push(encryption_key(session, name(node, ENCRYPTION)?).await?);
    Ok(keys)
}

fn name(node: &str, suffix: &str) -> anyhow::Result<KeyName> {
    Ok(KeyName::try_new(format!("{node}-{suffix}"))?)
}

/// The namespace key is who the node is: one that is gone, or retired, is not replaced in passing. It is made first, so
/// when any other key of the node is there, it was there once.
fn refuse_new_identity(vault: &Vault, node: &str) -> anyhow::Result<()> {
    let namespace = name(node, NAMESPACE)?;
    if usable(vault, &namespace, Some(KeyUsage::Namespace))?.is_some() {
        return Ok(());
    }
    let suffixes = SIGNING.map(|(suffix, _usage)| suffix);
    for suffix in suffixes.into_iter().chain([ENCRYPTION]) {
        if !named(vault, &name(node, suffix)?)?.is_empty() {
            return Err(CliError::NamespaceKeyGone {
                name: namespace.to_string(),
            }
            .into());
        }
    }
    Ok(())
}

async fn signing_key(
    session: &Session,
    name: KeyName,
    usage: KeyUsage,
) -> anyhow::Result<Arc<KeyEntry>> {
    if let Some(entry) = usable(&session.vault, &name, Some(usage))? {
        return Ok(entry);
    }
    let new = NewSigningKey {
        spec: SigningKeySpec::EcCurve25519,
        usages: KeyUsages::try_new([usage])?,
        name: Some(name),
    };
    let vault = &session.vault;
    let entry = vault.generate_signing_key(&session.caller, new).await?;
    keys::warn_if_clear(&entry);
    Ok(entry)
}

async fn encryption_key(session: &Session, name: KeyName) -> anyhow::Result<Arc<KeyEntry>> {
    if let Some(entry) = usable(&session.vault, &name, None)? {
        return Ok(entry);
    }
    let new = NewEncryptionKey {
        spec: EncryptionKeySpec::EcP256,
        name: Some(name),
    };
    let vault = &session.vault;
    let entry = vault.generate_encryption_key(&session.caller, new).await?;
    keys::warn_if_clear(&entry);
    Ok(entry)
}

/// The active key of this name with this usage; without one, an encryption key.
fn usable(
    vault: &Vault,
    name: &KeyName,
    usage: Option<KeyUsage>,
) -> anyhow::Result<Option<Arc<KeyEntry>>> {
    let fits = |entry: &KeyEntry| match (entry.usages(), usage) {
        (Some(usages), Some(usage)) => usages.contains(usage),
        (None, None) => true,
        _ => false,
    };
    let active = |entry: &KeyEntry| {
        let private = entry.private.as_ref();
        private.is_some_and(|private| private.state == KeyState::Active)
    };
    let mut entries = named(vault, name)?.into_iter();
    Ok(entries.find(|entry| fits(entry) && active(entry)))
}

/// Every key of exactly this name, whatever it is.
fn named(vault: &Vault, name: &KeyName) -> anyhow::Result<Vec<Arc<KeyEntry>>> {
    let filter = KeyFilter {
        name: name.as_str().to_owned(),
        public_only: true,
        ..KeyFilter::default()
    };
    let mut entries = vault.list(&filter)?;
    entries.retain(|entry| entry.name.as_ref() == Some(name));
    Ok(entries)
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
