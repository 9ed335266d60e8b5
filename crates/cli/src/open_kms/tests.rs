use std::{fs, path::Path};

use strongroom_config::ConfigError;
use strongroom_crypto::SigningKeySpec;
use strongroom_kms::{ExternalKeyRequest, in_trace};
use strongroom_kms_sim::{Scenario, Simulator};

use super::*;

fn configuration(endpoint: &str, log: &Path) -> Result<Config, ConfigError> {
    Config::parse(&format!(
        "[vault]\nid = \"00112233445566778899aabbccddeeff\"\nnode = \"participant1\"\n\
         [[kms]]\nname = \"cloud\"\ntype = \"aws\"\nregion = \"eu-central-1\"\nendpoint = \"{endpoint}\"\n\
         rehearsal = true\n[kms-log]\nfile = {log:?}\n"
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_inside_of_the_kms_is_written_down_without_message_and_signature() {
    let simulator = Simulator::start(Scenario::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kms.log");
    let config = configuration(simulator.endpoint(), &path).unwrap();
    let kms = OpenKms::open(&config, &KmsFlags::default()).await.unwrap();
    let external = kms
        .iter()
        .next()
        .unwrap()
        .surrounded
        .external_keys()
        .unwrap();
    let trace = "40d47592f1bd50f37e6804fbdff404dd";
    let key = in_trace(trace, async {
        let spec = SigningKeySpec::EcP256;
        let request = ExternalKeyRequest::default();
        let key = external.generate_signing_key(spec, &request).await.unwrap();
        external
            .sign(&key, spec, b"pay to the bearer")
            .await
            .unwrap();
        key
    })
    .await;
    let log = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines.len(), 4, "{log}");
    let id = lines[2]
        .split_once("request [")
        .unwrap()
        .1
        .split_once(']')
        .unwrap()
        .0;
    let logger = format!("INFO  c.d.c.c.k.a.a.AwsRequestResponseLogger:kms=cloud tid:{trace}");
    let endpoint = simulator.endpoint();
    for (line, expected) in [
        (
            lines[0],
            "CreateKeyRequest(KeyPurpose=SIGN_VERIFY, KeyScheme=ECC_NIST_P256) to ".to_owned(),
        ),
        (
            lines[2],
            format!(
                "{logger} - Sending request [{id}]: SignRequest(KeyId={key}, Message=** Sign message text placeholder **, \
                 MessageType=RAW, SigningAlgorithm=ECDSA_SHA_256) to {endpoint}"
            ),
        ),
        (
            lines[3],
            format!(
                "- SignResponse(KeyId={key}, Signature=** Signature message text placeholder **, \
                 SigningAlgorithm=ECDSA_SHA_256)"
            ),
        ),
    ] {
        assert!(line.contains(&expected), "{line}\n{expected}");
    }
    assert!(lines[3].contains(&format!("{logger} - Received response [{id}]: [Aws-Id: ")));
    assert!(!log.contains("bearer"));
    let metrics = kms.iter().next().unwrap().metrics();
    assert_eq!((metrics.calls.total(), metrics.by_class.ecc), (2, 1));
}
