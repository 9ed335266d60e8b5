//! Who may do what, from the configuration.

use std::collections::BTreeSet;

use nix::unistd::User;
use strongroom_config::{CallerConfig, GrantConfig, UnixUserConfig};
use strongroom_crypto::{Fingerprint, KeyUsage};
use strongroom_files::known_user;
use strongroom_server::access::{Access, CallerRule, Grant, Identity, KeyPattern, Operation, Role};

use super::ServerSetupError;

/// The rules; without callers everybody may do everything.
pub(crate) fn access(callers: &[CallerConfig]) -> Result<Access, ServerSetupError> {
    if callers.is_empty() {
        return Ok(Access::open());
    }
    let mut users = BTreeSet::new();
    let mut rules = Vec::new();
    for caller in callers {
        let rule = rule(caller, &mut users);
        rules.push(rule.map_err(|problem| ServerSetupError::Caller {
            caller: caller.name.clone(),
            problem,
        })?);
    }
    Ok(Access::of(rules))
}

fn rule(caller: &CallerConfig, users: &mut BTreeSet<u32>) -> Result<CallerRule, String> {
    let names = caller.certificate_names();
    let mut identities: Vec<_> = names.map(Identity::Certificate).collect();
    for subject in &caller.tokens {
        identities.push(Identity::Token {
            service: caller.token_service.clone(),
            subject: subject.clone(),
        });
    }
    for user in &caller.unix_users {
        let number = number_of(user)?;
        if known_user(number).is_none() {
            return Err(format!(
                "unix-users: {number} stands for every user that the system cannot tell, so nobody is known by it"
            ));
        }
        // A name and a number may be the same user.
        if !users.insert(number) {
            return Err(format!("unix-users: the user {number} is named twice"));
        }
        identities.push(Identity::UnixUser(number));
    }
    let grants: Result<_, _> = caller.grants.iter().map(grant).collect();
    Ok(CallerRule {
        name: caller.name.clone(),
        identities,
        grants: grants?,
        rate_limit: caller.rate_limit,
    })
}

fn number_of(user: &UnixUserConfig) -> Result<u32, String> {
    match user {
        UnixUserConfig::Number(number) => Ok(*number),
        UnixUserConfig::Name(name) => match User::from_name(name) {
            Ok(Some(user)) => Ok(user.uid.as_raw()),
            Ok(None) => Err(format!("unix-users: this machine has no user {name}")),
            Err(error) => Err(format!("unix-users: {name} cannot be looked up: {error}")),
        },
    }
}

/// One grant.
pub(crate) fn grant(config: &GrantConfig) -> Result<Grant, String> {
    let grant = match &config.role {
        Some(name) => Grant::role(name.parse::<Role>().map_err(|error| error.to_string())?),
        None => {
            let named = config.operations.iter().flatten();
            let operations: Result<Vec<Operation>, _> = named.map(|name| name.parse()).collect();
            Grant::of(operations.map_err(|error| error.to_string())?)
        }
    };
    let patterns = config.keys.iter().flatten();
    let patterns = patterns.map(|text| pattern(text)).collect();
    let usages = config.usages.as_ref().map(|usages| {
        let parsed = usages.iter().map(|usage| usage.parse::<KeyUsage>());
        parsed.collect::<Result<_, _>>()
    });
    let usages = usages.transpose().map_err(|error| error.to_string())?;
    Ok(grant.with_keys(patterns).with_usages(usages))
}

/// What looks like a fingerprint is one.
fn pattern(text: &str) -> KeyPattern {
    match text.parse::<Fingerprint>() {
        Ok(fingerprint) => KeyPattern::Fingerprint(fingerprint),
        Err(_a_name) => KeyPattern::Name(text.to_owned()),
    }
}
