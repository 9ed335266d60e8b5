//! A policy of AWS IAM.

use serde::Serialize;
use serde_json::{Value, json};
use strongroom_config::{AwsConfig, Config, KmsConfig, KmsProviderConfig};
use strongroom_vault::VAULT_TAG;

use super::{Mode, Options, Role, section};
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
    sid: &'static str,
    effect: &'static str,
    action: Vec<&'static str>,
    resource: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<Value>,
}

/// The policy for whoever is meant.
pub(super) fn policy(config: &Config, options: &Options) -> Result<Policy, CliError> {
    let expected = "the name of a [[kms]] section of the type aws";
    let pick = |kms: &KmsConfig| match &kms.provider {
        KmsProviderConfig::Aws(aws) => Some(aws.clone()),
        _ => None,
    };
    let aws = section(config, options, pick, ("aws", expected))?;
    let keys = keys_of(&aws, options.account.as_deref());
    Ok(Policy {
        version: "2012-10-17",
        statement: match options.role {
            Role::Node => work(options.mode, &keys, &config.vault.id),
            Role::Administrator => administration(options.mode, &keys),
        },
    })
}

fn keys_of(aws: &AwsConfig, account: Option<&str>) -> String {
    let region = aws.region.as_deref().unwrap_or("*");
    let account = account.unwrap_or("*");
    format!("arn:aws:kms:{region}:{account}:key/*")
}

/// What the node does day by day. Whatever its custody, a vault has a data key, whose wraps it opens.
fn work(mode: Mode, keys: &str, vault: &str) -> Vec<Statement> {
    let mut statements = vec![
        use_of_wrapper_keys(keys, vault),
        // The alarm when a wrapper key is disabled or about to be deleted. The question has no context to be bound to.
        Statement {
            sid: "WatchKeys",
            effect: "Allow",
            action: vec!["kms:DescribeKey"],
            resource: keys.to_owned(),
            condition: Some(json!({ "StringEquals": { CREATED_BY: US } })),
        },
    ];
    if mode == Mode::External {
        statements.push(use_of_external_keys(keys, vault));
    }
    statements
}

/// Wraps carry the vault's id in their context, so that the permission opens those of this vault only.
fn use_of_wrapper_keys(keys: &str, vault: &str) -> Statement {
    let context = format!("kms:EncryptionContext:{VAULT_TAG}");
    Statement {
        sid: "UseWrapperKeys",
        effect: "Allow",
        action: vec!["kms:Decrypt", "kms:Encrypt"],
        resource: keys.to_owned(),
        condition: Some(json!({ "StringEquals": { CREATED_BY: US, context: vault } })),
    }
}

/// Asymmetric keys have no context; a tag binds each to its vault.
fn use_of_external_keys(keys: &str, vault: &str) -> Statement {
    let tag = format!("aws:ResourceTag/{VAULT_TAG}");
    Statement {
        sid: "UseExternalKeys",
        effect: "Allow",
        action: vec!["kms:Decrypt", "kms:GetPublicKey", "kms:Sign"],
        resource: keys.to_owned(),
        condition: Some(json!({ "StringEquals": { CREATED_BY: US, tag: vault } })),
    }
}

fn administration(mode: Mode, keys: &str) -> Vec<Statement> {
    let mut of_keys = vec!["kms:DescribeKey", "kms:ScheduleKeyDeletion"];
    match mode {
        // Moves a wrap from one key to another inside of the KMS: what is wrapped is not seen.
        Mode::Envelope => of_keys.extend(["kms:ReEncryptFrom", "kms:ReEncryptTo"]),
        Mode::External => of_keys.push("kms:GetPublicKey"),
    }
    vec![
        Statement {
            sid: "MakeKeys",
            effect: "Allow",
            action: vec!["kms:CreateKey", "kms:TagResource"],
            resource: "*".to_owned(),
            condition: Some(json!({ "StringEquals": { REQUESTED_BY: US } })),
        },
        Statement {
            sid: "KeepKeys",
            effect: "Allow",
            action: of_keys,
            resource: keys.to_owned(),
            condition: Some(json!({ "StringEquals": { CREATED_BY: US } })),
        },
        // Whoever goes on after a crash looks for the key that was left behind.
        Statement {
            sid: "FindKeys",
            effect: "Allow",
            action: vec!["kms:ListKeys", "kms:ListResourceTags"],
            resource: "*".to_owned(),
            condition: None,
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actions(statements: &[Statement]) -> Vec<&str> {
        let all = statements.iter().flat_map(|it| it.action.iter().copied());
        all.collect()
    }

    #[test]
    fn whoever_makes_keys_uses_none_and_the_other_way_round() {
        for mode in [Mode::Envelope, Mode::External] {
            let used = work(mode, "keys", "00");
            let made = administration(mode, "keys");
            for action in [
                "kms:CreateKey",
                "kms:ScheduleKeyDeletion",
                "kms:TagResource",
            ] {
                assert!(!actions(&used).contains(&action), "{action}");
                assert!(actions(&made).contains(&action), "{action}");
            }
            for action in ["kms:Decrypt", "kms:Encrypt", "kms:Sign"] {
                assert!(!actions(&made).contains(&action), "{action}");
            }
        }
    }

    #[test]
    fn every_permission_on_a_key_is_bound_to_our_tag() {
        for mode in [Mode::Envelope, Mode::External] {
            let mut statements = administration(mode, "arn:aws:kms:r:1:key/*");
            statements.extend(work(mode, "arn:aws:kms:r:1:key/*", "00"));
            for statement in statements.iter().filter(|it| it.resource != "*") {
                let condition = statement.condition.as_ref().unwrap();
                assert_eq!(
                    condition["StringEquals"][CREATED_BY], US,
                    "{}",
                    statement.sid
                );
            }
        }
    }

    #[test]
    fn keys_of_another_vault_are_not_used() {
        for mode in [Mode::Envelope, Mode::External] {
            for statement in work(mode, "keys", "0123") {
                let bound = &statement.condition.unwrap()["StringEquals"];
                let uses = ["kms:Decrypt", "kms:Encrypt", "kms:Sign"];
                if uses.iter().any(|action| statement.action.contains(action)) {
                    let context = &bound["kms:EncryptionContext:strongroom-vault"];
                    let tag = &bound["aws:ResourceTag/strongroom-vault"];
                    assert!(context == "0123" || tag == "0123", "{}", statement.sid);
                }
            }
        }
    }
}
