//! Every rpc with what is missing, unknown, oversized and malformed.

use prost::encoding::{WireType, encode_key, encode_varint};
use strongroom_server::Rpc;
use tokio::net::TcpStream;
use tonic::Code;

use crate::{
    house::House,
    raw::{HalfCaller, send},
};

/// Whoever may be anybody has less.
const MOST: usize = 10 * 1024 * 1024;
const MOST_OF_ANYBODY: usize = 4096;

fn most(rpc: Rpc) -> usize {
    let of_anybody = ["/grpc.", "/com.digitalasset.canton.connection."];
    let is_of_anybody = of_anybody.iter().any(|it| rpc.path().starts_with(it));
    if is_of_anybody { MOST_OF_ANYBODY } else { MOST }
}

/// Tells the ends of streams apart from those that are told in front.
fn code(answer: Result<(), tonic::Status>) -> Code {
    answer.err().map_or(Code::Ok, |status| status.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_said_to_be_too_long_is_refused_before_it_comes() {
    let house = House::new().await;
    let stream = TcpStream::connect(house.address).await.unwrap();
    let mut caller = HalfCaller::over(stream).await;
    // A list of all services' health is not made by tonic.
    let asked = |rpc: &Rpc| !rpc.takes_a_stream() && *rpc != Rpc::HealthList;
    for rpc in Rpc::ALL.into_iter().filter(asked) {
        for (length, is_refused) in [(most(rpc) + 1, true), (most(rpc), false)] {
            let mut prefix = vec![0];
            prefix.extend(u32::try_from(length).unwrap().to_be_bytes());
            // One that is not too long is waited for.
            let headers = [("grpc-timeout", "100m")];
            let headers = if is_refused { &[][..] } else { &headers };
            let answer = caller.begin_with(rpc.path(), headers, prefix).await;
            let status = answer.unwrap()["grpc-status"].clone();
            let wanted = if is_refused { "11" } else { "4" };
            assert_eq!(status, wanted, "{rpc:?} {length}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_message_is_refused_and_what_nobody_knows_is_passed_over() {
    let house = House::new().await;
    let channel = house.channel().await;
    let mut unknown = Vec::new();
    for (number, bytes) in [(1000, &b"text"[..]), (536_870_911, &[0xff; 100])] {
        encode_key(number, WireType::LengthDelimited, &mut unknown);
        encode_varint(bytes.len() as u64, &mut unknown);
        unknown.extend_from_slice(bytes);
    }
    // Cut off in a field, a number that is no field's, a kind that is none, a group without an end.
    let malformed = [&[0x0a, 0xff][..], &[0x02, 0x00], &[0x0f], &[0x0b]];
    for rpc in Rpc::ALL {
        // Whoever reads a stream of these ends it.
        let is_told = !rpc.path().starts_with("/grpc.reflection.");
        for bytes in malformed.into_iter().filter(|_| is_told) {
            let refused = code(send(&channel, rpc.path(), bytes.to_vec()).await);
            // A list of all services' health is not made by tonic.
            let wanted = if rpc == Rpc::HealthList {
                Code::Unimplemented
            } else {
                Code::InvalidArgument
            };
            assert_eq!(refused, wanted, "{rpc:?} {bytes:?}");
        }
        let empty = code(send(&channel, rpc.path(), Vec::new()).await);
        let more = code(send(&channel, rpc.path(), unknown.clone()).await);
        assert_eq!(more, empty, "{rpc:?}");
    }
    house.vault.walk_audit(drop).await.unwrap();
}

/// The rpcs of ours whose empty message asks for nothing that can be done, and the code that says so.
const NEEDS: [(Rpc, Code); 28] = [
    (
        Rpc::OperationsServiceAcknowledgeBreakGlass,
        Code::InvalidArgument,
    ),
    (Rpc::OperationsServiceAddWrap, Code::InvalidArgument),
    (Rpc::OperationsServiceApprove, Code::InvalidArgument),
    (Rpc::OperationsServiceCancelOperation, Code::NotFound),
    (Rpc::OperationsServiceCreateBackup, Code::InvalidArgument),
    (Rpc::OperationsServiceForgetBackup, Code::InvalidArgument),
    (Rpc::OperationsServiceMigrateKeys, Code::InvalidArgument),
    (Rpc::OperationsServicePlanMigration, Code::InvalidArgument),
    (Rpc::OperationsServiceReject, Code::InvalidArgument),
    (Rpc::OperationsServiceRetireKey, Code::InvalidArgument),
    (Rpc::OperationsServiceRotateNodeKeys, Code::InvalidArgument),
    (Rpc::OperationsServiceWatchOperation, Code::NotFound),
    (Rpc::KeyServiceDeleteKey, Code::InvalidArgument),
    (Rpc::KeyServiceExportKey, Code::FailedPrecondition),
    (Rpc::KeyServiceGenerateSigningKey, Code::InvalidArgument),
    (Rpc::KeyServiceImportKey, Code::InvalidArgument),
    (Rpc::KeyServiceImportPublicKey, Code::InvalidArgument),
    (Rpc::KeyServiceRegisterKey, Code::InvalidArgument),
    (Rpc::SigningServiceDecrypt, Code::InvalidArgument),
    (Rpc::SigningServiceDecryptPayload, Code::InvalidArgument),
    (Rpc::SigningServiceEncrypt, Code::InvalidArgument),
    (Rpc::SigningServiceEncryptPayload, Code::InvalidArgument),
    (Rpc::SigningServiceSign, Code::InvalidArgument),
    (Rpc::SigningServiceSignForParty, Code::InvalidArgument),
    (Rpc::SigningServiceSignProtocol, Code::InvalidArgument),
    (Rpc::SigningServiceVerify, Code::InvalidArgument),
    (Rpc::TopologyServicePropose, Code::InvalidArgument),
    (Rpc::TopologyServiceReadStore, Code::InvalidArgument),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_must_be_said_is_asked_for() {
    let house = House::new().await;
    let channel = house.channel().await;
    let mut wrong = Vec::new();
    for (rpc, wanted) in NEEDS {
        let found = code(send(&channel, rpc.path(), Vec::new()).await);
        if found != wanted {
            wrong.push((rpc, found));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
