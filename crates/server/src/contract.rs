//! The messages and services of the contract, `/proto`, as the compiler makes them.

mod secrets;

/// Modules as the packages are nested, which is how generated code finds its neighbours.
#[expect(
    clippy::allow_attributes_without_reason,
    clippy::large_enum_variant,
    clippy::missing_errors_doc,
    missing_docs,
    unused_qualifications,
    reason = "generated"
)]
pub mod generated {
    pub mod com {
        pub mod digitalasset {
            pub mod canton {
                pub mod admin {
                    pub mod health {
                        pub mod v30 {
                            tonic::include_proto!("com.digitalasset.canton.admin.health.v30");
                        }
                    }
                    pub mod mediator {
                        pub mod v30 {
                            tonic::include_proto!("com.digitalasset.canton.admin.mediator.v30");
                        }
                    }
                    pub mod participant {
                        pub mod v30 {
                            tonic::include_proto!("com.digitalasset.canton.admin.participant.v30");
                        }
                    }
                    pub mod sequencer {
                        pub mod v30 {
                            tonic::include_proto!("com.digitalasset.canton.admin.sequencer.v30");
                        }
                    }
                }
                pub mod connection {
                    pub mod v30 {
                        tonic::include_proto!("com.digitalasset.canton.connection.v30");
                    }
                }
                pub mod crypto {
                    pub mod admin {
                        pub mod v30 {
                            tonic::include_proto!("com.digitalasset.canton.crypto.admin.v30");
                        }
                    }
                }
                pub mod topology {
                    pub mod admin {
                        pub mod v30 {
                            tonic::include_proto!("com.digitalasset.canton.topology.admin.v30");
                        }
                    }
                }
            }
        }
    }
    pub mod strongroom {
        pub mod v1 {
            tonic::include_proto!("strongroom.v1");
        }
    }
}

pub use generated::com::digitalasset::canton::{
    admin as canton_admin, connection::v30 as connection, crypto::admin::v30 as vault,
    topology::admin::v30 as topology,
};
pub use generated::strongroom::v1 as strongroom;

/// A message as it goes over the network: for whoever sends the same one over and over.
pub fn encoded(message: &impl prost::Message) -> Vec<u8> {
    message.encode_to_vec()
}

/// Every file of the contract, as an encoded `FileDescriptorSet`, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/services.bin"));
