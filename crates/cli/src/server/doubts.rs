//! What is allowed, and perhaps not meant.

use strongroom_config::{CallerConfig, Config, GrantConfig, ServerConfig};
use strongroom_server::access::Operation;

use super::{check_served_approvals, grant};

/// Warnings about who may do what.
pub(crate) fn doubts(config: &Config) -> Vec<String> {
    let mut doubts = Vec::new();
    for caller in &config.callers {
        let name = &caller.name;
        if caller.grants.is_empty() {
            doubts.push(format!("caller {name}: it is granted nothing"));
        }
        for grant in &caller.grants {
            let beyond = beyond_its_keys(grant);
            if !beyond.is_empty() {
                let beyond = beyond.join(", ");
                doubts.push(format!(
                    "caller {name}: its grant names keys, and so does not give {beyond}, which no key limits"
                ));
            }
        }
        if exports(caller) && !config.server.export_private_keys {
            doubts.push(format!(
                "caller {name}: it may get private keys, but 'export-private-keys' in [server] is off"
            ));
        }
    }
    if !config.server.tokens.is_empty() && config.server.tls.is_none() {
        doubts.push(
            "server: tokens can be read on the way within this machine: there is no [server.tls]"
                .to_owned(),
        );
    }
    if let Err(refused) = check_served_approvals(&config.approvals, &config.callers) {
        doubts.push(format!("{refused}, so no server begins"));
    }
    doubts.extend(http_doubt(&config.server));
    doubts
}

/// Probes and numbers go out readable, to whoever asks.
pub(crate) fn http_doubt(config: &ServerConfig) -> Option<String> {
    let address = config.http?;
    let is_here = address.ip().to_canonical().is_loopback();
    (!is_here).then(|| {
        format!(
            "server: whoever reaches {address} sees readiness and metrics: 'http' in [server] has neither TLS nor callers, so let \
             it listen on this machine, or let a firewall say who gets there"
        )
    })
}

/// Operations of a grant for some keys that no key limits: it does not give them.
fn beyond_its_keys(config: &GrantConfig) -> Vec<&'static str> {
    let Ok(grant) = grant(config) else {
        return Vec::new();
    };
    let whole = grant.clone().with_keys(Vec::new());
    let named = Operation::ALL.iter().filter(|it| whole.allows(**it));
    let beyond = named.filter(|operation| !grant.allows(**operation));
    beyond.map(|operation| operation.name()).collect()
}

fn exports(caller: &CallerConfig) -> bool {
    let mut grants = caller.grants.iter();
    grants.any(|config| grant(config).is_ok_and(|grant| grant.allows(Operation::KeysExport)))
}
