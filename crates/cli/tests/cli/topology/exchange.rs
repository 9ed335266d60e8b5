//! Two vaults that exchange files.

use std::{collections::BTreeSet, fs};

use serde_json::json;
use strongroom_proto::topology::{
    encode_signed_transaction, encode_transaction, topology_signature,
};
use strongroom_topology::{
    Covers, DecentralizedNamespaceDefinition, Draft, Mapping, Namespace, Operation, Serial,
    SignedTransaction,
};

use super::{gzipped, hash_of, namespace_key, transactions};
use crate::support::{Sandbox, text};

fn path(sandbox: &Sandbox, name: &str) -> String {
    sandbox.path(name).to_str().unwrap().to_owned()
}

#[test]
fn a_delegation_made_in_one_vault_lets_a_key_of_another_sign() {
    let (root, node) = (Sandbox::with_vault(), Sandbox::with_vault());
    let namespace = namespace_key(&root, "root");
    let certify = [
        "topology",
        "delegate",
        &namespace,
        "--namespace",
        &namespace,
    ];
    let certify = [
        &certify[..],
        &["--restriction", "all", "--out", "root.cert"],
    ]
    .concat();
    let document = root.json(certify);
    assert_eq!(document["outcome"], "accepted");
    assert_eq!(document["content"]["is_root"], true);

    let signer = namespace_key(&node, "signer");
    let public = node.public_pem(&signer, "signer.pem");
    let public = public.to_str().unwrap();
    let delegate = [
        "topology",
        "delegate",
        public,
        "--namespace",
        &namespace,
        "--out",
        "node.cert",
    ];
    let document = root.json(delegate);
    assert_eq!(document["content"]["target_key"]["fingerprint"], signer);
    assert_eq!(document["content"]["restriction"], "all-but-delegations");

    let (first, second) = (path(&root, "root.cert"), path(&root, "node.cert"));
    let init = ["init", "--unprotected-key-file", "--kind", "participant"];
    // The root certificate alone names no key of this vault.
    let root_alone = [&init[..], &["--certificate", &first]].concat();
    node.refuses(root_alone.clone(), "NO_NAMESPACE_SIGNER", 3);
    let all = [&root_alone[..], &["--certificate", &second]].concat();
    let other = [&all[..], &["--namespace", &signer]].concat();
    node.refuses(other, "CERTIFICATE_MISMATCH", 2);
    let document = node.json(all.clone());
    let identity = &document["identity"];
    assert_eq!(identity["member"], format!("PAR::node::{namespace}"));
    assert_eq!(identity["root_key_here"], false);
    assert_eq!(identity["namespace_signer"], signer);
    assert_eq!(node.json(all)["identity"], *identity, "and again");
    // Without the certificates too: nothing is missing.
    assert_eq!(node.json(init)["identity"], *identity);
    assert_eq!(
        node.json(["quickstart"])["identity"]["member"],
        identity["member"]
    );
    assert_eq!(node.json(["doctor"])["healthy"], true);
}

#[test]
fn certificates_make_an_identity_and_later_ones_follow() {
    let (root, node) = (Sandbox::with_vault(), Sandbox::with_vault());
    let namespace = namespace_key(&root, "root");
    let certify = [
        "topology",
        "delegate",
        &namespace,
        "--namespace",
        &namespace,
    ];
    root.run(
        [
            &certify[..],
            &["--restriction", "all", "--out", "root.cert"],
        ]
        .concat(),
    )
    .succeeded();
    let signer = namespace_key(&node, "signer");
    let public = node.public_pem(&signer, "signer.pem");
    let delegate = [
        "topology",
        "delegate",
        public.to_str().unwrap(),
        "--namespace",
        &namespace,
    ];
    root.run([&delegate[..], &["--out", "node.cert"]].concat())
        .succeeded();
    let (first, second) = (path(&root, "root.cert"), path(&root, "node.cert"));
    let import = ["topology", "root", "import", &first, &second];
    node.refuses(import, "FLAG_MISSING", 2);
    let document = node.json([&import[..], &["--kind", "mediator", "--identifier", "m1"]].concat());
    assert_eq!(
        document["identity"]["member"],
        format!("MED::m1::{namespace}")
    );
    assert_eq!(
        (&document["unchanged"], &document["rejected"]),
        (&json!(2), &json!(0))
    );

    let revoke = [
        "topology",
        "revoke",
        &signer,
        "--namespace",
        &namespace,
        "--yes",
    ];
    root.run([&revoke[..], &["--out", "revoked.cert"]].concat())
        .succeeded();
    let document = node.json(["topology", "root", "import", &path(&root, "revoked.cert")]);
    assert_eq!(document["accepted"], 1);
    // What comes next is signed by no key that may sign for the namespace.
    let key = node.key_named("node-signing");
    // So nothing is begun that could not end.
    node.refuses(["keys", "rotate", &key], "NO_NAMESPACE_SIGNER", 3);
    node.refuses(["keys", "rotate-all"], "NO_NAMESPACE_SIGNER", 3);
    let document = node.json(["keys", "rotate", "--abandon"]);
    assert_eq!(document["rotations"], json!([]));
}

#[test]
fn an_exported_store_applies_elsewhere_compressed_or_not() {
    let (alice, bob) = (
        Sandbox::with_participant("alice"),
        Sandbox::with_participant("bob"),
    );
    let export = [
        "topology",
        "export",
        "--format",
        "transactions",
        "--out",
        "alice.bin",
    ];
    let document = alice.json(export);
    assert_eq!(document["transactions"], 2);
    alice.refuses(export, "OUTPUT_EXISTS", 3);
    alice.write("alice.bin.gz", gzipped(&alice.read("alice.bin")));
    let compressed = path(&alice, "alice.bin.gz");
    // What is another node's is not announced by mistake.
    let apply = ["topology", "apply", &compressed];
    bob.refuses(
        apply,
        "TOPOLOGY_DANGEROUS_COMMAND_REQUIRES_FORCE_ALIEN_MEMBER",
        3,
    );
    let forced = [&apply[..], &["--danger", "alien-member"]].concat();
    let document = bob.json(forced.clone());
    assert_eq!(
        (&document["accepted"], &document["preview"]),
        (&json!(2), &json!(false))
    );
    assert_eq!(transactions(&document)[0]["outcome"], "accepted");
    let again = bob.json(forced.clone());
    assert_eq!(again["unchanged"], 2);
    let words = bob.run(forced).succeeded();
    let summary = "0 accepted, 0 proposed, 2 unchanged, 0 rejected\n";
    assert!(words.text().ends_with(summary), "{}", words.text());
    // From standard input too.
    let plain = fs::read(path(&alice, "alice.bin")).unwrap();
    let piped = ["topology", "apply", "-", "--danger", "alien-member"];
    bob.run_with(plain, piped).succeeded();
}

#[test]
fn what_is_rejected_is_told_with_its_code_and_remembered() {
    let (alice, bob) = (
        Sandbox::with_participant("alice"),
        Sandbox::with_participant("bob"),
    );
    let key = namespace_key(&alice, "extra");
    alice
        .run(["topology", "delegate", &key, "--out", "extra.cert"])
        .succeeded();
    // Nobody there has heard of the root.
    let apply = ["topology", "apply", &path(&alice, "extra.cert")];
    let ran = bob.run([&apply[..], &["--output", "json"]].concat());
    assert_eq!((ran.status, ran.stderr.as_str()), (1, ""));
    let document = ran.json();
    assert_eq!(document["rejected"], 1);
    let decision = &transactions(&document)[0];
    assert_eq!(
        decision["rejection"]["code"],
        "TOPOLOGY_UNAUTHORIZED_TRANSACTION"
    );
    let listed = bob.json(["topology", "list", "--rejected"]);
    let rejected = &transactions(&listed)[0];
    assert_eq!(rejected["state"], "rejected");
    assert_eq!(rejected["rejection"], decision["rejection"]["text"]);
    let words = bob.run(["topology", "list", "--rejected"]).succeeded();
    assert!(
        words.text().contains("\n3: No delegation found"),
        "{}",
        words.text()
    );
}

/// A namespace that two nodes own together, signed by one of them: what waits for the other.
fn proposal(owner: &Sandbox, other: &Sandbox) -> SignedTransaction {
    let owners: BTreeSet<Namespace> = [
        owner.key_named("alice-namespace"),
        other.key_named("bob-namespace"),
    ]
    .iter()
    .map(|root| root.parse().unwrap())
    .collect();
    let namespace = DecentralizedNamespaceDefinition::derive_namespace(&owners);
    let definition = DecentralizedNamespaceDefinition::try_new(namespace, 2, owners).unwrap();
    let transaction = encode_transaction(Draft {
        operation: Operation::AddReplace,
        serial: Serial::FIRST,
        mapping: Mapping::DecentralizedNamespaceDefinition(definition),
    });
    owner.write("hash", transaction.hash().to_multihash());
    let key = owner.key_named("alice-namespace");
    let sign = [
        "sign",
        "hash",
        "--hash",
        "--key",
        &key,
        "--usage",
        "namespace",
    ];
    let signed = owner
        .run([&sign[..], &["--form", "canton"]].concat())
        .succeeded();
    let signature = strongroom_proto::decode_signature(&signed.stdout).unwrap();
    let signature = topology_signature(signature, Covers::This);
    SignedTransaction::received(transaction, vec![signature], true).unwrap()
}

#[test]
fn a_proposal_waits_until_the_other_vault_has_signed_it() {
    let (alice, bob) = (
        Sandbox::with_participant("alice"),
        Sandbox::with_participant("bob"),
    );
    let proposal = proposal(&alice, &bob);
    let hash = proposal.hash().to_string();
    alice.write("proposal.cert", encode_signed_transaction(&proposal));
    for (from, to, file) in [(&alice, &bob, "alice.bin"), (&bob, &alice, "bob.bin")] {
        let export = [
            "topology",
            "export",
            "--format",
            "transactions",
            "--mapping",
            "nsd",
        ];
        from.run([&export[..], &["--out", file]].concat())
            .succeeded();
        to.run(["topology", "apply", &path(from, file)]).succeeded();
    }
    let document = alice.json(["topology", "apply", "proposal.cert"]);
    assert_eq!(document["proposed"], 1);
    let waiting = alice.json(["topology", "list", "--proposals"]);
    assert_eq!(transactions(&waiting)[0]["hash"], hash);
    // One cannot do it alone.
    let alone = alice.run(["topology", "authorize", &hash]);
    let alone = alone.failed("TOPOLOGY_UNAUTHORIZED_TRANSACTION", 4);
    assert!(alone.stderr.contains("with --proposal"), "{}", alone.stderr);

    let export = [
        "topology",
        "export",
        &hash,
        "--format",
        "certificate",
        "--out",
        "waiting.cert",
    ];
    alice.run(export).succeeded();
    bob.run(["topology", "apply", &path(&alice, "waiting.cert")])
        .succeeded();
    let document = bob.json(["topology", "authorize", &hash, "--out", "agreed.cert"]);
    assert_eq!(document["outcome"], "accepted");
    assert_eq!(document["signatures"].as_array().unwrap().len(), 2);
    let document = alice.json(["topology", "apply", &path(&bob, "agreed.cert")]);
    assert_eq!(document["accepted"], 1);
    assert!(transactions(&alice.json(["topology", "list", "--proposals"])).is_empty());
    assert_eq!(hash_of(&alice, "dnd"), hash);
}

#[test]
fn the_transactions_of_a_file_are_signed_without_being_kept() {
    let (alice, bob) = (
        Sandbox::with_participant("alice"),
        Sandbox::with_participant("bob"),
    );
    let proposal = proposal(&alice, &bob);
    let waiting = bob.write("waiting.cert", encode_signed_transaction(&proposal));
    let before = bob.json(["topology", "list", "--history"]);
    let sign = [
        "topology",
        "authorize",
        "--file",
        "waiting.cert",
        "--out",
        "signed.cert",
    ];
    let document = bob.json(sign);
    assert_eq!(document["added"], 1);
    let signer = &transactions(&document)[0]["signed_by"][0];
    assert_eq!(*signer, bob.key_named("bob-namespace"));
    assert_eq!(bob.json(["topology", "list", "--history"]), before);
    // There is nothing more to add to it, and it is written all the same.
    let again = [
        "topology",
        "authorize",
        "--file",
        "signed.cert",
        "--out",
        "again.cert",
    ];
    assert_eq!(bob.json(again)["added"], 0);
    assert_eq!(bob.read("again.cert"), bob.read("signed.cert"));
    bob.refuses(sign, "OUTPUT_EXISTS", 3);
    let without = ["topology", "authorize", "--file", waiting.to_str().unwrap()];
    bob.refuses(without, "WRONG_USAGE", 2);
    let nowhere =
        text(&before["transactions"][0], "hash").replace(|c: char| c != '1' && c != '2', "0");
    let nowhere = format!("1220{}", &nowhere[4..]);
    bob.refuses(
        ["topology", "authorize", &nowhere],
        "TOPOLOGY_TRANSACTION_NOT_FOUND",
        3,
    );
}
