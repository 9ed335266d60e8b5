//! The lines are Canton's, and nothing secret is in them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use proptest::prelude::*;
use strongroom_crypto::{EncryptionKeySpec, SigningKeySpec};
use strongroom_kms::{
    Answer, Audit, AuditFrame, AuditLine, AuditSeverity, AuditSink, Call, Deadline,
    ExternalKeyRequest, KmsError, KmsOperation, KmsProvider, Next, Policy, RandomIds, RequestIds,
    WrapContext, WrappedKey, WrapperKeyRequest, in_trace, report_request_id,
};
use strongroom_memory::SecretBytes;

use crate::house::{DENIED, House, OK, Script, Step, fail, key, secs, seeded};

/// Keeps the lines.
#[derive(Debug, Default)]
struct Log(Mutex<Vec<AuditLine>>);

impl AuditSink for Log {
    fn write(&self, line: AuditLine) {
        self.0.lock().push(line);
    }
}

impl Log {
    fn messages(&self) -> Vec<String> {
        let lines = self.0.lock();
        lines.iter().map(|line| line.message.clone()).collect()
    }

    fn take(&self) -> Vec<AuditLine> {
        std::mem::take(&mut *self.0.lock())
    }
}

/// `id-1`, `id-2`, …
#[derive(Debug, Default)]
struct Numbered(AtomicU64);

impl RequestIds for Numbered {
    fn next(&self) -> Option<String> {
        let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        Some(format!("id-{number}"))
    }
}

#[derive(Debug)]
struct NoIds;

impl RequestIds for NoIds {
    fn next(&self) -> Option<String> {
        None
    }
}

fn aws() -> AuditFrame {
    AuditFrame::Aws {
        endpoint: "https://kms.us-east-1.amazonaws.com/".to_owned(),
    }
}

fn audited(script: &Script, frame: AuditFrame) -> (House<Audit>, Arc<Log>) {
    let log = Arc::new(Log::default());
    let audit = Audit::new(frame, log.clone(), Arc::new(Numbered::default()));
    (script.behind(audit), log)
}

fn context() -> WrapContext {
    WrapContext::for_data_key(&[1; 16], &[2; 16])
}

fn wrapped(bytes: &[u8]) -> WrappedKey {
    WrappedKey {
        wrapper_key_id: key(),
        ciphertext: bytes.to_vec(),
    }
}

/// Every operation once, with `payload` wherever there is room for one.
async fn use_everything<P: Policy + 'static>(house: &House<P>, payload: &[u8]) {
    let (wrapper, keys) = (house.0.key_wrapper(), house.0.external_keys());
    let (wrapper, keys) = (wrapper.unwrap(), keys.unwrap());
    let secret = SecretBytes::from_slice(payload);
    let (context, other) = (context(), "key-2".parse().unwrap());
    let (wrap, unnamed) = (WrapperKeyRequest::default(), ExternalKeyRequest::default());
    let (ec, rsa) = (SigningKeySpec::EcP256, EncryptionKeySpec::Rsa2048);
    let _ = wrapper.generate_wrapper_key(&wrap).await;
    let _ = wrapper.wrapper_key_state(&key()).await;
    let _ = wrapper.wrap_key(&key(), &context, &secret).await;
    let _ = wrapper.unwrap_key(&wrapped(payload), &context).await;
    let _ = wrapper
        .rewrap_key(&wrapped(payload), &context, &other)
        .await;
    let _ = keys.generate_signing_key(ec, &unnamed).await;
    let _ = keys.generate_encryption_key(rsa, &unnamed).await;
    let _ = keys.import_key(ec.into(), &secret, &unnamed).await;
    let _ = keys.key_state(&key()).await;
    let _ = keys.public_key(&key()).await;
    let _ = keys.sign(&key(), ec, payload).await;
    let _ = keys.decrypt(&key(), rsa, payload).await;
    let _ = keys.delete_key(&key()).await;
    let tags = house.0.key_tags().unwrap();
    let text = String::from_utf8_lossy(payload);
    let _ = tags.tag(&key(), &text).await;
    let _ = tags.set_tag(&key(), &text, &text).await;
}

/// Request and answer of each operation, in their order; the texts are those of the reference, kms, section 7. The
/// rewrap and tags have none there: Canton never does that.
const AWS_BODIES: [[&str; 2]; 15] = [
    [
        "CreateKeyRequest(KeyPurpose=ENCRYPT_DECRYPT, KeyScheme=SYMMETRIC_DEFAULT)",
        "CreateKeyResponse(KeyId=key-1, KeyPurpose=ENCRYPT_DECRYPT, KeyScheme=SYMMETRIC_DEFAULT)",
    ],
    [
        "RetrieveMetadataRequest(KeyId=key-1)",
        "RetrieveMetadataResponse(KeyId=key-1, Metadata=Metadata[KeyScheme: SYMMETRIC_DEFAULT, State: Enabled, ** Rest of metadata placeholder **])",
    ],
    [
        "EncryptRequest(Plaintext=** Redacted plaintext placeholder **, KeyId=key-1, EncryptionAlgorithm=SYMMETRIC_DEFAULT)",
        "EncryptResponse(CiphertextBlob=** Ciphertext placeholder **, KeyId=key-1, EncryptionAlgorithm=SYMMETRIC_DEFAULT)",
    ],
    [
        "DecryptRequest(CiphertextBlob=** Ciphertext placeholder **, KeyId=key-1, EncryptionAlgorithm=SYMMETRIC_DEFAULT)",
        "DecryptResponse(Plaintext=** Redacted plaintext placeholder **, KeyId=key-1, EncryptionAlgorithm=SYMMETRIC_DEFAULT)",
    ],
    [
        "ReEncryptRequest(CiphertextBlob=** Ciphertext placeholder **, SourceKeyId=key-1, DestinationKeyId=key-2, EncryptionAlgorithm=SYMMETRIC_DEFAULT)",
        "ReEncryptResponse(CiphertextBlob=** Ciphertext placeholder **, SourceKeyId=key-1, KeyId=key-2, EncryptionAlgorithm=SYMMETRIC_DEFAULT)",
    ],
    [
        "CreateKeyRequest(KeyPurpose=SIGN_VERIFY, KeyScheme=ECC_NIST_P256)",
        "CreateKeyResponse(KeyId=key-1, KeyPurpose=SIGN_VERIFY, KeyScheme=ECC_NIST_P256)",
    ],
    [
        "CreateKeyRequest(KeyPurpose=ENCRYPT_DECRYPT, KeyScheme=RSA_2048)",
        "CreateKeyResponse(KeyId=key-1, KeyPurpose=ENCRYPT_DECRYPT, KeyScheme=RSA_2048)",
    ],
    [
        "ImportKeyRequest(PrivateKey=** Redacted private key placeholder **, KeyPurpose=SIGN_VERIFY, KeyScheme=ECC_NIST_P256)",
        "ImportKeyResponse(KeyId=key-1, KeyPurpose=SIGN_VERIFY, KeyScheme=ECC_NIST_P256)",
    ],
    [
        "RetrieveMetadataRequest(KeyId=key-1)",
        "RetrieveMetadataResponse(KeyId=key-1, Metadata=Metadata[KeyScheme: N/A, State: Enabled, ** Rest of metadata placeholder **])",
    ],
    [
        "GetPublicKeyRequest(KeyId=key-1)",
        "GetPublicKeyResponse(KeyId=key-1, PublicKey=** Public key text placeholder **, KeyScheme=ECC_NIST_P256)",
    ],
    [
        "SignRequest(KeyId=key-1, Message=** Sign message text placeholder **, MessageType=RAW, SigningAlgorithm=ECDSA_SHA_256)",
        "SignResponse(KeyId=key-1, Signature=** Signature message text placeholder **, SigningAlgorithm=ECDSA_SHA_256)",
    ],
    [
        "DecryptRequest(CiphertextBlob=** Ciphertext placeholder **, KeyId=key-1, EncryptionAlgorithm=RSAES_OAEP_SHA_256)",
        "DecryptResponse(Plaintext=** Redacted plaintext placeholder **, KeyId=key-1, EncryptionAlgorithm=RSAES_OAEP_SHA_256)",
    ],
    [
        "DeleteKeyRequest(KeyId=key-1)",
        "DeleteKeyResponse(KeyId=key-1)",
    ],
    ["GetTagRequest(KeyId=key-1)", "GetTagResponse(KeyId=key-1)"],
    ["SetTagRequest(KeyId=key-1)", "SetTagResponse(KeyId=key-1)"],
];

#[tokio::test(start_paused = true)]
async fn aws_lines_are_those_of_the_reference() {
    let (house, log) = audited(&Script::new([], OK), aws());
    use_everything(&house, b"payload").await;
    let mut expected = Vec::new();
    for (number, [request, response]) in (1..).zip(AWS_BODIES) {
        expected.push(format!(
            "Sending request [id-{number}]: {request} to https://kms.us-east-1.amazonaws.com/"
        ));
        expected.push(format!(
            "Received response [id-{number}]: [Aws-Id: UNKNOWN] - {response}"
        ));
    }
    assert_eq!(log.messages(), expected);
}

#[tokio::test(start_paused = true)]
async fn gcp_lines_are_those_of_the_reference() {
    let (house, log) = audited(&Script::new([], OK), AuditFrame::Gcp);
    use_everything(&house, b"payload").await;
    let messages = log.messages();
    assert_eq!(messages.len(), 2 * KmsOperation::ALL.len());
    let words = [
        (
            "ENCRYPT_DECRYPT, KeyScheme=RSA_2048",
            "ASYMMETRIC_DECRYPT, KeyScheme=RSA_DECRYPT_OAEP_2048_SHA256",
        ),
        ("SIGN_VERIFY", "ASYMMETRIC_SIGN"),
        ("SYMMETRIC_DEFAULT", "GOOGLE_SYMMETRIC_ENCRYPTION"),
        ("ECC_NIST_P256", "EC_SIGN_P256_SHA256"),
        (
            "SigningAlgorithm=ECDSA_SHA_256",
            "SigningAlgorithm=EC_SIGN_P256_SHA256",
        ),
        ("RSAES_OAEP_SHA_256", "RSA_DECRYPT_OAEP_2048_SHA256"),
        ("MessageType=RAW", "MessageType=data"),
        ("State: Enabled", "State: ENABLED"),
    ];
    let translated = |body: &str| {
        words
            .iter()
            .fold(body.to_owned(), |body, (aws, gcp)| body.replace(aws, gcp))
    };
    for ((number, [request, response]), pair) in (1..).zip(AWS_BODIES).zip(messages.chunks(2)) {
        let (request, response) = (translated(request), translated(response));
        assert_eq!(
            pair,
            [
                format!("Sending request [id-{number}]: {request}."),
                format!("Received response {response}. Original request [id-{number}]"),
            ]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_a_warning_with_code_and_text_and_without_sources() {
    let leaky = fail(|_| KmsError::Unavailable {
        source: "what was sent: hunter2".into(),
    });
    let (house, log) = audited(&Script::new([DENIED, leaky], OK), AuditFrame::Gcp);
    house.sign().await.unwrap_err();
    house.sign().await.unwrap_err();
    let lines = log.take();
    assert_eq!(lines[0].severity, AuditSeverity::Info);
    assert_eq!(lines[1].severity, AuditSeverity::Warn);
    assert_eq!(
        [&lines[1].message, &lines[3].message],
        [
            "Request id-1 failed with: KMS_DENIED: the KMS denies sign",
            "Request id-2 failed with: KMS_UNAVAILABLE: the KMS is not available",
        ]
    );

    let (house, log) = audited(&Script::new([leaky], OK), aws());
    house.sign().await.unwrap_err();
    let line = log.take().remove(1);
    assert_eq!(line.severity, AuditSeverity::Warn);
    assert_eq!(line.message, "Request [id-1] failed.");
    let beside = line.error.unwrap();
    assert_eq!(beside, "KMS_UNAVAILABLE: the KMS is not available");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_nobody_waits_for_does_not_stay_open() {
    for (shut_down, last) in [
        (false, "Request id-1 failed"),
        (true, "Request id-1 aborted due to shutdown."),
    ] {
        let (house, log) = audited(&Script::new([], Step::Silence), AuditFrame::Gcp);
        let call = tokio::spawn({
            let house = house.clone();
            async move { house.sign().await }
        });
        tokio::task::yield_now().await;
        if shut_down {
            house.policy().begin_shutdown();
        }
        call.abort();
        let _ = call.await;
        assert_eq!(log.messages()[1], last);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_timed_out_is_written_down_as_such() {
    let log = Arc::new(Log::default());
    let ids = Arc::new(Numbered::default());
    let audit = Audit::new(AuditFrame::Gcp, log.clone(), ids);
    let house = Script::new([], Step::Silence).behind((audit, Deadline::after(secs(1))));
    house.sign().await.unwrap_err();
    assert_eq!(
        log.messages()[1],
        "Request id-1 failed with: KMS_TIMED_OUT: the KMS did not answer sign in time"
    );
}

#[tokio::test(start_paused = true)]
async fn lines_carry_the_trace_of_the_caller() {
    let (house, log) = audited(&Script::new([], OK), AuditFrame::Gcp);
    in_trace("40d47592f1bd50f37e6804fbdff404dd", house.sign())
        .await
        .unwrap();
    house.sign().await.unwrap();
    let traces: Vec<_> = log.take().into_iter().map(|line| line.trace_id).collect();
    let trace = Some("40d47592f1bd50f37e6804fbdff404dd".to_owned());
    assert_eq!(traces, [trace.clone(), trace, None, None]);
}

#[tokio::test(start_paused = true)]
async fn nothing_from_outside_starts_a_new_line() {
    let frame = AuditFrame::Aws {
        endpoint: "https://kms\nReceived response".to_owned(),
    };
    let (house, log) = audited(&Script::new([], OK), frame);
    in_trace("4bf9\n2f35", house.sign()).await.unwrap();
    for line in log.take() {
        assert!(!line.message.contains('\n'), "{line:?}");
        assert_eq!(line.trace_id.as_deref(), Some("4bf92f35"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_outside_of_any_span_says_so() {
    let log = Arc::new(Log::default());
    let house = Script::new([], OK).behind(Audit::new(aws(), log.clone(), Arc::new(NoIds)));
    house.delete().await.unwrap();
    assert_eq!(
        log.messages()[0],
        "Sending request [no-id]: DeleteKeyRequest(KeyId=key-1) to https://kms.us-east-1.amazonaws.com/"
    );
}

/// An adapter that says what the KMS called its request.
#[derive(Debug)]
struct Reporting(&'static str);

impl Policy for Reporting {
    async fn run<T: Answer>(&self, call: Call, next: Next<'_, T>) -> Result<T, KmsError> {
        tokio::task::yield_now().await;
        report_request_id(self.0);
        next(call).await
    }
}

#[tokio::test(start_paused = true)]
async fn the_request_id_of_aws_is_shown_and_breaks_no_line() {
    let log = Arc::new(Log::default());
    let audit = Audit::new(aws(), log.clone(), Arc::new(Numbered::default()));
    let house = Script::new([], OK).behind((audit, Reporting("1836823c\nReceived")));
    house.delete().await.unwrap();
    assert_eq!(
        log.messages()[1],
        "Received response [id-1]: [Aws-Id: 1836823cReceived] - DeleteKeyResponse(KeyId=key-1)"
    );
}

#[test]
fn random_ids_have_their_forms() {
    let span = RandomIds::spans(seeded()).next().unwrap();
    assert!(span.len() == 16 && span.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let uuids = RandomIds::uuids(seeded());
    let (one, other) = (uuids.next().unwrap(), uuids.next().unwrap());
    assert_eq!(
        one.split('-').map(str::len).collect::<Vec<_>>(),
        [8, 4, 4, 4, 12]
    );
    assert_ne!(one, other);
}

/// The usual ways in which bytes become text.
fn traces_of(payload: &[u8]) -> Vec<String> {
    let hex: String = payload.iter().map(|byte| format!("{byte:02x}")).collect();
    let base64 = data_encoding::BASE64_NOPAD.encode(payload);
    vec![
        hex.to_uppercase(),
        hex,
        base64,
        format!("{payload:?}"),
        String::from_utf8_lossy(payload).into_owned(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_payload_is_in_any_line(payload in proptest::collection::vec(any::<u8>(), 12..64), fails: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            for frame in [aws(), AuditFrame::Gcp] {
                let step = if fails { DENIED } else { OK };
                let (house, log) = audited(&Script::new([], step), frame);
                use_everything(&house, &payload).await;
                let text = format!("{:?} {house:?}", log.take());
                for trace in traces_of(&payload) {
                    assert!(!text.contains(&trace), "{trace} in {text}");
                }
            }
        });
    }
}
