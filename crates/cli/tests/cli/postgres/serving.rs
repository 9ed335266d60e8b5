//! Several servers on one vault: one writes, all sign, and whatever becomes of the one that writes another one follows.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    House,
    replicas::{ACCEPT, Second},
};
use crate::{
    serving::Serving,
    support::{Ran, Sandbox},
};

/// What is promised for the time until another one writes.
const PROMISED: Duration = Duration::from_secs(10);

/// More signatures than this are asked of each server before it ends.
const FEW: usize = 5;

/// A server by this name, which everybody asks to sign until it ends.
struct Replica {
    name: &'static str,
    serving: Serving,
    signers: Signers,
}

struct Signers {
    ends: Arc<AtomicBool>,
    signed: Arc<AtomicUsize>,
    thread: thread::JoinHandle<()>,
}

pub(super) fn through(sandbox: &Sandbox, endpoint: &str, args: &[&str]) -> Ran {
    let mut command = sandbox.command(args);
    command.env("STRONGROOM_ENDPOINT", endpoint);
    // The vault is not looked for here.
    command.env("STRONGROOM_DIR", sandbox.path("nowhere"));
    Ran::of(command)
}

impl Signers {
    /// One refusal, whenever it comes, is one too many. Each is a process that starts: the pause leaves the servers time to run.
    fn start(house: &Arc<House>, name: &'static str, endpoint: String, key: &str) -> Self {
        let (ends, signed) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let (house, key) = (Arc::clone(house), key.to_owned());
        let (is_over, counted) = (Arc::clone(&ends), Arc::clone(&signed));
        let thread = thread::spawn(move || {
            let out = format!("signature-{name}");
            let sign = ["sign", "message", "--key", &key, "--out", &out, "--force"];
            while !is_over.load(Ordering::SeqCst) {
                through(&house.sandbox, &endpoint, &sign).succeeded();
                counted.fetch_add(1, Ordering::SeqCst);
                thread::sleep(Duration::from_millis(50));
            }
        });
        Self {
            ends,
            signed,
            thread,
        }
    }

    /// Returns once a few were made, or one was refused, and nobody asks any more.
    fn end(self) -> usize {
        let began = Instant::now();
        while self.signed.load(Ordering::SeqCst) <= FEW && !self.thread.is_finished() {
            assert!(began.elapsed() < 6 * PROMISED, "nobody signs");
            thread::sleep(Duration::from_millis(20));
        }
        self.ends.store(true, Ordering::SeqCst);
        self.thread.join().unwrap();
        self.signed.load(Ordering::SeqCst)
    }
}

impl Replica {
    fn start(house: &Arc<House>, name: &'static str, dir: std::path::PathBuf, key: &str) -> Self {
        let serving = Serving::start_with(&house.sandbox, |command| {
            command.env("STRONGROOM_DIR", dir);
        });
        let endpoint = format!("http://{}", serving.grpc());
        let signers = Signers::start(house, name, endpoint, key);
        Self {
            name,
            serving,
            signers,
        }
    }

    fn endpoint(&self) -> String {
        format!("http://{}", self.serving.grpc())
    }
}

/// The one that says that it writes, once all others say that they do not, and how long that took.
fn writer(replicas: &[Replica]) -> (usize, Duration) {
    let began = Instant::now();
    loop {
        let says = |replica: &Replica| replica.serving.get("/health").0 == 200;
        let writers: Vec<usize> = (0..)
            .zip(replicas)
            .filter(|(_, it)| says(it))
            .map(|(at, _)| at)
            .collect();
        if let [writer] = writers[..] {
            return (writer, began.elapsed());
        }
        assert!(began.elapsed() < 6 * PROMISED, "{writers:?} write");
        thread::sleep(Duration::from_millis(20));
    }
}

fn check(house: &House, replicas: &[Replica], writer: usize) {
    let generate = ["keys", "generate-signing", "--usage", "protocol"];
    through(&house.sandbox, &replicas[writer].endpoint(), &generate).succeeded();
    for replica in replicas {
        assert_eq!(replica.serving.get("/readyz").0, 200, "{}", replica.name);
        assert_eq!(replica.serving.get("/healthz").0, 200, "{}", replica.name);
    }
    let listed = house.sandbox.json(["replicas", "list"]);
    assert_eq!(listed["writer"], replicas[writer].name, "{listed}");
}

#[test]
fn three_servers_on_one_vault_sign_throughout_and_one_of_them_writes_whatever_becomes_of_it() {
    let house = Arc::new(House::with_vault("cli_serving", &["--kind", "participant"]));
    let sandbox = &house.sandbox;
    sandbox.edit_config(|text| text + "\n[server]\nhttp = \"127.0.0.1:0\"\n");
    let key = sandbox.signing_key("ec-curve-25519", "protocol");
    sandbox.write("message", "pay 7");
    let folders = ["first", "second", "third"].map(|name| {
        let replica = Second::named(&house, name);
        replica.run(ACCEPT).succeeded();
        (name, replica.dir())
    });
    let start = |(name, dir)| Replica::start(&house, name, dir, &key);
    let mut replicas: Vec<Replica> = folders.into_iter().map(start).collect();
    let (first, _) = writer(&replicas);
    check(&house, &replicas, first);

    let killed = replicas.remove(first);
    assert!(killed.signers.end() > FEW);
    killed.serving.kill();
    let (second, took) = writer(&replicas);
    assert!(took < PROMISED, "{took:?}");
    check(&house, &replicas, second);

    let stepped = sandbox.json(["replicas", "step-down"]);
    assert_eq!(stepped["stepped_down"], replicas[second].name, "{stepped}");
    let began = Instant::now();
    while writer(&replicas).0 == second {
        assert!(began.elapsed() < 6 * PROMISED, "nobody follows");
    }
    assert!(began.elapsed() < PROMISED, "{:?}", began.elapsed());
    check(&house, &replicas, 1 - second);

    // Through a server it is about that one alone.
    let step_down = ["replicas", "step-down", "--output", "json"];
    let other = through(sandbox, &replicas[second].endpoint(), &step_down);
    other.failed("STORE_NOT_WRITER", 6);
    let asked = through(sandbox, &replicas[1 - second].endpoint(), &step_down);
    let stepped = asked.succeeded().json();
    assert_eq!(
        stepped["stepped_down"],
        replicas[1 - second].name,
        "{stepped}"
    );

    for replica in replicas {
        assert!(replica.signers.end() > FEW, "{}", replica.name);
        assert!(replica.serving.end().success());
    }
    assert!(house.lease_is_free());
}
