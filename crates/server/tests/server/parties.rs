//! Keys of external parties over the network.

use std::{
    num::NonZeroU32,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use strongroom_crypto::{Fingerprint, KeyUsage, KeyUsages, PublicKey, SigningKeySpec};
use strongroom_proto::v30;
use strongroom_server::{
    ServerSettings,
    access::{Access, CallerRule, Grant, Identity, KeyPattern, Role},
    contract::strongroom::{
        GenerateSigningKeyRequest, GenerateSigningKeysRequest, NewPartyKey, RotatePartyKeyRequest,
        SignForPartyRequest, SignForPartyResponse, Signing, VerifyForPartyRequest,
        key_service_client::KeyServiceClient, rotate_party_key_request::Successor,
        sign_for_party_request, signing_service_client::SigningServiceClient,
        topology_service_client::TopologyServiceClient, verify_for_party_request,
    },
};
use strongroom_topology::{
    HostingParticipant, Mapping, MemberCode, Namespace, ParticipantPermission, PartyToParticipant,
    SigningKeysWithThreshold, StoreId, UniqueIdentifier,
};
use strongroom_vault::{
    AuditOperation, Caller, KeyFilter, NewIdentity, NewSigningKey, Proposal, Settings, UseRecords,
};
use tonic::{Code, Status};

use crate::{
    house::{House, Plan, told},
    issuer::{TokenIssuer, tokens},
    raw::with_token,
};

const MESSAGE: &[u8] = b"a prepared submission";

/// A participant with a party of three keys, of which two must sign.
struct Hosted {
    house: House,
    issuer: TokenIssuer,
    party: String,
    keys: Vec<Fingerprint>,
}

fn rule(name: &str, grants: Vec<Grant>) -> CallerRule {
    CallerRule {
        name: name.to_owned(),
        identities: vec![Identity::token(name)],
        grants,
        rate_limit: None,
    }
}

fn signer(name: &str, keys: &str) -> CallerRule {
    let keys = vec![KeyPattern::Name(keys.to_owned())];
    rule(name, vec![Grant::role(Role::Node).with_keys(keys)])
}

impl Hosted {
    async fn new() -> Self {
        let issuer = TokenIssuer::new();
        let mut settings = Settings::default();
        settings.audit.uses = UseRecords::Each;
        let namespace = Some(KeyUsages::only(KeyUsage::Namespace));
        let (operator, administrator) = (Role::Operator, Role::KeyAdministrator);
        let callers = vec![
            signer("second", "bob-2"),
            signer("every", "bob-*"),
            signer("stranger", "carol-*"),
            CallerRule {
                rate_limit: NonZeroU32::new(2),
                ..signer("limited", "bob-*")
            },
            rule(
                "namespace",
                vec![Grant::role(Role::Node).with_usages(namespace)],
            ),
            rule("operator", vec![Grant::role(operator)]),
            rule("administrator", vec![Grant::role(administrator)]),
            rule(
                "both",
                vec![Grant::role(operator), Grant::role(administrator)],
            ),
        ];
        let server = ServerSettings {
            access: Access::of(callers),
            tokens: tokens(vec![issuer.service()]),
            ..ServerSettings::default()
        };
        let house = House::planned(Plan {
            settings,
            server,
            ..Plan::default()
        })
        .await;
        let (party, keys) = announced(&house).await;
        Self {
            house,
            issuer,
            party,
            keys,
        }
    }

    async fn sign(
        &self,
        caller: &str,
        keys: &[Fingerprint],
    ) -> Result<SignForPartyResponse, Status> {
        let request = SignForPartyRequest {
            party: self.party.clone(),
            store: "authorized".to_owned(),
            content: Some(sign_for_party_request::Content::Message(MESSAGE.to_vec())),
            keys: keys.iter().map(ToString::to_string).collect(),
            at: None,
        };
        let mut client = SigningServiceClient::new(self.house.channel().await);
        let token = self.issuer.token(caller);
        let signed = client.sign_for_party(with_token(request, Some(&token)));
        Ok(signed.await?.into_inner())
    }

    async fn rotate(&self, caller: &str, successor: Successor) -> Result<(), Status> {
        let request = RotatePartyKeyRequest {
            party: self.party.clone(),
            store: "authorized".to_owned(),
            old: self.keys[1].to_string(),
            successor: Some(successor),
            signing: Some(Signing {
                must_fully_authorize: true,
                ..Signing::default()
            }),
        };
        let mut client = TopologyServiceClient::new(self.house.channel().await);
        let token = self.issuer.token(caller);
        let rotated = client.rotate_party_key(with_token(request, Some(&token)));
        assert_eq!(rotated.await?.into_inner().outcome, "accepted");
        Ok(())
    }

    /// Who signed for the party with which of its keys, as the log says.
    async fn uses(&self) -> Vec<(String, Fingerprint)> {
        let mut uses = Vec::new();
        let walk = self.house.vault.walk_audit(|entry| {
            if entry.operation == AuditOperation::Sign && entry.caller != "test" {
                let key = entry.key.clone().unwrap().parse().unwrap();
                uses.push((entry.caller.clone(), key));
            }
        });
        walk.await.unwrap();
        uses
    }

    fn key_count(&self) -> usize {
        self.house.vault.list(&KeyFilter::default()).unwrap().len()
    }
}

async fn announced(house: &House) -> (String, Vec<Fingerprint>) {
    let (vault, caller) = (&house.vault, Caller::new("test"));
    let new = NewIdentity {
        code: MemberCode::Participant,
        identifier: "participant1".to_owned(),
        node: "node".to_owned(),
        intermediate_key: false,
        signing_spec: SigningKeySpec::EcCurve25519,
        encryption_spec: strongroom_crypto::EncryptionKeySpec::EcP256,
    };
    let member = vault.initialize(&caller, &new).await.unwrap().member;
    let new = (1..=3).map(|number| NewSigningKey {
        spec: SigningKeySpec::EcP256,
        usages: KeyUsages::try_new([KeyUsage::Namespace, KeyUsage::Protocol]).unwrap(),
        name: Some(format!("bob-{number}").parse().unwrap()),
    });
    let made = vault.generate_signing_keys(&caller, new.collect()).await;
    let publics: Vec<_> = made
        .unwrap()
        .iter()
        .map(|entry| match &entry.public {
            PublicKey::Signing(key) => key.clone(),
            PublicKey::Encryption(_) => panic!("a signing key"),
        })
        .collect();
    let keys: Vec<_> = publics.iter().map(|key| key.fingerprint()).collect();
    let party = UniqueIdentifier::try_new("bob", Namespace::from(keys[0])).unwrap();
    let hosting = HostingParticipant {
        participant: member.uid,
        permission: ParticipantPermission::Confirmation,
        onboarding: false,
    };
    let signing = SigningKeysWithThreshold::try_new(publics, 2).unwrap();
    let mapping = PartyToParticipant::try_new(party.clone(), 1, vec![hosting], Some(signing));
    let proposal = Proposal::announce(Mapping::PartyToParticipant(mapping.unwrap()));
    vault
        .authorize(&caller, &StoreId::Authorized, proposal)
        .await
        .unwrap();
    (party.to_string(), keys)
}

#[tokio::test]
async fn a_caller_signs_for_a_party_with_its_own_keys_only_and_is_named_in_the_log() {
    let hosted = Hosted::new().await;
    let one = hosted.sign("second", &[]).await.unwrap();
    assert_eq!((one.signatures.len(), one.threshold), (1, 2));
    assert_eq!(one.signatures[0].signed_by, hosted.keys[1].to_string());
    let two = hosted.sign("every", &[]).await.unwrap();
    assert_eq!(two.signatures.len(), 2);
    let uses = hosted.uses().await;
    assert_eq!(uses.len(), 3);
    assert!(uses.contains(&("second".to_owned(), hosted.keys[1])));
    assert_eq!(
        uses.iter().filter(|(caller, _)| caller == "every").count(),
        2
    );
}

#[tokio::test]
async fn a_key_of_a_party_that_a_caller_may_not_use_is_not_used() {
    let hosted = Hosted::new().await;
    let named = [hosted.keys[1], hosted.keys[0]];
    for (caller, keys) in [
        ("second", &named[..]),
        ("second", &named[1..]),
        ("stranger", &[]),
        // A grant for another usage is none for submissions.
        ("namespace", &[]),
        ("operator", &[]),
    ] {
        let status = hosted.sign(caller, keys).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied, "{caller}");
        let text = format!("{status:?}");
        assert!(!text.contains(&hosted.keys[0].to_string()), "{text}");
    }
    assert_eq!(hosted.uses().await, []);
}

#[tokio::test]
async fn whether_a_party_signed_is_said_with_the_reason_if_it_did_not() {
    let hosted = Hosted::new().await;
    let signed = hosted.sign("every", &[]).await.unwrap();
    let verify = async |signatures: &[v30::Signature], at: Option<i64>| {
        let request = VerifyForPartyRequest {
            party: hosted.party.clone(),
            store: "authorized".to_owned(),
            at,
            content: Some(verify_for_party_request::Content::Message(MESSAGE.to_vec())),
            signatures: signatures.to_vec(),
        };
        let mut client = SigningServiceClient::new(hosted.house.channel().await);
        let token = hosted.issuer.token("stranger");
        let verified = client.verify_for_party(with_token(request, Some(&token)));
        verified.await.map(tonic::Response::into_inner)
    };
    // Each would be verified over all of the message.
    let many = vec![signed.signatures[0].clone(); 65];
    let refused = verify(&many, None).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
    let most = verify(&many[..64], None).await.unwrap();
    assert_eq!((most.valid, most.signed), (false, 0));
    let verify = async |signatures: &[v30::Signature], at| verify(signatures, at).await.unwrap();
    let both = verify(&signed.signatures, None).await;
    assert_eq!((both.valid, both.signed, &*both.reason), (true, 2, ""));
    let one = verify(&signed.signatures[..1], None).await;
    assert_eq!((one.valid, one.signed), (false, 0));
    assert_eq!(one.reason, "SIGNATURE_THRESHOLD_NOT_REACHED");
    assert!(one.explanation.contains("bob"), "{}", one.explanation);
    let before = verify(&signed.signatures, Some(0)).await;
    assert_eq!(before.reason, "PARTY_KEYS_NOT_FOUND");
}

#[tokio::test]
async fn to_rotate_a_key_of_a_party_to_a_new_one_takes_the_right_to_make_keys() {
    let hosted = Hosted::new().await;
    let before = hosted.key_count();
    let generated = || Successor::Generated(NewPartyKey::default());
    for caller in ["operator", "administrator", "every"] {
        let status = hosted.rotate(caller, generated()).await.unwrap_err();
        assert_eq!(told(&status).0, "PERMISSION_DENIED", "{caller}");
    }
    assert_eq!(hosted.key_count(), before);
    hosted.rotate("both", generated()).await.unwrap();
    assert_eq!(hosted.key_count(), before + 1);
    // The old one is none of the party's any more.
    let status = hosted.sign("second", &[]).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn an_operator_rotates_a_key_of_a_party_to_one_that_is_there() {
    let hosted = Hosted::new().await;
    let new = crate::vault_service::key(&hosted.house.vault, "bob-4").await;
    let to = Successor::Key(new.to_string());
    hosted.rotate("operator", to).await.unwrap();
    let signed = hosted.sign("every", &[new]).await.unwrap();
    assert_eq!(signed.signatures.len(), 1);
}

#[tokio::test]
async fn each_signature_for_a_party_counts_as_a_call_of_its_own() {
    let hosted = Hosted::new().await;
    let (began, mut signatures) = (Instant::now(), 0);
    let mut refused = 0;
    while refused == 0 {
        assert!(began.elapsed() < Duration::from_secs(300), "{signatures}");
        // Several at once: one after the other may be slower than the limit.
        let several = (0..8).map(|_call| hosted.sign("limited", &hosted.keys));
        for answer in join_all(several).await {
            match answer {
                Ok(signed) => signatures += signed.signatures.len() as u64,
                Err(status) => {
                    assert_eq!(told(&status).0, "RATE_LIMIT_EXCEEDED");
                    refused += 1;
                }
            }
        }
        // Two each second, two at once, and one call goes that costs more.
        let most = 2 * (began.elapsed().as_secs() + 1) + 2 + 3;
        assert!(signatures <= most, "{signatures}");
    }
    assert!(signatures >= 3, "three are more than a second's");
    assert_eq!(hosted.uses().await.len() as u64, signatures);
    let signed = hosted.sign("every", &hosted.keys).await.unwrap();
    assert_eq!(signed.signatures.len(), 3);
}

#[tokio::test]
async fn keys_of_a_party_are_named_once_and_not_without_end() {
    let hosted = Hosted::new().await;
    let twice = [hosted.keys[0], hosted.keys[0]];
    let many: Vec<_> = (0..65_u8)
        .map(|it| Fingerprint::from_bytes([it; 32]))
        .collect();
    for (keys, expected) in [(&twice[..], "more than once"), (&many, "at most 64")] {
        let refused = hosted.sign("every", keys).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
        let (_id, reason) = told(&refused);
        assert!(reason.unwrap().contains(expected));
    }
}

#[tokio::test]
async fn several_keys_are_made_at_once_or_none_of_them() {
    let house = House::new().await;
    let mut client = KeyServiceClient::new(house.channel().await);
    let mut generate = async |count: usize, broken: bool| {
        let key = |number: usize| GenerateSigningKeyRequest {
            name: format!("key-{number}"),
            usages: if broken && number + 1 == count {
                Vec::new()
            } else {
                vec![v30::SigningKeyUsage::Protocol.into()]
            },
            ..GenerateSigningKeyRequest::default()
        };
        let keys = (0..count).map(key).collect();
        let made = client.generate_signing_keys(GenerateSigningKeysRequest { keys });
        Ok::<_, Status>(made.await?.into_inner().keys)
    };
    for (count, broken) in [(0, false), (21, false), (3, true)] {
        let status = generate(count, broken).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{count}");
    }
    let keys = || house.vault.list(&KeyFilter::default()).unwrap().len();
    assert_eq!(keys(), 0);
    let made = generate(3, false).await.unwrap();
    let names: Vec<_> = made
        .iter()
        .map(|key| key.public_key.clone().unwrap().name)
        .collect();
    assert_eq!(names, ["key-0", "key-1", "key-2"]);
    assert_eq!(keys(), 3);
}
