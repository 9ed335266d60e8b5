//! Several processes on one vault, each with a configuration, an anchor and a name of its own.

use std::{fs, path::PathBuf, process::Command, time::Duration};

use strongroom_kms_sim::{Outage, OutageKind, Scenario, Simulator, Weather};
use strongroom_store::{ReplicaId, ReplicaReport, Replicas as _};
use strongroom_store_postgres::{Address, PostgresStore, Settings};
use tokio::{runtime::Runtime, task::JoinHandle};

use super::{House, doctor_rows};
use crate::support::{Ran, text};

/// A second replica: a folder of its own, with a copy of the configuration that differs in name and anchor.
pub(super) struct Second<'h> {
    house: &'h House,
    name: &'static str,
}

impl<'h> Second<'h> {
    fn of(house: &'h House) -> Self {
        Self::named(house, "second")
    }

    pub(super) fn named(house: &'h House, name: &'static str) -> Self {
        let sandbox = &house.sandbox;
        let (folder, config) = (sandbox.path(name), sandbox.config());
        fs::create_dir(&folder).unwrap();
        sandbox.set_mode(name, 0o700);
        let first = fs::read_to_string(config).unwrap();
        let anchor = sandbox.keys_folder().join("anchor.json");
        let own = folder.join("anchor.json");
        let text = first.replace(anchor.to_str().unwrap(), own.to_str().unwrap());
        assert_ne!(first, text);
        sandbox.write(
            &format!("{name}/strongroom.toml"),
            format!("{text}\n[replica]\nname = \"{name}\"\n"),
        );
        Self { house, name }
    }

    pub(super) fn dir(&self) -> PathBuf {
        self.house.sandbox.path(self.name)
    }

    pub(super) fn edit_config(&self, change: impl FnOnce(String) -> String) {
        let before = fs::read_to_string(self.dir().join("strongroom.toml")).unwrap();
        let after = change(before.clone());
        assert_ne!(before, after);
        let file = format!("{}/strongroom.toml", self.name);
        self.house.sandbox.write(&file, after);
    }

    /// Takes the first replica's anchor for its own.
    fn take_anchor(&self) {
        let first = self.house.sandbox.keys_folder().join("anchor.json");
        fs::copy(first, self.dir().join("anchor.json")).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.house.sandbox.command(args);
        command.env("STRONGROOM_DIR", self.dir());
        command
    }

    pub(super) fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args))
    }

    fn json(&self, args: &[&str]) -> serde_json::Value {
        self.run(&[args, &["--output", "json"]].concat())
            .succeeded()
            .json()
    }
}

/// A process that has the lease, as one that serves does.
struct Writer {
    runtime: Runtime,
    beats: JoinHandle<()>,
}

impl Writer {
    /// `obeys`: gives the lease up when it is asked to.
    fn of(house: &House, name: &str, obeys: bool) -> Self {
        let address = Address::parse(&house.database.url()).unwrap();
        let settings = Settings::new(address, ReplicaId::from_bytes([7; 16]), name.to_owned());
        let runtime = Runtime::new().unwrap();
        let store = runtime.block_on(async {
            let store = PostgresStore::open(settings).await.unwrap();
            let lease = store.take_lease().await.unwrap();
            assert!(lease.is_held_by(store.own_id()));
            store
        });
        let beats = runtime.spawn(async move {
            loop {
                let report = ReplicaReport {
                    generation: 1,
                    degraded: None,
                };
                let lease = store.beat(&report).await.unwrap();
                if obeys && lease.step_down {
                    store.give_lease().await.unwrap();
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        Self { runtime, beats }
    }

    /// Ends it as a crash does: nothing is given back.
    fn end(self) {
        self.beats.abort();
        self.runtime.shutdown_timeout(Duration::from_secs(5));
    }
}

pub(super) const ACCEPT: &[&str] = &[
    "anchor",
    "accept",
    "--i-know-this-database-is-the-right-one",
];

#[test]
fn two_replicas_with_their_own_configurations_share_a_vault() {
    let house = House::with_vault("cli_two", &["--kind", "participant"]);
    let first = &house.sandbox;
    let second = Second::of(&house);
    second.run(&["keys", "list"]).failed("ANCHOR_MISSING", 3);
    second.run(ACCEPT).succeeded();
    let key = first.signing_key("ec-p256", "protocol");
    let sign = ["sign", "message", "--key", &key, "--out", "signature"];
    first.write("message", "pay 7");
    second.run(&sign).succeeded();
    first
        .run([
            "verify",
            "message",
            "--key",
            &key,
            "--signature",
            "signature",
        ])
        .succeeded();
    // Either writes, and the other knows of it when it opens next: its anchor is older, and that is no rollback.
    second.run(&["keys", "retire", &key, "--yes"]).succeeded();
    first
        .run(["sign", "message", "--key", &key, "--out", "another"])
        .failed("KEY_RETIRED", 3);
    for doctor in [second.json(&["doctor"]), first.json(["doctor"])] {
        assert_eq!(doctor["healthy"], true, "{doctor}");
        let (_, told) = doctor_rows(&doctor, "database").remove(0);
        assert!(told.contains("schema strongroom of postgres://"), "{told}");
        let (status, told) = doctor_rows(&doctor, "writer").remove(0);
        assert_eq!(status, "ok", "{told}");
    }
    assert!(house.lease_is_free());
}

#[test]
fn the_anchor_of_the_first_replica_lets_a_second_one_in_without_another_word() {
    let house = House::with_vault("cli_anchored", &[]);
    let second = Second::of(&house);
    second.take_anchor();
    house.sandbox.signing_key("ec-p256", "protocol");
    let list = second.json(&["keys", "list"]);
    assert_eq!(list["keys"].as_array().unwrap().len(), 1);
}

#[test]
fn a_database_that_was_put_back_is_refused_by_both_replicas() {
    let house = House::with_vault("cli_put_back", &[]);
    let second = Second::of(&house);
    second.run(ACCEPT).succeeded();
    house.sql("create table old as select * from strongroom.vault");
    house.sql("create table audit as select * from strongroom.audit");
    house.sandbox.run(["anchor", "show"]).succeeded();
    let create = ["backup", "create", "b", "--unencrypted"];
    house.sandbox.run(create).succeeded();
    second.run(&["keys", "list"]).succeeded();
    house.sql(
        "delete from strongroom.backups;
         delete from strongroom.audit where sequence not in (select sequence from audit);
         update strongroom.vault set state = old.state from old",
    );
    house.sandbox.run(["keys", "list"]).failed("ROLLED_BACK", 5);
    second.run(&["keys", "list"]).failed("ROLLED_BACK", 5);
}

#[test]
fn replicas_are_listed_and_the_writer_steps_down_when_it_is_asked_to() {
    let house = House::with_vault("cli_list", &[]);
    let sandbox = &house.sandbox;
    let none = sandbox.json(["replicas", "list"]);
    assert_eq!(none["shared"], true);
    assert_eq!(none["replicas"], serde_json::json!([]));
    let nobody = sandbox.json(["replicas", "step-down"]);
    assert_eq!(nobody["stepped_down"], serde_json::Value::Null);

    let writer = Writer::of(&house, "eu-1", true);
    let list = sandbox.json(["replicas", "list"]);
    assert_eq!(list["writer"], "eu-1", "{list}");
    let row = &list["replicas"][0];
    assert_eq!(text(row, "role"), "writer");
    assert_eq!(text(row, "state"), "ok");
    assert_eq!(text(row, "version"), env!("CARGO_PKG_VERSION"));
    let table = sandbox.run(["replicas", "list"]).succeeded();
    assert!(table.text().contains("eu-1"), "{}", table.text());
    let doctor = sandbox.json(["doctor"]);
    assert_eq!(doctor_rows(&doctor, "writer")[0].1, "eu-1 writes");

    let stepped = sandbox.json(["replicas", "step-down"]);
    assert_eq!(stepped["stepped_down"], "eu-1", "{stepped}");
    assert_eq!(stepped["writer"], serde_json::Value::Null, "{stepped}");
    assert!(house.lease_is_free());
    writer.end();
}

#[test]
fn a_writer_that_does_not_step_down_keeps_its_lease_and_others_do_not_write() {
    let house = House::with_vault("cli_stubborn", &[]);
    let sandbox = &house.sandbox;
    sandbox.edit_config(|text| text + "\n[replica]\nwait-for-lease = \"0s\"\n");
    let writer = Writer::of(&house, "eu-1", false);
    let step_down = ["replicas", "step-down", "--wait", "1"];
    let refused = sandbox.run(step_down).failed("NOT_STEPPED_DOWN", 6);
    assert!(refused.stderr.contains("eu-1"), "{}", refused.stderr);
    let generate = ["keys", "generate-signing", "--usage", "protocol"];
    let refused = sandbox.run(generate).failed("STORE_NOT_WRITER", 6);
    assert!(refused.stderr.contains("eu-1"), "{}", refused.stderr);
    sandbox.run(["keys", "list"]).succeeded();
    // Once it is gone, nobody has to be asked.
    writer.end();
    sandbox.run(generate).succeeded();
    assert!(house.lease_is_free());
}

#[test]
fn doctor_warns_of_a_writer_whose_connections_this_replica_may_not_end() {
    let house = House::with_vault("cli_roles", &["--kind", "participant"]);
    let second = Second::of(&house);
    second.run(ACCEPT).succeeded();
    let writer = Writer::of(&house, "first", true);
    let doctor = || second.run(&["doctor", "--output", "json"]).json();
    assert!(doctor_rows(&doctor(), "takeover").is_empty());
    house.sql(
        "CREATE ROLE cli_lesser LOGIN; GRANT USAGE ON SCHEMA strongroom TO cli_lesser; \
         GRANT ALL ON ALL TABLES IN SCHEMA strongroom TO cli_lesser",
    );
    second.edit_config(|text| text.replace("tester@", "cli_lesser@"));
    let (status, told) = doctor_rows(&doctor(), "takeover").remove(0);
    assert_eq!(status, "warning");
    assert!(told.contains("connected as tester"), "{told}");
    writer.end();
}

#[test]
fn a_replica_that_shall_not_write_leaves_a_free_lease_alone() {
    let house = House::with_vault("cli_reader", &[]);
    house
        .sandbox
        .edit_config(|text| text + "\n[replica]\nwrites = false\n");
    let generate = ["keys", "generate-signing", "--usage", "protocol"];
    house.sandbox.run(generate).failed("STORE_NOT_WRITER", 6);
    assert!(house.lease_is_free());
}

#[test]
fn a_vault_in_a_file_has_no_replicas() {
    let sandbox = crate::support::Sandbox::with_vault();
    assert_eq!(sandbox.json(["replicas", "list"])["shared"], false);
    sandbox
        .run(["replicas", "step-down"])
        .failed("ONE_PROCESS", 3);
}

#[test]
fn each_replica_says_which_of_its_own_kmss_opens_the_vault_alone() {
    let house = House::with_vault("cli_alone", &[]);
    let sandbox = &house.sandbox;
    let key_file = sandbox.path("second.key");
    let make = [
        "kms",
        "create-key-file",
        key_file.to_str().unwrap(),
        "--unprotected-key-file",
    ];
    sandbox.run(make).succeeded();
    let section = format!(
        "\n[[kms]]\nname = \"elsewhere\"\ntype = \"local\"\nkey-file = {key_file:?}\n\
         protection = {{ type = \"unprotected-key-file\" }}\n"
    );
    let second = Second::of(&house);
    second.run(ACCEPT).succeeded();
    sandbox.edit_config(|text| text + &section);
    let know = "--i-know-it-will-open-every-key";
    sandbox
        .run(["wrapper-key", "add", "--kms", "elsewhere", know])
        .succeeded();
    let here = sandbox.json(["wrapper-key", "check"]);
    let both =
        serde_json::json!([{"kms": "local", "opens": true}, {"kms": "elsewhere", "opens": true}]);
    assert_eq!(here["alone"], both);
    // The second replica has only the other key file, and asks nobody else.
    second.edit_config(|text| {
        let first = sandbox.keys_folder().join("kms.key");
        text.replace("name = \"local\"", "name = \"elsewhere\"")
            .replace(first.to_str().unwrap(), key_file.to_str().unwrap())
    });
    let there = second.run(&["wrapper-key", "check"]);
    assert_eq!(there.status, 1, "{}", there.stderr);
    let told = there.text();
    assert!(
        told.contains("with elsewhere alone this configuration opens the vault"),
        "{told}"
    );
    assert!(!told.contains("with local alone"), "{told}");
    assert!(told.contains("KMS_NOT_CONFIGURED"), "{told}");
}

#[test]
fn a_replica_that_was_away_while_the_wrapper_key_was_rotated_comes_back_unless_the_old_data_key_is_gone()
 {
    let house = House::with_vault("cli_away", &[]);
    let second = Second::of(&house);
    second.run(ACCEPT).succeeded();
    house.sandbox.run(["wrapper-key", "rotate"]).succeeded();
    second.run(&["keys", "list"]).succeeded();
    house.sandbox.run(["wrapper-key", "rotate"]).succeeded();
    house
        .sandbox
        .run(["wrapper-key", "prune", "--yes"])
        .succeeded();
    // Nothing shows any more that the new data key came after the one that it knows: somebody could have put a vault there.
    second
        .run(&["keys", "list"])
        .failed("ANCHOR_OF_OTHER_VAULT", 5);
    second.take_anchor();
    second.run(&["keys", "list"]).succeeded();
}

#[test]
fn another_process_joins_with_the_configuration_and_the_anchor_of_the_first() {
    let house = House::with_vault("cli_join", &[]);
    let sandbox = &house.sandbox;
    house.sandbox.signing_key("ec-p256", "protocol");
    let (config, dir) = (sandbox.config(), sandbox.path("joined"));
    let (config, dir) = (config.to_str().unwrap(), dir.to_str().unwrap());
    let anchor = sandbox.keys_folder().join("anchor.json");
    let join = ["replicas", "join", config, "--dir", dir, "--name", "eu-2"];
    sandbox.run(join).failed("FLAG_MISSING", 2);
    let anchored = [&join[..], &["--anchor", anchor.to_str().unwrap()]].concat();
    let joined = sandbox.json(&anchored);
    // On this machine is the first one, too, and an anchor is one process's.
    let own = joined["anchor"].as_str().unwrap();
    assert!(own.ends_with("anchor-eu-2.json"), "{own}");
    assert_eq!(joined["name"], "eu-2", "{joined}");
    assert_eq!(joined["keys"], 1);
    let list = sandbox.json(["keys", "list", "--dir", dir]);
    assert_eq!(list["keys"].as_array().unwrap().len(), 1);
    let written = fs::read_to_string(sandbox.path("joined/strongroom.toml")).unwrap();
    assert!(written.contains("name = \"eu-2\""), "{written}");
    sandbox.run(&anchored).failed("FOLDER_IN_USE", 3);
    sandbox.json(["doctor", "--dir", dir]);
}

#[test]
fn an_anchor_that_has_seen_more_is_not_replaced_by_one_that_is_brought() {
    let house = House::with_vault("cli_join_again", &[]);
    let sandbox = &house.sandbox;
    let (config, dir) = (sandbox.config(), sandbox.path("joined"));
    let (config, dir) = (config.to_str().unwrap(), dir.to_str().unwrap());
    let brought = sandbox.path("brought.json");
    fs::copy(sandbox.keys_folder().join("anchor.json"), &brought).unwrap();
    let brought = brought.to_str().unwrap();
    let join = [
        "replicas", "join", config, "--dir", dir, "--name", "a b/2", "--anchor", brought,
    ];
    let joined = sandbox.json(join);
    let own = joined["anchor"].as_str().unwrap().to_owned();
    assert!(own.ends_with("anchor-a_b_2.json"), "{own}");
    let generate = [
        "keys",
        "generate-signing",
        "--dir",
        dir,
        "--usage",
        "protocol",
    ];
    sandbox.json(generate);
    let seen = fs::read(&own).unwrap();
    assert_ne!(seen, fs::read(brought).unwrap());
    // As if the first attempt had been interrupted before the configuration was there.
    fs::remove_dir_all(dir).unwrap();
    sandbox.json(join);
    assert_eq!(fs::read(&own).unwrap(), seen);
}

#[test]
fn who_joins_without_an_anchor_says_so_and_a_vault_in_a_file_is_not_joined() {
    let house = House::with_vault("cli_join_bare", &[]);
    let sandbox = &house.sandbox;
    let (config, own) = (sandbox.config(), sandbox.path("own"));
    let know = "--i-know-this-database-is-the-right-one";
    let join = |config: &str| {
        sandbox.run([
            "replicas",
            "join",
            config,
            "--dir",
            "joined",
            "--key-dir",
            own.to_str().unwrap(),
            know,
        ])
    };
    join(config.to_str().unwrap()).succeeded();
    sandbox.run(["keys", "list", "--dir", "joined"]).succeeded();
    let file = crate::support::Sandbox::with_vault();
    let other = file.config();
    let join = [
        "replicas",
        "join",
        other.to_str().unwrap(),
        "--dir",
        "third",
        know,
    ];
    sandbox.run(join).failed("ONE_PROCESS", 3);
}

#[test]
fn a_replica_that_does_not_write_uses_keys_that_wait_for_another_custody() {
    let house = House::with_vault("cli_custody", &[]);
    let sandbox = &house.sandbox;
    sandbox.edit_config(|text| text.replace("default = \"envelope\"", "default = \"clear\""));
    let generate = [
        "keys",
        "generate-signing",
        "--usage",
        "protocol",
        "--output",
        "json",
    ];
    // It warns that the key is readable.
    let key = text(&sandbox.run(generate).succeeded().json(), "fingerprint");
    sandbox.edit_config(|text| {
        text.replace("default = \"clear\"", "default = \"envelope\"")
            + "\n[replica]\nwrites = false\n"
    });
    sandbox.write("message", "pay 7");
    let signed = sandbox.run(["sign", "message", "--key", &key, "--out", "signature"]);
    assert!(
        signed
            .stderr
            .contains("do not come into their configured custody"),
        "{}",
        signed.stderr
    );
    signed.succeeded();
}

#[test]
fn a_replica_in_another_region_opens_the_vault_with_its_own_copy_of_the_key() {
    let simulator = Simulator::start(Scenario::default()).unwrap();
    let (here, there) = ("eu-central-1", "eu-west-1");
    let administrator = simulator.administrator(here);
    let key = administrator.create_key_of_regions().unwrap();
    administrator.replicate_key(&key, there).unwrap();
    let house = House::empty("cli_regions");
    let (url, endpoint) = (house.database.url(), simulator.endpoint());
    let init = [
        "init",
        "--kms",
        "aws",
        "--region",
        here,
        "--kms-endpoint",
        endpoint,
        "--rehearsal",
    ];
    let more = ["--wrapper-key", &key, "--store-url", &url];
    house.sandbox.run([&init[..], &more].concat()).succeeded();
    let second = Second::of(&house);
    second.edit_config(|text| text.replace(here, there));
    second.run(ACCEPT).succeeded();
    let outage = Outage {
        region: Some(here.to_owned()),
        ..Outage::of(OutageKind::InternalError)
    };
    let weather = Weather {
        outages: vec![outage],
        ..Weather::default()
    };
    simulator.set_weather(weather).unwrap();
    house
        .sandbox
        .run(["wrapper-key", "check"])
        .failed("NO_WRAP_OPENS", 3);
    let check = second.json(&["wrapper-key", "check"]);
    assert_eq!(
        check["alone"],
        serde_json::json!([{"kms": "aws", "opens": true}]),
        "{check}"
    );
    let key = second.json(&["keys", "generate-signing", "--usage", "protocol"]);
    assert_eq!(text(&key, "state"), "active");
}
