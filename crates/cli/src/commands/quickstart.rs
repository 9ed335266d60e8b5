//! `quickstart`: a node's keys from one command.

mod checks;
mod node;
mod rehearsal;

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use clap::Args;
use serde::Serialize;
use strongroom_config::Protection;
use strongroom_crypto::KeyUsage;
use strongroom_store::KeyState;
use strongroom_vault::{KeyEntry, KeyFilter, Vault};

use self::{
    checks::Check,
    rehearsal::{Begun, Rehearsal},
};
use crate::{
    args::Global,
    commands::{
        init::{self, IdentityView},
        keys::rotate,
    },
    exit,
    graph::{NamespaceView, write_namespace},
    key_view::{self, Announced, KeyView},
    output, progress,
    session::Session,
};

/// Make a vault with a node's identity, use its keys, open it again, and rotate them.
///
/// The node is a participant, unless 'init' has made another one here. Each key is used, before and after the vault is opened again;
/// then the announced keys are rotated, once, and the old ones still decrypt what is old and refuse to sign. A vault that
/// follows a synchronizer is in use: its keys are left alone.
///
/// It asks nothing: the key file is protected by file permissions only, and the end says how to add a passphrase. With --kms
/// another KMS keeps the wrapper key, instead of a key file; with --rehearse as well it starts such a KMS by itself, in a
/// temporary folder with the vault, and nothing is kept: a simulator of the cloud, a token of SoftHSM, or a driver over the
/// embedded KMS. A second run on the same folder goes on with what is there.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  strongroom quickstart --dir my-vault\n  strongroom quickstart --dir my-vault --output json\n  \
    strongroom quickstart --kms aws --rehearse\n  strongroom quickstart --kms pkcs11 --rehearse\n  \
    strongroom quickstart --dir my-vault --kms aws --region eu-central-1\n  \
    strongroom quickstart --dir my-vault --kms gcp --project ledger-prod \\\n    --location europe-west3 --key-ring vaults\n  \
    strongroom quickstart --dir my-vault --custody external"
)]
pub(crate) struct Options {
    /// The node's name, the prefix of the names of its keys [default: node].
    #[arg(long)]
    node: Option<String>,
    /// Where key file and anchor go [default: the user's configuration folder, strongroom/VAULT-ID].
    #[arg(long, value_name = "DIR")]
    key_dir: Option<PathBuf>,
    #[command(flatten)]
    kms: init::KmsArgs,
    #[command(flatten)]
    custody: init::CustodyArgs,
    /// Start what is needed of the KMS for this run only; --dir and --key-dir are not touched.
    #[arg(
        long,
        requires = "kms",
        conflicts_with_all = [
            "wrapper_key", "region", "kms_endpoint", "rehearsal", "token", "token_serial", "pin_file", "pin_env", "socket", "address", "key_dir"
        ]
    )]
    rehearse: bool,
}

#[derive(Serialize)]
struct Report {
    vault_id: String,
    dir: String,
    created: bool,
    identity: IdentityView,
    /// Who may sign for the node's namespace, and what the node announces.
    delegations: Vec<NamespaceView>,
    /// What was done for the identity in this run, in words.
    identity_changes: Vec<String>,
    /// Those of this run.
    rotations: Vec<rotate::View>,
    /// Why there are none.
    not_rotated: Option<String>,
    keys: Vec<KeyView>,
    checks: Vec<Check>,
    kms_calls: u64,
    /// Who played the KMS in a rehearsal, of which nothing is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    rehearsal: Option<&'static str>,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    if let Some(node) = &options.node {
        init::identity::Plan::participant().check_name(node)?;
    }
    match options.kms.kind().filter(|_| options.rehearse) {
        None => {
            let plan = init::Plan {
                node: options.node.as_deref(),
                key_dir: options.key_dir.as_deref(),
                keeper: init::Keeper::elsewhere(&options.kms)?,
                custody: options.custody.name(),
                store: None,
                socket: None,
            };
            play(global, &plan, None).await
        }
        Some(kind) => match Rehearsal::begin(kind, options.kms.module()).await? {
            Begun::Elsewhere(code) => Ok(code),
            Begun::Here(rehearsal) => {
                let key_dir = rehearsal.key_dir();
                let plan = init::Plan {
                    node: options.node.as_deref(),
                    key_dir: Some(&key_dir),
                    keeper: Some(rehearsal.keeper()),
                    custody: options.custody.name(),
                    store: None,
                    socket: None,
                };
                play(&rehearsal.global(global), &plan, Some(&rehearsal)).await
            }
        },
    }
}

async fn play(
    global: &Global,
    plan: &init::Plan<'_>,
    rehearsal: Option<&Rehearsal>,
) -> anyhow::Result<ExitCode> {
    let (session, created) = init::open_or_make(global, plan).await?;
    let spinner = progress::spinner(global, "making keys and using them");
    let mut checks = Vec::new();
    let identity_changes = node::make(&session).await?;
    let keys = node::current_keys(&session.vault).await?;
    checks::uses(
        &session.vault,
        &keys,
        if created { "first use" } else { "in use" },
        &mut checks,
    )
    .await?;
    let mut kms_calls = session.kms.total_calls();
    session.close().await;

    let session = Session::open(global).await?;
    checks.push(Check {
        name: "the vault opened again with one KMS call".to_owned(),
        passed: session.kms.total_calls() == 1,
    });
    checks::uses(&session.vault, &keys, "after reopening", &mut checks).await?;
    let rotations = node::rotate_once(global, &session).await?;
    let retired = node::retired_keys(&session.vault)?;
    checks::of_retired(&session.vault, &retired, &mut checks).await?;
    let every: Vec<_> = session.vault.list(&KeyFilter::default())?;
    checks.push(checks::no_key_in_files(&session.vault, &every, &global.dir).await?);
    kms_calls += session.kms.total_calls();
    let report = Report {
        vault_id: session.vault.id().to_string(),
        dir: global.dir.display().to_string(),
        created,
        identity: IdentityView::of(&session.vault).await?,
        delegations: node::delegations(&session.vault).await?,
        identity_changes,
        rotations: rotations.done,
        not_rotated: rotations.why_none,
        keys: views(&session.vault, &every).await?,
        checks,
        kms_calls,
        rehearsal: rehearsal.map(|it| it.played_by),
    };
    let unprotected = is_unprotected(&session);
    session.close().await;
    spinner.finish_and_clear();
    let vault_args = global.vault_args();
    output::print(global.output, &report, |out| {
        report.print(out, unprotected, &vault_args)
    })?;
    let passed = report.checks.iter().all(|check| check.passed);
    Ok(ExitCode::from(if passed { 0 } else { exit::NO }))
}

async fn views(vault: &Vault, keys: &[Arc<KeyEntry>]) -> anyhow::Result<Vec<KeyView>> {
    let announced = Announced::of(vault).await?;
    let views = keys.iter().map(|entry| KeyView::of(entry, &announced));
    Ok(views.collect())
}

fn is_unprotected(session: &Session) -> bool {
    let mut local = session.config.kms.iter();
    local.any(|kms| {
        let local = kms.provider.local();
        local.is_some_and(|it| it.protection == Protection::UnprotectedKeyFile {})
    })
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
        self.delegations
            .iter()
            .try_for_each(|namespace| write_namespace(namespace, out))?;
        writeln!(out)?;
        for change in &self.identity_changes {
            writeln!(out, "{change}")?;
        }
        if let Some(why) = &self.not_rotated {
            writeln!(out, "no keys were rotated: {why}")?;
        }
        for rotation in &self.rotations {
            let (old, new) = (&rotation.old, &rotation.new);
            writeln!(out, "rotated {old}\n     to {new}")?;
        }
        for check in &self.checks {
            writeln!(
                out,
                "{}  {}",
                if check.passed { "ok    " } else { "FAILED" },
                check.name
            )?;
        }
        writeln!(out, "\nKMS calls: {}\n", self.kms_calls)?;
        if let Some(played_by) = self.rehearsal {
            writeln!(
                out,
                "This was a rehearsal: the KMS was {played_by}. Nothing of it is left, the vault neither."
            )?;
            writeln!(out, "For a vault that stays see:")?;
            return writeln!(out, "  strongroom init --help");
        }
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
        let is_active = |key: &&KeyView| key.state == Some(KeyState::Active.name());
        let protocol = self
            .keys
            .iter()
            .filter(is_active)
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
        writeln!(out, "  strongroom topology graph {vault}")?;
        writeln!(out, "  strongroom topology active-keys {vault}")?;
        writeln!(out, "  strongroom doctor {vault}")?;
        writeln!(out, "  strongroom audit list {vault}")
    }
}
