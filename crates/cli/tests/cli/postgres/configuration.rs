//! Several servers on one vault that get another file one after the other, after another person has approved it.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    House,
    replicas::{ACCEPT, Second},
    serving::through,
};
use crate::{serving::Serving, support::text};

/// Whoever comes to a server of these tests is known by no more than the address.
const GUARDED: &str = "\n[approvals]\noperations = [\"configuration.change\"]\napprovers = [\"network:127.0.0.1\", \"bob\"]\n";

fn other_audit(file: String) -> String {
    file + "\n[audit]\nsignatures = \"batched\"\n"
}

fn serve(house: &House, replica: &Second<'_>) -> Serving {
    Serving::start_with(&house.sandbox, |command| {
        command.env("STRONGROOM_DIR", replica.dir());
    })
}

/// A guarded vault, and two replicas of it.
struct Pair<'h> {
    house: &'h House,
    one: Second<'h>,
    two: Second<'h>,
}

fn guarded(vault: &str) -> House {
    let house = House::with_vault(vault, &[]);
    house.sandbox.edit_config(|file| file + GUARDED);
    house
}

impl<'h> Pair<'h> {
    fn of(house: &'h House) -> Self {
        let [one, two] = ["one", "two"].map(|name| {
            let replica = Second::named(house, name);
            replica.run(ACCEPT).succeeded();
            replica
        });
        Self { house, one, two }
    }

    /// The file of the second one is proposed and approved. The first one goes on by the old file, and answers at `endpoint`.
    fn approve(&self) -> Approved {
        let new = self.two.dir().join("strongroom.toml");
        let propose = ["config", "propose", "--file", new.to_str().unwrap()];
        let proposed = self
            .one
            .run(&[&propose[..], &["--output", "json"]].concat());
        let id = text(&proposed.succeeded().json()["approval"], "id");
        let serving = serve(self.house, &self.one);
        let endpoint = format!("http://{}", serving.grpc());
        let approve = ["approvals", "approve", &id];
        through(&self.house.sandbox, &endpoint, &approve).succeeded();
        Approved {
            id,
            serving,
            endpoint,
        }
    }
}

struct Approved {
    id: String,
    serving: Serving,
    endpoint: String,
}

fn refused(replica: &Second<'_>) {
    replica
        .run(&["serve", "--address", "127.0.0.1:0"])
        .failed("CONFIGURATION_NOT_APPROVED", 3);
}

/// The changes that are on record, asked of a server.
fn changes(house: &House, endpoint: &str) -> Vec<Value> {
    let list = ["audit", "list", "--last", "1000", "--output", "json"];
    let listed = through(&house.sandbox, endpoint, &list).succeeded().json();
    let mut records = listed["records"].as_array().unwrap().clone();
    records.retain(|it| it["operation"] == "change_configuration");
    records
}

#[test]
fn servers_get_an_approved_file_one_after_the_other_and_the_first_that_writes_puts_it_on_record() {
    let house = guarded("cli_two_persons");
    let pair = Pair::of(&house);
    let (one, two) = (&pair.one, &pair.two);
    let serving = serve(&house, one);
    two.edit_config(other_audit);
    // It would not write.
    refused(two);
    serving.end();

    let approved = pair.approve();
    // It begins, and the other one goes on by the old file; what is on record is what the one that writes does.
    let other = serve(&house, two);
    let there = format!("http://{}", other.grpc());
    assert_eq!(changes(&house, &there).len(), 1);
    approved.serving.end();
    let began = Instant::now();
    let noted = loop {
        let noted = changes(&house, &there);
        if noted.len() > 1 {
            break noted;
        }
        assert!(began.elapsed() < Duration::from_secs(90), "{noted:?}");
        thread::sleep(Duration::from_millis(200));
    };
    assert_eq!(text(&noted[1]["details"], "sections"), "audit");
    refused(one);
    one.edit_config(other_audit);
    serve(&house, one).end();
}

/// It lets callers in by a file that no two persons agree to any more.
#[test]
fn a_server_that_began_by_an_approval_ends_when_that_is_taken_back() {
    let house = guarded("cli_two_persons_taken_back");
    let pair = Pair::of(&house);
    serve(&house, &pair.one).end();
    pair.two.edit_config(other_audit);
    let approved = pair.approve();
    let endpoint = &approved.endpoint;
    let other = serve(&house, &pair.two);
    let reject = ["approvals", "reject", &approved.id];
    through(&house.sandbox, endpoint, &reject).succeeded();
    assert_eq!(other.ends().code(), Some(3));
    // Who goes by the good file goes on.
    assert_eq!(changes(&house, endpoint).len(), 1);
    approved.serving.end();
    refused(&pair.two);
}
