//! Both sides, in the same memory: pages that lie badly make both slow.

use std::{hint::black_box, ops::AddAssign, time::Duration};

use anyhow::Context as _;
use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use rustix::time::{ClockId, clock_gettime};
use strongroom_crypto::{EncryptionPublicKey, FrontReader, PayloadError};

use super::{Owner, draft, purpose};

/// Small payloads are measured as many at a time as this has room for: looking at the clock takes as long as sealing a few.
const AT_A_TIME: usize = 1 << 20;
/// Bytes of a tag.
const TAG_LEN: usize = 16;

/// What one side took.
pub(super) struct Spent {
    payloads: u32,
    /// Without recipients.
    pub(super) work: Duration,
    /// For encrypting or decrypting secrets.
    recipients: Duration,
}

impl Spent {
    /// Payloads per second.
    pub(super) fn rate(&self) -> f64 {
        f64::from(self.payloads) / self.work.as_secs_f64()
    }

    /// The same with what recipients cost.
    pub(super) fn rate_with_recipients(&self) -> f64 {
        f64::from(self.payloads) / (self.work + self.recipients).as_secs_f64()
    }
}

impl AddAssign for Spent {
    fn add_assign(&mut self, more: Self) {
        self.payloads += more.payloads;
        self.work += more.work;
        self.recipients += more.recipients;
    }
}

/// How long this thread has had a processor.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let part = |value: i64| u64::try_from(value).unwrap_or_default();
    Duration::from_secs(part(time.tv_sec)) + Duration::from_nanos(part(time.tv_nsec))
}

/// How long `work` takes.
fn timed<T>(work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<(T, Duration)> {
    let began = processor_time();
    let done = work()?;
    Ok((done, processor_time() - began))
}

/// Memory for contents, sealed or not.
struct Rooms {
    memory: Vec<u8>,
    length: usize,
}

impl Rooms {
    fn new(length: usize) -> Self {
        let count = (AT_A_TIME / length).max(1);
        Self {
            memory: vec![0x5a; count * length],
            length,
        }
    }

    fn each(&mut self) -> impl Iterator<Item = &mut [u8]> {
        self.memory.chunks_exact_mut(self.length)
    }

    fn count(&self) -> usize {
        self.memory.len() / self.length
    }

    fn spent(&self, work: Duration, recipients: Duration) -> anyhow::Result<Spent> {
        Ok(Spent {
            payloads: u32::try_from(self.count())?,
            work,
            recipients,
        })
    }
}

fn library_key() -> anyhow::Result<LessSafeKey> {
    Ok(LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &[7; 16])?))
}

/// The same one each time: nobody reads what is sealed.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

/// Contents that are sealed, again and again.
pub(super) struct Sealing {
    recipient: EncryptionPublicKey,
    library: LessSafeKey,
    contents: Rooms,
}

impl Sealing {
    pub(super) fn new(owner: &Owner, size: usize) -> anyhow::Result<Self> {
        Ok(Self {
            recipient: owner.public.clone(),
            library: library_key()?,
            contents: Rooms::new(size),
        })
    }

    pub(super) fn ours(&mut self) -> anyhow::Result<Spent> {
        let drafts =
            (0..self.contents.count()).map(|_| draft(std::slice::from_ref(&self.recipient)));
        let (drafts, recipients) = timed(|| drafts.collect::<anyhow::Result<Vec<_>>>())?;
        let ((), work) = timed(|| {
            for (content, draft) in self.contents.each().zip(drafts) {
                let (front, sealer) = draft.seal(None)?;
                black_box(front);
                // What is sealed is looked at and forgotten, as by somebody who sends it away.
                sealer.finish(content, |ciphertext, tag| {
                    black_box((ciphertext, tag));
                    Ok::<(), PayloadError>(())
                })?;
            }
            Ok(())
        })?;
        self.contents.spent(work, recipients)
    }

    pub(super) fn bare(&mut self) -> anyhow::Result<Spent> {
        let ((), work) = timed(|| {
            for content in self.contents.each() {
                let key = &self.library;
                let tag = key.seal_in_place_separate_tag(nonce(), Aad::empty(), content)?;
                black_box(content);
                black_box(tag.as_ref());
            }
            Ok(())
        })?;
        self.contents.spent(work, Duration::ZERO)
    }
}

/// What was sealed, to be opened again and again.
pub(super) struct Opening<'o> {
    owner: &'o Owner,
    library: LessSafeKey,
    /// By us.
    payload: Vec<u8>,
    /// By the library.
    sealed: Vec<u8>,
    /// Where either is opened.
    rooms: Rooms,
}

impl<'o> Opening<'o> {
    pub(super) fn new(owner: &'o Owner, size: usize) -> anyhow::Result<Self> {
        let (mut payload, sealer) = draft(std::slice::from_ref(&owner.public))?.seal(None)?;
        sealer.finish(&mut vec![0x5a; size], |ciphertext, tag| {
            payload.extend_from_slice(ciphertext);
            payload.extend_from_slice(tag);
            Ok::<(), PayloadError>(())
        })?;
        let (library, mut sealed) = (library_key()?, vec![0x5a; size]);
        library.seal_in_place_append_tag(nonce(), Aad::empty(), &mut sealed)?;
        Ok(Self {
            owner,
            library,
            rooms: Rooms::new(payload.len().max(size + TAG_LEN)),
            payload,
            sealed,
        })
    }

    pub(super) fn ours(&mut self) -> anyhow::Result<Spent> {
        let purpose = purpose()?;
        for room in self.rooms.each() {
            room_of(room, &self.payload)?.copy_from_slice(&self.payload);
        }
        let front = FrontReader::default().push(&self.payload)?;
        let (front, _) = front.context("the front is there")?;
        let mine = front.header().recipients().first();
        let mine = mine.context("there is a recipient")?;
        let secrets = (0..self.rooms.count()).map(|_| Ok(self.owner.key.decrypt(mine)?));
        let (secrets, recipients) = timed(|| secrets.collect::<anyhow::Result<Vec<_>>>())?;
        let ((), work) = timed(|| {
            for (room, secret) in self.rooms.each().zip(secrets) {
                let payload = room_of(room, &self.payload)?;
                let front = FrontReader::default().push(payload)?;
                let (front, length) = front.context("the front is there")?;
                let chunks = payload.get_mut(length..).unwrap_or_default();
                front.open(&purpose, secret)?.finish(chunks, |content| {
                    black_box(content);
                    Ok::<(), PayloadError>(())
                })?;
            }
            Ok(())
        })?;
        self.rooms.spent(work, recipients)
    }

    pub(super) fn bare(&mut self) -> anyhow::Result<Spent> {
        for room in self.rooms.each() {
            room_of(room, &self.sealed)?.copy_from_slice(&self.sealed);
        }
        let ((), work) = timed(|| {
            for room in self.rooms.each() {
                let sealed = room_of(room, &self.sealed)?;
                black_box(self.library.open_in_place(nonce(), Aad::empty(), sealed)?);
            }
            Ok(())
        })?;
        self.rooms.spent(work, Duration::ZERO)
    }
}

/// As much of a room as `what` takes.
fn room_of<'r>(room: &'r mut [u8], what: &[u8]) -> anyhow::Result<&'r mut [u8]> {
    room.get_mut(..what.len()).context("rooms are large enough")
}
