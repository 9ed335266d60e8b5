//! `strongroom.v1.KeyService` and `TopologyService`.

use strongroom_crypto::{Fingerprint, SecretBytes};
use strongroom_proto::{decode_encrypted_key_pair, decode_key_pair, read_named_public_key, v30};
use strongroom_server::{
    Features, ServerSettings,
    access::{Access, CallerRule, Grant, Identity, KeyPattern, Role},
    contract::strongroom::{
        DeleteKeyRequest, ExportForm, ExportKeyRequest, GenerateEncryptionKeyRequest,
        GenerateSigningKeyRequest, ImportKeyRequest, ImportPublicKeyRequest, ImportSnapshotRequest,
        Key, ListKeysRequest, ListStoresRequest, ReadStoreRequest, RegisterKeyRequest,
        key_service_client::KeyServiceClient, topology_service_client::TopologyServiceClient,
    },
};
use tonic::{Code, Status, transport::Channel};

use crate::{
    house::{House, Plan, told},
    issuer::{TokenIssuer, tokens},
    raw::with_token,
};

async fn client(house: &House) -> KeyServiceClient<Channel> {
    KeyServiceClient::new(house.channel().await)
}

/// A server that lets private keys leave.
async fn open_house() -> House {
    let server = ServerSettings {
        features: Features {
            export_of_private_keys: true,
            ..Features::default()
        },
        ..ServerSettings::default()
    };
    House::planned(Plan {
        server,
        ..Plan::default()
    })
    .await
}

async fn list(client: &mut KeyServiceClient<Channel>, request: ListKeysRequest) -> Vec<Key> {
    let mut pages = client.list_keys(request).await.unwrap().into_inner();
    let mut keys = Vec::new();
    while let Some(page) = pages.message().await.unwrap() {
        assert!(!page.keys.is_empty());
        keys.extend(page.keys);
    }
    keys
}

async fn generate(client: &mut KeyServiceClient<Channel>, name: &str) -> Key {
    let request = GenerateSigningKeyRequest {
        name: name.to_owned(),
        usages: vec![v30::SigningKeyUsage::Protocol.into()],
        ..GenerateSigningKeyRequest::default()
    };
    let made = client.generate_signing_key(request).await.unwrap();
    made.into_inner().key.unwrap()
}

fn fingerprint(key: &Key) -> Fingerprint {
    let named = key.public_key.as_ref().unwrap();
    read_named_public_key(named).unwrap().key.key.fingerprint()
}

fn id(refused: Status) -> (Code, String) {
    let code = refused.code();
    (code, told(&refused).0)
}

#[tokio::test]
async fn a_key_is_told_with_everything_that_is_known_of_it() {
    let house = House::new().await;
    let mut client = client(&house).await;
    let made = generate(&mut client, "signer").await;
    let half = made.private_half.clone().unwrap();
    assert_eq!((&*half.custody, &*half.sealing), ("envelope", "data-key"));
    assert_eq!(half.state, "active");
    assert!(!half.wrapper_key_id.is_empty() && half.held.is_none() && !half.copy);
    let request = GenerateEncryptionKeyRequest::default();
    let other = client.generate_encryption_key(request).await.unwrap();
    let other = other.into_inner().key.unwrap();
    let all = list(&mut client, ListKeysRequest::default()).await;
    let mut expected = vec![made.clone(), other];
    expected.sort_by_key(fingerprint);
    assert_eq!(all, expected);
    let named = ListKeysRequest {
        name: "sign".to_owned(),
        ..ListKeysRequest::default()
    };
    assert_eq!(list(&mut client, named).await, [made]);
}

#[tokio::test]
async fn more_keys_than_one_answer_takes_come_in_several() {
    let house = House::new().await;
    let mut client = client(&house).await;
    let new = strongroom_vault::NewSigningKey {
        spec: strongroom_crypto::SigningKeySpec::EcCurve25519,
        usages: strongroom_crypto::KeyUsages::only(strongroom_crypto::KeyUsage::Protocol),
        name: None,
    };
    let caller = strongroom_vault::Caller::new("test");
    let made = house.vault.generate_signing_keys(&caller, vec![new; 1201]);
    made.await.unwrap();
    let keys = list(&mut client, ListKeysRequest::default()).await;
    assert_eq!(keys.len(), 1201);
    assert!(keys.is_sorted_by_key(fingerprint));
}

#[tokio::test]
async fn a_private_key_goes_out_and_comes_in_again() {
    let house = open_house().await;
    let mut client = client(&house).await;
    let key = generate(&mut client, "traveller").await;
    let fingerprint = fingerprint(&key).to_string();
    let export = |form: ExportForm| ExportKeyRequest {
        fingerprint: fingerprint.clone(),
        form: form.into(),
        password: Vec::new(),
        wrapping_key: Vec::new(),
        oaep_hash: 0,
    };
    let exported = client
        .export_key(export(ExportForm::KeyPair))
        .await
        .unwrap();
    let key_pair = exported.get_ref().exported.clone();
    let mut under_password = export(ExportForm::KeyPair);
    under_password.password = b"pass".to_vec();
    let protected = client.export_key(under_password).await.unwrap();
    let protected = &protected.get_ref().exported;
    assert!(decode_key_pair(protected).is_err());
    let password = SecretBytes::from_slice(b"pass");
    let pair = decode_encrypted_key_pair(protected, &password).unwrap();
    assert_eq!(pair.public.fingerprint().to_string(), fingerprint);
    let pem = client
        .export_key(export(ExportForm::Pkcs8Pem))
        .await
        .unwrap();
    assert!(
        pem.get_ref()
            .exported
            .starts_with(b"-----BEGIN PRIVATE KEY-----")
    );
    let delete = DeleteKeyRequest {
        fingerprint: fingerprint.clone(),
        ..DeleteKeyRequest::default()
    };
    client.delete_key(delete.clone()).await.unwrap();
    let gone = client.delete_key(delete).await.unwrap_err();
    assert_eq!(id(gone), (Code::NotFound, "KEY_NOT_FOUND".to_owned()));
    let name = "traveller".to_owned();
    let import = ImportKeyRequest { key_pair, name };
    let back = client.import_key(import).await.unwrap().into_inner();
    assert_eq!(back.key.unwrap().public_key, key.public_key);
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused() {
    let house = open_house().await;
    let mut client = client(&house).await;
    let unreadable = (
        Code::InvalidArgument,
        "PROTO_DESERIALIZATION_FAILURE".to_owned(),
    );
    let key = fingerprint(&generate(&mut client, "a").await).to_string();
    let no_usages = GenerateSigningKeyRequest::default();
    let refused = client.generate_signing_key(no_usages).await.unwrap_err();
    assert_eq!(id(refused), unreadable);
    let export = |change: fn(&mut ExportKeyRequest)| {
        let mut request = ExportKeyRequest {
            fingerprint: key.clone(),
            form: ExportForm::Pkcs8Der.into(),
            password: Vec::new(),
            wrapping_key: Vec::new(),
            oaep_hash: 0,
        };
        change(&mut request);
        request
    };
    for request in [
        export(|request| request.form = 0),
        export(|request| request.form = 99),
        export(|request| request.password = b"x".to_vec()),
        export(|request| request.wrapping_key = b"x".to_vec()),
        export(|request| request.fingerprint = "nonsense".to_owned()),
    ] {
        let refused = client.export_key(request).await.unwrap_err();
        assert_eq!(id(refused), unreadable);
    }
    let both = DeleteKeyRequest {
        fingerprint: key.clone(),
        keep_in_kms: true,
        even_if_announced: true,
    };
    assert_eq!(id(client.delete_key(both).await.unwrap_err()), unreadable);
    let import = ImportKeyRequest {
        key_pair: b"nonsense".to_vec(),
        name: String::new(),
    };
    assert_eq!(id(client.import_key(import).await.unwrap_err()), unreadable);
    let import = ImportPublicKeyRequest::default();
    let refused = client.import_public_key(import).await.unwrap_err();
    assert_eq!(id(refused), unreadable);
    let register = RegisterKeyRequest::default();
    let refused = client.register_key(register).await.unwrap_err();
    assert_eq!(id(refused), unreadable);
    let mut stores = TopologyServiceClient::new(house.channel().await);
    let store = "nowhere".to_owned();
    let refused = stores
        .read_store(ReadStoreRequest { store })
        .await
        .unwrap_err();
    assert_eq!(id(refused), unreadable);
}

#[tokio::test]
async fn private_keys_stay_where_nobody_lets_them_leave() {
    let house = House::new().await;
    let mut client = client(&house).await;
    let key = fingerprint(&generate(&mut client, "a").await).to_string();
    let request = ExportKeyRequest {
        fingerprint: key,
        form: ExportForm::KeyPair.into(),
        password: Vec::new(),
        wrapping_key: Vec::new(),
        oaep_hash: 0,
    };
    let refused = client.export_key(request).await.unwrap_err();
    assert_eq!(
        id(refused),
        (Code::FailedPrecondition, "EXPORT_DISABLED".to_owned())
    );
}

#[tokio::test]
async fn a_caller_sees_and_destroys_the_keys_that_its_grants_name() {
    let issuer = TokenIssuer::new();
    let mine = KeyPattern::Name("mine-*".to_owned());
    let grant = Grant::role(Role::KeyAdministrator).with_keys(vec![mine]);
    let rule = CallerRule {
        name: "limited".to_owned(),
        identities: vec![Identity::token("limited")],
        grants: vec![grant],
        rate_limit: None,
    };
    let server = ServerSettings {
        access: Access::of(vec![rule]),
        tokens: tokens(vec![issuer.service()]),
        ..ServerSettings::default()
    };
    let house = House::planned(Plan {
        server,
        ..Plan::default()
    })
    .await;
    let caller = strongroom_vault::Caller::new("test");
    for name in ["mine-1", "theirs-1"] {
        let new = strongroom_vault::NewSigningKey {
            spec: strongroom_crypto::SigningKeySpec::EcCurve25519,
            usages: strongroom_crypto::KeyUsages::only(strongroom_crypto::KeyUsage::Protocol),
            name: Some(name.parse().unwrap()),
        };
        house
            .vault
            .generate_signing_key(&caller, new)
            .await
            .unwrap();
    }
    let token = issuer.token("limited");
    let mut client = client(&house).await;
    let request = with_token(ListKeysRequest::default(), Some(&token));
    let listed = client.list_keys(request).await;
    let keys = listed.unwrap().into_inner().message().await.unwrap();
    let [only] = keys.unwrap().keys.try_into().unwrap();
    assert_eq!(only.public_key.unwrap().name, "mine-1");
    let all = house
        .vault
        .list(&strongroom_vault::KeyFilter::default())
        .unwrap();
    let theirs = all
        .iter()
        .find(|key| key.name.as_ref().unwrap().as_str() == "theirs-1");
    let delete = DeleteKeyRequest {
        fingerprint: theirs.unwrap().fingerprint().to_string(),
        ..DeleteKeyRequest::default()
    };
    let request = with_token(delete, Some(&token));
    let refused = client.delete_key(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert_eq!(house.vault.key_count(), 2);
}

#[tokio::test]
async fn stores_are_listed_and_read() {
    let house = House::new().await;
    let mut client = TopologyServiceClient::new(house.channel().await);
    let listed = client.list_stores(ListStoresRequest {}).await.unwrap();
    assert_eq!(listed.get_ref().stores, ["authorized"]);
    assert_eq!(listed.get_ref().member, "");
    let store = "authorized".to_owned();
    let read = client.read_store(ReadStoreRequest { store }).await.unwrap();
    assert!(read.into_inner().message().await.unwrap().is_none());
    let store = "temporary:nowhere".to_owned();
    let refused = client
        .read_store(ReadStoreRequest { store })
        .await
        .unwrap_err();
    assert_eq!(
        id(refused),
        (Code::NotFound, "TOPOLOGY_STORE_NOT_FOUND".to_owned())
    );
}

/// All of a store, as it goes out.
async fn snapshot(client: &mut TopologyServiceClient<Channel>, store: &str) -> Vec<u8> {
    let request = ReadStoreRequest {
        store: store.to_owned(),
    };
    let mut pieces = client.read_store(request).await.unwrap().into_inner();
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.message().await.unwrap() {
        bytes.extend(piece.chunk);
    }
    bytes
}

#[tokio::test]
async fn a_snapshot_that_was_cut_off_is_not_taken_in() {
    const STORE: &str = "synchronizer:da::12200000000000000000000000000000000000000000000000000000000000000000::34-0";
    let house = House::new().await;
    let new = strongroom_vault::NewIdentity {
        code: strongroom_topology::MemberCode::Participant,
        identifier: "participant1".to_owned(),
        node: "participant1".to_owned(),
        intermediate_key: false,
        signing_spec: strongroom_crypto::SigningKeySpec::EcCurve25519,
        encryption_spec: strongroom_crypto::EncryptionKeySpec::EcP256,
    };
    let caller = strongroom_vault::Caller::new("test");
    house.vault.initialize(&caller, &new).await.unwrap();
    let mut client = TopologyServiceClient::new(house.channel().await);
    let bytes = snapshot(&mut client, "authorized").await;
    let mut import = async |pieces: Vec<(&[u8], bool)>| {
        let requests = pieces
            .into_iter()
            .map(|(chunk, last)| ImportSnapshotRequest {
                store: STORE.to_owned(),
                chunk: chunk.to_vec(),
                last,
            });
        let requests = tokio_stream::iter(requests.collect::<Vec<_>>());
        let answers = client.import_snapshot(requests).await?;
        let (mut answers, mut decisions) = (answers.into_inner(), Vec::new());
        while let Some(answer) = answers.message().await? {
            decisions.extend(answer.decisions);
        }
        Ok::<_, Status>(decisions)
    };
    // All of it, but nobody says so; and the end of it in the middle of a row.
    for (pieces, reason) in [
        (vec![(&bytes[..], false)], "last"),
        (vec![], "last"),
        (vec![(&bytes[..bytes.len() - 1], true)], ""),
    ] {
        let status = import(pieces).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
        let told = told(&status).1.unwrap_or_default();
        assert!(told.contains(reason), "{told}");
    }
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let decisions = import(vec![(first, false), (second, true)]).await.unwrap();
    assert!(!decisions.is_empty());
    assert!(
        decisions.iter().all(|it| it.outcome == "accepted"),
        "{decisions:?}"
    );
    let status = import(vec![(&bytes, true)]).await.unwrap_err();
    assert_eq!(id(status).1, "TOPOLOGY_STORE_NOT_EMPTY");
}
