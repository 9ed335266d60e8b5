//! Whoever reads a plan types what stands in it.

use clap::Parser as _;
use strongroom_crypto::Fingerprint;
use strongroom_store::BackupId;

use super::*;
use crate::args::Cli;

fn key() -> Fingerprint {
    format!("1220{}", "ab".repeat(32)).parse().unwrap()
}

fn acts() -> Vec<Act> {
    let (key, kms, wrapper_key_id) = (key(), "cloud".to_owned(), "w".to_owned());
    let mut acts = vec![
        Act::LeaveQuarantine,
        Act::ReadAudit,
        Act::SealClearKeys,
        Act::LookAtWrapperKey,
        Act::LookAtRoot,
        Act::LookAtKeys(vec![key]),
        Act::BeginRotation(Some(key)),
        Act::BeginRotation(None),
        Act::FinishRotation,
        Act::BackUp,
        Act::ReplacePartyKey(key),
        Act::ReviewStatements(key),
        Act::Retire(key),
        Act::DestroyInKms {
            key,
            kms: kms.clone(),
        },
        Act::SecureKms("file".to_owned()),
        Act::SecureKms(kms.clone()),
        Act::CheckWraps,
        Act::RotateWrapperKey {
            kms: kms.clone(),
            wrapper_key_id: wrapper_key_id.clone(),
        },
        Act::ResumeWrapperKeyRotation,
        Act::ReplaceRecoveryKey {
            kms: kms.clone(),
            wrapper_key_id: wrapper_key_id.clone(),
        },
        Act::DestroyBackups(vec![BackupId::from_bytes([7; 16])]),
        Act::PruneDataKeys,
        Act::DisableWrapperKey {
            kms,
            wrapper_key_id,
        },
        Act::NewNamespace,
    ];
    for root_is_here in [true, false] {
        acts.extend([
            Act::ReplaceDelegate { root_is_here },
            Act::Revoke { key, root_is_here },
            Act::BurnNamespace {
                root: key,
                root_is_here,
            },
        ]);
    }
    acts
}

#[test]
fn every_command_of_a_plan_is_one_that_the_program_takes() {
    let words = Words {
        key_files: vec!["file".to_owned()],
        clouds: vec![("cloud".to_owned(), "aws")],
    };
    let store = format!("synchronizer:da::{}::34-0", key());
    for act in acts() {
        let (what, commands) = words.of_act(&act);
        assert!(!what.is_empty());
        assert!(!commands.is_empty(), "{act:?} says nothing to do");
        for command in commands {
            let typed = command.replace("synchronizer:ID", &store);
            let typed = typed.replace("TIME", "2026-11-28T12:00:00Z");
            let parsed = Cli::try_parse_from(typed.split(' '));
            assert!(parsed.is_ok(), "{command}: {}", parsed.unwrap_err());
        }
    }
}
