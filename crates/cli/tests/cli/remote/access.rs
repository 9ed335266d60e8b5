//! Who we are to a server: certificates, tokens, the user of a socket.

use std::{path::PathBuf, process::Command};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

use crate::{
    serving::{Serving, python},
    support::{Ran, Sandbox},
};

/// Writes an authority, and what it certifies: `NAME.pem` and `NAME.key`.
pub(super) fn certify(
    sandbox: &Sandbox,
    authority: &str,
    pairs: &[(&str, &str, ExtendedKeyUsagePurpose)],
) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    sandbox.write(&format!("{authority}.pem"), issuer.pem());
    for (name, alternative, purpose) in pairs {
        let mut params = CertificateParams::new(vec![(*alternative).to_owned()]).unwrap();
        params.extended_key_usages = vec![purpose.clone()];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        sandbox.write(&format!("{name}.pem"), certificate.pem());
        sandbox.write(&format!("{name}.key"), key.serialize_pem());
    }
}

/// A token that PyJWT makes, valid for a minute.
fn token(sandbox: &Sandbox, subject: &str) -> PathBuf {
    let script = "import sys, time, jwt
claims = {'sub': sys.argv[2], 'aud': 'vault', 'exp': int(time.time()) + 60}
print(jwt.encode(claims, open(sys.argv[1]).read(), algorithm='ES256'))";
    let mut command = Command::new(python());
    command
        .args(["-c", script])
        .arg(sandbox.path("issuer.key"))
        .arg(subject);
    let ran = Ran::of(command).succeeded();
    sandbox.write(&format!("{subject}.token"), ran.stdout)
}

/// A server behind TLS that knows an administrator by a certificate, an auditor by a token, and this user by a socket.
fn guarded() -> Sandbox {
    let sandbox = Sandbox::with_vault();
    let (server, client) = (
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    );
    let pairs = [
        ("server", "localhost", server),
        ("admin", "admin.example", client.clone()),
    ];
    certify(&sandbox, "authority", &pairs);
    certify(
        &sandbox,
        "stranger",
        &[("unknown", "admin.example", client)],
    );
    for line in [
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out issuer.key",
        "pkey -in issuer.key -pubout -out issuer.pem",
    ] {
        let mut openssl = sandbox.program("openssl", line.split(' '));
        assert!(openssl.status().unwrap().success());
    }
    let path = |name: &str| sandbox.path(name).display().to_string();
    let user = rustix::process::getuid().as_raw();
    let rules = format!(
        "\n[server]\nsocket = {:?}\n[server.tls]\ncertificate-file = {:?}\nprivate-key-file = {:?}\n\
         client-certificates = \"optional\"\nclient-ca-file = {:?}\n\
         [[server.tokens]]\nkey-file = {:?}\naudience = \"vault\"\n\
         [[callers]]\nname = \"admin\"\ncertificates = [\"dns:admin.example\"]\n\
         [[callers.grants]]\nrole = \"key-administrator\"\n\
         [[callers]]\nname = \"auditor\"\ntokens = [\"auditor\"]\n[[callers.grants]]\nrole = \"auditor\"\n\
         [[callers]]\nname = \"local\"\nunix-users = [{user}]\n[[callers.grants]]\nrole = \"operator\"\n",
        path("socket"),
        path("server.pem"),
        path("server.key"),
        path("authority.pem"),
        path("issuer.pem"),
    );
    sandbox.edit_config(|config| format!("{config}{rules}"));
    sandbox
}

pub(super) fn endpoint(serving: &Serving) -> String {
    let (_address, port) = serving.grpc().rsplit_once(':').unwrap();
    format!("https://localhost:{port}")
}

#[test]
fn a_certificate_a_token_and_a_socket_say_who_calls() {
    let sandbox = guarded();
    let auditor = token(&sandbox, "auditor");
    let serving = Serving::start(&sandbox);
    let endpoint = endpoint(&serving);
    let ca = ["--endpoint", &endpoint, "--server-ca-file", "authority.pem"];
    let certificate = [
        "--client-certificate-file",
        "admin.pem",
        "--client-key-file",
        "admin.key",
    ];
    let run = |words: &[&str], flags: &[&str]| sandbox.run([words, &ca, flags].concat());
    let generate = [
        "keys",
        "generate-signing",
        "--usage",
        "protocol",
        "--name",
        "made",
    ];
    run(&generate, &certificate).succeeded();
    // The token counts, also behind a certificate.
    let with_token = ["--token-file", auditor.to_str().unwrap()];
    run(&["audit", "verify"], &with_token).succeeded();
    run(
        &["audit", "verify"],
        &[&certificate[..], &with_token].concat(),
    )
    .succeeded();
    run(&generate, &with_token).failed("PERMISSION_DENIED", 4);
    run(&["audit", "verify"], &certificate).failed("PERMISSION_DENIED", 4);
    run(&["keys", "list"], &[]).failed("UNAUTHENTICATED", 4);
    // The environment says it too.
    let mut command = sandbox.command([&["audit", "verify"][..], &ca].concat());
    let text = String::from_utf8(sandbox.read("auditor.token")).unwrap();
    command.env("STRONGROOM_TOKEN", text.trim());
    Ran::of(command).succeeded();
    let socket = format!("unix:{}", sandbox.path("socket").display());
    sandbox
        .run(["keys", "list", "--endpoint", &socket])
        .succeeded();
    sandbox
        .run(["audit", "verify", "--endpoint", &socket])
        .failed("PERMISSION_DENIED", 4);
    assert!(serving.end().success());
    let log = sandbox.json([
        "audit",
        "list",
        "--operation",
        "generate_key",
        "--last",
        "1",
    ]);
    assert_eq!(log["records"][0]["caller"], "admin");
}

#[test]
fn a_file_says_where_the_server_is_and_flags_go_before_it() {
    let sandbox = guarded();
    let auditor = token(&sandbox, "auditor");
    let serving = Serving::start(&sandbox);
    let config = format!(
        "endpoint = {:?}\nca-file = \"authority.pem\"\ntoken-file = {:?}\n",
        endpoint(&serving),
        auditor.file_name().unwrap()
    );
    sandbox.write("client.toml", config);
    let flag = ["--client-config", "client.toml"];
    sandbox
        .run([&["audit", "verify"][..], &flag].concat())
        .succeeded();
    let mut command = sandbox.command(["audit", "verify"]);
    command.env("STRONGROOM_CLIENT_CONFIG", sandbox.path("client.toml"));
    Ran::of(command).succeeded();
    let other = [
        &["audit", "verify", "--server-ca-file", "stranger.pem"][..],
        &flag,
    ]
    .concat();
    sandbox.run(other).failed("SERVER_UNTRUSTED", 4);
    sandbox.set_mode("client.toml", 0o666);
    let ran = sandbox.run([&["audit", "verify"][..], &flag].concat());
    ran.failed("FILE_WRITABLE_BY_OTHERS", 3);
}

#[test]
fn a_stranger_is_not_taken_for_the_server_and_is_not_let_in() {
    let sandbox = guarded();
    let serving = Serving::start(&sandbox);
    let endpoint = endpoint(&serving);
    let list = ["keys", "list", "--endpoint", &endpoint, "--server-ca-file"];
    sandbox
        .run([&list[..], &["stranger.pem"]].concat())
        .failed("SERVER_UNTRUSTED", 4);
    let other_name = endpoint.replace("localhost", "127.0.0.1");
    let named = [
        "keys",
        "list",
        "--endpoint",
        &other_name,
        "--server-ca-file",
        "authority.pem",
    ];
    sandbox.run(named).failed("SERVER_UNTRUSTED", 4);
    let unknown = [
        "--client-certificate-file",
        "unknown.pem",
        "--client-key-file",
        "unknown.key",
    ];
    // The server says why and hangs up; the system may lose the first when the second comes.
    let ran = sandbox.run([&list[..], &["authority.pem"], &unknown].concat());
    let refused = [(Some("SERVER_REFUSES"), 4), (Some("SERVER_GONE"), 6)];
    assert!(
        refused.contains(&(ran.code(), ran.status)),
        "{}",
        ran.stderr
    );
    let half = ["authority.pem", "--client-certificate-file", "admin.pem"];
    sandbox
        .run([&list[..], &half].concat())
        .failed("CLIENT_TLS_UNUSABLE", 2);
    sandbox.write("broken.token", "no\u{1}token");
    let broken = ["authority.pem", "--token-file", "broken.token"];
    sandbox
        .run([&list[..], &broken].concat())
        .failed("TOKEN_INVALID", 2);
    sandbox.write("wrong.token", "XYZZY");
    let wrong = ["authority.pem", "--token-file", "wrong.token"];
    let ran = sandbox
        .run([&list[..], &wrong].concat())
        .failed("UNAUTHENTICATED", 4);
    assert!(!ran.stderr.contains("XYZZY"), "{}", ran.stderr);
    sandbox.set_mode("wrong.token", 0o644);
    sandbox
        .run([&list[..], &wrong].concat())
        .failed("FILE_NOT_PRIVATE", 3);
}
