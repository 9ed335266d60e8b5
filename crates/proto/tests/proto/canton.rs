//! The messages with private keys, through another encoder than ours: what an independent writer sends, what an
//! independent reader sees. Secrets of tests may be printed.

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Versioned {
    #[prost(bytes = "vec", optional, tag = "1")]
    pub(crate) data: Option<Vec<u8>>,
    #[prost(int32, tag = "2")]
    pub(crate) version: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SigningPrivateKey {
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    #[prost(int32, tag = "2")]
    pub(crate) format: i32,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) private_key: Vec<u8>,
    #[prost(int32, tag = "4")]
    pub(crate) scheme: i32,
    #[prost(int32, repeated, tag = "5")]
    pub(crate) usage: Vec<i32>,
    #[prost(int32, tag = "6")]
    pub(crate) key_spec: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct EncryptionPrivateKey {
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    #[prost(int32, tag = "2")]
    pub(crate) format: i32,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) private_key: Vec<u8>,
    #[prost(int32, tag = "4")]
    pub(crate) scheme: i32,
    #[prost(int32, tag = "5")]
    pub(crate) key_spec: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SigningKeyPair {
    /// Only in old exports.
    #[prost(bytes = "vec", optional, tag = "1")]
    pub(crate) public_key: Option<Vec<u8>>,
    #[prost(message, optional, tag = "2")]
    pub(crate) private_key: Option<SigningPrivateKey>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct EncryptionKeyPair {
    /// Only in old exports.
    #[prost(bytes = "vec", optional, tag = "1")]
    pub(crate) public_key: Option<Vec<u8>>,
    #[prost(message, optional, tag = "2")]
    pub(crate) private_key: Option<EncryptionPrivateKey>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct CryptoKeyPair {
    #[prost(oneof = "Pair", tags = "1, 2")]
    pub(crate) pair: Option<Pair>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Pair {
    #[prost(message, tag = "1")]
    Signing(SigningKeyPair),
    #[prost(message, tag = "2")]
    Encryption(EncryptionKeyPair),
}
