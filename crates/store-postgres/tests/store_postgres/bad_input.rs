//! What is wrong with the server, the user or the way to it: each has its code, and nothing is lost.

use std::{path::Path, sync::OnceLock};

use async_trait::async_trait;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use strongroom_crypto::SecretBytes;
use strongroom_store::{
    Damage, KeyRow, ReplicaReport, Replicas as _, Row, Store, StoreError, TakeKeys,
};
use strongroom_store_postgres::{PostgresStore, Settings};
use strongroom_test_postgres::{Database, PASSWORD, Server, Setup};
use strongroom_test_support::store::{run, samples};

use crate::common::{Place, SOON, code, fill, key_count, number, put, replica};

/// An authority that lives as long as a test.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let name = format!("authority {:x?}", key.public_key_raw());
        params.distinguished_name.push(DnType::CommonName, name);
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { pem, issuer }
    }

    fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

fn over_tcp(database: &Database<'_>, server: &Server, parameters: &str) -> Settings {
    let url = database.tcp_url(server.address());
    let mut settings = replica("one", &format!("{url}?{parameters}"));
    settings.password = Some(SecretBytes::from_slice(PASSWORD.as_bytes()));
    settings
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        Server::start(&Setup {
            tcp: true,
            ..Setup::default()
        })
    })
}

fn database() -> Database<'static> {
    server().create_database(&format!("bad_{}", number()))
}

async fn refusal(settings: Settings) -> &'static str {
    code(&PostgresStore::create(settings).await.unwrap_err())
}

#[test]
fn a_wrong_password_is_refused() {
    run(async {
        let database = database();
        let mut settings = over_tcp(&database, server(), "");
        settings.password = Some(SecretBytes::from_slice(b"wrong"));
        assert_eq!(refusal(settings).await, "POSTGRES_CREDENTIALS_REFUSED");
        PostgresStore::create(over_tcp(&database, server(), ""))
            .await
            .unwrap();
    });
}

#[test]
fn a_password_is_not_shown() {
    run(async {
        let database = database();
        let store = PostgresStore::create(over_tcp(&database, server(), ""))
            .await
            .unwrap();
        let write = store.begin().await.unwrap();
        assert!(!format!("{store:?} {write:?}").contains(PASSWORD));
        let mut settings = over_tcp(&database, server(), "");
        settings.password = Some(SecretBytes::from_slice(b"wrong and hidden"));
        let error = PostgresStore::open(settings).await.unwrap_err();
        assert!(!format!("{error:?}").contains("hidden"));
    });
}

#[test]
fn a_database_that_is_not_there_and_a_server_that_is_not_there_are_told_apart() {
    run(async {
        let missing = server().database("missing");
        let settings = over_tcp(&missing, server(), "");
        assert_eq!(refusal(settings).await, "POSTGRES_DATABASE_MISSING");
        let nobody = replica("one", "postgres://u@127.0.0.1:1/d");
        assert_eq!(refusal(nobody).await, "POSTGRES_UNREACHABLE");
    });
}

#[test]
fn a_server_without_tls_is_refused_where_tls_is_required() {
    run(async {
        let database = database();
        for mode in ["require", "verify-ca", "verify-full"] {
            let settings = over_tcp(&database, server(), &format!("sslmode={mode}"));
            assert_eq!(refusal(settings).await, "POSTGRES_TLS_REFUSED", "{mode}");
        }
    });
}

/// A server whose certificate is for `name`, and the files of its authority and of another one.
fn with_tls(folder: &Path, name: &str) -> Server {
    let (ours, other) = (Authority::new(), Authority::new());
    std::fs::write(folder.join("ours.pem"), &ours.pem).unwrap();
    std::fs::write(folder.join("other.pem"), &other.pem).unwrap();
    Server::start(&Setup {
        tcp: true,
        tls: Some(ours.issue(name)),
        settings: Vec::new(),
    })
}

fn verifying(folder: &Path, authority: &str) -> String {
    format!(
        "sslmode=verify-full&sslrootcert={}",
        folder.join(authority).display()
    )
}

#[test]
fn a_server_shows_a_certificate_of_the_authority_that_is_trusted() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let server = with_tls(folder.path(), "127.0.0.1");
        let database = server.create_database("one");
        let ours = verifying(folder.path(), "ours.pem");
        let store = PostgresStore::create(over_tcp(&database, &server, &ours))
            .await
            .unwrap();
        fill(&store, 1).await;
        assert!(store.durability().await.unwrap().tls);
        store.changed().await;

        let other = verifying(folder.path(), "other.pem");
        for parameters in [other.as_str(), "sslmode=verify-full"] {
            let settings = over_tcp(&database, &server, parameters);
            assert_eq!(refusal(settings).await, "POSTGRES_TLS_REFUSED");
        }
        // The server itself lets nobody in without TLS.
        let plain = over_tcp(&database, &server, "sslmode=disable");
        assert_eq!(refusal(plain).await, "POSTGRES_CREDENTIALS_REFUSED");
    });
}

#[test]
fn a_server_with_a_certificate_for_another_name_is_refused() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let server = with_tls(folder.path(), "db.example.com");
        let database = server.create_database("one");
        let settings = over_tcp(&database, &server, &verifying(folder.path(), "ours.pem"));
        assert_eq!(refusal(settings).await, "POSTGRES_TLS_REFUSED");
        let by_authority = verifying(folder.path(), "ours.pem").replace("verify-full", "verify-ca");
        PostgresStore::create(over_tcp(&database, &server, &by_authority))
            .await
            .unwrap();
    });
}

#[test]
fn a_standby_is_not_opened_and_not_written() {
    run(async {
        let primary = Server::start(&Setup::default());
        let database = primary.create_database("one");
        let store = PostgresStore::create(replica("one", &database.url()))
            .await
            .unwrap();
        fill(&store, 1).await;
        let standby = primary.standby("second", true);
        let settings = replica("two", &standby.database("one").url());
        let error = PostgresStore::open(settings).await.unwrap_err();
        assert_eq!(code(&error), "POSTGRES_READ_ONLY");
    });
}

/// As some services do when a disk runs full.
#[test]
fn a_server_that_makes_transactions_read_only_by_default_is_written_nevertheless() {
    run(async {
        let place = Place::new();
        let name = place.database.name();
        place.database.run(&format!(
            "ALTER DATABASE {name} SET default_transaction_read_only = on"
        ));
        let store = PostgresStore::create(place.settings("one")).await.unwrap();
        fill(&store, 1).await;
        assert_eq!(key_count(&store).await, 1);
        let report = ReplicaReport {
            generation: 1,
            degraded: None,
        };
        store.beat(&report).await.unwrap();
    });
}

#[test]
fn a_user_with_too_few_connections_is_told_so() {
    run(async {
        let database = database();
        let role = format!("few_{}", number());
        database.run(&format!(
            "CREATE ROLE {role} LOGIN CONNECTION LIMIT 2 PASSWORD '{PASSWORD}'; GRANT CREATE ON DATABASE {} TO {role}",
            database.name()
        ));
        let url = database
            .tcp_url(server().address())
            .replace("tester@", &format!("{role}@"));
        let settings = || {
            let mut settings = replica("one", &url);
            settings.password = Some(SecretBytes::from_slice(PASSWORD.as_bytes()));
            settings
        };
        let store = PostgresStore::create(settings()).await.unwrap();
        fill(&store, 1).await;
        // One of the two listens.
        store.changed().await;
        let read = store.read().await.unwrap();
        let error = store.read().await.unwrap_err();
        assert_eq!(code(&error), "POSTGRES_TOO_MANY_CONNECTIONS");
        drop(read);
        // Once the one that read has ended.
        while put(&store, 2).await.is_err() {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn a_user_who_may_not_make_a_schema_is_told_so() {
    run(async {
        let database = database();
        let role = format!("poor_{}", number());
        database.run(&format!("CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'"));
        let url = database
            .tcp_url(server().address())
            .replace("tester@", &format!("{role}@"));
        let mut settings = replica("one", &url);
        settings.password = Some(SecretBytes::from_slice(PASSWORD.as_bytes()));
        assert_eq!(refusal(settings).await, "POSTGRES_PERMISSION_DENIED");
    });
}

/// The server answers as it does when a disk is full.
#[test]
fn a_full_disk_changes_nothing() {
    run(async {
        let place = Place::new();
        let store = PostgresStore::create(place.settings("one")).await.unwrap();
        fill(&store, 1).await;
        place.run(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS \
             $$BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END$$; \
             CREATE TRIGGER full_disk BEFORE INSERT ON private_keys EXECUTE FUNCTION full_disk()",
        );
        let error = put(&store, 2).await.unwrap_err();
        assert!(matches!(error, StoreError::Full { .. }));
        assert_eq!(key_count(&store).await, 1);
        place.run("DROP TRIGGER full_disk ON private_keys");
        put(&store, 2).await.unwrap();
    });
}

#[test]
fn a_statement_that_takes_too_long_is_given_up() {
    run(async {
        let place = Place::new();
        let mut settings = place.settings("one");
        settings.statement_timeout = SOON;
        let store = PostgresStore::create(settings).await.unwrap();
        fill(&store, 1).await;
        place.run(
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(60); RETURN NEW; END$$; \
             CREATE TRIGGER slow BEFORE INSERT ON private_keys EXECUTE FUNCTION slow()",
        );
        let error = put(&store, 2).await.unwrap_err();
        assert_eq!(code(&error), "POSTGRES_TIMEOUT");
        assert_eq!(key_count(&store).await, 1);
    });
}

#[test]
fn a_writer_past_the_store_is_waited_for_and_then_not() {
    run(async {
        let place = Place::new();
        let mut settings = place.settings("one");
        settings.lock_timeout = std::time::Duration::from_millis(50);
        let store = PostgresStore::create(settings).await.unwrap();
        fill(&store, 1).await;
        // Said by nobody whom a process of this vault may end.
        let mut other = crate::stopped::somebody(&place, "psql").await;
        crate::stopped::say(&mut other, "BEGIN; SELECT FROM lease FOR UPDATE").await;
        let error = store.begin().await.unwrap_err();
        assert!(matches!(error, StoreError::Busy { .. }), "{error:?}");
    });
}

#[test]
fn settings_out_of_range_are_refused() {
    run(async {
        let place = Place::new();
        let mut settings = place.settings("one");
        settings.max_connections = 3;
        assert_eq!(refusal(settings).await, "POSTGRES_SETTING_INVALID");
        let mut settings = place.settings("one");
        settings.silent_after = std::time::Duration::ZERO;
        assert_eq!(refusal(settings).await, "POSTGRES_SETTING_INVALID");
    });
}

#[test]
fn rows_that_somebody_changed_are_refused_with_their_place() {
    run(async {
        let place = Place::new();
        let store = PostgresStore::create(place.settings("one")).await.unwrap();
        fill(&store, 2).await;
        let key = samples::fingerprint(1);
        let change = |sql: &str| {
            place.run(&sql.replace(
                "KEY",
                &format!(
                    "fingerprint = '\\x{}'",
                    data_encoding::HEXLOWER.encode(key.as_bytes())
                ),
            ));
        };
        change(
            "ALTER TABLE public_keys DROP CONSTRAINT public_keys_usages_are_for_signing; UPDATE public_keys SET spec = 99 WHERE KEY",
        );
        let damage = |error: StoreError| match error {
            StoreError::Corrupted { damage, .. } => damage,
            other => panic!("{other:?}"),
        };
        let error = store
            .read()
            .await
            .unwrap()
            .public_key(key)
            .await
            .unwrap_err();
        assert!(matches!(
            damage(error),
            Damage::Value {
                table: "public_keys",
                column: "spec",
                ..
            }
        ));
        change("ALTER TABLE private_keys ALTER COLUMN stored_key TYPE text USING 'a'");
        let error = store
            .read()
            .await
            .unwrap()
            .private_key(key)
            .await
            .unwrap_err();
        assert!(matches!(
            damage(error),
            Damage::Value {
                table: "private_keys",
                ..
            } | Damage::Unreadable
        ));
        change("DROP TABLE audit");
        let error = store.read().await.unwrap().audit_head().await.unwrap_err();
        assert!(matches!(damage(error), Damage::Unreadable));
    });
}

/// What it was given.
struct Taken(Vec<KeyRow>);

#[async_trait]
impl TakeKeys for Taken {
    async fn take(&mut self, keys: Vec<KeyRow>) -> bool {
        self.0.extend(keys);
        true
    }
}

#[test]
fn a_damaged_row_behind_the_first_page_of_all_keys_ends_them_with_its_place() {
    run(async {
        let place = Place::new();
        let store = PostgresStore::create(place.settings("one")).await.unwrap();
        fill(&store, 25).await;
        let key = samples::fingerprint(17);
        let hex = data_encoding::HEXLOWER.encode(key.as_bytes());
        place.run(&format!(
            "ALTER TABLE public_keys DROP CONSTRAINT public_keys_usages_are_for_signing; \
             UPDATE public_keys SET spec = 99 WHERE fingerprint = '\\x{hex}'"
        ));
        let mut taken = Taken(Vec::new());
        let mut read = store.read().await.unwrap();
        let error = read.all_keys(10, &mut taken).await.unwrap_err();
        let StoreError::Corrupted { damage, .. } = error else {
            panic!("{error:?}");
        };
        assert_eq!(
            damage,
            Damage::Value {
                table: "public_keys",
                column: "spec",
                row: Row::Key(key),
            }
        );
        let before: Vec<_> = (0..10).map(samples::key_pair).collect();
        assert_eq!(taken.0, before);
        // The rest of the answer is still to come: nothing else is asked there.
        let after = read.key_count().await.unwrap_err();
        assert!(matches!(after, StoreError::TransactionClosed), "{after:?}");
        drop(read);
        assert_eq!(key_count(&store).await, 25);
    });
}

#[test]
fn what_is_missing_shows_in_the_check() {
    run(async {
        let place = Place::new();
        let store = PostgresStore::create(place.settings("one")).await.unwrap();
        fill(&store, 2).await;
        store.check_integrity().await.unwrap();
        place.run("SET session_replication_role = replica; DELETE FROM public_keys");
        let error = store.check_integrity().await.unwrap_err();
        assert!(
            matches!(error, StoreError::Corrupted { damage: Damage::Reference { table, .. }, .. } if table == "private_keys")
        );
    });
}

#[test]
fn a_server_that_may_lose_what_it_keeps_is_found_out() {
    run(async {
        let place = Place::new();
        let store = PostgresStore::create(place.settings("one")).await.unwrap();
        let durability = store.durability().await.unwrap();
        assert_eq!(durability.version, place.run("SHOW server_version").trim());
        let names: Vec<_> = durability
            .findings()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["FSYNC_OFF", "NOT_SYNCHRONOUS", "NO_CHECKSUMS"]);
        assert_eq!(durability.standbys, Some(0));
        assert!(!durability.tls);
    });
}

/// The store writes with full durability, whatever the server is set to.
#[test]
fn a_commit_is_durable_even_where_the_server_does_not_ask_for_it() {
    run(async {
        let place = Place::new();
        let name = place.database.name();
        place.database.run(&format!(
            "ALTER DATABASE {name} SET synchronous_commit = off"
        ));
        let store = PostgresStore::create(place.settings("one")).await.unwrap();
        fill(&store, 1).await;
        assert_eq!(store.durability().await.unwrap().synchronous_commit, "off");
        place.run(
            "CREATE TABLE seen (how text); \
             CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS \
             $$BEGIN INSERT INTO seen VALUES (current_setting('synchronous_commit')); RETURN NEW; END$$; \
             CREATE TRIGGER look BEFORE INSERT ON private_keys EXECUTE FUNCTION look()",
        );
        put(&store, 2).await.unwrap();
        assert_eq!(place.run("SELECT how FROM seen"), "on\n");
    });
}
