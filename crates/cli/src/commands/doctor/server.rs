//! The server of a vault's database: what it is, and whether it keeps what it says that it keeps.

use strongroom_errors::Coded as _;
use strongroom_store_postgres::{Durability, PostgresError, PostgresStore};

use super::{Check, Status, check, failed};

/// How the server is set up, and each finding by its name.
pub(super) async fn checks(server: &PostgresStore) -> Vec<Check> {
    let mut checks = match server.durability().await {
        Ok(durability) => of(&durability),
        Err(error) => vec![failed("server", &error.into())],
    };
    match server.roles_out_of_reach().await {
        Ok(roles) => checks.extend(roles.iter().map(|role| of_role(role))),
        Err(error) => checks.push(failed("takeover", &error.into())),
    }
    checks
}

/// What would keep this process from writing when the one that does gets stuck.
fn of_role(role: &str) -> Check {
    let code = PostgresError::HolderOutOfReach {
        role: role.to_owned(),
    }
    .code();
    let detail = format!(
        "a process is connected as {role}, whose connections this one may not end: if it gets stuck while it writes, this one \
         cannot take over"
    );
    Check {
        code: Some(code.name().into()),
        ..check("takeover", Status::Warning, detail)
    }
}

fn of(durability: &Durability) -> Vec<Check> {
    let findings = durability.findings().into_iter();
    let findings =
        findings.map(|(name, told)| check("server", Status::Warning, format!("{told} ({name})")));
    let mut checks = vec![check("server", Status::Ok, in_words(durability))];
    checks.extend(findings);
    checks
}

fn in_words(durability: &Durability) -> String {
    let way = if durability.tls {
        "TLS"
    } else {
        "no TLS, which is for this machine only"
    };
    let replication = match (
        durability.synchronous_standbys.as_str(),
        durability.standbys,
    ) {
        ("", Some(count)) => format!("commits wait for none of {count} standbys"),
        ("", None) => "commits wait for no standby".to_owned(),
        (names, _) => format!("commits wait for standbys: {names}"),
    };
    let version = &durability.version;
    format!("PostgreSQL {version}; {way}; {replication}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn durability() -> Durability {
        Durability {
            version: "15.18".to_owned(),
            fsync: true,
            full_page_writes: true,
            data_checksums: true,
            synchronous_commit: "on".to_owned(),
            synchronous_standbys: "ANY 1 (a, b)".to_owned(),
            standbys: Some(2),
            tls: true,
        }
    }

    #[test]
    fn a_server_that_keeps_everything_has_one_row_that_says_who_is_waited_for() {
        let checks = of(&durability());
        assert_eq!(checks.len(), 1);
        assert!(checks[0].status == Status::Ok && checks[0].detail.contains("ANY 1 (a, b)"));
        assert!(checks[0].detail.starts_with("PostgreSQL 15.18; "));
    }

    #[test]
    fn what_a_server_may_lose_is_a_warning_with_its_name() {
        let checks = of(&Durability {
            synchronous_standbys: String::new(),
            fsync: false,
            tls: false,
            ..durability()
        });
        assert!(checks[0].detail.contains("none of 2 standbys"));
        assert!(checks[0].detail.contains("no TLS"));
        let rest: Vec<_> = checks[1..].iter().map(|check| &check.detail).collect();
        assert!(rest[0].ends_with("(FSYNC_OFF)") && rest[1].ends_with("(NOT_SYNCHRONOUS)"));
        assert!(
            checks[1..]
                .iter()
                .all(|check| check.status == Status::Warning)
        );
    }
}
