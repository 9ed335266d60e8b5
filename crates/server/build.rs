//! Compiles the services to Rust, without protoc, and lists their rpcs.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use prost::Message as _;
use prost_types::FileDescriptorSet;

/// The files of the contract that have a service.
const SERVICES: [&str; 10] = [
    "com/digitalasset/canton/admin/health/v30/status_service.proto",
    "com/digitalasset/canton/admin/mediator/v30/mediator_status_service.proto",
    "com/digitalasset/canton/admin/participant/v30/participant_status_service.proto",
    "com/digitalasset/canton/admin/sequencer/v30/sequencer_status_service.proto",
    "com/digitalasset/canton/connection/v30/api_info_service.proto",
    "com/digitalasset/canton/crypto/admin/v30/vault_service.proto",
    "com/digitalasset/canton/topology/admin/v30/initialization_service.proto",
    "com/digitalasset/canton/topology/admin/v30/topology_aggregation_service.proto",
    "com/digitalasset/canton/topology/admin/v30/topology_manager_read_service.proto",
    "com/digitalasset/canton/topology/admin/v30/topology_manager_write_service.proto",
];

/// Services of ours.
const OWN_SERVICES: [&str; 4] = [
    "strongroom/v1/key_service.proto",
    "strongroom/v1/operations_service.proto",
    "strongroom/v1/signing_service.proto",
    "strongroom/v1/topology_service.proto",
];

/// Messages with a secret in them: `src/contract/secrets.rs` prints them without it, and wipes it.
const SECRET_MESSAGES: [&str; 12] = [
    ".com.digitalasset.canton.crypto.admin.v30.ExportKeyPairRequest",
    ".com.digitalasset.canton.crypto.admin.v30.ExportKeyPairResponse",
    ".com.digitalasset.canton.crypto.admin.v30.ImportKeyPairRequest",
    ".strongroom.v1.EncryptRequest",
    ".strongroom.v1.DecryptResponse",
    ".strongroom.v1.ExportKeyRequest",
    ".strongroom.v1.ExportKeyResponse",
    ".strongroom.v1.ImportKeyRequest",
    ".strongroom.v1.EncryptPayloadRequest",
    ".strongroom.v1.DecryptPayloadResponse",
    ".strongroom.v1.SessionEncryptionKey",
    ".strongroom.v1.DecryptSessionKeyResponse",
];

fn main() -> Result<(), Box<dyn Error>> {
    let contracts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    println!("cargo::rerun-if-changed={}", contracts.display());
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);

    let files = SERVICES.iter().chain(&OWN_SERVICES);
    let set = protox::compile(files, [&contracts])?;
    // For reflection: comments do not concern clients.
    let mut described = set.clone();
    for file in &mut described.file {
        file.source_code_info = None;
    }
    std::fs::write(out.join("services.bin"), described.encode_to_vec())?;
    std::fs::write(out.join("rpcs.rs"), rpcs(&set)?)?;

    let mut config = prost_build::Config::new();
    config
        .skip_debug(SECRET_MESSAGES)
        .enable_type_names()
        .extern_path(
            ".com.digitalasset.canton.crypto.v30",
            "::strongroom_proto::v30",
        )
        .extern_path(
            ".com.digitalasset.canton.protocol.v30",
            "::strongroom_proto::topology::v30",
        )
        .extern_path(
            ".com.digitalasset.canton.topology.admin.v30.TopologyTransactions",
            "::strongroom_proto::topology::admin::TopologyTransactions",
        );
    tonic_prost_build::configure()
        .build_transport(false)
        .codec_path("crate::codec::Bounded")
        .compile_fds_with_config(set, config)?;
    Ok(())
}

/// An rpc of the contract.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rpc {
    /// Of the service and the method.
    name: String,
    path: String,
    takes_a_stream: bool,
    answers_a_stream: bool,
}

/// An enumeration of every rpc: whoever decides by it must decide about a new one too.
fn rpcs(set: &FileDescriptorSet) -> Result<String, Box<dyn Error>> {
    let mut rpcs = Vec::new();
    for file in &set.file {
        for service in &file.service {
            for method in &service.method {
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                let name = format!("{}{}", service.name(), method.name());
                rpcs.push(Rpc {
                    name,
                    path,
                    takes_a_stream: method.client_streaming(),
                    answers_a_stream: method.server_streaming(),
                });
            }
        }
    }
    for (name, path, takes_a_stream, answers_a_stream) in [
        ("HealthCheck", "/grpc.health.v1.Health/Check", false, false),
        ("HealthWatch", "/grpc.health.v1.Health/Watch", false, true),
        ("HealthList", "/grpc.health.v1.Health/List", false, false),
        (
            "ReflectionInfo",
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            true,
            true,
        ),
        (
            "ReflectionAlphaInfo",
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
            true,
            true,
        ),
    ] {
        rpcs.push(Rpc {
            name: name.to_owned(),
            path: path.to_owned(),
            takes_a_stream,
            answers_a_stream,
        });
    }
    rpcs.sort();

    let mut code = String::new();
    writeln!(code, "/// An rpc of this server, by service and method.")?;
    writeln!(code, "#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]")?;
    writeln!(code, "pub enum Rpc {{")?;
    for Rpc { name, path, .. } in &rpcs {
        writeln!(code, "    /// `{path}`.\n    {name},")?;
    }
    writeln!(code, "}}\n\nimpl Rpc {{")?;
    writeln!(code, "    /// Every rpc, in the order of their names.")?;
    writeln!(code, "    pub const ALL: [Self; {}] = [", rpcs.len())?;
    for rpc in &rpcs {
        writeln!(code, "        Self::{},", rpc.name)?;
    }
    writeln!(code, "    ];")?;
    let path = |rpc: &Rpc| format!("{:?}", rpc.path);
    of_each(
        &mut code,
        &rpcs,
        "`/package.Service/Method`.",
        "path",
        "&'static str",
        path,
    )?;
    let doc = "Whether requests come in a stream.";
    let takes = |rpc: &Rpc| rpc.takes_a_stream.to_string();
    of_each(&mut code, &rpcs, doc, "takes_a_stream", "bool", takes)?;
    let doc = "Whether answers go out in a stream.";
    let answers = |rpc: &Rpc| rpc.answers_a_stream.to_string();
    of_each(&mut code, &rpcs, doc, "answers_a_stream", "bool", answers)?;
    writeln!(code, "\n    /// The rpc of a path.")?;
    writeln!(
        code,
        "    #[must_use]\n    pub fn of_path(path: &str) -> Option<Self> {{"
    )?;
    writeln!(code, "        match path {{")?;
    for Rpc { name, path, .. } in &rpcs {
        writeln!(code, "            {path:?} => Some(Self::{name}),")?;
    }
    writeln!(code, "            _ => None,\n        }}\n    }}\n}}")?;
    Ok(code)
}

/// Writes a function that says something of each rpc.
fn of_each(
    code: &mut String,
    rpcs: &[Rpc],
    doc: &str,
    name: &str,
    result: &str,
    of: impl Fn(&Rpc) -> String,
) -> std::fmt::Result {
    writeln!(code, "\n    /// {doc}\n    #[must_use]")?;
    writeln!(code, "    pub const fn {name}(self) -> {result} {{")?;
    writeln!(code, "        match self {{")?;
    for rpc in rpcs {
        writeln!(code, "            Self::{} => {},", rpc.name, of(rpc))?;
    }
    writeln!(code, "        }}\n    }}")
}
