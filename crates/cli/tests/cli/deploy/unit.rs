//! The unit of systemd, held against what the program needs.

use std::{collections::BTreeMap, fs, process::Command};

use strongroom_crypto::clock::{Clock as _, SystemClock};

use super::{Running, deploy, secret_in};
use crate::support::{Ran, STRONGROOM, Sandbox};

/// What the unit says, by key; of a key that comes several times all values, in their order.
fn unit() -> BTreeMap<String, Vec<String>> {
    let text = fs::read_to_string(deploy("strongroom.service")).unwrap();
    assert_eq!(secret_in(text.as_bytes()), None);
    let mut unit = BTreeMap::<_, Vec<_>>::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some((key, value)) = line.split_once('=') {
            let values = unit.entry(key.to_owned()).or_default();
            values.push(value.to_owned());
        }
    }
    unit
}

#[test]
fn the_unit_starts_the_server_as_an_ordinary_user_and_gives_it_what_it_needs() {
    let unit = unit();
    let value = |name: &str| unit.get(name).unwrap_or_else(|| panic!("no {name}"))[0].as_str();
    let (program, args) = value("ExecStart").split_once(' ').unwrap();
    assert_eq!(program, "/usr/bin/strongroom");
    let mut command = Command::new(STRONGROOM);
    command.args(args.split(' ')).arg("--help");
    Ran::of(command).succeeded();
    assert_ne!(value("User"), "root");
    for (name, wanted) in [
        ("LimitCORE", "0"),
        ("LimitMEMLOCK", "64M"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("UMask", "0077"),
        // Others of its group reach the socket, and nobody else does.
        ("RuntimeDirectoryMode", "0750"),
        ("StateDirectoryMode", "0700"),
    ] {
        assert_eq!(value(name), wanted, "{name}");
    }
    // Callers on the socket would all be the same user.
    assert_ne!(
        unit.get("PrivateUsers").map(|it| it[0].as_str()),
        Some("yes")
    );
    let families = value("RestrictAddressFamilies");
    for family in ["AF_INET", "AF_INET6", "AF_UNIX"] {
        assert!(families.split(' ').any(|it| it == family), "{family}");
    }
    // The server takes 30 seconds for calls that are under way (`server.grace`).
    assert!(value("TimeoutStopSec").parse::<u32>().unwrap() > 30);
}

#[test]
fn what_the_unit_has_written_is_in_folders_of_its_own_and_the_key_is_not_where_the_vault_is() {
    let unit = unit();
    let folders: Vec<_> = unit["StateDirectory"][0].split(' ').collect();
    let variables = unit["Environment"]
        .iter()
        .map(|it| it.split_once('=').unwrap());
    let variables: BTreeMap<_, _> = variables.collect();
    let folder = |variable: &str| {
        let place = variables[variable].strip_prefix("/var/lib/").unwrap();
        let folder = place.split('/').next().unwrap();
        assert!(folders.contains(&folder), "{variable}");
        folder
    };
    assert_ne!(folder("STRONGROOM_DIR"), folder("XDG_CONFIG_HOME"));
}

#[test]
fn systemd_knows_every_line_of_the_unit() {
    let sandbox = Sandbox::new();
    let text = fs::read_to_string(deploy("strongroom.service")).unwrap();
    // Where the program is here.
    let text = text.replace("/usr/bin/strongroom", STRONGROOM);
    let path = sandbox.write("strongroom.service", text);
    let mut command = Command::new("systemd-analyze");
    command.args(["verify", "--man=no", "--recursive-errors=no"]);
    let Ok(verified) = command.arg(path).output() else {
        // Not installed; the keys that matter have tests of their own.
        return;
    };
    let told = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && told.is_empty(), "{told}");
}

#[test]
fn the_server_tells_what_it_takes_of_the_machine_although_the_unit_hides_the_rest_of_proc() {
    let sandbox = Sandbox::with_vault();
    sandbox.edit_config(|text| text + "\n[server]\nhttp = \"127.0.0.1:0\"\n");
    // What systemd does for this line: /proc has the processes and nothing else.
    assert_eq!(unit()["ProcSubset"], ["pid"]);
    let mount = "mount -t proc -o subset=pid proc /proc && test ! -e /proc/stat && exec \"$@\"";
    let mut args = vec!["--mount", "--pid", "--fork", "--kill-child"];
    if !rustix::process::getuid().is_root() {
        args.extend(["--user", "--map-root-user"]);
    }
    args.extend(["sh", "-c", mount, "sh", STRONGROOM]);
    args.extend(["serve", "--address", "127.0.0.1:0"]);
    let serving = Running::of(sandbox.program("unshare", args));
    let told = serving.page("/metrics");
    for number in [
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_cpu_seconds_total",
        "process_start_time_seconds",
    ] {
        assert!(told.contains(&format!("\n{number} ")), "{number}: {told}");
    }
    let began = told
        .lines()
        .find_map(|line| line.strip_prefix("process_start_time_seconds "));
    let began: f64 = began.unwrap().parse().unwrap();
    let now = u32::try_from(SystemClock.now().as_micros() / 1_000_000).unwrap();
    let ago = f64::from(now) - began;
    assert!((-2.0..600.0).contains(&ago), "{ago}");
}
