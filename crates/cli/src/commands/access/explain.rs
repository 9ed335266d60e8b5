//! `access explain`.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use strongroom_config::CallerConfig;
use strongroom_crypto::{Fingerprint, KeyUsage, PublicKey};
use strongroom_server::access::{Grant, NamedKey, Operation};

use super::in_words;
use crate::{
    args::{Global, Names},
    client::{Client, ShownKey, configuration},
    output,
    server::{self, ServerSetupError},
};

/// Say whether somebody may do something over the network, and by which grant
///
/// It asks the configuration, and for a key the vault; no server is needed. With --endpoint it is what that server was started with.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  strongroom access explain participant1 sign\n  \
    strongroom access explain participant1 sign 1220...\n  strongroom access explain alice keys.export"
)]
pub(crate) struct Options {
    /// The name of a caller, as the configuration has it.
    caller: String,
    /// An operation.
    #[arg(value_parser = Names::of_operations())]
    operation: Operation,
    /// The fingerprint of a key, where the operation is about one.
    key: Option<Fingerprint>,
}

#[derive(Serialize)]
struct Report {
    caller: String,
    operation: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_name: Option<String>,
    allowed: bool,
    /// What it may sign for with the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    usages: Option<Vec<&'static str>>,
    why: Vec<Reason>,
}

#[derive(Serialize)]
struct Reason {
    grant: String,
    allows: bool,
    because: &'static str,
}

pub(super) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let config = configuration(global).await?;
    let access = server::access(&config.callers)?;
    let key = match &options.key {
        Some(fingerprint) => {
            let client = Client::open(global).await?;
            let key = client.key(fingerprint).await;
            client.close().await;
            Some(key?)
        }
        None => None,
    };
    let key = key.as_ref();
    let operation = options.operation;
    let found = |caller: &&CallerConfig| caller.name == options.caller;
    let caller = config.callers.iter().find(found);
    let subject = access.named(&options.caller);
    let (Some(caller), Some(subject)) = (caller, subject) else {
        let caller = options.caller;
        return Err(ServerSetupError::NoCaller { caller }.into());
    };
    let about_a_key = key.filter(|_| operation.is_about_a_key());
    let usages = about_a_key.and_then(|key| match (&key.public, operation) {
        (PublicKey::Signing(public), Operation::Sign) => {
            let granted = subject.may_sign_for(named(key), public.usages());
            Some(granted.iter().map(KeyUsage::label).collect::<Vec<_>>())
        }
        _ => None,
    });
    let allowed = match (&usages, about_a_key) {
        (Some(usages), _) => !usages.is_empty(),
        (None, Some(key)) => subject.may_with(operation, named(key)),
        (None, None) => subject.may(operation),
    };
    let mut why = Vec::new();
    for config in &caller.grants {
        let grant = server::grant(config).map_err(|problem| ServerSetupError::Caller {
            caller: caller.name.clone(),
            problem,
        })?;
        let (mut allows, mut because) = judged(&grant, operation, about_a_key);
        if allows && !allowed {
            (allows, because) = (false, "a key of a namespace takes topology.sign as well");
        }
        why.push(Reason {
            grant: in_words(config),
            allows,
            because,
        });
    }
    let report = Report {
        caller: options.caller,
        operation: operation.name(),
        key: key.map(|key| key.view.fingerprint.clone()),
        key_name: key.and_then(|key| key.view.name.clone()),
        allowed,
        usages,
        why,
    };
    output::print(global.output, &report, |out| report.print(out))?;
    Ok(ExitCode::SUCCESS)
}

/// What grants go by.
fn named(key: &ShownKey) -> NamedKey<'_> {
    NamedKey {
        fingerprint: key.public.fingerprint(),
        name: key.view.name.as_deref().unwrap_or_default(),
        usages: key.public.usages(),
    }
}

fn judged(grant: &Grant, operation: Operation, key: Option<&ShownKey>) -> (bool, &'static str) {
    if !grant.allows(operation) {
        let whole = grant.clone().with_keys(Vec::new());
        let why = if whole.allows(operation) {
            "it names keys, and no key limits the operation"
        } else {
            "the operation is not among its own"
        };
        return (false, why);
    }
    let Some(key) = key else {
        return (true, "it has the operation");
    };
    if !grant.allows_with(operation, named(key)) {
        return (false, "the key is not among its keys");
    }
    match (&key.public, operation) {
        (PublicKey::Signing(public), Operation::Sign)
            if grant.narrowed(public.usages()).is_empty() =>
        {
            (false, "none of the key's usages is among its usages")
        }
        _ => (true, "it has the operation, and the key"),
    }
}

impl Report {
    fn print(&self, out: &mut dyn std::io::Write) -> std::io::Result<()> {
        let verdict = if self.allowed { "may" } else { "may not" };
        write!(out, "{} {verdict} {}", self.caller, self.operation)?;
        match (&self.key, &self.key_name) {
            (Some(key), Some(name)) => writeln!(out, " with {name} ({key})")?,
            (Some(key), None) => writeln!(out, " with {key}")?,
            (None, _) => writeln!(out)?,
        }
        if let Some(usages) = &self.usages
            && !usages.is_empty()
        {
            writeln!(out, "for {}", usages.join(", "))?;
        }
        if self.why.is_empty() {
            writeln!(out, "  it is granted nothing")?;
        }
        for reason in &self.why {
            let verdict = if reason.allows { "allows" } else { "does not" };
            writeln!(out, "  {verdict}: {} ({})", reason.grant, reason.because)?;
        }
        Ok(())
    }
}
