//! Statements that some of those have signed who must: proposals.

use data_encoding::HEXLOWER;
use strongroom_server::contract::topology::{
    AuthorizeRequest, BaseQuery, ListOwnerToKeyMappingRequest, authorize_request::Type,
    list_owner_to_key_mapping_response::Result as Listed,
};

use super::{
    authorized, head, identified, reader, writer,
    writing::{announced_keys, proposed, with_another_key},
};
use crate::house::House;

async fn list(house: &House, proposals: bool, signed_by: &str) -> Vec<Listed> {
    let request = ListOwnerToKeyMappingRequest {
        base_query: Some(BaseQuery {
            proposals,
            filter_signed_key: signed_by.to_owned(),
            ..head().unwrap()
        }),
        ..ListOwnerToKeyMappingRequest::default()
    };
    let answer = reader(house).await.list_owner_to_key_mapping(request).await;
    answer.unwrap().into_inner().results
}

#[tokio::test]
async fn a_proposal_is_listed_as_such_by_who_signed_it_until_the_rest_has_signed() {
    let house = House::new().await;
    let keys = identified(&house).await;
    let root = keys.root.unwrap().to_string();
    let mapping = with_another_key(&house, &keys).await;
    let before = announced_keys(&house).await;
    // The new key, which must sign too, does not.
    let request = AuthorizeRequest {
        must_fully_authorize: false,
        signed_by: vec![root.clone()],
        ..proposed(mapping, 0)
    };
    let mut writer = writer(&house).await;
    let answer = writer.authorize(request).await.unwrap().into_inner();
    assert!(answer.transaction.unwrap().proposal);
    assert_eq!(announced_keys(&house).await, before);
    for (proposals, signed_by, serial) in [
        (true, "", Some(2)),
        (true, &root[..12], Some(2)),
        (true, "1220ffff", None),
        (false, "", Some(1)),
        (false, root.as_str(), Some(1)),
        (false, "1220ffff", None),
    ] {
        let found = list(&house, proposals, signed_by).await;
        let serials = found.iter().map(|it| it.context.as_ref().unwrap().serial);
        let serials: Vec<_> = serials.collect();
        assert_eq!(serials, Vec::from_iter(serial), "{proposals} {signed_by}");
    }
    let proposal = list(&house, true, "").await.remove(0).context.unwrap();
    assert_eq!(proposal.signed_by_fingerprints, [root]);
    let rest = AuthorizeRequest {
        store: authorized(),
        r#type: Some(Type::TransactionHash(
            HEXLOWER.encode(&proposal.transaction_hash),
        )),
        ..AuthorizeRequest::default()
    };
    writer.authorize(rest).await.unwrap();
    assert_eq!(announced_keys(&house).await, before + 1);
    assert!(list(&house, true, "").await.is_empty());
    assert_eq!(list(&house, false, "").await.len(), 1);
}
