//! `SignProtocol` and `VerifyProtocol`.

use strongroom_crypto::{EncryptionKeySpec, SigningKeySpec, Timestamp};
use strongroom_server::contract::strongroom::{
    ApproximateTime, SignProtocolRequest, VerifyProtocolGroupRequest, VerifyProtocolRequest,
    VerifyResponse, sign_protocol_request, signing_service_client::SigningServiceClient,
    verify_protocol_group_request, verify_protocol_request,
};
use strongroom_topology::{
    Mapping, MemberCode, PhysicalSynchronizerId, StoreId, SynchronizerParameters, Times,
};
use strongroom_vault::{
    AuditOperation, Caller, NewIdentity, Proposal, SessionSigningSettings, Settings, UseRecords,
    Vault,
};
use tonic::{Code, transport::Channel};

use crate::house::{House, Plan, told};

const MESSAGE: &[u8] = b"a message of the protocol";

/// A mediator that follows a synchronizer since long ago, and signs with session keys.
struct Mediator {
    house: House,
    client: SigningServiceClient<Channel>,
    member: String,
    synchronizer: String,
}

impl Mediator {
    async fn new() -> Self {
        let mut settings = Settings::default();
        settings.audit.uses = UseRecords::Each;
        settings.session_signing = Some(SessionSigningSettings {
            every_custody: true,
            ..SessionSigningSettings::default()
        });
        let plan = Plan {
            settings,
            ..Plan::default()
        };
        let house = House::planned(plan).await;
        let new = NewIdentity {
            code: MemberCode::Mediator,
            identifier: "mediator1".to_owned(),
            node: "mediator1".to_owned(),
            intermediate_key: false,
            signing_spec: SigningKeySpec::EcCurve25519,
            encryption_spec: EncryptionKeySpec::EcP256,
        };
        let (vault, caller) = (&house.vault, Caller::new("test"));
        let member = vault.initialize(&caller, &new).await.unwrap().member;
        let synchronizer = format!("test::{}::35-0", member.uid.namespace());
        follow(vault, &synchronizer.parse().unwrap()).await;
        let client = SigningServiceClient::new(house.channel().await);
        Self {
            member: member.to_string(),
            house,
            client,
            synchronizer,
        }
    }

    fn request(&self) -> SignProtocolRequest {
        SignProtocolRequest {
            synchronizer: self.synchronizer.clone(),
            time: Some(sign_protocol_request::Time::Approximate(
                ApproximateTime::default(),
            )),
            content: Some(sign_protocol_request::Content::Message(MESSAGE.to_vec())),
        }
    }

    async fn verify(
        &mut self,
        message: &[u8],
        signature: strongroom_proto::v30::Signature,
    ) -> VerifyResponse {
        let request = VerifyProtocolRequest {
            synchronizer: self.synchronizer.clone(),
            at: self.house.vault.current_time().as_micros(),
            member: self.member.clone(),
            content: Some(verify_protocol_request::Content::Message(message.to_vec())),
            signature: Some(signature),
        };
        let answer = self.client.verify_protocol(request).await;
        answer.unwrap().into_inner()
    }
}

/// Follows a synchronizer since an hour: what the node announces, and the parameters.
pub(crate) async fn follow(vault: &Vault, synchronizer: &PhysicalSynchronizerId) {
    let caller = Caller::new("test");
    let long_ago = Timestamp::from_micros(vault.current_time().as_micros() - 3_600_000_000);
    let times = Times {
        sequenced: long_ago,
        effective: long_ago,
    };
    let own: Vec<_> = {
        let store = vault.topology(&StoreId::Authorized).await.unwrap();
        let rows = store.rows().iter();
        rows.map(|row| row.signed.as_ref().clone()).collect()
    };
    let added = vault.add_sequenced(&caller, synchronizer, times, own).await;
    added.unwrap();
    let parameters = Mapping::SynchronizerParametersState(SynchronizerParameters {
        synchronizer: synchronizer.synchronizer.clone(),
        // Half a minute to confirm, and half a minute for the mediators.
        parameters: Some(Box::from(*b"\x0a\x02\x08\x1e\x12\x02\x08\x1e")),
    });
    let store = StoreId::Synchronizer(synchronizer.clone());
    let authorized = vault.authorize(&caller, &store, Proposal::announce(parameters));
    let signed = authorized.await.unwrap().signed;
    let later = Timestamp::from_micros(long_ago.as_micros() + 1_000_000);
    let times = Times {
        sequenced: later,
        effective: later,
    };
    let added = vault.add_sequenced(&caller, synchronizer, times, vec![signed]);
    added.await.unwrap();
}

#[tokio::test]
async fn a_session_key_signs_in_the_name_of_the_announced_key_and_members_verify_it() {
    let mut mediator = Mediator::new().await;
    let request = mediator.request();
    let answer = mediator.client.sign_protocol(request).await.unwrap();
    let signature = answer.into_inner().signature.unwrap();
    assert!(signature.signature_delegation.is_some());
    let verified = mediator.verify(MESSAGE, signature.clone()).await;
    assert!(verified.valid, "{}", verified.reason);
    let verified = mediator.verify(b"another message", signature.clone()).await;
    assert!(!verified.valid && !verified.reason.is_empty());
    // The use is one of the announced key, and in the log.
    let mut keys = Vec::new();
    let walk = mediator.house.vault.walk_audit(|entry| {
        // The synchronizer's parameters were signed by the test.
        if entry.operation == AuditOperation::Sign && entry.caller != "test" {
            keys.push(entry.key.clone());
        }
    });
    walk.await.unwrap();
    assert_eq!(keys, [Some(signature.signed_by)]);
}

#[tokio::test]
async fn an_exact_time_signs_too_and_what_is_missing_is_named() {
    let mut mediator = Mediator::new().await;
    let now = mediator.house.vault.current_time().as_micros();
    let mut request = mediator.request();
    request.time = Some(sign_protocol_request::Time::Exact(now));
    let answer = mediator.client.sign_protocol(request).await.unwrap();
    let signature = answer.into_inner().signature.unwrap();
    let verified = mediator.verify(MESSAGE, signature).await;
    assert!(verified.valid, "{}", verified.reason);
    for (spoil, field) in [
        (
            (|request| request.time = None) as fn(&mut SignProtocolRequest),
            "time",
        ),
        (|request| request.content = None, "content"),
        (|request| request.synchronizer.clear(), "synchronizer"),
    ] {
        let mut request = mediator.request();
        spoil(&mut request);
        let refused = mediator.client.sign_protocol(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
        let (_id, reason) = told(&refused);
        assert!(reason.unwrap().contains(field), "{field}");
    }
    let mut request = mediator.request();
    request.synchronizer = request.synchronizer.replace("test::", "other::");
    let refused = mediator.client.sign_protocol(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound, "{refused}");
}

/// The same with as many signatures as there may be, over so many bytes.
fn large(request: &VerifyProtocolGroupRequest, bytes: usize) -> VerifyProtocolGroupRequest {
    let message = verify_protocol_group_request::Content::Message(vec![7; bytes]);
    VerifyProtocolGroupRequest {
        content: Some(message),
        signatures: vec![request.signatures[0].clone(); 256],
        ..request.clone()
    }
}

#[tokio::test]
async fn a_group_signed_if_enough_members_did_each_of_which_counts_once() {
    let mut mediator = Mediator::new().await;
    let request = mediator.request();
    let answer = mediator.client.sign_protocol(request).await.unwrap();
    let signature = answer.into_inner().signature.unwrap();
    let namespace = mediator.member.rsplit("::").next().unwrap();
    let other = format!("MED::mediator2::{namespace}");
    let asked = |threshold, message: &[u8]| VerifyProtocolGroupRequest {
        synchronizer: mediator.synchronizer.clone(),
        at: mediator.house.vault.current_time().as_micros(),
        group: "mediators".to_owned(),
        members: vec![mediator.member.clone(), other.clone()],
        threshold,
        content: Some(verify_protocol_group_request::Content::Message(
            message.to_vec(),
        )),
        signatures: vec![signature.clone(), signature.clone()],
    };
    let (one, two, of_another) = (asked(1, MESSAGE), asked(2, MESSAGE), asked(1, b"another"));
    for (request, signed) in [(one.clone(), 1), (two, 0), (of_another.clone(), 0)] {
        let answer = mediator.client.verify_protocol_group(request).await;
        let answer = answer.unwrap().into_inner();
        assert_eq!((answer.valid, answer.signed), (signed > 0, signed));
        if signed == 0 {
            assert_eq!(answer.reason, "SIGNATURE_THRESHOLD_NOT_REACHED");
            assert!(answer.explanation.contains("mediators"), "{answer:?}");
        }
    }
    let longest = "g".repeat(200);
    let mut request = of_another.clone();
    request.group.clone_from(&longest);
    // None is of a member: what is said of each leaves the name out.
    request.members.remove(0);
    request.signatures = vec![request.signatures[0].clone(); 256];
    let answer = mediator.client.verify_protocol_group(request).await;
    let explanation = answer.unwrap().into_inner().explanation;
    assert_eq!(explanation.matches(&longest).count(), 1, "{explanation}");
    // Each is verified, over all of the message: so much is done for one call.
    let most = large(&of_another, 64 << 10);
    let answer = mediator.client.verify_protocol_group(most).await;
    assert!(!answer.unwrap().into_inner().valid);
    for (spoil, field) in [
        (
            (|request| request.threshold = 0) as fn(&mut VerifyProtocolGroupRequest),
            "threshold",
        ),
        (|request| request.content = None, "content"),
        (|request| request.synchronizer.clear(), "synchronizer"),
        (|request| request.members.push(String::new()), "members"),
        (
            |request| request.members = vec!["MED::m::1220".to_owned(); 257],
            "members",
        ),
        (
            |request| request.signatures = vec![request.signatures[0].clone(); 257],
            "signatures",
        ),
        (|request| request.group = "g".repeat(201), "group"),
        (
            |request| *request = large(request, (64 << 10) + 1),
            "65537 bytes",
        ),
    ] {
        let mut request = one.clone();
        spoil(&mut request);
        let refused = mediator.client.verify_protocol_group(request).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
        let (_id, reason) = told(&refused);
        assert!(reason.unwrap().contains(field), "{field}");
    }
}
