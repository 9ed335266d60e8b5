use std::{
    collections::BTreeMap,
    io::BufRead,
    sync::{
        Mutex,
        mpsc::{self, Receiver, Sender},
    },
    thread,
};

use strongroom_proto::{
    ProtoError,
    topology::{ItemReader, ReceivedItem, StreamError},
};

use super::{
    Replay, ReplayError,
    batch::{self, Checked, Item, Prepared},
};

/// Items and bytes of a batch, whichever is reached first.
const BATCH_ITEMS: usize = 128;
const BATCH_BYTES: usize = 512 * 1024;
/// Batches that are read and not decided about, for each thread.
const BATCHES_PER_THREAD: usize = 4;

/// What other threads are asked to do. Batches are numbered in their order.
enum Job {
    Decode(u64, Vec<ReceivedItem>),
    Verify(u64, Vec<Prepared>),
}

/// What they answer.
enum Answer {
    Decoded(u64, Decoded),
    Verified(u64, Vec<Checked>),
}

/// The items of a batch up to the first broken one.
type Decoded = (Vec<Item>, Option<ProtoError>);

/// Replays `items`. Each batch is decoded (on any thread), its keys are looked up (in order), it is verified (on any
/// thread) and decided about (in order).
///
/// # Errors
/// The first [`ReplayError`], after everything in front of it was decided.
pub(super) fn run<R: BufRead>(
    replay: &mut Replay,
    items: ItemReader<R>,
    progress: &mut dyn FnMut(u64),
) -> Result<(), ReplayError> {
    let threads = replay.settings.threads.get();
    let (jobs, queue) = mpsc::channel();
    let queue = Mutex::new(queue);
    let (answer, answers) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..threads {
            let answer = answer.clone();
            let queue = &queue;
            scope.spawn(move || work(queue, &answer));
        }
        // Only the workers answer: when they are gone, nobody waits for them.
        drop(answer);
        let mut pipeline = Pipeline {
            replay,
            jobs,
            answers,
            most: threads * BATCHES_PER_THREAD,
            read: 0,
            prepared: 0,
            decided: 0,
            decoded: BTreeMap::new(),
            verified: BTreeMap::new(),
            broken: None,
        };
        // Dropping the pipeline closes the queue, and with it the workers end.
        pipeline.run(items, progress)
    })
}

/// Does jobs until there are no more.
fn work(queue: &Mutex<Receiver<Job>>, answer: &Sender<Answer>) {
    let next = || queue.lock().ok()?.recv().ok();
    while let Some(job) = next() {
        let done = match job {
            Job::Decode(number, received) => Answer::Decoded(number, batch::decode(&received)),
            Job::Verify(number, prepared) => {
                let checked = prepared.into_iter().map(batch::check).collect();
                Answer::Verified(number, checked)
            }
        };
        if answer.send(done).is_err() {
            // An error ended the replay.
            return;
        }
    }
}

struct Pipeline<'r> {
    replay: &'r mut Replay,
    jobs: Sender<Job>,
    answers: Receiver<Answer>,
    /// The most batches that are under way.
    most: usize,
    /// How many batches were read, handed out for verification, decided about.
    read: u64,
    prepared: u64,
    decided: u64,
    /// Batches that are ahead of their turn.
    decoded: BTreeMap<u64, Decoded>,
    verified: BTreeMap<u64, Vec<Checked>>,
    /// The batch in which an item could not be decoded.
    broken: Option<(u64, ProtoError)>,
}

impl Pipeline<'_> {
    fn run<R: BufRead>(
        &mut self,
        mut items: ItemReader<R>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), ReplayError> {
        let mut end = None;
        loop {
            while end.is_none() && self.broken.is_none() && self.has_room() {
                end = self.read_batch(&mut items);
                progress(items.offset());
            }
            if self.decided == self.read {
                break;
            }
            match self.answers.recv() {
                Ok(Answer::Decoded(number, decoded)) => {
                    self.decoded.insert(number, decoded);
                }
                Ok(Answer::Verified(number, checked)) => {
                    self.verified.insert(number, checked);
                }
                // A worker panicked; so does the scope that it belongs to.
                Err(_gone) => break,
            }
            self.prepare_next();
            self.decide_next()?;
        }
        match end {
            Some(Err(source)) => Err(ReplayError::Stream {
                number: self.next_number(),
                source,
            }),
            _ => Ok(()),
        }
    }

    fn has_room(&self) -> bool {
        self.read - self.decided < self.most as u64
    }

    /// The place of the item behind those that were decided about.
    fn next_number(&self) -> u64 {
        self.replay.report.transactions + 1
    }

    /// Reads a batch and has it decoded. Answers how the input ended if this is the end.
    fn read_batch<R: BufRead>(
        &mut self,
        items: &mut ItemReader<R>,
    ) -> Option<Result<(), StreamError>> {
        let (mut batch, mut bytes, mut end) = (Vec::with_capacity(BATCH_ITEMS), 0, None);
        while batch.len() < BATCH_ITEMS && bytes < BATCH_BYTES {
            match items.next() {
                Some(Ok(item)) => {
                    bytes += item.bytes().len();
                    batch.push(item);
                }
                Some(Err(error)) => end = Some(Err(error)),
                None => end = Some(Ok(())),
            }
            if end.is_some() {
                break;
            }
        }
        if !batch.is_empty() {
            self.hand_out(Job::Decode(self.read, batch));
            self.read += 1;
        }
        end
    }

    /// Looks up the keys of batches whose turn it is, and has them verified.
    fn prepare_next(&mut self) {
        while let Some((items, error)) = self.decoded.remove(&self.prepared) {
            if let Some(error) = error
                && self.broken.is_none()
            {
                self.broken = Some((self.prepared, error));
            }
            let prepared = items
                .into_iter()
                .map(|item| {
                    self.replay.keys.learn(item.signed.transaction().mapping());
                    let keys = item.signed.signed_by();
                    let keys = keys.map(|key| (key, self.replay.keys.key(&key))).collect();
                    Prepared { item, keys }
                })
                .collect();
            self.hand_out(Job::Verify(self.prepared, prepared));
            self.prepared += 1;
        }
    }

    fn decide_next(&mut self) -> Result<(), ReplayError> {
        while let Some(batch) = self.verified.remove(&self.decided) {
            for checked in batch {
                self.replay.decide(self.next_number(), checked)?;
            }
            if let Some((_, source)) = self.broken.take_if(|(batch, _)| *batch == self.decided) {
                return Err(ReplayError::Item {
                    number: self.next_number(),
                    source,
                });
            }
            self.decided += 1;
        }
        Ok(())
    }

    fn hand_out(&self, job: Job) {
        // Fails only when every worker is gone, which waiting for their answers finds out.
        let _taken = self.jobs.send(job);
    }
}
