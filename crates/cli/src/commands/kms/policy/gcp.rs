//! A custom role of Google's IAM, and its binding on the key ring.

use std::collections::BTreeSet;

use serde::Serialize;
use strongroom_config::{Config, GcpConfig, KmsConfig, KmsProviderConfig};

use super::{Mode, Options, Role, sections};
use crate::failure::CliError;

/// What `projects.roles.create` takes, and what is added to the policy of the key ring.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Policy {
    /// Where the role is made.
    parent: String,
    role_id: String,
    role: CustomRole,
    /// What the binding is set on: permissions on other key rings are not given.
    resource: String,
    policy: Bindings,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CustomRole {
    title: String,
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

/// The policy for whoever is meant. It is set on one key ring: with several sections one must be named.
pub(super) fn policy(config: &Config, options: &Options) -> Result<Policy, CliError> {
    let expected = "the name of a [[kms]] section of the type gcp";
    let pick = |kms: &KmsConfig| match &kms.provider {
        KmsProviderConfig::Gcp(gcp) => Some((kms.clone(), gcp.clone())),
        _ => None,
    };
    let found = sections(config, options, pick, ("gcp", expected))?;
    let [(kms, gcp)] = found.as_slice() else {
        return Err(CliError::FlagMissing { flag: "--kms" });
    };
    let member = options.member.clone();
    let member = member.ok_or(CliError::FlagMissing { flag: "--member" })?;
    let meant = (options.roles.as_slice(), options.mode);
    let mut policy = of(gcp, kms.wrapper_key_id.as_deref(), meant, member);
    let is_anchor = config.anchor.kms_tag.as_ref() == Some(&kms.name);
    if is_anchor && options.roles.contains(&Role::Node) {
        policy.allow_labels();
    }
    Ok(policy)
}

impl Policy {
    /// The node writes the label that is its anchor. Google has no narrower permission: this one also sets the other labels, the
    /// primary version and the rotation period of a key, and neither shows nor destroys anything.
    fn allow_labels(&mut self) {
        let permissions = &mut self.role.included_permissions;
        permissions.push("cloudkms.cryptoKeys.update");
        permissions.sort_unstable();
        permissions.dedup();
    }
}

fn of(
    gcp: &GcpConfig,
    wrapper_key: Option<&str>,
    (roles, mode): (&[Role], Mode),
    member: String,
) -> Policy {
    let configured = format!(
        "projects/{}/locations/{}/keyRings/{}",
        gcp.project, gcp.location, gcp.key_ring
    );
    let only_uses = roles.iter().all(|role| *role == Role::Node);
    // What is bound to one key is bound where that key is, which may be elsewhere.
    let wrapper_key = wrapper_key
        .filter(|_named| only_uses && mode == Mode::Envelope)
        .map(|named| full_name(&configured, named));
    let ring = wrapper_key
        .as_deref()
        .and_then(ring_of)
        .unwrap_or(&configured);
    let names: Vec<&str> = roles.iter().map(|role| name(*role)).collect();
    let (id, kept) = match mode {
        Mode::Envelope => ("Envelope", "envelope"),
        Mode::External => ("External", "external"),
    };
    let role_id = format!("strongroom{}{id}", names.concat());
    let parent = format!("projects/{}", gcp.project);
    let binding = Binding {
        role: format!("{parent}/roles/{role_id}"),
        members: [member],
        condition: condition(ring, wrapper_key.as_deref(), only_uses),
    };
    let permissions = roles.iter().flat_map(|role| permissions(*role, mode));
    let permissions: BTreeSet<_> = permissions.collect();
    Policy {
        parent,
        role_id,
        role: CustomRole {
            title: format!("Strongroom, {kept}: {}", names.join(", ").to_lowercase()),
            stage: "GA",
            included_permissions: permissions.into_iter().collect(),
        },
        resource: ring.to_owned(),
        policy: Bindings {
            version: 3,
            bindings: [binding],
        },
    }
}

const fn name(role: Role) -> &'static str {
    match role {
        Role::Node => "Node",
        Role::Administrator => "Administrator",
        Role::Deletion => "Deletion",
    }
}

/// Looking at a key shows neither material nor public half; it tells why a use was refused, and what became of a wrapper key.
fn permissions(role: Role, mode: Mode) -> Vec<&'static str> {
    let mut permissions = vec!["cloudkms.cryptoKeyVersions.get", "cloudkms.cryptoKeys.get"];
    match role {
        // Whatever its custody, a vault has a data key, which is wrapped.
        Role::Node => permissions.extend([
            "cloudkms.cryptoKeyVersions.useToDecrypt",
            "cloudkms.cryptoKeyVersions.useToEncrypt",
        ]),
        // Whoever goes on after a crash looks for the key that was left behind.
        Role::Administrator => {
            permissions.extend(["cloudkms.cryptoKeys.create", "cloudkms.cryptoKeys.list"]);
        }
        Role::Deletion => permissions.extend([
            "cloudkms.cryptoKeyVersions.destroy",
            "cloudkms.cryptoKeys.list",
        ]),
    }
    if mode == Mode::External {
        permissions.push("cloudkms.cryptoKeyVersions.list");
        match role {
            Role::Node => permissions.extend([
                "cloudkms.cryptoKeyVersions.useToSign",
                "cloudkms.cryptoKeyVersions.viewPublicKey",
            ]),
            // An import is a new version, of material that travels under the wrapping key of a job.
            Role::Administrator => permissions.extend([
                "cloudkms.cryptoKeyVersions.create",
                "cloudkms.cryptoKeyVersions.viewPublicKey",
                "cloudkms.importJobs.create",
                "cloudkms.importJobs.get",
                "cloudkms.importJobs.list",
                "cloudkms.importJobs.useToImport",
            ]),
            Role::Deletion => {}
        }
    }
    permissions
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

/// The node uses keys, and of wrapper keys the configured one only. Whoever makes keys also lists them, which are permissions on the
/// ring. Google's conditions see the name of a key and not its labels: keys of other vaults in the same ring are not told apart.
fn condition(ring: &str, wrapper_key: Option<&str>, only_uses: bool) -> Condition {
    let keys = format!("resource.name.startsWith(\"{ring}/cryptoKeys/\")");
    match wrapper_key {
        Some(key) => {
            let versions = format!("resource.name.startsWith(\"{key}/cryptoKeyVersions/\")");
            Condition {
                title: "The wrapper key of this vault",
                expression: format!("resource.name == \"{key}\" || {versions}"),
            }
        }
        None if only_uses => Condition {
            title: "Keys of this key ring",
            expression: keys,
        },
        None => Condition {
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
        let policy = of(&gcp(), wrapper_key, (&[role], mode), "user:a".to_owned());
        let [binding] = policy.policy.bindings;
        binding.condition.expression
    }

    #[test]
    fn nobody_has_two_of_using_making_and_deleting() {
        for mode in [Mode::Envelope, Mode::External] {
            for (role, wanted) in [
                (Role::Node, [true, false, false]),
                (Role::Administrator, [false, true, false]),
                (Role::Deletion, [false, false, true]),
            ] {
                let found = permissions(role, mode);
                let may = |verb: &str| found.iter().any(|it| it.contains(verb));
                let may = [may("Versions.useTo"), may(".create"), may(".destroy")];
                assert_eq!(may, wanted, "{role:?}");
                for verb in [".update", ".setIamPolicy"] {
                    assert!(found.iter().all(|it| !it.ends_with(verb)), "{role:?}");
                }
            }
        }
        let envelope = permissions(Role::Node, Mode::Envelope);
        assert!(!envelope.contains(&"cloudkms.cryptoKeyVersions.useToSign"));
    }

    #[test]
    fn a_node_wraps_and_watches_its_wrapper_key_in_either_custody() {
        for mode in [Mode::Envelope, Mode::External] {
            let found = permissions(Role::Node, mode);
            for needed in [
                "cloudkms.cryptoKeyVersions.useToEncrypt",
                "cloudkms.cryptoKeyVersions.useToDecrypt",
                "cloudkms.cryptoKeys.get",
            ] {
                assert!(found.contains(&needed), "{mode:?}: {needed}");
            }
        }
    }

    #[test]
    fn a_node_whose_anchor_is_a_label_may_write_labels() {
        let meant: (&[Role], Mode) = (&[Role::Node], Mode::Envelope);
        let mut policy = of(&gcp(), Some("k"), meant, "user:a".to_owned());
        let without = policy.role.included_permissions.clone();
        policy.allow_labels();
        let mut with = policy.role.included_permissions;
        with.retain(|permission| !without.contains(permission));
        assert_eq!(with, ["cloudkms.cryptoKeys.update"]);
    }

    #[test]
    fn roles_that_a_command_needs_at_once_are_one_role() {
        let both = [Role::Node, Role::Administrator];
        let policy = of(&gcp(), None, (&both, Mode::External), "user:a".to_owned());
        assert_eq!(policy.role_id, "strongroomNodeAdministratorExternal");
        for role in both {
            for permission in permissions(role, Mode::External) {
                assert!(policy.role.included_permissions.contains(&permission));
            }
        }
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
            (&[Role::Node], Mode::Envelope),
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
