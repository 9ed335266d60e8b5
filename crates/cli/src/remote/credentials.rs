//! What every call bears: a token, the trace that it belongs to, and why it goes on without a second person.

use strongroom_config::SecretSource;
use strongroom_crypto::{Random as _, SystemRandom};
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::Interceptor,
};

use super::RemoteError;
use crate::{environment, failure::CliError, secrets};

/// What every call bears.
#[derive(Clone, Debug, Default)]
pub(super) struct Credentials {
    /// Marked as sensitive, so that nothing prints it.
    bearer: Option<MetadataValue<Ascii>>,
    trace: Option<MetadataValue<Ascii>>,
    break_glass: Option<MetadataValue<Ascii>>,
}

impl Credentials {
    pub(super) fn read(
        token: Option<&SecretSource>,
        break_glass: Option<&str>,
    ) -> anyhow::Result<Self> {
        let bearer = token.map(|source| -> anyhow::Result<_> {
            let token = secrets::read(source, "Token")?;
            // EXPOSE: it goes into the header of each call.
            let header = [&b"Bearer "[..], token.expose()].concat();
            let mut bearer = MetadataValue::<Ascii>::try_from(header.as_slice())
                .map_err(|_unprintable| RemoteError::Token)?;
            bearer.set_sensitive(true);
            Ok(bearer)
        });
        Ok(Self {
            bearer: bearer.transpose()?,
            trace: trace()?,
            break_glass: break_glass.map(reason).transpose()?,
        })
    }
}

/// A header holds no other characters.
fn reason(why: &str) -> Result<MetadataValue<Ascii>, CliError> {
    why.parse().map_err(|_unprintable| CliError::BadArgument {
        value: "--break-glass".to_owned(),
        expected: "in printable ASCII characters, for a server",
    })
}

/// `traceparent` of W3C Trace Context, if the command belongs to a trace.
fn trace() -> anyhow::Result<Option<MetadataValue<Ascii>>> {
    environment::caller()?;
    let Some(trace) = environment::trace_id() else {
        return Ok(None);
    };
    let mut span = [0; 8];
    SystemRandom.fill(&mut span)?;
    let span = data_encoding::HEXLOWER.encode(&span);
    Ok(format!("00-{trace}-{span}-01").parse().ok())
}

impl Interceptor for Credentials {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let headers = request.metadata_mut();
        if let Some(bearer) = &self.bearer {
            headers.insert("authorization", bearer.clone());
        }
        if let Some(trace) = &self.trace {
            headers.insert("traceparent", trace.clone());
        }
        if let Some(reason) = &self.break_glass {
            headers.insert("strongroom-break-glass", reason.clone());
        }
        Ok(request)
    }
}
