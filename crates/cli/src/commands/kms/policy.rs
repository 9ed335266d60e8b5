//! `kms policy`: what an administrator of the cloud must allow, and nothing more.

use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::{Value, json};
use strongroom_config::{AwsConfig, Config, KmsProviderConfig};
use strongroom_vault::VAULT_TAG;

use crate::{args::Global, failure::CliError, output, session};

/// The tag of every key that is made here.
const CREATED_BY: &str = "aws:ResourceTag/CreatedBy";
const REQUESTED_BY: &str = "aws:RequestTag/CreatedBy";
const US: &str = "Strongroom";

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Which cloud.
    #[arg(value_enum)]
    cloud: Cloud,
    /// How private keys are kept.
    #[arg(long, value_enum, default_value_t = Mode::Envelope)]
    mode: Mode,
    /// Who gets the permissions: the node day by day, or whoever makes and deletes keys.
    #[arg(long = "for", value_enum, default_value_t = Role::Node)]
    role: Role,
    /// The account [default: every account that trusts this one].
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Which KMS, by its configured name [default: the first of the cloud].
    #[arg(long)]
    kms: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Cloud {
    /// AWS: a policy of IAM.
    Aws,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// In the database, sealed: the KMS wraps.
    Envelope,
    /// In the KMS: it signs and decrypts.
    External,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Role {
    /// The node: uses keys, makes none.
    Node,
    /// Whoever makes, rotates and deletes keys, and never uses one.
    Administrator,
}

/// A policy of IAM.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Policy {
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

/// Prints the policy, in the form that the cloud takes, whatever `--output` says.
pub(crate) fn run(global: &Global, options: &Options) -> anyhow::Result<()> {
    let config = session::read_config(global)?;
    let Cloud::Aws = options.cloud;
    let aws = aws_section(&config, options.kms.as_deref())?;
    let keys = keys_of(aws, options.account.as_deref());
    let policy = Policy {
        version: "2012-10-17",
        statement: match options.role {
            Role::Node => vec![use_of_keys(options.mode, &keys, &config.vault.id)],
            Role::Administrator => administration(options.mode, &keys),
        },
    };
    let mut text = serde_json::to_string_pretty(&policy)?;
    text.push('\n');
    output::write(text.as_bytes())?;
    Ok(())
}

fn aws_section<'c>(config: &'c Config, name: Option<&str>) -> anyhow::Result<&'c AwsConfig> {
    let mut sections = config.kms.iter().filter_map(|kms| match &kms.provider {
        KmsProviderConfig::Aws(aws) => Some((kms.name.as_str(), aws)),
        _ => None,
    });
    let found = sections.find(|(known, _)| name.is_none_or(|name| name == *known));
    let found = found.map(|(_, aws)| aws);
    Ok(found.ok_or_else(|| CliError::BadArgument {
        value: name.unwrap_or("aws").to_owned(),
        expected: "the name of a [[kms]] section of the type aws",
    })?)
}

fn keys_of(aws: &AwsConfig, account: Option<&str>) -> String {
    let region = aws.region.as_deref().unwrap_or("*");
    let account = account.unwrap_or("*");
    format!("arn:aws:kms:{region}:{account}:key/*")
}

/// What the node does day by day. Its wraps carry the vault's id in their context, so that the permission opens those of
/// this vault only.
fn use_of_keys(mode: Mode, keys: &str, vault: &str) -> Statement {
    let ours = |more: Value| {
        let mut equals = json!({ CREATED_BY: US });
        if let (Some(all), Value::Object(more)) = (equals.as_object_mut(), more) {
            all.extend(more);
        }
        json!({ "StringEquals": equals })
    };
    match mode {
        Mode::Envelope => Statement {
            sid: "UseWrapperKeys",
            effect: "Allow",
            action: vec!["kms:Decrypt", "kms:Encrypt"],
            resource: keys.to_owned(),
            condition: Some(ours(
                json!({ format!("kms:EncryptionContext:{VAULT_TAG}"): vault }),
            )),
        },
        Mode::External => Statement {
            sid: "UseExternalKeys",
            effect: "Allow",
            action: vec![
                "kms:Decrypt",
                "kms:DescribeKey",
                "kms:GetPublicKey",
                "kms:Sign",
            ],
            resource: keys.to_owned(),
            condition: Some(ours(json!({}))),
        },
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
            let used = [use_of_keys(mode, "keys", "00")];
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
            statements.push(use_of_keys(mode, "arn:aws:kms:r:1:key/*", "00"));
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
    fn wraps_of_another_vault_are_not_opened() {
        let statement = use_of_keys(Mode::Envelope, "keys", "0123");
        let bound = &statement.condition.unwrap()["StringEquals"];
        assert_eq!(bound["kms:EncryptionContext:strongroom-vault"], "0123");
    }
}
