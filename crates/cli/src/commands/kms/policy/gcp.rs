//! A custom role of Google's IAM, and its binding on the key ring.

use serde::Serialize;
use strongroom_config::{Config, GcpConfig, KmsConfig, KmsProviderConfig};

use super::{Mode, Options, Role, section};
use crate::failure::CliError;

/// What `projects.roles.create` takes, and what is added to the policy of the key ring.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Policy {
    /// Where the role is made.
    parent: String,
    role_id: &'static str,
    role: CustomRole,
    /// What the binding is set on: permissions on other key rings are not given.
    resource: String,
    policy: Bindings,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CustomRole {
    title: &'static str,
    stage: &'static str,
    included_permissions: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct Bindings {
    /// 3 is the version of policies with conditions.
    version: u8,
    bindings: [Binding; 1],
}

#[derive(Debug, Serialize)]
struct Binding {
    role: String,
    members: [String; 1],
    condition: Condition,
}

#[derive(Debug, Serialize)]
struct Condition {
    title: &'static str,
    expression: String,
}

/// The policy for whoever is meant.
pub(super) fn policy(config: &Config, options: &Options) -> Result<Policy, CliError> {
    let expected = "the name of a [[kms]] section of the type gcp";
    let pick = |kms: &KmsConfig| match &kms.provider {
        KmsProviderConfig::Gcp(gcp) => Some((gcp.clone(), kms.wrapper_key_id.clone())),
        _ => None,
    };
    let (gcp, wrapper_key) = section(config, options, pick, ("gcp", expected))?;
    let member = options.member.clone();
    let member = member.ok_or(CliError::FlagMissing { flag: "--member" })?;
    Ok(of(
        &gcp,
        wrapper_key.as_deref(),
        (options.role, options.mode),
        member,
    ))
}

fn of(
    gcp: &GcpConfig,
    wrapper_key: Option<&str>,
    (role, mode): (Role, Mode),
    member: String,
) -> Policy {
    let configured = format!(
        "projects/{}/locations/{}/keyRings/{}",
        gcp.project, gcp.location, gcp.key_ring
    );
    // What is bound to one key is bound where that key is, which may be elsewhere.
    let wrapper_key = wrapper_key
        .filter(|_named| (role, mode) == (Role::Node, Mode::Envelope))
        .map(|named| full_name(&configured, named));
    let ring = wrapper_key
        .as_deref()
        .and_then(ring_of)
        .unwrap_or(&configured);
    let (role_id, title) = match (role, mode) {
        (Role::Node, Mode::Envelope) => ("strongroomNodeEnvelope", "Strongroom node, envelope"),
        (Role::Node, Mode::External) => ("strongroomNodeExternal", "Strongroom node, external"),
        (Role::Administrator, Mode::Envelope) => (
            "strongroomAdministratorEnvelope",
            "Strongroom key administrator, envelope",
        ),
        (Role::Administrator, Mode::External) => (
            "strongroomAdministratorExternal",
            "Strongroom key administrator, external",
        ),
    };
    let parent = format!("projects/{}", gcp.project);
    let binding = Binding {
        role: format!("{parent}/roles/{role_id}"),
        members: [member],
        condition: condition(ring, wrapper_key.as_deref(), role),
    };
    Policy {
        parent,
        role_id,
        role: CustomRole {
            title,
            stage: "GA",
            included_permissions: permissions(role, mode),
        },
        resource: ring.to_owned(),
        policy: Bindings {
            version: 3,
            bindings: [binding],
        },
    }
}

/// Looking at a key shows neither material nor public half; it tells why a use was refused.
fn permissions(role: Role, mode: Mode) -> Vec<&'static str> {
    match (role, mode) {
        (Role::Node, Mode::Envelope) => vec![
            "cloudkms.cryptoKeyVersions.get",
            "cloudkms.cryptoKeyVersions.useToDecrypt",
            "cloudkms.cryptoKeyVersions.useToEncrypt",
            "cloudkms.cryptoKeys.get",
        ],
        (Role::Node, Mode::External) => vec![
            "cloudkms.cryptoKeyVersions.get",
            "cloudkms.cryptoKeyVersions.list",
            "cloudkms.cryptoKeyVersions.useToDecrypt",
            "cloudkms.cryptoKeyVersions.useToSign",
            "cloudkms.cryptoKeyVersions.viewPublicKey",
        ],
        // Whoever goes on after a crash looks for the key that was left behind.
        (Role::Administrator, Mode::Envelope) => vec![
            "cloudkms.cryptoKeyVersions.destroy",
            "cloudkms.cryptoKeyVersions.get",
            "cloudkms.cryptoKeys.create",
            "cloudkms.cryptoKeys.get",
            "cloudkms.cryptoKeys.list",
        ],
        (Role::Administrator, Mode::External) => vec![
            "cloudkms.cryptoKeyVersions.destroy",
            "cloudkms.cryptoKeyVersions.get",
            "cloudkms.cryptoKeyVersions.list",
            "cloudkms.cryptoKeyVersions.viewPublicKey",
            "cloudkms.cryptoKeys.create",
            "cloudkms.cryptoKeys.get",
            "cloudkms.cryptoKeys.list",
        ],
    }
}

/// The name of a crypto key, without a version.
fn full_name(ring: &str, named: &str) -> String {
    let key = named.split("/cryptoKeyVersions/").next().unwrap_or(named);
    if key.contains('/') {
        key.to_owned()
    } else {
        format!("{ring}/cryptoKeys/{key}")
    }
}

fn ring_of(crypto_key: &str) -> Option<&str> {
    Some(crypto_key.split_once("/cryptoKeys/")?.0)
}

/// The node uses keys, and of wrapper keys the configured one only. Whoever administers also makes and lists them, which are
/// permissions on the ring.
fn condition(ring: &str, wrapper_key: Option<&str>, role: Role) -> Condition {
    let keys = format!("resource.name.startsWith(\"{ring}/cryptoKeys/\")");
    match (role, wrapper_key) {
        (Role::Node, Some(key)) => {
            let versions = format!("resource.name.startsWith(\"{key}/cryptoKeyVersions/\")");
            Condition {
                title: "The wrapper key of this vault",
                expression: format!("resource.name == \"{key}\" || {versions}"),
            }
        }
        (Role::Node, None) => Condition {
            title: "Keys of this key ring",
            expression: keys,
        },
        (Role::Administrator, _) => Condition {
            title: "This key ring and its keys",
            expression: format!("resource.name == \"{ring}\" || {keys}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use strongroom_config::ProtectionLevel;

    use super::*;

    const RING: &str = "projects/ledger/locations/europe-west3/keyRings/vaults";

    fn gcp() -> GcpConfig {
        GcpConfig {
            project: "ledger".to_owned(),
            location: "europe-west3".to_owned(),
            key_ring: "vaults".to_owned(),
            protection_level: ProtectionLevel::Hsm,
            endpoint: None,
            rehearsal: false,
            labels: BTreeMap::new(),
        }
    }

    fn expression(wrapper_key: Option<&str>, role: Role, mode: Mode) -> String {
        let policy = of(&gcp(), wrapper_key, (role, mode), "user:a".to_owned());
        let [binding] = policy.policy.bindings;
        binding.condition.expression
    }

    #[test]
    fn whoever_makes_keys_uses_none_and_the_other_way_round() {
        for mode in [Mode::Envelope, Mode::External] {
            let used = permissions(Role::Node, mode);
            let made = permissions(Role::Administrator, mode);
            assert!(made.contains(&"cloudkms.cryptoKeys.create"));
            assert!(made.iter().all(|permission| !permission.contains(".useTo")));
            for permission in &used {
                for verb in [".create", ".destroy", ".update", ".setIamPolicy"] {
                    assert!(!permission.ends_with(verb), "{permission}");
                }
            }
        }
        let envelope = permissions(Role::Node, Mode::Envelope);
        assert!(!envelope.contains(&"cloudkms.cryptoKeyVersions.useToSign"));
        let external = permissions(Role::Node, Mode::External);
        assert!(!external.contains(&"cloudkms.cryptoKeyVersions.useToEncrypt"));
    }

    #[test]
    fn a_configured_wrapper_key_is_the_only_one_that_a_node_uses() {
        let key = format!("{RING}/cryptoKeys/k");
        let wanted = format!(
            "resource.name == \"{key}\" || resource.name.startsWith(\"{key}/cryptoKeyVersions/\")"
        );
        for named in ["k", &key, &format!("{key}/cryptoKeyVersions/3")] {
            let found = expression(Some(named), Role::Node, Mode::Envelope);
            assert_eq!(found, wanted, "{named}");
        }
        let elsewhere = "projects/q/locations/global/keyRings/r/cryptoKeys/k";
        let policy = of(
            &gcp(),
            Some(elsewhere),
            (Role::Node, Mode::Envelope),
            "user:a".to_owned(),
        );
        assert_eq!(policy.resource, "projects/q/locations/global/keyRings/r");
        let any = expression(None, Role::Node, Mode::Envelope);
        assert_eq!(
            any,
            format!("resource.name.startsWith(\"{RING}/cryptoKeys/\")")
        );
        assert_eq!(expression(Some("k"), Role::Node, Mode::External), any);
    }

    #[test]
    fn making_a_key_is_allowed_on_the_ring_itself() {
        for mode in [Mode::Envelope, Mode::External] {
            let found = expression(Some("k"), Role::Administrator, mode);
            assert!(found.starts_with(&format!("resource.name == \"{RING}\" ||")));
        }
    }
}
