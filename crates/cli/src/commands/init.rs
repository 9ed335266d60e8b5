//! `init`: make a vault, and the identity of its node.

pub(crate) mod identity;
mod keeper;
mod store;

use std::{
    ffi::OsStr,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::Args;
use serde::Serialize;
use strongroom_config::{
    Config, CustodyConfig, CustodyName, LocalConfig, Protection, ServerConfig, StoreConfig,
    VaultConfig,
};
use strongroom_crypto::{KeyName, Random, SystemRandom, clock::SystemClock};
use strongroom_files::{
    Access, FileAction, FileError, Files, FolderLock, LOCK_FILE_NAME, is_leftover_of,
};
use strongroom_kms::{Capabilities, KmsKeyId};
use strongroom_kms_local::{DEFAULT_COST, LocalKms, Protection as FileProtection};
use strongroom_memory::SecretBytes;
use strongroom_store::{Place, StoreError, VaultId};
use strongroom_vault::{NewVault, Vault};

pub(crate) use self::{
    identity::IdentityView,
    keeper::{CustodyArgs, Keeper, KmsArgs, KmsKind, ProtectionArgs},
    store::StoreArgs,
};
use crate::{
    args::Global,
    environment,
    failure::CliError,
    open_kms::{self, OpenKms, OpenedKms},
    output, secrets,
    session::{self, Session},
    settings,
    store::{ConfiguredStore, is_already_a_vault},
};

/// The name of a node of which nothing is said.
const DEFAULT_NODE: &str = "node";

/// Make a vault: its configuration, its key file and its database, and with --kind the identity of its node.
///
/// The key file and the anchor go to the user's configuration folder, so that copying the vault's folder does not copy
/// its key. Interrupted, it is simply repeated.
///
/// The identity is that of Canton's own initialization: a permanent namespace key, the root certificate, the keys of the node,
/// and their announcement. It can be made in a vault that is there already. With --certificate the root key stays where it
/// is, offline: its certificates come in, and one of them must delegate to a key of this vault.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom init --dir my-vault --passphrase-file /run/secrets/strongroom\n  \
    strongroom init --dir my-vault --passphrase-prompt --node participant1 \\\n    --kind participant\n  \
    strongroom init --dir my-vault --unprotected-key-file\n  \
    strongroom init --dir my-vault --kms aws --region eu-central-1\n  \
    strongroom init --dir my-vault --kms aws --custody external\n  \
    strongroom init --dir my-vault --kms gcp --project ledger-prod \\\n    --location europe-west3 --key-ring vaults\n  \
    strongroom init --dir my-vault --kms pkcs11 --token vault \\\n    --module /usr/lib/softhsm/libsofthsm2.so --pin-file /run/secrets/pin\n  \
    strongroom init --dir my-vault --kms driver \\\n    --driver-socket /run/strongroom-kms/kms.sock\n  \
    strongroom init --dir my-vault --kms driver \\\n    --driver-address kms.example:7443 --driver-ca-file /etc/strongroom/ca.pem \\\n    \
    --driver-certificate-file /etc/strongroom/node.pem \\\n    --driver-private-key-file /etc/strongroom/node.key\n  \
    strongroom init --dir my-vault --passphrase-file /run/secrets/strongroom \\\n    \
    --store-url postgres://strongroom@db.example:5432/ledger \\\n    \
    --store-password-file /run/secrets/strongroom-db\n  \
    strongroom init --dir my-vault --unprotected-key-file --kind mediator \\\n    --identifier mediator1 --intermediate-key\n  \
    strongroom init --dir my-vault --unprotected-key-file --kind participant \\\n    --certificate root.cert --certificate node.cert")]
pub(crate) struct Options {
    /// The node's name, the prefix of the names of its keys [default: node].
    #[arg(long)]
    node: Option<String>,
    /// Where key file and anchor go [default: the user's configuration folder, strongroom/VAULT-ID].
    #[arg(long, value_name = "DIR")]
    key_dir: Option<PathBuf>,
    #[command(flatten)]
    protection: ProtectionArgs,
    #[command(flatten)]
    kms: KmsArgs,
    #[command(flatten)]
    custody: CustodyArgs,
    #[command(flatten)]
    store: StoreArgs,
    /// A socket on which 'serve' then listens, beside its address; it stands as `socket` in `[server]`.
    #[arg(id = "server_socket", long = "socket", value_name = "FILE")]
    socket: Option<PathBuf>,
    #[command(flatten)]
    identity: identity::Args,
}

/// What `init` prints.
#[derive(Serialize)]
struct Report {
    vault_id: String,
    dir: String,
    config: String,
    key_files: Vec<String>,
    anchor: Option<String>,
    kms_calls: u64,
    /// Whether the vault was made, rather than found.
    created: bool,
    identity: Option<IdentityView>,
    /// What was done for an identity, in words; empty if it was complete.
    identity_changes: Vec<String>,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    // What is wrong with it is told before anything is made.
    let identity = options.identity.plan()?;
    if let Some(identity) = &identity {
        identity.check_name(options.node.as_deref().unwrap_or(DEFAULT_NODE))?;
    }
    let plan = Plan {
        node: options.node.as_deref(),
        key_dir: options.key_dir.as_deref(),
        keeper: Some(Keeper::of(&options.protection, &options.kms)?),
        custody: options.custody.name(),
        store: options.store.to_config()?,
        socket: options.socket.map(std::path::absolute).transpose()?,
    };
    let (session, created) = match &identity {
        Some(_) => open_or_make(global, &plan).await?,
        None => (make(global, &plan).await?, true),
    };
    let (identity, identity_changes) = match identity {
        Some(plan) => {
            let identity::Made { view, changes } = plan.make(&session).await?;
            (Some(view), changes)
        }
        None => (None, Vec::new()),
    };
    // Names of files need not be text; what is printed is.
    let shown = |path: &Path| path.display().to_string();
    let locals = session.kms.iter().filter_map(OpenedKms::local);
    let key_files = locals.map(|local| shown(local.path()));
    let report = Report {
        vault_id: session.vault.id().to_string(),
        dir: shown(&global.dir),
        config: shown(&global.config_path()),
        key_files: key_files.collect(),
        anchor: session.config.vault.anchor.as_deref().map(shown),
        kms_calls: session.kms.total_calls(),
        created,
        identity,
        identity_changes,
    };
    session.close().await;
    output::print(global.output, &report, |out| {
        report.print(out, &global.vault_args())
    })?;
    Ok(ExitCode::SUCCESS)
}

impl Report {
    /// `vault` are the arguments that name the vault, as a shell reads them.
    fn print(&self, out: &mut dyn Write, vault: &str) -> io::Result<()> {
        let did = if self.created { "Made" } else { "Found" };
        writeln!(out, "{did} vault {} in {}", self.vault_id, self.dir)?;
        writeln!(out, "  configuration  {}", self.config)?;
        for key_file in &self.key_files {
            writeln!(
                out,
                "  key file       {key_file}  (back it up apart from the database)"
            )?;
        }
        if let Some(anchor) = &self.anchor {
            writeln!(out, "  anchor         {anchor}")?;
        }
        match &self.identity {
            Some(identity) => {
                identity.write(out)?;
                for change in &self.identity_changes {
                    writeln!(out, "{change}")?;
                }
                if self.identity_changes.is_empty() {
                    writeln!(
                        out,
                        "The identity was complete already: nothing was changed."
                    )?;
                }
                writeln!(out, "Next: strongroom topology graph {vault}")
            }
            None => writeln!(
                out,
                "Next: strongroom keys generate-signing {vault} --usage protocol"
            ),
        }
    }
}

/// Opens the vault of the folder, or makes it; an interrupted making goes on. Says whether it was made.
pub(crate) async fn open_or_make(
    global: &Global,
    plan: &Plan<'_>,
) -> anyhow::Result<(Session, bool)> {
    if !is_made(global).await? {
        match make(global, plan).await {
            // Somebody else was faster. Whoever gave up here would have kept the other one from its vault for a moment, and
            // of many at once none might be left.
            Err(refused) if is_already_a_vault(&refused) => {}
            made => return Ok((made?, true)),
        }
    }
    plan.check(global)?;
    Ok((Session::open(global).await?, false))
}

/// Whether there is the vault of this folder. Without a configuration there is none, or somebody took it away, which opening
/// tells.
async fn is_made(global: &Global) -> anyhow::Result<bool> {
    match session::files().read(&global.config_path())? {
        None => ConfiguredStore::Folder(global.dir.clone()).exists().await,
        Some(_) => {
            let config = session::read_config(global)?;
            ConfiguredStore::of(&config, &global.dir)?.exists().await
        }
    }
}

/// What was asked for; where nothing was said, a vault that was begun decides, or else the default.
pub(crate) struct Plan<'a> {
    pub(crate) node: Option<&'a str>,
    pub(crate) key_dir: Option<&'a Path>,
    pub(crate) keeper: Option<Keeper>,
    pub(crate) custody: Option<CustodyName>,
    /// The database; none: the vault's folder.
    pub(crate) store: Option<StoreConfig>,
    pub(crate) socket: Option<PathBuf>,
}

impl Plan<'_> {
    /// A vault that was begun is finished, and used, as it was begun: whoever now asks for a passphrase must not get a
    /// vault without one.
    ///
    /// # Errors
    /// [`CliError::BegunOtherwise`]; those of reading the configuration, if there is one.
    pub(crate) fn check(&self, global: &Global) -> anyhow::Result<()> {
        if session::files().read(&global.config_path())?.is_none() {
            return Ok(());
        }
        let begun = session::read_config(global)?;
        let refuse = |what| {
            let path = global.dir.clone();
            Err(CliError::BegunOtherwise { path, what }.into())
        };
        if self.node.is_some_and(|node| node != begun.vault.node) {
            return refuse("node");
        }
        if self.custody.is_some_and(|it| it != begun.custody.default) {
            return refuse("custody");
        }
        if self.store.is_some() && self.store != begun.store {
            return refuse("database");
        }
        if self.socket.is_some() && self.socket != begun.server.socket {
            return refuse("socket");
        }
        let Some(kms) = begun.kms.first() else {
            return Ok(());
        };
        if let Some(wanted) = self.key_dir {
            let wanted = std::path::absolute(wanted)?;
            let local = kms.provider.local().map(|local| &local.key_file);
            let kept = local.or(begun.vault.anchor.as_ref());
            if kept.and_then(|path| path.parent()) != Some(wanted.as_path()) {
                return refuse("folder of the key file");
            }
        }
        match self.keeper.as_ref().map(|keeper| keeper.check(kms)) {
            Some(Err(what)) => refuse(what),
            _ => Ok(()),
        }
    }
}

/// Makes a vault, or goes on with one whose making was interrupted.
///
/// The order makes every step repeatable: the configuration names the vault and its key file before either is there;
/// the database holds a vault only when its first commit is durable.
pub(crate) async fn make(global: &Global, plan: &Plan<'_>) -> anyhow::Result<Session> {
    let caller = environment::caller()?;
    plan.check(global)?;
    let is_new = session::files().read(&global.config_path())?.is_none();
    let (config, kms) = begin(global, plan).await?;
    let store = ConfiguredStore::of(&config, &global.dir)?.create().await?;
    let environment = kms.environment(store, &config);
    let id = VaultId::from_bytes(config.vault.id_bytes()?);
    // A wrapper key that an interrupted attempt left behind is taken up, not left without a trace.
    let wrapper_key = match configured_wrapper_key(&config)? {
        None if !is_new => match kms.iter().next() {
            Some(first) => first.find_wrapper_key(&config.vault.id).await?,
            None => None,
        },
        configured => configured,
    };
    let new = NewVault { id, wrapper_key };
    let vault = Vault::create(environment, settings::settings(&config)?, &caller, new).await?;
    Ok(Session {
        vault: Arc::new(vault),
        config,
        kms: Arc::new(kms),
        caller,
        break_glass: global.break_glass.clone(),
    })
}

/// Everything before the database: the configuration and the key file, made, or found as they were left.
async fn begin(global: &Global, plan: &Plan<'_>) -> anyhow::Result<(Config, OpenKms)> {
    let files = session::files();
    let path = global.config_path();
    let new = if files.read(&path)?.is_some() {
        None
    } else {
        refuse_other_contents(global)?;
        Some(Draft::of(global, plan).await?)
    };
    files.create_folder(&global.dir, Access::OwnerOnly)?;
    // The store would refuse it later, when a configuration and a key file were there already.
    files.check_guarded(&global.dir)?;
    // Of two that make a vault here at once, the second would put its configuration and its key file in the place of the
    // first one's. The database has the same lock, so it is given back before that is made.
    let _lock = FolderLock::acquire(&global.dir).map_err(in_use)?;
    refuse_to_overwrite(&ConfiguredStore::Folder(global.dir.clone())).await?;
    let (config, passphrase, kms) = match new {
        Some(draft) if files.read(&path)?.is_none() => {
            // Without a key file beside it, nobody else makes it.
            if let Some(folder) = draft.config.vault.anchor.as_deref().and_then(Path::parent) {
                files.create_folder(folder, Access::OwnerOnly)?;
            }
            let text = draft.config.to_toml()?;
            files.write_new_durably(&path, text.as_bytes(), Access::OwnerOnly)?;
            (draft.config, draft.passphrase, draft.kms)
        }
        _ => {
            plan.check(global)?;
            let config = session::read_config(global)?;
            if config.store.is_some() {
                refuse_to_overwrite(&ConfiguredStore::of(&config, &global.dir)?).await?;
            }
            refuse_to_replace(&config)?;
            (config, None, None)
        }
    };
    let kms = match kms {
        Some(kms) => kms,
        None => {
            let open = |local: &LocalConfig| open_or_make_local(&files, local, passphrase.as_ref());
            OpenKms::open_with(&config, &global.kms, open).await?
        }
    };
    Ok((config, kms))
}

/// A vault that is there is never replaced.
async fn refuse_to_overwrite(store: &ConfiguredStore) -> anyhow::Result<()> {
    if store.exists().await? {
        let place = store.place()?;
        return Err(StoreError::AlreadyAVault { place }.into());
    }
    Ok(())
}

fn in_use(error: FileError) -> anyhow::Error {
    match error {
        FileError::Locked { path, holder_pid } => {
            let place = Place::Folder(path);
            StoreError::Locked { place, holder_pid }.into()
        }
        other => other.into(),
    }
}

/// A vault that is about to be begun.
struct Draft {
    config: Config,
    /// Asked for before anything is written, so that a mistyped one leaves nothing behind.
    passphrase: Option<SecretBytes>,
    /// Opened before anything is written, for the same reason; a key file has yet to be made.
    kms: Option<OpenKms>,
}

impl Draft {
    async fn of(global: &Global, plan: &Plan<'_>) -> anyhow::Result<Self> {
        let mut config = new_config(plan)?;
        config.validate()?;
        check_key_names(&config.vault.node)?;
        refuse_shared_keys(global, &config)?;
        let wrapper_key = configured_wrapper_key(&config)?;
        // Asked before anything is written: a wrong password or an unreachable server leaves nothing behind.
        if config.store.is_some() {
            refuse_to_overwrite(&ConfiguredStore::of(&config, &global.dir)?).await?;
        }
        let passphrase = match &plan.keeper {
            Some(Keeper::KeyFile(Protection::Passphrase { from })) => {
                Some(secrets::read_new(from, NEW_PASSPHRASE)?)
            }
            _ => None,
        };
        let kms = match &plan.keeper {
            Some(Keeper::Kms(..)) => Some(OpenKms::open(&config, &global.kms).await?),
            _ => None,
        };
        if let Some(kms) = &kms {
            // The first attempt to wrap would find out, when a configuration was there that names it.
            if let (Some(key), Some(first)) = (&wrapper_key, kms.iter().next()) {
                first.check_wrapper_key(key).await?;
            }
            keep_what_the_kms_cannot(&mut config, kms);
        }
        Ok(Self {
            config,
            passphrase,
            kms,
        })
    }
}

/// Many tokens sign and do not decrypt as Canton encrypts: then the encryption key is kept here, sealed.
fn keep_what_the_kms_cannot(config: &mut Config, kms: &OpenKms) {
    let custody = &mut config.custody;
    let is_external = custody.default == CustodyName::External;
    let decrypts = |can: Capabilities| !can.encryption_specs.is_empty();
    if is_external && !kms.maker(None).is_some_and(decrypts) {
        tracing::warn!(
            "the KMS holds no encryption keys: those of this vault are kept in its database, sealed"
        );
        custody.encryption = Some(CustodyName::Envelope);
    }
}

/// The names of the node's keys begin with its own.
fn check_key_names(node: &str) -> anyhow::Result<()> {
    for suffix in ["namespace", "intermediate-namespace", "sequencer-auth"] {
        KeyName::try_new(format!("{node}-{suffix}"))?;
    }
    Ok(())
}

/// What a prompt for a new passphrase says.
const NEW_PASSPHRASE: &str = "New passphrase of the key file";

/// The id of the vault is new, so what lies where its key file and its anchor are to be belongs to another one.
fn refuse_shared_keys(global: &Global, config: &Config) -> anyhow::Result<()> {
    let dir = std::path::absolute(&global.dir)?;
    for kms in &config.kms {
        let key_file = kms.provider.local().map(|local| &local.key_file);
        let paths = [key_file, config.vault.anchor.as_ref()];
        for path in paths.into_iter().flatten() {
            if path.symlink_metadata().is_ok() {
                let folder = path.parent().unwrap_or(path);
                return Err(CliError::KeyFolderInUse {
                    path: folder.to_owned(),
                }
                .into());
            }
        }
        if key_file.is_some_and(|path| path.starts_with(&dir)) {
            tracing::warn!(
                "the key file lies in the vault's folder: whoever copies the database copies its key"
            );
        }
    }
    Ok(())
}

/// A folder with something else in it is not ours to fill. The lock, and a configuration that was being written when
/// an earlier run was killed, are ours.
fn refuse_other_contents(global: &Global) -> anyhow::Result<()> {
    let dir = &global.dir;
    let config = global.config_path();
    let is_ours = |name: &OsStr| name == LOCK_FILE_NAME || is_leftover_of(&config, name);
    let in_use = match std::fs::read_dir(dir) {
        Ok(entries) => entries.flatten().any(|entry| !is_ours(&entry.file_name())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(FileError::NotAFolder {
                path: dir.to_owned(),
            }
            .into());
        }
        Err(source) => {
            return Err(FileError::Denied {
                path: dir.to_owned(),
                action: FileAction::Read,
                source,
            }
            .into());
        }
    };
    if in_use {
        Err(CliError::FolderInUse {
            path: dir.to_owned(),
        }
        .into())
    } else {
        Ok(())
    }
}

/// A vault that was once finished and has lost its database is not an unfinished one: a new one in its place would
/// hide the loss, and make the anchor forget it.
fn refuse_to_replace(config: &Config) -> anyhow::Result<()> {
    match session::remembered(config)? {
        Some((vault_id, anchor)) => Err(CliError::DatabaseGone {
            vault_id,
            anchor,
            source: None,
        }
        .into()),
        None => Ok(()),
    }
}

fn new_config(plan: &Plan<'_>) -> anyhow::Result<Config> {
    let mut id = [0; 16];
    SystemRandom.fill(&mut id)?;
    let id = VaultId::from_bytes(id).to_string();
    let keys = match plan.key_dir {
        Some(folder) => std::path::absolute(folder)?,
        None => environment::key_home()?.join(&id),
    };
    let kms = Keeper::section(plan.keeper.as_ref(), &keys);
    // Named, so that no other KMS that is added later takes its place while it cannot be opened.
    let makes_keys = plan.custody == Some(CustodyName::External);
    let external_kms = makes_keys.then(|| kms.name.clone());
    let vault = VaultConfig {
        id,
        node: plan.node.unwrap_or(DEFAULT_NODE).to_owned(),
        anchor: Some(keys.join("anchor.json")),
        clock_tolerance: VaultConfig::CLOCK_TOLERANCE,
    };
    Ok(Config {
        store: plan.store.clone(),
        server: ServerConfig {
            socket: plan.socket.clone(),
            ..ServerConfig::default()
        },
        custody: CustodyConfig {
            default: plan.custody.unwrap_or_default(),
            external_kms,
            ..CustodyConfig::default()
        },
        ..Config::new(vault, kms)
    })
}

/// Opens the key file of an embedded KMS, or makes it if it is not there.
fn open_or_make_local(
    files: &Arc<dyn Files>,
    config: &LocalConfig,
    passphrase: Option<&SecretBytes>,
) -> anyhow::Result<LocalKms> {
    let key_file = &config.key_file;
    if files.read_private(key_file)?.is_some() {
        return open_kms::open_local(config);
    }
    let protection = match &config.protection {
        Protection::UnprotectedKeyFile {} => FileProtection::UnprotectedKeyFile,
        Protection::Passphrase { from } => FileProtection::Passphrase(
            match passphrase {
                // EXPOSE: from locked memory into locked memory.
                Some(passphrase) => SecretBytes::from_slice(passphrase.expose()),
                None => secrets::read_new(from, NEW_PASSPHRASE)?,
            },
            DEFAULT_COST,
        ),
    };
    let made = LocalKms::create(
        Arc::clone(files),
        key_file,
        &protection,
        Arc::new(SystemRandom),
        Arc::new(SystemClock),
    );
    Ok(made?)
}

fn configured_wrapper_key(config: &Config) -> anyhow::Result<Option<KmsKeyId>> {
    let id = config
        .kms
        .first()
        .and_then(|kms| kms.wrapper_key_id.as_deref());
    Ok(id.map(KmsKeyId::try_new).transpose()?)
}
