//! `EncryptSessionKeys` and `DecryptSessionKey`.

use std::time::Duration;

use strongroom_crypto::{EncryptionKeySpec, Fingerprint};
use strongroom_proto::v30::AsymmetricEncrypted;
use strongroom_server::contract::strongroom::{
    DecryptSessionKeyRequest, EncryptSessionKeysRequest, RecipientsTree, SessionEncryptionKey,
    SessionView,
};
use strongroom_topology::PhysicalSynchronizerId;
use strongroom_vault::{
    AuditOperation, RequiredEncryption, SessionEncryptionNumbers, Settings, SynchronizerSchemes,
};
use tonic::{Code, Status};

use crate::{
    house::told,
    key_grants::{ALL, ENCRYPTION, LIMITED, PROTOCOL, Participant},
};

fn view(members: Vec<String>, subviews: Vec<SessionView>) -> SessionView {
    let recipients = RecipientsTree {
        members,
        children: Vec::new(),
    };
    SessionView {
        recipients: Some(recipients),
        subviews,
    }
}

/// A view for the node, one part of which is for the node, too.
fn views(node: &Participant) -> Vec<SessionView> {
    let part = SessionView {
        recipients: Some(RecipientsTree {
            members: vec![node.member.clone()],
            children: vec![RecipientsTree {
                members: vec![node.member.clone()],
                children: Vec::new(),
            }],
        }),
        subviews: Vec::new(),
    };
    vec![view(vec![node.member.clone()], vec![part])]
}

fn request(node: &Participant, views: Vec<SessionView>) -> EncryptSessionKeysRequest {
    EncryptSessionKeysRequest {
        views,
        store: format!("synchronizer:{}", node.synchronizer),
        at: None,
        deterministic: false,
    }
}

impl Participant {
    async fn session_keys(&mut self, by: &str) -> Result<Vec<SessionEncryptionKey>, Status> {
        let request = self.by(by, request(self, views(self)));
        let answer = self.client.encrypt_session_keys(request).await?;
        Ok(answer.into_inner().keys)
    }

    async fn secret(
        &mut self,
        by: &str,
        encrypted: &AsymmetricEncrypted,
    ) -> Result<Vec<u8>, Status> {
        let request = DecryptSessionKeyRequest {
            encrypted: Some(encrypted.clone()),
            store: format!("synchronizer:{}", self.synchronizer),
        };
        let request = self.by(by, request);
        let answer = self.client.decrypt_session_key(request).await?;
        Ok(answer.into_inner().secret.clone())
    }

    fn numbers(&self) -> SessionEncryptionNumbers {
        self.house.vault.session_encryption_numbers()
    }
}

fn encrypted(key: &SessionEncryptionKey) -> AsymmetricEncrypted {
    key.encryptions[0].encrypted.clone().unwrap()
}

#[tokio::test]
async fn keys_of_views_are_used_again_for_a_while_by_the_caller_that_they_were_made_for_and_by_nobody_else()
 {
    let mut node = Participant::new().await;
    let first = node.session_keys(ALL).await.unwrap();
    assert_eq!(first.len(), 2);
    for key in &first {
        assert_eq!(key.secret.len(), 16);
        assert_eq!(key.encryptions.len(), 1);
        assert_eq!(key.encryptions[0].member, node.member);
        let secret = node.secret(ALL, &encrypted(key)).await.unwrap();
        assert_eq!(secret, key.secret);
    }
    assert_ne!(first[0].secret, first[1].secret);
    assert_eq!(node.session_keys(ALL).await.unwrap(), first);
    let others = node.session_keys(ENCRYPTION).await.unwrap();
    for (other, key) in others.iter().zip(&first) {
        assert_ne!(other.secret, key.secret, "a caller's secret is its own");
    }
    node.house.clock.advance(Duration::from_secs(10));
    let later = node.session_keys(ALL).await.unwrap();
    assert_ne!(later[0].secret, first[0].secret);
    let numbers = node.numbers();
    assert_eq!((numbers.sender_hits, numbers.sender_misses), (2, 6));
}

#[tokio::test]
async fn a_key_that_is_known_costs_no_private_key_and_needs_the_grant_and_the_record_all_the_same()
{
    let mut node = Participant::new().await;
    let made = node.session_keys(ALL).await.unwrap();
    let encrypted = encrypted(&made[0]);
    // What was made here is known here for a while; then the private key is used once.
    node.house.clock.advance(Duration::from_secs(10));
    for _ in 0..3 {
        let secret = node.secret(ENCRYPTION, &encrypted).await.unwrap();
        assert_eq!(secret, made[0].secret);
    }
    let numbers = node.numbers();
    assert_eq!((numbers.receiver_hits, numbers.receiver_misses), (2, 1));
    let refused = node.secret(PROTOCOL, &encrypted).await.unwrap_err();
    assert_eq!(told(&refused).0, "PERMISSION_DENIED");
    let used = node.used(ENCRYPTION, AuditOperation::Decrypt, ENCRYPTION);
    assert_eq!(node.uses().await, [used.clone(), used.clone(), used]);
}

#[tokio::test]
async fn nobody_gets_keys_that_are_encrypted_to_one_that_they_may_not_encrypt_to() {
    let mut node = Participant::new().await;
    let refused = node.session_keys(PROTOCOL).await.unwrap_err();
    assert_eq!(told(&refused).0, "PERMISSION_DENIED");
}

#[tokio::test]
async fn with_transparency_checks_everybody_can_compute_what_was_sent() {
    let mut node = Participant::new().await;
    let key = node.house.vault.current_encryption_key().await.unwrap();
    let entry = node.house.vault.key(&key).unwrap();
    let strongroom_crypto::PublicKey::Encryption(public) = &entry.public else {
        panic!("an encryption key");
    };
    let mut asked = request(&node, views(&node));
    asked.deterministic = true;
    let asked = node.by(ALL, asked);
    let answer = node.client.encrypt_session_keys(asked).await.unwrap();
    for made in answer.into_inner().keys {
        let computed = public.encrypt_deterministically(&made.secret).unwrap();
        assert_eq!(encrypted(&made), (&computed).into());
    }
}

/// The secret is the same wherever the view was sent; what it came by is not.
#[tokio::test]
async fn a_secret_is_given_out_for_synchronizers_only_that_take_how_it_was_encrypted() {
    let strict: PhysicalSynchronizerId =
        format!("strict::{}::35-0", Fingerprint::from_bytes([7; 32]))
            .parse()
            .unwrap();
    let only_rsa = SynchronizerSchemes {
        encryption: RequiredEncryption {
            keys: [EncryptionKeySpec::Rsa2048].into(),
            ..RequiredEncryption::default()
        },
        ..SynchronizerSchemes::default()
    };
    let settings = Settings {
        synchronizers: [(strict.clone(), only_rsa)].into(),
        ..Settings::default()
    };
    let mut node = Participant::with(settings).await;
    let made = node.session_keys(ALL).await.unwrap();
    let encrypted = encrypted(&made[0]);
    let usual = std::mem::replace(&mut node.synchronizer, strict.to_string());
    let before = node.uses().await;
    // Known, and then to be decrypted.
    for _ in 0..2 {
        let refused = node.secret(ALL, &encrypted).await.unwrap_err();
        assert_eq!(told(&refused).0, "ENCRYPTION_SCHEME_NOT_ALLOWED");
        node.house.clock.advance(Duration::from_secs(10));
    }
    assert_eq!(node.uses().await, before);
    node.synchronizer = usual;
    let secret = node.secret(ALL, &encrypted).await.unwrap();
    assert_eq!(secret, made[0].secret);
}

fn strangers(node: &Participant, number: usize) -> Vec<String> {
    let stranger = |number| {
        node.member
            .replace("participant1", &format!("other{number}"))
    };
    (0..number).map(stranger).collect()
}

#[tokio::test]
async fn each_encryption_counts_as_a_call_of_its_own() {
    let mut node = Participant::new().await;
    // A view cannot be split: it goes, and is paid off before the next one.
    let views = vec![view(strangers(&node, 600), Vec::new())];
    let refusals = [
        (LIMITED, "MEMBER_WITHOUT_ENCRYPTION_KEY"),
        (LIMITED, "RATE_LIMIT_EXCEEDED"),
        (ALL, "MEMBER_WITHOUT_ENCRYPTION_KEY"),
    ];
    for (by, expected) in refusals {
        let asked = node.by(by, request(&node, views.clone()));
        let refused = node.client.encrypt_session_keys(asked).await.unwrap_err();
        assert_eq!(told(&refused).0, expected, "{by}");
    }
}

#[tokio::test]
async fn what_is_missing_too_much_or_unknown_in_a_request_is_said() {
    let mut node = Participant::new().await;
    let one = vec![node.member.clone()];
    let no_recipients = SessionView::default();
    let too_deep = (0..200).fold(view(one.clone(), Vec::new()), |below, _| {
        view(one.clone(), vec![below])
    });
    for (views, expected) in [
        (vec![no_recipients], "recipients"),
        (vec![view(Vec::new(), Vec::new())], "members"),
        (
            vec![view(vec!["PAR::alice".to_owned()], Vec::new())],
            "members",
        ),
        (vec![view(one.clone(), Vec::new()); 1025], "1024 views"),
        (
            vec![view(strangers(&node, 1025), Vec::new())],
            "1024 recipients",
        ),
    ] {
        let asked = node.by(ALL, request(&node, views));
        let refused = node.client.encrypt_session_keys(asked).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
        let said = format!("{:?}", told(&refused));
        assert!(said.contains(expected), "{said}");
    }
    let asked = node.by(ALL, request(&node, vec![too_deep]));
    let refused = node.client.encrypt_session_keys(asked).await.unwrap_err();
    assert_ne!(refused.code(), Code::Ok);
    let stranger = node.member.replace("participant1", "stranger");
    let asked = node.by(ALL, request(&node, vec![view(vec![stranger], Vec::new())]));
    let refused = node.client.encrypt_session_keys(asked).await.unwrap_err();
    assert_eq!(told(&refused).0, "MEMBER_WITHOUT_ENCRYPTION_KEY");
    let mut asked = request(&node, views(&node));
    asked.at = Some(node.house.vault.current_time().as_micros() + 86_400_000_000);
    let asked = node.by(ALL, asked);
    let refused = node.client.encrypt_session_keys(asked).await.unwrap_err();
    assert_eq!(told(&refused).0, "PAYLOAD_OF_THE_FUTURE");
    let asked = node.by(ALL, DecryptSessionKeyRequest::default());
    let refused = node.client.decrypt_session_key(asked).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
}
