//! Whether whoever has the database is somebody else than whoever commands the wrapper keys, as far as can be seen from
//! here without asking anybody. What cannot be seen is said to be not seen.

use std::{fmt, fs, io, os::unix::fs::MetadataExt, path::Path};

use strongroom_config::{
    Config, DriverConfig, KmsConfig, KmsProviderConfig, LocalConfig, Pkcs11Config, Protection,
    SecretSource,
};
use strongroom_store_sqlite::DATABASE;

use super::{Check, Status, check};

/// Three lines for each KMS: whether wrapper keys can leave it, who is who, and who may decrypt.
pub(super) fn checks(config: &Config, dir: &Path) -> Vec<Check> {
    let database = match &config.store {
        Some(_) => Owner::Server,
        None => Owner::of(&dir.join(DATABASE)),
    };
    let of_kms = |kms: &KmsConfig| {
        let told = [
            extraction(&kms.provider),
            principals(&kms.provider, &database),
            decryption(&kms.provider),
        ];
        let name = kms.name.clone();
        told.map(|(status, told)| check("duties", status, format!("{name}: {told}")))
    };
    config.kms.iter().flat_map(of_kms).collect()
}

type Told = (Status, String);

/// Whether wrapper keys can be taken out of the KMS.
fn extraction(kms: &KmsProviderConfig) -> Told {
    if kms.is_rehearsal() {
        let told = "wrapper keys lie in a simulator, which anybody on this machine may ask";
        return (Status::Warning, told.to_owned());
    }
    let (status, told) = match kms {
        KmsProviderConfig::Aws(_) => (
            Status::Ok,
            "wrapper keys never leave AWS KMS, which has no call for it",
        ),
        KmsProviderConfig::Gcp(_) => (
            Status::Ok,
            "wrapper keys never leave Google Cloud KMS, which has no call for it",
        ),
        KmsProviderConfig::Pkcs11(_) => (
            Status::Ok,
            "wrapper keys are made non-extractable, and the token's attributes are read back when they are made; not looked at now",
        ),
        KmsProviderConfig::Driver(_) => (
            Status::Warning,
            "whether wrapper keys can be extracted is not seen: a driver does not say",
        ),
        KmsProviderConfig::Recovery(_) => (
            Status::Ok,
            "its private half is kept elsewhere, and comes only when somebody brings it",
        ),
        KmsProviderConfig::Local(local) => (
            Status::Warning,
            match local.protection {
                Protection::Passphrase { .. } => {
                    "wrapper keys are in a file, which can be copied: the passphrase is all that guards a copy"
                }
                Protection::UnprotectedKeyFile {} => {
                    "wrapper keys are in a file, which can be copied, and nothing guards a copy"
                }
            },
        ),
    };
    (status, told.to_owned())
}

/// Who we are at the KMS, and who owns the database.
fn principals(kms: &KmsProviderConfig, database: &Owner) -> Told {
    let not_told = |who: &str| {
        let told = format!(
            "{who}; the database belongs to {database}; whether one person commands both is not seen"
        );
        (Status::Ok, told)
    };
    match kms {
        KmsProviderConfig::Local(local) => {
            of_files("the key file", &files_of_local(local), database)
        }
        KmsProviderConfig::Pkcs11(token) => of_token(token, database),
        KmsProviderConfig::Recovery(_) => not_told("nobody needs to be anybody to wrap here"),
        rehearsal if rehearsal.is_rehearsal() => {
            not_told("who we are there is made up, since a simulator asks nobody")
        }
        KmsProviderConfig::Aws(_) => not_told(
            "who we are at AWS is not known: credentials come from the standard chain, and asking takes a further call ('aws sts get-caller-identity' tells)",
        ),
        KmsProviderConfig::Gcp(_) => not_told(
            "who we are at Google is not known: they are the Application Default Credentials, whoever that is",
        ),
        KmsProviderConfig::Driver(DriverConfig::Socket { user, .. }) => {
            let us = Owner::User(rustix::process::geteuid().as_raw());
            let driver = match user {
                Some(user) => Owner::User(*user).to_string(),
                None => "this user or root".to_owned(),
            };
            not_told(&format!(
                "to the driver we are {us}, and it runs as {driver}; who it is at its KMS is not seen"
            ))
        }
        KmsProviderConfig::Driver(DriverConfig::Tls(tls)) => not_told(&format!(
            "to the driver we are who the certificate {} names; who it is at its KMS is not seen",
            tls.certificate_file.display()
        )),
    }
}

/// The files that open the key file.
fn files_of_local(local: &LocalConfig) -> Vec<(&'static str, &Path)> {
    let mut files = vec![("the key file", local.key_file.as_path())];
    if let Protection::Passphrase {
        from: SecretSource::File(path),
    } = &local.protection
    {
        files.push(("the file of its passphrase", path));
    }
    files
}

fn of_token(token: &Pkcs11Config, database: &Owner) -> Told {
    let user = "we are the user of the token (CKU_USER)";
    let (status, pin) = match &token.pin {
        SecretSource::File(path) => of_files("the PIN", &[("the file of the PIN", path)], database),
        SecretSource::Environment(variable) => (
            Status::Ok,
            format!(
                "the PIN is in the environment variable {variable}, who set it is not seen; the database belongs to {database}"
            ),
        ),
        SecretSource::Prompt(_) => (
            Status::Ok,
            format!("the PIN is typed, by whom is not seen; the database belongs to {database}"),
        ),
    };
    (status, format!("{user}; {pin}"))
}

/// Whether one user of the operating system has the database and what opens its wraps.
fn of_files(what: &str, files: &[(&str, &Path)], database: &Owner) -> Told {
    let owners: Vec<_> = files
        .iter()
        .map(|(name, path)| (name, Owner::of(path)))
        .collect();
    let mut told: Vec<_> = owners
        .iter()
        .map(|(name, owner)| format!("{name} belongs to {owner}"))
        .collect();
    told.push(format!("the database belongs to {database}"));
    if owners.iter().any(|(_, owner)| owner.is_surely(database)) {
        told.push(format!(
            "whoever takes over that user has {what} and the database"
        ));
    }
    let differ = owners
        .iter()
        .all(|(_, owner)| owner.is_surely_not(database));
    let status = if differ { Status::Ok } else { Status::Warning };
    (status, told.join("; "))
}

/// Who may have wraps opened.
fn decryption(kms: &KmsProviderConfig) -> Told {
    let told = match kms {
        rehearsal if rehearsal.is_rehearsal() => {
            "whoever reaches the simulator may decrypt".to_owned()
        }
        KmsProviderConfig::Aws(_) => {
            "who may decrypt is not seen: IAM and the key's policy decide; 'strongroom kms policy aws' prints what a node needs, and no more"
                .to_owned()
        }
        KmsProviderConfig::Gcp(_) => {
            "who may decrypt is not seen: IAM of the key ring and above decides; 'strongroom kms policy gcp' prints what a node needs, and no more"
                .to_owned()
        }
        KmsProviderConfig::Pkcs11(_) => "whoever has the PIN and reaches the token may decrypt".to_owned(),
        KmsProviderConfig::Driver(_) => {
            "who may decrypt is not seen: the KMS behind the driver decides".to_owned()
        }
        KmsProviderConfig::Recovery(_) => {
            "whoever has its private half, and its passphrase or enough shares, may decrypt".to_owned()
        }
        KmsProviderConfig::Local(local) => match local.protection {
            Protection::Passphrase { .. } => {
                "whoever reads the key file and has the passphrase may decrypt".to_owned()
            }
            Protection::UnprotectedKeyFile {} => {
                "whoever reads the key file may decrypt".to_owned()
            }
        },
    };
    (Status::Ok, told)
}

/// Whom a file belongs to.
enum Owner {
    /// The number of a user of the operating system, which names may share.
    User(u32),
    /// Whoever runs a server, and its administrators: other people, or the same.
    Server,
    /// The system did not say.
    NotSeen(io::Error),
}

impl Owner {
    fn of(path: &Path) -> Self {
        match fs::metadata(path) {
            Ok(metadata) => Self::User(metadata.uid()),
            Err(error) => Self::NotSeen(error),
        }
    }

    fn is_surely(&self, other: &Self) -> bool {
        matches!((self, other), (Self::User(one), Self::User(two)) if one == two)
    }

    /// Somebody who is not seen is not somebody else.
    fn is_surely_not(&self, other: &Self) -> bool {
        matches!((self, other), (Self::User(one), Self::User(two)) if one != two)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(number) => write!(f, "OS user {number}"),
            Self::Server => f.write_str("whoever administers the server, who is not seen"),
            Self::NotSeen(error) => write!(f, "somebody who is not seen ({error})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use strongroom_config::{AwsConfig, PromptTag};

    use super::*;

    fn user(number: u32) -> Owner {
        Owner::User(number)
    }

    #[test]
    fn somebody_who_is_not_seen_is_neither_the_same_nor_another() {
        let hidden = || Owner::NotSeen(io::ErrorKind::PermissionDenied.into());
        assert!(user(7).is_surely(&user(7)) && !user(7).is_surely_not(&user(7)));
        assert!(user(7).is_surely_not(&user(8)) && !user(7).is_surely(&user(8)));
        for (one, two) in [
            (hidden(), user(7)),
            (user(7), hidden()),
            (hidden(), hidden()),
        ] {
            assert!(!one.is_surely(&two) && !one.is_surely_not(&two));
        }
    }

    #[test]
    fn a_key_file_that_is_not_there_is_no_sign_of_separated_duties() {
        let files = [("the key file", Path::new("/nowhere/kms.key"))];
        let (status, told) = of_files("the key file", &files, &user(7));
        assert!(status == Status::Warning, "{told}");
        assert!(told.contains("not seen"), "{told}");
    }

    #[test]
    fn a_file_of_another_user_is_one() {
        let files = [("the key file", Path::new("/"))];
        let (status, told) = of_files("the key file", &files, &user(4_000_000_000));
        assert!(status == Status::Ok, "{told}");
        assert!(told.contains("OS user 4000000000"), "{told}");
    }

    #[test]
    fn what_cannot_be_seen_of_a_cloud_is_said_to_be_not_seen() {
        let aws = KmsProviderConfig::Aws(AwsConfig::default());
        let (status, told) = extraction(&aws);
        assert!(
            status == Status::Ok && told.contains("never leave"),
            "{told}"
        );
        let (_, told) = principals(&aws, &user(7));
        assert!(told.contains("who we are at AWS is not known"), "{told}");
        assert!(told.contains("the database belongs to OS user 7"), "{told}");
        assert!(
            told.contains("one person commands both is not seen"),
            "{told}"
        );
        let (_, told) = decryption(&aws);
        assert!(
            told.contains("not seen") && told.contains("kms policy aws"),
            "{told}"
        );
    }

    #[test]
    fn a_pin_in_a_file_of_the_user_of_the_database_is_a_warning_and_a_typed_one_is_not() {
        let file = Path::new("/");
        let token = |pin| Pkcs11Config {
            module: "/usr/lib/token.so".into(),
            token_label: Some("vault".to_owned()),
            token_serial: None,
            pin,
        };
        let database = || Owner::of(file);
        let same = of_token(&token(SecretSource::File(file.into())), &database());
        assert!(same.0 == Status::Warning, "{}", same.1);
        let typed = of_token(&token(SecretSource::Prompt(PromptTag {})), &database());
        assert!(
            typed.0 == Status::Ok && typed.1.contains("not seen"),
            "{}",
            typed.1
        );
    }
}
