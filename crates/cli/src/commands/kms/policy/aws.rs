//! A policy of AWS IAM.

use serde::Serialize;
use serde_json::{Map, Value, json};
use strongroom_config::{AwsConfig, Config, KmsConfig, KmsProviderConfig};
use strongroom_vault::{ANCHOR_TAG_PREFIX, VAULT_TAG};

use super::{Mode, Options, Role, sections};
use crate::failure::CliError;

/// The tag of every key that is made here.
const CREATED_BY: &str = "aws:ResourceTag/CreatedBy";
const REQUESTED_BY: &str = "aws:RequestTag/CreatedBy";
const US: &str = "Strongroom";

/// A policy of IAM.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Policy {
    version: &'static str,
    statement: Vec<Statement>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    sid: String,
    effect: &'static str,
    action: Vec<&'static str>,
    resource: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<Value>,
}

/// The policy for whoever is meant: statements for each section of the cloud, since a node fails over from one to the next.
pub(super) fn policy(config: &Config, options: &Options) -> Result<Policy, CliError> {
    let expected = "the name of a [[kms]] section of the type aws";
    let pick = |kms: &KmsConfig| match &kms.provider {
        KmsProviderConfig::Aws(aws) => {
            let mut region = Region::of(kms, aws, options.account.as_deref());
            region.is_anchor = config.anchor.kms_tag.as_ref() == Some(&kms.name);
            Some(region)
        }
        _ => None,
    };
    let regions = sections(config, options, pick, ("aws", expected))?;
    let only_one = regions.len() == 1;
    let mut statement = Vec::new();
    for region in &regions {
        for role in &options.roles {
            let mut of_role = region.statements(*role, options.mode, &config.vault.id);
            if !only_one {
                of_role
                    .iter_mut()
                    .for_each(|it| it.sid.push_str(&region.name));
            }
            statement.extend(of_role);
        }
    }
    Ok(Policy {
        version: "2012-10-17",
        statement,
    })
}

/// What the statements of a section are about.
struct Region {
    /// Its name, as a part of the id of a statement: letters and digits.
    name: String,
    /// Every key of the region.
    keys: String,
    wrapper_key: WrapperKey,
    /// A tag of its wrapper key is an anchor.
    is_anchor: bool,
}

/// The wrapper key that the configuration names.
enum WrapperKey {
    /// None: those that were made here, by their tag.
    Tagged,
    /// One key, whoever made it.
    Key(String),
    /// Whatever an alias means.
    Alias(String),
}

impl Region {
    fn of(kms: &KmsConfig, aws: &AwsConfig, account: Option<&str>) -> Self {
        let region = aws.region.as_deref().unwrap_or("*");
        let partition = match region {
            china if china.starts_with("cn-") => "aws-cn",
            government if government.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        };
        let place = format!("arn:{partition}:kms:{region}:{}", account.unwrap_or("*"));
        let wrapper_key = match kms.wrapper_key_id.as_deref() {
            None => WrapperKey::Tagged,
            Some(id) => match id.rsplit_once("alias/") {
                Some((_arn, alias)) => WrapperKey::Alias(format!("alias/{alias}")),
                None if id.starts_with("arn:") => WrapperKey::Key(id.to_owned()),
                None => WrapperKey::Key(format!("{place}:key/{id}")),
            },
        };
        let plain = kms.name.chars().filter(char::is_ascii_alphanumeric);
        Self {
            name: plain.collect(),
            keys: format!("{place}:key/*"),
            wrapper_key,
            is_anchor: false,
        }
    }

    fn statements(&self, role: Role, mode: Mode, vault: &str) -> Vec<Statement> {
        match role {
            Role::Node => self.work(mode, vault),
            Role::Administrator => self.administration(mode, vault),
            Role::Deletion => self.deletion(vault),
        }
    }

    /// What the node does day by day. Whatever its custody, a vault has a data key, whose wraps it opens.
    fn work(&self, mode: Mode, vault: &str) -> Vec<Statement> {
        // Wraps carry the vault's id in their context, so that the permission opens those of this vault only.
        let context = format!("kms:EncryptionContext:{VAULT_TAG}");
        let wraps = self.of_wrapper_keys(
            "UseWrapperKeys",
            vec!["kms:Decrypt", "kms:Encrypt"],
            Some((context, vault)),
        );
        // The alarm when a wrapper key is disabled or about to be deleted. The question has no context to be bound to.
        let looks = vec!["kms:DescribeKey", "kms:ListKeyRotations"];
        let watch = self.of_wrapper_keys("WatchWrapperKeys", looks, None);
        let mut statements = vec![wraps, watch];
        if self.is_anchor {
            statements.extend(self.anchor(vault));
        }
        if mode == Mode::External {
            let actions = vec![
                "kms:Decrypt",
                "kms:DescribeKey",
                "kms:GetPublicKey",
                "kms:Sign",
            ];
            statements.push(self.of_keys_of_vault("UseExternalKeys", actions, vault));
        }
        statements
    }

    /// The node writes the one tag that is its anchor, and no other: tags decide here which keys belong to which vault.
    fn anchor(&self, vault: &str) -> [Statement; 2] {
        let tag = format!("{ANCHOR_TAG_PREFIX}{vault}");
        let read = self.of_wrapper_keys("ReadAnchorTag", vec!["kms:ListResourceTags"], None);
        let mut write = self.of_wrapper_keys("WriteAnchorTag", vec!["kms:TagResource"], None);
        let only = json!({ "aws:TagKeys": [tag] });
        let mut condition = match write.condition.take() {
            Some(Value::Object(condition)) => condition,
            _ => Map::new(),
        };
        condition.insert("ForAllValues:StringEquals".to_owned(), only);
        // Without any tag in the request, what is to hold for all of them holds.
        condition.insert("Null".to_owned(), json!({ "aws:TagKeys": "false" }));
        write.condition = Some(Value::Object(condition));
        [read, write]
    }

    fn of_wrapper_keys(
        &self,
        sid: &str,
        action: Vec<&'static str>,
        context: Option<(String, &str)>,
    ) -> Statement {
        let mut equal = Map::new();
        if let Some((name, value)) = context {
            equal.insert(name, value.into());
        }
        let mut condition = Map::new();
        let resource = match &self.wrapper_key {
            WrapperKey::Key(arn) => arn.clone(),
            WrapperKey::Tagged => {
                equal.insert(CREATED_BY.to_owned(), US.into());
                self.keys.clone()
            }
            WrapperKey::Alias(alias) => {
                let named = json!({ "kms:ResourceAliases": alias });
                condition.insert("ForAnyValue:StringEquals".to_owned(), named);
                self.keys.clone()
            }
        };
        if !equal.is_empty() {
            condition.insert("StringEquals".to_owned(), Value::Object(equal));
        }
        Statement {
            condition: (!condition.is_empty()).then_some(Value::Object(condition)),
            ..allow(sid, action, resource)
        }
    }

    /// Asymmetric keys have no context; a tag binds each to its vault.
    fn of_keys_of_vault(&self, sid: &str, action: Vec<&'static str>, vault: &str) -> Statement {
        let tag = format!("aws:ResourceTag/{VAULT_TAG}");
        Statement {
            condition: Some(json!({ "StringEquals": { CREATED_BY: US, tag: vault } })),
            ..allow(sid, action, self.keys.clone())
        }
    }

    /// Makes keys for this vault and finds them again; whoever goes on after a crash looks for the key that was left behind.
    ///
    /// To re-encrypt is not among it: whoever may make a key may give it a policy of their own, and would have the wrap moved
    /// under it. Neither is deletion: whoever may put our tag on a new key may put it on any key.
    fn administration(&self, mode: Mode, vault: &str) -> Vec<Statement> {
        let tag = format!("aws:RequestTag/{VAULT_TAG}");
        let make = Statement {
            condition: Some(json!({ "StringEquals": { REQUESTED_BY: US, tag: vault } })),
            ..allow(
                "MakeKeys",
                vec!["kms:CreateKey", "kms:TagResource"],
                "*".to_owned(),
            )
        };
        let mut look = vec!["kms:DescribeKey"];
        if mode == Mode::External {
            look.push("kms:GetPublicKey");
        }
        let find = vec!["kms:ListKeys", "kms:ListResourceTags"];
        let mut statements = vec![
            make,
            self.of_keys_of_vault("LookAtKeys", look, vault),
            allow("FindKeys", find, "*".to_owned()),
        ];
        if mode == Mode::External {
            // AWS gives a key no other material than its first, and none to a key that it made itself.
            let actions = vec!["kms:GetParametersForImport", "kms:ImportKeyMaterial"];
            statements.push(self.of_keys_of_vault("ImportKeys", actions, vault));
        }
        statements
    }

    /// Deletes keys of this vault, and tags none. What an interruption left behind is found by its tags first.
    fn deletion(&self, vault: &str) -> Vec<Statement> {
        let actions = vec!["kms:DescribeKey", "kms:ScheduleKeyDeletion"];
        let find = vec!["kms:ListKeys", "kms:ListResourceTags"];
        vec![
            self.of_keys_of_vault("DeleteKeys", actions, vault),
            allow("FindKeysToDelete", find, "*".to_owned()),
        ]
    }
}

fn allow(sid: &str, action: Vec<&'static str>, resource: String) -> Statement {
    Statement {
        sid: sid.to_owned(),
        effect: "Allow",
        action,
        resource,
        condition: None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const ROLES: [Role; 3] = [Role::Node, Role::Administrator, Role::Deletion];
    const MODES: [Mode; 2] = [Mode::Envelope, Mode::External];

    fn region(wrapper_key: Option<&str>) -> Region {
        let aws = AwsConfig {
            region: Some("eu-central-1".to_owned()),
            ..AwsConfig::default()
        };
        let mut kms = KmsConfig::new("frankfurt-1", KmsProviderConfig::Aws(aws.clone()));
        kms.wrapper_key_id = wrapper_key.map(ToOwned::to_owned);
        Region::of(&kms, &aws, Some("1234"))
    }

    fn actions(role: Role, mode: Mode) -> Vec<&'static str> {
        let statements = region(None).statements(role, mode, "0123");
        statements.into_iter().flat_map(|it| it.action).collect()
    }

    #[test]
    fn nobody_has_two_of_using_making_and_deleting() {
        let using = ["kms:Decrypt", "kms:Encrypt", "kms:Sign"];
        let making = ["kms:CreateKey", "kms:ImportKeyMaterial", "kms:TagResource"];
        let deleting = ["kms:ScheduleKeyDeletion"];
        let may = |role, any: &[&str]| {
            MODES
                .iter()
                .any(|mode| actions(role, *mode).iter().any(|it| any.contains(it)))
        };
        for (role, wanted) in ROLES.into_iter().zip([
            (true, false, false),
            (false, true, false),
            (false, false, true),
        ]) {
            let found = (may(role, &using), may(role, &making), may(role, &deleting));
            assert_eq!(found, wanted, "{role:?}");
        }
    }

    #[test]
    fn statements_of_all_roles_together_have_ids_of_their_own() {
        for mode in MODES {
            let all = ROLES.into_iter();
            let all = all.flat_map(|role| region(None).statements(role, mode, "0123"));
            let ids: Vec<_> = all.map(|statement| statement.sid).collect();
            let different: BTreeSet<_> = ids.iter().collect();
            assert_eq!(different.len(), ids.len(), "{ids:?}");
        }
    }

    #[test]
    fn a_node_whose_anchor_is_a_tag_writes_that_tag_and_no_other() {
        let mut region = region(None);
        region.is_anchor = true;
        let statements = region.work(Mode::Envelope, "0123");
        let mut writes = statements
            .into_iter()
            .filter(|it| it.action.contains(&"kms:TagResource"));
        let write = writes.next().unwrap();
        assert!(writes.next().is_none());
        assert_eq!(write.action, ["kms:TagResource"]);
        let condition = write.condition.unwrap();
        let tags = &condition["ForAllValues:StringEquals"]["aws:TagKeys"];
        assert_eq!(*tags, json!(["strongroom-anchor-0123"]));
        assert_eq!(condition["Null"]["aws:TagKeys"], "false");
        assert_eq!(condition["StringEquals"][CREATED_BY], US);
    }

    #[test]
    fn keys_are_imported_by_the_administrator_of_external_keys_only() {
        for role in ROLES {
            for mode in MODES {
                let may = actions(role, mode).contains(&"kms:ImportKeyMaterial");
                let should = role == Role::Administrator && mode == Mode::External;
                assert_eq!(may, should, "{role:?} {mode:?}");
            }
        }
    }

    #[test]
    fn nothing_moves_a_wrap_to_a_key_of_somebody_else() {
        for role in ROLES {
            for mode in MODES {
                let found = actions(role, mode);
                let moves =
                    |action: &&str| action.contains("ReEncrypt") || action.contains("Policy");
                assert!(!found.iter().any(moves), "{role:?}: {found:?}");
            }
        }
    }

    #[test]
    fn whatever_changes_or_uses_a_key_is_bound_to_this_vault() {
        // To look for keys there is nothing to be bound to.
        let looks = [
            "kms:ListKeys",
            "kms:ListResourceTags",
            "kms:DescribeKey",
            "kms:ListKeyRotations",
        ];
        for role in ROLES {
            for mode in MODES {
                for statement in region(None).statements(role, mode, "0123") {
                    if statement.action.iter().all(|action| looks.contains(action)) {
                        continue;
                    }
                    let condition = statement.condition.unwrap().to_string();
                    assert!(condition.contains("\"0123\""), "{}", statement.sid);
                    assert!(condition.contains(US), "{}", statement.sid);
                }
            }
        }
    }

    #[test]
    fn a_configured_wrapper_key_is_the_one_that_is_allowed_whoever_made_it() {
        let arn = "arn:aws:kms:eu-central-1:1234:key/mrk-5";
        for id in [arn, "mrk-5"] {
            for statement in region(Some(id)).work(Mode::Envelope, "0123") {
                assert_eq!(statement.resource, arn);
                let bound = statement.condition.unwrap_or_default().to_string();
                assert!(!bound.contains("CreatedBy"), "{bound}");
            }
        }
        for alias in ["alias/vault", "arn:aws:kms:eu-central-1:1234:alias/vault"] {
            for statement in region(Some(alias)).work(Mode::Envelope, "0123") {
                let condition = statement.condition.unwrap();
                let named = &condition["ForAnyValue:StringEquals"]["kms:ResourceAliases"];
                assert_eq!(named, "alias/vault");
            }
        }
    }

    #[test]
    fn the_partition_is_that_of_the_region() {
        for (region, partition) in [
            ("eu-central-1", "arn:aws:kms:eu-central-1:*:key/*"),
            ("cn-north-1", "arn:aws-cn:kms:cn-north-1:*:key/*"),
            ("us-gov-west-1", "arn:aws-us-gov:kms:us-gov-west-1:*:key/*"),
        ] {
            let aws = AwsConfig {
                region: Some(region.to_owned()),
                ..AwsConfig::default()
            };
            let kms = KmsConfig::new("aws", KmsProviderConfig::Aws(aws.clone()));
            assert_eq!(Region::of(&kms, &aws, None).keys, partition);
        }
    }
}
