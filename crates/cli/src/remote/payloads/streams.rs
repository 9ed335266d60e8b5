//! Payloads of any size: they go to the server and come back piece by piece.

use std::{
    io::{Read, Write},
    mem,
    path::Path,
};

use strongroom_crypto::{SecretBytes, Timestamp};
use strongroom_files::Access;
use strongroom_server::contract::strongroom::{
    self as contract, DecryptPayloadRequest, DecryptPayloadResponse, EncryptPayloadRequest,
    EncryptPayloadResponse, PayloadOrigin, PayloadSeal,
};
use strongroom_vault::{PayloadExpectation, PayloadOrder};
use tokio::{runtime::Handle, task::block_in_place};

use super::super::{
    RemoteError, Server,
    exchange::{Ends, exchange},
};
use crate::{
    client::{Origin, Passage, Seal},
    input,
};

/// A message of so many bytes is one that the server takes.
const PIECE: usize = 1024 * 1024;

impl Server {
    pub(crate) fn encrypt_payload(
        &self,
        order: &PayloadOrder,
        passage: Passage<'_>,
    ) -> anyhow::Result<Seal> {
        let Passage { from, name, to } = passage;
        let recipients = order.recipients.iter().map(ToString::to_string);
        let order = contract::PayloadOrder {
            purpose: order.purpose.to_string(),
            recipients: recipients.collect(),
            store: order.store.to_string(),
            at: order.at.map(Timestamp::as_micros),
            signed: order.signed,
        };
        let mut seal = None;
        to.stream(Access::Readable, |out| {
            let mut sealing = Sealing {
                order: Some(order),
                content: Some(Source::new(from, name)),
                out,
                seal: &mut seal,
            };
            let mut client = self.signing();
            waiting(exchange(&mut sealing, |requests| {
                client.encrypt_payload(requests)
            }))
        })?;
        let seal = seal.ok_or_else(|| RemoteError::without("for whom the payload is"))?;
        let recipients = seal.recipients.into_iter();
        Ok(Seal {
            recipients: recipients.map(|it| (it.member, it.fingerprint)).collect(),
            signed_by: some(seal.signed_by),
            at: Timestamp::from_micros(seal.at),
        })
    }

    pub(crate) fn decrypt_payload(
        &self,
        expected: &PayloadExpectation,
        passage: Passage<'_>,
    ) -> anyhow::Result<Origin> {
        let Passage { from, name, to } = passage;
        let sender = expected.sender.as_ref().map(ToString::to_string);
        let expected = contract::PayloadExpectation {
            purpose: expected.purpose.to_string(),
            sender: sender.unwrap_or_default(),
            store: expected.store.to_string(),
        };
        let mut origin = None;
        to.stream(Access::OwnerOnly, |out| {
            let mut opening = Opening {
                expected: Some(expected),
                payload: Source::new(from, name),
                out,
                origin: &mut origin,
            };
            let mut client = self.signing();
            waiting(exchange(&mut opening, |requests| {
                client.decrypt_payload(requests)
            }))
        })?;
        let origin = origin.ok_or_else(|| RemoteError::without("who opened the payload"))?;
        Ok(Origin {
            opened_by: origin.opened_by,
            sender: some(origin.sender).map(|sender| (sender, origin.signed_by)),
            at: Timestamp::from_micros(origin.at),
        })
    }
}

fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// Files are read and written on this thread, between messages; the connection lives on others.
fn waiting<T>(work: impl Future<Output = T>) -> T {
    block_in_place(|| Handle::current().block_on(work))
}

/// What is read, in pieces that lie in locked memory.
struct Source<'p> {
    from: Box<dyn Read + 'p>,
    name: &'p Path,
    buffer: SecretBytes,
}

impl<'p> Source<'p> {
    fn new(from: Box<dyn Read + 'p>, name: &'p Path) -> Self {
        Self {
            from,
            name,
            buffer: SecretBytes::zeroed(PIECE),
        }
    }

    /// The next piece; empty at the end.
    fn piece(&mut self) -> anyhow::Result<Vec<u8>> {
        // EXPOSE: filled in place; the message with the piece is wiped when it was sent.
        let buffer = self.buffer.expose_mut();
        let length = input::read_piece(&mut self.from, buffer, self.name)?;
        Ok(buffer.get(..length).unwrap_or_default().to_vec())
    }
}

struct Sealing<'s> {
    /// In the first request.
    order: Option<contract::PayloadOrder>,
    /// None once all of it was read: the last request says so.
    content: Option<Source<'s>>,
    out: &'s mut dyn Write,
    seal: &'s mut Option<PayloadSeal>,
}

impl Ends for Sealing<'_> {
    type Request = EncryptPayloadRequest;
    type Answer = EncryptPayloadResponse;

    fn next(&mut self) -> anyhow::Result<Option<EncryptPayloadRequest>> {
        let mut request = EncryptPayloadRequest::default();
        request.order = self.order.take();
        if request.order.is_some() {
            return Ok(Some(request));
        }
        let Some(content) = &mut self.content else {
            return Ok(None);
        };
        request.content = content.piece()?;
        if request.content.is_empty() {
            request.last = true;
            self.content = None;
        }
        Ok(Some(request))
    }

    fn take(&mut self, answer: EncryptPayloadResponse) -> anyhow::Result<()> {
        if let Some(seal) = answer.seal {
            *self.seal = Some(seal);
        }
        Ok(self.out.write_all(&answer.payload)?)
    }
}

struct Opening<'o> {
    /// In the first request.
    expected: Option<contract::PayloadExpectation>,
    payload: Source<'o>,
    out: &'o mut dyn Write,
    origin: &'o mut Option<PayloadOrigin>,
}

impl Ends for Opening<'_> {
    type Request = DecryptPayloadRequest;
    type Answer = DecryptPayloadResponse;

    fn next(&mut self) -> anyhow::Result<Option<DecryptPayloadRequest>> {
        let expected = self.expected.take();
        let payload = if expected.is_some() {
            Vec::new()
        } else {
            self.payload.piece()?
        };
        let is_end = expected.is_none() && payload.is_empty();
        Ok((!is_end).then_some(DecryptPayloadRequest { expected, payload }))
    }

    fn take(&mut self, mut answer: DecryptPayloadResponse) -> anyhow::Result<()> {
        if let Some(origin) = answer.origin.take() {
            *self.origin = Some(origin);
        }
        let content = SecretBytes::take(mem::take(&mut answer.content));
        // EXPOSE: the user asked for the content; a file gets mode 0600.
        Ok(self.out.write_all(content.expose())?)
    }
}
