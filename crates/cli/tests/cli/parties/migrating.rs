//! `party migrate`: out of the deprecated mapping, which only history makes.

use serde_json::Value;
use strongroom_crypto::{KeyUsage, KeyUsages, SigningPublicKey};
use strongroom_proto::topology::{
    decode_signed_transactions, encode_signed_transaction, encode_transaction, topology_signature,
};
use strongroom_topology::{
    Covers, Draft, HostingParticipant, Mapping, Member, Operation, ParticipantPermission, PartyId,
    PartyToKeyMapping, PartyToParticipant, PhysicalSynchronizerId, Serial, SignedTransaction,
    SigningKeysWithThreshold, SynchronizerTrustCertificate, UniqueIdentifier,
};

use super::line;
use crate::support::{Sandbox, text};

const STORE: &str =
    "synchronizer:da::12200000000000000000000000000000000000000000000000000000000000000000::34-0";

fn public(sandbox: &Sandbox, key: &str) -> SigningPublicKey {
    let shown = sandbox.json(["keys", "show", key]);
    let usages = KeyUsages::try_new([KeyUsage::Protocol]).unwrap();
    SigningPublicKey::detect(text(&shown, "public_key_pem").as_bytes(), usages).unwrap()
}

/// States `mapping` in the vault of the participant: the key of its namespace signs, and then who else has a key in it.
fn state(participant: &Sandbox, mapping: Mapping, others: &[&Sandbox]) {
    let transaction = encode_transaction(Draft {
        operation: Operation::AddReplace,
        serial: Serial::FIRST,
        mapping,
    });
    participant.write("hash", transaction.hash().to_multihash());
    let key = participant.key_named("alice-namespace");
    let sign = format!("sign hash --hash --key {key} --usage namespace --form canton");
    let signed = participant.run(line(&sign)).succeeded();
    let signature = strongroom_proto::decode_signature(&signed.stdout).unwrap();
    let signature = topology_signature(signature, Covers::This);
    let signed = SignedTransaction::received(transaction, vec![signature], false).unwrap();
    participant.write("statement.cert", encode_signed_transaction(&signed));
    for other in others {
        add_signatures(other, participant, "statement.cert");
    }
    let applied = participant.json(["topology", "apply", "statement.cert"]);
    assert_eq!(applied["accepted"], 1, "{applied}");
}

/// Lets `vault` add its signatures to a certificate that lies with `with`.
fn add_signatures(vault: &Sandbox, with: &Sandbox, file: &str) {
    let path = with.path(file);
    let path = path.to_str().unwrap();
    let authorize = ["topology", "authorize", "--file", path, "--out", path];
    let added = vault.json([&authorize[..], &["--force"]].concat());
    assert_eq!(added["added"], 1, "{added}");
}

/// A participant that hosts a party with one key in each of these vaults, which stand in the deprecated mapping.
pub(in super::super) fn deprecated(
    participant: &Sandbox,
    vaults: &[&Sandbox],
) -> (String, Vec<String>) {
    let owner = text(&participant.json(["topology", "active-keys"]), "owner");
    let owner: Member = owner.parse().unwrap();
    let party: PartyId = UniqueIdentifier::try_new("carol", owner.uid.namespace().clone()).unwrap();
    let keys: Vec<_> = vaults
        .iter()
        .map(|vault| vault.signing_key("ec-p-256", "protocol"))
        .collect();
    let publics = vaults
        .iter()
        .zip(&keys)
        .map(|(vault, key)| public(vault, key));
    let signing_keys = SigningKeysWithThreshold::try_new(publics.collect(), 1).unwrap();
    let mapping = PartyToKeyMapping {
        party: party.clone(),
        signing_keys,
    };
    state(participant, Mapping::PartyToKeyMapping(mapping), vaults);
    let followed: PhysicalSynchronizerId = STORE.split_once(':').unwrap().1.parse().unwrap();
    let trust = SynchronizerTrustCertificate {
        participant: owner.uid.clone(),
        synchronizer: followed.synchronizer,
        feature_flags: Vec::new(),
    };
    state(
        participant,
        Mapping::SynchronizerTrustCertificate(trust),
        &[],
    );
    let hosting = HostingParticipant {
        participant: owner.uid,
        permission: ParticipantPermission::Confirmation,
        onboarding: false,
    };
    let hosted = PartyToParticipant::try_new(party.clone(), 1, vec![hosting], None).unwrap();
    state(participant, Mapping::PartyToParticipant(hosted), &[]);
    (party.to_string(), keys)
}

/// What was done with each mapping, and what the store said of it.
pub(in super::super) fn statements(report: &Value) -> Vec<[String; 3]> {
    let all = report["transactions"].as_array().unwrap().iter();
    all.map(|it| ["mapping", "operation", "outcome"].map(|field| text(it, field)))
        .collect()
}

fn keys_in(participant: &Sandbox, party: &str, store: &str) -> Value {
    participant.json(["party", "show", party, "--store", store])["keys_in"].clone()
}

pub(in super::super) const STATED: [&str; 3] = ["PARTY_TO_PARTICIPANT", "ADD_REPLACE", "accepted"];
pub(in super::super) const TAKEN_BACK: [&str; 3] = ["PARTY_TO_KEY_MAPPING", "REMOVE", "accepted"];

#[test]
fn keys_of_the_deprecated_mapping_move_beside_the_participants_and_both_statements_are_written() {
    let alice = Sandbox::with_participant("alice");
    let (party, keys) = deprecated(&alice, &[&alice]);
    assert_eq!(keys_in(&alice, &party, "authorized"), "party-to-key");
    let migrate = ["party", "migrate", &party, "--out", "moved.certs"];
    let report = alice.json(migrate);
    assert_eq!(statements(&report), [STATED, TAKEN_BACK]);
    assert_eq!(report["file"], "moved.certs");
    let written = decode_signed_transactions(&alice.read("moved.certs")).unwrap();
    let hashes: Vec<_> = written.iter().map(|it| it.hash().to_string()).collect();
    let all = report["transactions"].as_array().unwrap().iter();
    assert_eq!(hashes, all.map(|it| text(it, "hash")).collect::<Vec<_>>());
    let shown = alice.json(["party", "show", &party]);
    assert_eq!(shown["keys_in"], "party-to-participant");
    assert_eq!(shown["keys"][0]["fingerprint"], keys[0]);
    let again = alice.run(["party", "migrate", &party]);
    assert_eq!(again.code(), Some("PARTY_KEYS_MIGRATED"));
    // What is there stays there, and is looked for before anything is stated.
    alice.refuses(migrate, "OUTPUT_EXISTS", 3);
}

#[test]
fn for_a_synchronizer_each_statement_of_a_migration_is_a_file_that_it_can_sequence() {
    let alice = Sandbox::with_participant("alice");
    let (party, _) = deprecated(&alice, &[&alice]);
    let run = |command: &str| alice.run(line(command)).succeeded();
    run("topology export --format snapshot-v2 --out state.bin");
    run(&format!("topology import state.bin --store {STORE}"));
    for (file, expected) in [("stated.cert", STATED), ("taken-back.cert", TAKEN_BACK)] {
        let migrate = format!("party migrate {party} --store {STORE} --out {file}");
        let report = alice.json(line(&migrate));
        assert_eq!(report["preview"], true);
        assert_eq!(statements(&report), [expected]);
        // Nothing was kept: until it is sequenced the next call says the same.
        let ran = run(&format!("party migrate {party} --store {STORE}"));
        let says_more = ran.text().contains("call it again when that is in force");
        assert_eq!(says_more, expected == STATED, "{}", ran.text());
        let stores = alice.json(["topology", "stores"]);
        let sequenced = text(&stores["stores"][1], "last_sequenced");
        let apply = format!("topology apply {file} --store {STORE} --sequenced {sequenced}");
        assert_eq!(alice.json(line(&apply))["accepted"], 1);
        assert_eq!(keys_in(&alice, &party, STORE), "party-to-participant");
    }
    let again = format!("party migrate {party} --store {STORE}");
    assert_eq!(alice.run(line(&again)).code(), Some("PARTY_KEYS_MIGRATED"));
    assert_eq!(keys_in(&alice, &party, "authorized"), "party-to-key");
}

#[test]
fn a_migration_waits_for_the_signature_of_a_key_that_is_elsewhere() {
    let (alice, elsewhere) = (Sandbox::with_participant("alice"), Sandbox::with_vault());
    let (party, keys) = deprecated(&alice, &[&alice, &elsewhere]);
    let alone = alice.run(["party", "migrate", &party]);
    assert_eq!(alone.code(), Some("TOPOLOGY_UNAUTHORIZED_TRANSACTION"));
    let namespace = alice.key_named("alice-namespace");
    let migrate = format!(
        "party migrate {party} --proposal --signed-by {namespace} --signed-by {} --out moved.cert",
        keys[0]
    );
    let [mapping, operation, _] = STATED;
    let waiting = alice.json(line(&migrate));
    assert_eq!(statements(&waiting), [[mapping, operation, "proposed"]]);
    assert_eq!(keys_in(&alice, &party, "authorized"), "party-to-key");
    add_signatures(&elsewhere, &alice, "moved.cert");
    let applied = alice.json(["topology", "apply", "moved.cert"]);
    assert_eq!(applied["accepted"], 1, "{applied}");
    let report = alice.json(["party", "migrate", &party]);
    assert_eq!(statements(&report), [TAKEN_BACK]);
    assert_eq!(
        keys_in(&alice, &party, "authorized"),
        "party-to-participant"
    );
}
