//! Every rpc of the server, generated from the contract.

include!(concat!(env!("OUT_DIR"), "/rpcs.rs"));
