//! Reading a request.

use hyper::{Method, Uri};
use serde_json::{Map, Value};

use super::error::GcpError;
use super::locations::check_location;
use super::names::Name;
use super::operations::{Operation, Work};
use super::query::{Query, decoded};
use super::session::Session;
use super::wire::parse;
use crate::cloud::Cloud;
use crate::face::Asked;
use crate::keys::KeySpec;
use crate::weather::{Load, Meeting, Subject};

/// Where this face lives.
const PREFIX: &str = "/v1/";

/// Whether a request is for this face.
pub(crate) fn is_ours(path: &str) -> bool {
    path.starts_with(PREFIX)
}

/// A request that is whole.
#[derive(Debug)]
pub(crate) struct Call {
    operation: &'static Operation,
    name: Name,
    query: Query,
    body: Value,
}

impl Call {
    /// The name of the operation that a request asks for; `unknown` if there is no such operation.
    pub(crate) fn operation_of(method: &Method, uri: &Uri) -> &'static str {
        target(method, uri).map_or("unknown", |(operation, _)| operation.name)
    }

    /// Reads a request.
    pub(crate) fn read(method: &Method, uri: &Uri, body: &[u8]) -> Result<Self, GcpError> {
        let missing = || GcpError::not_found(&format!("Method {method} {}", uri.path()));
        let (operation, name) = target(method, uri).ok_or_else(missing)?;
        if !name.location().is_empty() {
            check_location(name.location())?;
        }
        let body = if body.is_empty() {
            Value::Object(Map::new())
        } else {
            parse(body)?
        };
        Ok(Self {
            operation,
            name,
            query: Query::read(uri.query().unwrap_or_default())?,
            body,
        })
    }
}

impl Asked for Call {
    type Refusal = GcpError;

    const CONTENT_TYPE: &'static str = "application/json; charset=UTF-8";
    const REQUEST_ID: Option<&'static str> = None;

    fn meet(&self, cloud: &Cloud) -> Meeting {
        let spec = || cloud.inventory.spec(&self.name.crypto_key());
        let load = match self.operation.work {
            Work::Administers => Load::Control,
            Work::Computes => Load::Key(spec().unwrap_or(KeySpec::Symmetric)),
        };
        cloud.sky.meet(Subject {
            region: self.name.location(),
            operation: self.operation.name,
            key: self.name.crypto_key_id(),
            load,
        })
    }

    fn key(&self, _cloud: &Cloud) -> Option<String> {
        self.name.crypto_key_id().map(|_| self.name.crypto_key())
    }

    fn made(document: &Value) -> Option<String> {
        let name = document.get("name")?.as_str()?;
        name.contains("/cryptoKeys/").then(|| name.to_owned())
    }

    fn perform(self, cloud: &Cloud) -> Result<Value, GcpError> {
        let session = Session {
            cloud,
            name: &self.name,
            query: &self.query,
            encoding: self.query.encoding(),
        };
        (self.operation.handler)(&session, self.body)
    }
}

/// The operation of a request, and the resource that it is about.
fn target(method: &Method, uri: &Uri) -> Option<(&'static Operation, Name)> {
    let path = decoded(uri.path().strip_prefix(PREFIX)?).ok()?;
    let (name, verb) = path.rsplit_once(':').unwrap_or((&path, ""));
    let name = Name::read(name)?;
    let operation = Operation::asked_for(method, name.kind, verb)?;
    Some((operation, name))
}
