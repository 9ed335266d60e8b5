//! Drivers that others wrote: newer than we, older, or wrong. They are made of bytes, not of our own code.

use std::convert::Infallible;
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::http::{HeaderMap, HeaderValue, Request, Response};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use strongroom_errors::Coded;
use strongroom_kms::{
    ExternalKeys, KeyWrapper, KmsError, KmsHealth, KmsProvider, WrapperKeyRequest,
};
use strongroom_kms_driver::{DriverKms, DriverSettings, bind_unix_socket};
use tonic::{Code, Status, body::Body};

use crate::house::{House, context, key, secret};

/// What a driver answers to a method, once it said what it can do.
#[derive(Clone, Debug)]
enum Reply {
    /// A message, encoded.
    Says(Vec<u8>),
    /// A status; gRPC's own if there are no details.
    Fails(Code, Vec<u8>),
    /// Nothing: the connection ends.
    Dies,
    /// Nothing, for ever.
    Hangs,
}

/// Field 1 as text or bytes, which are the same on the wire.
#[derive(Clone, PartialEq, Message)]
struct Text {
    #[prost(bytes = "vec", tag = "1")]
    first: Vec<u8>,
}

/// Field 1 as a number.
#[derive(Clone, PartialEq, Message)]
struct Number {
    #[prost(int32, tag = "1")]
    first: i32,
}

/// CapabilitiesResponse.
#[derive(Clone, PartialEq, Message)]
struct Can {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(bool, tag = "2")]
    wrapper_keys: bool,
    #[prost(int32, repeated, tag = "7")]
    signing_specs: Vec<i32>,
    #[prost(string, tag = "99")]
    newer: String,
}

/// KmsErrorDetail, in part.
#[derive(Clone, PartialEq, Message)]
struct Detail {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(bool, tag = "3")]
    retryable: bool,
    #[prost(string, tag = "14")]
    cause: String,
}

/// google.rpc.Status.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

fn text(first: impl Into<Vec<u8>>) -> Reply {
    let first = first.into();
    Reply::Says(Text { first }.encode_to_vec())
}

async fn respond(reply: Reply) -> Result<Response<Body>, std::io::Error> {
    let message = match reply {
        Reply::Says(message) => message,
        Reply::Fails(code, details) => {
            return Ok(Status::with_details(code, "no", details.into()).into_http());
        }
        Reply::Hangs => std::future::pending().await,
        Reply::Dies => return Err(std::io::Error::other("dies")),
    };
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend(message);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = Full::new(Bytes::from(frame));
    let body = body.with_trailers(async { Some(Ok::<_, Infallible>(trailers)) });
    let mut response = Response::new(Body::new(body));
    let kind = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert("content-type", kind);
    Ok(response)
}

/// A driver that can do this, and answers that to every other method.
async fn driver(house: &House, can: Can, reply: Reply) -> Result<DriverKms, KmsError> {
    let listener = bind_unix_socket(&house.socket()).unwrap();
    let can = Arc::new(can.encode_to_vec());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (can, reply) = (Arc::clone(&can), reply.clone());
            let service = service_fn(move |request: Request<Incoming>| {
                let reply = match request.uri().path() {
                    "/strongroom.kms.v1.KmsDriver/Capabilities" => Reply::Says(can.to_vec()),
                    _ => reply.clone(),
                };
                respond(reply)
            });
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
        }
    });
    DriverKms::connect(DriverSettings::unix_socket(house.socket())).await
}

fn everything() -> Can {
    Can {
        name: "toy".to_owned(),
        wrapper_keys: true,
        // One that this version does not know.
        signing_specs: vec![1, 77],
        newer: "still understood".to_owned(),
    }
}

/// What wrapping answers when the driver answers this.
async fn wrapping(reply: Reply) -> Result<(), KmsError> {
    let house = House::new();
    let driver = driver(&house, everything(), reply).await.unwrap();
    let wrapped = driver.wrap_key(&key("k"), &context(), &secret()).await;
    wrapped.map(|_wrapped| ())
}

#[tokio::test(flavor = "current_thread")]
async fn a_kind_of_error_from_a_newer_driver_becomes_a_clear_error() {
    for (retryable, code) in [
        (false, "KMS_DRIVER_UNKNOWN_ERROR"),
        (true, "KMS_DRIVER_UNKNOWN_ERROR_FOR_NOW"),
    ] {
        let detail = Detail {
            kind: 77,
            retryable,
            cause: "the key sleeps".to_owned(),
        };
        let status = RpcStatus {
            details: vec![Any {
                type_url: "type.googleapis.com/strongroom.kms.v1.KmsErrorDetail".to_owned(),
                value: detail.encode_to_vec(),
            }],
        };
        let reply = Reply::Fails(Code::FailedPrecondition, status.encode_to_vec());
        let error = wrapping(reply).await.unwrap_err();
        assert_eq!(error.code().name(), code);
        assert_eq!(error.is_retryable(), retryable);
        let shown = format!("{}", std::error::Error::source(&error).unwrap());
        assert!(shown.contains("the key sleeps"), "{shown}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_status_without_details_is_understood_by_its_code() {
    for (status, code) in [
        (Code::Unimplemented, "KMS_DRIVER_NOT_OFFERED"),
        (Code::PermissionDenied, "KMS_DENIED"),
        (Code::Unavailable, "KMS_UNAVAILABLE"),
        (Code::Internal, "KMS_DRIVER_UNTYPED_ERROR"),
    ] {
        let error = wrapping(Reply::Fails(status, Vec::new())).await;
        assert_eq!(error.unwrap_err().code().name(), code);
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_driver_that_dies_during_a_call_is_unavailable() {
    let error = wrapping(Reply::Dies).await.unwrap_err();
    assert!(matches!(error, KmsError::Unavailable { .. }), "{error:?}");
    assert!(error.is_retryable());
}

#[tokio::test(flavor = "current_thread")]
async fn a_driver_that_hangs_does_not_feel_well() {
    let house = House::new();
    let driver = driver(&house, everything(), Reply::Hangs).await.unwrap();
    // From here on time jumps to the deadline as soon as everybody waits.
    tokio::time::pause();
    let reason = "the KMS driver says nothing".to_owned();
    assert_eq!(driver.health().await, KmsHealth::Failed { reason });
}

#[tokio::test(flavor = "current_thread")]
async fn answers_that_cannot_be_are_refused() {
    assert!(wrapping(text(vec![1; 6144])).await.is_ok());
    for wrong in [
        text(vec![1; 6145]),
        text(vec![]),
        // More than a message may have, so that it is not read to its end.
        text(vec![1; 70_000]),
    ] {
        let error = wrapping(wrong).await.unwrap_err();
        assert!(matches!(error, KmsError::AnswerInvalid { .. }), "{error:?}");
    }
    for id in ["x".repeat(301), "a\nb".to_owned(), String::new()] {
        let house = House::new();
        let driver = driver(&house, everything(), text(id)).await.unwrap();
        let wanted = WrapperKeyRequest::default();
        let error = driver.generate_wrapper_key(&wanted).await.unwrap_err();
        assert!(matches!(error, KmsError::AnswerInvalid { .. }), "{error:?}");
    }
    for state in [0, 9] {
        let house = House::new();
        let reply = Reply::Says(Number { first: state }.encode_to_vec());
        let driver = driver(&house, everything(), reply).await.unwrap();
        let error = driver.key_state(&key("k")).await.unwrap_err();
        assert!(matches!(error, KmsError::AnswerInvalid { .. }), "{error:?}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_driver_plays_the_roles_that_it_names_and_needs_a_proper_name() {
    let house = House::new();
    let modest = Can {
        name: "toy".to_owned(),
        ..Can::default()
    };
    let kms = driver(&house, modest, Reply::Dies).await.unwrap();
    assert!(kms.key_wrapper().is_none() && kms.external_keys().is_none());
    assert_eq!(kms.capabilities().provider, "toy");
    for name in [String::new(), "x".repeat(65), "a\nb".to_owned()] {
        let house = House::new();
        let nameless = Can {
            name,
            ..everything()
        };
        let error = driver(&house, nameless, Reply::Dies).await.unwrap_err();
        assert_eq!(error.code().name(), "KMS_DRIVER_INVALID_ANSWER");
    }
}
