//! The Compose file: each of its commands is run as it stands there, in the assembled image, beside a PostgreSQL of this machine.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    path::Path,
    process::Command,
};

use serde_json::Value;
use strongroom_test_postgres::{Server, Setup};

use super::{Image, Running, USER, deploy};
use crate::{serving::python, support::Ran};

fn compose() -> Value {
    let mut command = Command::new(python());
    let print = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
    command.arg("-c").arg(print).arg(deploy("compose.yaml"));
    Ran::of(command).succeeded().json()
}

fn words(service: &Value) -> Vec<&str> {
    let words = service["command"].as_array().unwrap().iter();
    words.map(|word| word.as_str().unwrap()).collect()
}

#[test]
fn no_service_of_the_compose_file_has_more_rights_than_it_needs() {
    let compose = compose();
    let mut ours = 0;
    for (name, service) in compose["services"].as_object().unwrap() {
        let variables = service["environment"].to_string().to_lowercase();
        assert!(
            !variables.contains("password\":"),
            "{name} has a password in its environment"
        );
        if name == "database" {
            continue;
        }
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(service["cap_drop"][0], "all", "{name}");
        let security = &service["security_opt"][0];
        assert_eq!(security, "no-new-privileges:true", "{name}");
        if service["image"] == "strongroom" {
            assert_eq!(service["cap_add"], Value::Null, "{name}");
            assert_eq!(service["pull_policy"], "never", "{name}");
            ours += 1;
        }
    }
    assert_eq!(ours, 3);
}

#[test]
fn what_holds_the_key_is_a_volume_of_its_own() {
    let compose = compose();
    for name in ["init", "vault"] {
        let volumes = compose["services"][name]["volumes"].as_array().unwrap();
        for (volume, place) in [
            ("vault", "/var/lib/strongroom"),
            ("keys", "/var/lib/strongroom-keys"),
            ("configuration", "/etc/strongroom"),
        ] {
            assert!(compose["volumes"][volume].is_object(), "{volume}");
            let mount = Value::from(format!("{volume}:{place}"));
            assert!(volumes.contains(&mount), "{name}: {mount}");
        }
    }
}

/// Runs the script that makes the password, in a folder that stands for its volume.
fn make_password(compose: &Value, secrets: &Path) {
    let service = &compose["services"]["password"];
    let shell = service["entrypoint"].as_array().unwrap();
    let shell: Vec<_> = shell.iter().map(|word| word.as_str().unwrap()).collect();
    let script = words(service).concat();
    let here = script.replace("cd /secrets\n", &format!("cd '{}'\n", secrets.display()));
    assert_ne!(here, script);
    let mut command = if rustix::process::getuid().is_root() {
        Command::new(shell[0])
    } else {
        let mut command = Command::new("unshare");
        let user = [
            "--user".to_owned(),
            format!("--map-user={USER}"),
            format!("--map-group={USER}"),
        ];
        command.args(user).arg(shell[0]);
        command
    };
    command.args(&shell[1..]).arg(here);
    Ran::of(command).succeeded();
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn the_rehearsal_comes_up_and_its_vault_is_well() {
    let compose = compose();
    let image = Image::assemble();
    let secrets = image.root.join("secrets");
    fs::create_dir(&secrets).unwrap();
    make_password(&compose, &secrets);
    let file = secrets.join("postgres-password");
    let password = fs::read_to_string(&file).unwrap();
    assert_eq!(password.len(), 48);
    assert!(password.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let known = fs::metadata(&file).unwrap();
    assert_eq!(known.permissions().mode() & 0o777, 0o400);
    if rustix::process::getuid().is_root() {
        assert_eq!((known.uid(), known.gid()), (USER, USER));
    }
    // The second time it is there.
    make_password(&compose, &secrets);
    assert_eq!(fs::read_to_string(&file).unwrap(), password);

    let postgres = Server::start(&Setup {
        tcp: true,
        ..Setup::default()
    });
    let made = format!(
        "create role strongroom login password '{password}';\ncreate database strongroom owner strongroom;"
    );
    postgres.database("postgres").run(&made);
    // The ports of its network are taken on this machine, perhaps.
    let kms = free_port().to_string();
    let port = |word: &str| {
        word.replace("127.0.0.1:5432", &postgres.address().to_string())
            .replace("4566", &kms)
    };
    let command = |name: &str| {
        let words: Vec<_> = words(&compose["services"][name])
            .into_iter()
            .map(port)
            .collect();
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        image.command(&words)
    };
    let _simulator = Running::of(command("simulator"));
    Ran::of(command("init")).succeeded();
    // Known by its user, on the socket of the configuration.
    let file = image.root.join("etc/strongroom/strongroom.toml");
    let caller = format!(
        "\n[[callers]]\nname = \"operator\"\nunix-users = [{USER}]\n[[callers.grants]]\nrole = \"operator\"\n"
    );
    let configured = fs::read_to_string(&file).unwrap() + &caller;
    fs::write(&file, configured).unwrap();
    Ran::of(image.command(&["config", "check"])).succeeded();
    // `up` runs it each time.
    Ran::of(command("init")).succeeded();
    let mut serve = command("vault");
    serve.args(["--address", "127.0.0.1:0"]);
    let serving = Running::of(serve);
    assert_eq!(serving.text("socket"), "/run/strongroom/vault.sock");
    assert_eq!(serving.shown["access_rules"], true);
    let socket = image.root.join("run/strongroom/vault.sock");
    assert!(fs::metadata(socket).unwrap().file_type().is_socket());
    Ran::of(image.command(&["doctor"])).succeeded();
    let over_socket = ["doctor", "--endpoint", "unix:/run/strongroom/vault.sock"];
    Ran::of(image.command(&over_socket)).succeeded();
    assert!(serving.end().success());
}
