//! Grants for single keys, where topology and not the request says which key is used.

use std::num::NonZeroU32;

use strongroom_crypto::{
    EncryptionKeySpec, EncryptionPublicKey, NewPayload, PayloadDraft, PublicKey, SigningKeySpec,
    SystemRandom,
};
use strongroom_server::{
    ServerSettings,
    access::{Access, CallerRule, Grant, Identity, KeyPattern, Role},
    contract::strongroom::{
        ApproximateTime, DecryptPayloadRequest, EncryptPayloadRequest, PayloadExpectation,
        PayloadOrder, PayloadOrigin, SignProtocolRequest, SignProtocolResponse,
        sign_protocol_request, signing_service_client::SigningServiceClient,
    },
};
use strongroom_topology::MemberCode;
use strongroom_vault::{
    AuditOperation, Caller, KeyEntry, KeyFilter, NewEncryptionKey, NewIdentity, Settings,
    UseRecords, VaultError,
};
use tonic::{Request, Status, transport::Channel};

use crate::{
    access::refusals::refused,
    house::{House, Plan, told},
    issuer::{TokenIssuer, tokens},
    protocol::follow,
    raw::with_token,
};

/// A participant that records each use of a key, for callers each of whom is named after the keys that it may use.
pub(crate) struct Participant {
    pub(crate) house: House,
    pub(crate) client: SigningServiceClient<Channel>,
    issuer: TokenIssuer,
    pub(crate) member: String,
    pub(crate) synchronizer: String,
}

pub(crate) const PROTOCOL: &str = "node-signing";
pub(crate) const ENCRYPTION: &str = "node-encryption";
const SPARE: &str = "spare";
pub(crate) const ALL: &str = "*";
/// May use all keys, and make three calls each second.
pub(crate) const LIMITED: &str = "node-*";

fn rule(keys: &str) -> CallerRule {
    let grant = Grant::role(Role::Node).with_keys(vec![KeyPattern::Name(keys.to_owned())]);
    CallerRule {
        name: keys.to_owned(),
        identities: vec![Identity::token(keys)],
        grants: vec![grant],
        rate_limit: NonZeroU32::new(3).filter(|_| keys == LIMITED),
    }
}

impl Participant {
    pub(crate) async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    pub(crate) async fn with(mut settings: Settings) -> Self {
        let issuer = TokenIssuer::new();
        settings.audit.uses = UseRecords::Each;
        let server = ServerSettings {
            access: Access::of(
                [PROTOCOL, ENCRYPTION, SPARE, ALL, LIMITED]
                    .map(rule)
                    .to_vec(),
            ),
            tokens: tokens(vec![issuer.service()]),
            ..ServerSettings::default()
        };
        let house = House::planned(Plan {
            settings,
            server,
            ..Plan::default()
        })
        .await;
        let new = NewIdentity {
            code: MemberCode::Participant,
            identifier: "participant1".to_owned(),
            node: "node".to_owned(),
            intermediate_key: false,
            signing_spec: SigningKeySpec::EcCurve25519,
            encryption_spec: EncryptionKeySpec::EcP256,
        };
        let (vault, caller) = (&house.vault, Caller::new("test"));
        let member = vault.initialize(&caller, &new).await.unwrap().member;
        let synchronizer = format!("test::{}::35-0", member.uid.namespace());
        follow(vault, &synchronizer.parse().unwrap()).await;
        Self {
            client: SigningServiceClient::new(house.channel().await),
            member: member.to_string(),
            house,
            issuer,
            synchronizer,
        }
    }

    /// A request in the name of a caller.
    pub(crate) fn by<T>(&self, caller: &str, request: T) -> Request<T> {
        with_token(request, Some(&self.issuer.token(caller)))
    }

    fn key(&self, name: &str) -> std::sync::Arc<KeyEntry> {
        let keys = self.house.vault.list(&KeyFilter::default()).unwrap();
        let is_it = |key: &&_| {
            let key: &std::sync::Arc<KeyEntry> = key;
            key.name.as_ref().is_some_and(|it| it.as_str() == name)
        };
        keys.iter().find(is_it).unwrap().clone()
    }

    fn encryption_key(&self, name: &str) -> EncryptionPublicKey {
        match &self.key(name).public {
            PublicKey::Encryption(key) => key.clone(),
            PublicKey::Signing(_) => panic!("an encryption key"),
        }
    }

    /// Who used which key over the network, as the log says.
    pub(crate) async fn uses(&self) -> Vec<(String, AuditOperation, String)> {
        let mut uses = Vec::new();
        let walk = self.house.vault.walk_audit(|entry| {
            let is_use = [AuditOperation::Sign, AuditOperation::Decrypt].contains(&entry.operation);
            if is_use && entry.caller != "test" {
                let key = entry.key.clone().unwrap();
                uses.push((entry.caller.clone(), entry.operation, key));
            }
        });
        walk.await.unwrap();
        uses
    }

    pub(crate) fn used(
        &self,
        by: &str,
        operation: AuditOperation,
        key: &str,
    ) -> (String, AuditOperation, String) {
        let key = self.key(key).fingerprint().to_string();
        (by.to_owned(), operation, key)
    }

    async fn encrypt(&mut self, by: &str, signed: bool) -> Result<Vec<u8>, Status> {
        let mut request = EncryptPayloadRequest::default();
        request.order = Some(PayloadOrder {
            purpose: "test".to_owned(),
            recipients: vec![self.member.clone()],
            store: "authorized".to_owned(),
            at: None,
            signed,
        });
        request.content = b"content".to_vec();
        request.last = true;
        let requests = tokio_stream::iter([request]);
        let request = with_token(requests, Some(&self.issuer.token(by)));
        let mut answers = self.client.encrypt_payload(request).await?.into_inner();
        let mut payload = Vec::new();
        while let Some(answer) = answers.message().await? {
            payload.extend_from_slice(&answer.payload);
        }
        Ok(payload)
    }

    async fn decrypt(&mut self, by: &str, payload: &[u8]) -> Result<PayloadOrigin, Status> {
        let request = DecryptPayloadRequest {
            expected: Some(PayloadExpectation {
                purpose: "test".to_owned(),
                sender: String::new(),
                store: "authorized".to_owned(),
            }),
            payload: payload.to_vec(),
        };
        let requests = tokio_stream::iter([request]);
        let request = with_token(requests, Some(&self.issuer.token(by)));
        let mut answers = self.client.decrypt_payload(request).await?.into_inner();
        let mut origin = None;
        while let Some(answer) = answers.message().await? {
            origin = origin.or_else(|| answer.origin.clone());
        }
        Ok(origin.unwrap())
    }

    async fn sign_protocol(&mut self, by: &str) -> Result<SignProtocolResponse, Status> {
        let request = SignProtocolRequest {
            synchronizer: self.synchronizer.clone(),
            time: Some(sign_protocol_request::Time::Approximate(
                ApproximateTime::default(),
            )),
            content: Some(sign_protocol_request::Content::Message(b"m".to_vec())),
        };
        let request = with_token(request, Some(&self.issuer.token(by)));
        Ok(self.client.sign_protocol(request).await?.into_inner())
    }
}

#[tokio::test]
async fn a_signed_payload_needs_a_grant_for_the_signing_key_before_it_is_used_and_its_use_names_the_caller()
 {
    let mut node = Participant::new().await;
    for (by, signed) in [(ENCRYPTION, true), (PROTOCOL, true), (PROTOCOL, false)] {
        let refused = node.encrypt(by, signed).await.unwrap_err();
        assert_eq!(told(&refused).0, "PERMISSION_DENIED", "{by}");
    }
    assert_eq!(node.uses().await, []);
    node.encrypt(ENCRYPTION, false).await.unwrap();
    assert_eq!(node.uses().await, []);
    node.encrypt(ALL, true).await.unwrap();
    let used = node.used(ALL, AuditOperation::Sign, PROTOCOL);
    assert_eq!(node.uses().await, [used]);
}

#[tokio::test]
async fn a_payload_is_decrypted_for_callers_with_a_grant_for_its_key_and_its_use_names_them() {
    let mut node = Participant::new().await;
    let payload = node.encrypt(ENCRYPTION, false).await.unwrap();
    for by in [PROTOCOL, SPARE] {
        let refused = node.decrypt(by, &payload).await.unwrap_err();
        assert_eq!(told(&refused).0, "PERMISSION_DENIED", "{by}");
    }
    assert_eq!(node.uses().await, []);
    // An auditor sees who tried.
    let refused = refused(&node.house.vault, 2).await;
    let mut callers: Vec<_> = refused.iter().map(|it| it.caller.as_str()).collect();
    callers.sort_unstable();
    assert_eq!(callers, [PROTOCOL, SPARE]);
    let key = node.key(ENCRYPTION).fingerprint().to_string();
    assert!(refused.iter().all(|it| it.key.as_ref() == Some(&key)));
    node.decrypt(ENCRYPTION, &payload).await.unwrap();
    let used = node.used(ENCRYPTION, AuditOperation::Decrypt, ENCRYPTION);
    assert_eq!(node.uses().await, [used]);
}

#[tokio::test]
async fn of_several_keys_that_a_payload_is_for_the_one_that_the_caller_may_use_opens_it() {
    let mut node = Participant::new().await;
    let new = NewEncryptionKey {
        spec: EncryptionKeySpec::EcP256,
        name: Some(SPARE.parse().unwrap()),
    };
    let caller = Caller::new("test");
    let made = node.house.vault.generate_encryption_key(&caller, new);
    made.await.unwrap();
    let recipients = [ENCRYPTION, SPARE].map(|name| node.encryption_key(name));
    let new = NewPayload {
        purpose: "test".parse().unwrap(),
        at: node.house.vault.current_time(),
        sender: None,
        recipients: &recipients,
    };
    let draft = PayloadDraft::new(&new, &SystemRandom).unwrap();
    let (mut payload, sealer) = draft.seal(None).unwrap();
    let sealed = sealer.finish(&mut b"content".to_vec(), |ciphertext, tag| {
        payload.extend([ciphertext, tag].concat());
        Ok::<(), VaultError>(())
    });
    sealed.unwrap();
    for by in [ENCRYPTION, SPARE] {
        let origin = node.decrypt(by, &payload).await.unwrap();
        assert_eq!(origin.opened_by, node.key(by).fingerprint().to_string());
    }
    let refused = node.decrypt(PROTOCOL, &payload).await.unwrap_err();
    assert_eq!(told(&refused).0, "PERMISSION_DENIED");
    let used = [ENCRYPTION, SPARE].map(|key| node.used(key, AuditOperation::Decrypt, key));
    assert_eq!(node.uses().await, used);
}

#[tokio::test]
async fn a_message_of_the_protocol_is_signed_for_callers_with_a_grant_for_the_announced_key() {
    let mut node = Participant::new().await;
    let refused = node.sign_protocol(ENCRYPTION).await.unwrap_err();
    assert_eq!(told(&refused).0, "PERMISSION_DENIED");
    assert_eq!(node.uses().await, []);
    node.sign_protocol(PROTOCOL).await.unwrap();
    let used = node.used(PROTOCOL, AuditOperation::Sign, PROTOCOL);
    assert_eq!(node.uses().await, [used]);
}
