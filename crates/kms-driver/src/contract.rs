//! The messages of the contract, `proto/strongroom/kms/v1/kms.proto`, as the compiler makes them.

use std::fmt;

use zeroize::Zeroize;

#[expect(
    clippy::allow_attributes_without_reason,
    unnameable_types,
    unreachable_pub,
    unused_qualifications,
    reason = "generated"
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/strongroom.kms.v1.rs"));
}

pub(crate) use generated::*;

/// Prints a message without its secret, and wipes the secret when the message is dropped.
macro_rules! secret {
    ($message:ident, $secret:ident) => {
        impl fmt::Debug for $message {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let name = stringify!($message);
                write!(f, "{name}({} secret bytes)", self.$secret.len())
            }
        }

        impl Drop for $message {
            fn drop(&mut self) {
                self.$secret.zeroize();
            }
        }
    };
}

secret!(EncryptRequest, plaintext);
secret!(DecryptResponse, plaintext);
secret!(DecryptAsymmetricResponse, plaintext);
secret!(ImportKeyRequest, private_key);

/// What gRPC puts into `grpc-status-details-bin`: google.rpc.Status, which no file of ours defines.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RpcStatus {
    /// The gRPC code.
    #[prost(int32, tag = "1")]
    pub(crate) code: i32,
    /// For people.
    #[prost(string, tag = "2")]
    pub(crate) message: String,
    /// Messages of any type.
    #[prost(message, repeated, tag = "3")]
    pub(crate) details: Vec<prost_types::Any>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_printed() {
        let plaintext = b"XYZZY".to_vec();
        let request = EncryptRequest {
            wrapper_key_id: "key".to_owned(),
            context: Vec::new(),
            plaintext: plaintext.clone(),
        };
        assert_eq!(format!("{request:?}"), "EncryptRequest(5 secret bytes)");
        let answer = DecryptResponse {
            plaintext: plaintext.clone(),
        };
        assert_eq!(format!("{answer:?}"), "DecryptResponse(5 secret bytes)");
        let request = ImportKeyRequest {
            spec: None,
            private_key: plaintext.clone(),
            label: String::new(),
            tags: Vec::new(),
        };
        assert_eq!(format!("{request:?}"), "ImportKeyRequest(5 secret bytes)");
        let answer = DecryptAsymmetricResponse { plaintext };
        let shown = format!("{answer:?}");
        assert_eq!(shown, "DecryptAsymmetricResponse(5 secret bytes)");
    }
}
