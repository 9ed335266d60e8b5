use std::{
    collections::{BTreeMap, VecDeque},
    io::BufRead,
    thread,
};

use crossbeam_channel::{Receiver, Sender, unbounded};
use strongroom_proto::{
    ProtoError,
    topology::{ItemReader, ReceivedItem, StreamError},
};
use strongroom_topology::Rules;

use super::{
    Replay, ReplayError,
    batch::{self, Checked, Item, Prepared},
};

/// Items and bytes of a batch, whichever is reached first. What is under way should fit into the cache of a processor.
const BATCH_ITEMS: usize = 64;
const BATCH_BYTES: usize = 512 * 1024;
/// Batches that are read and not decided about, for each thread.
const BATCHES_PER_THREAD: usize = 4;
/// Bytes of batches that are read and not decided about. What is decoded from hostile input takes twenty times as much.
const BYTES_UNDER_WAY: usize = 8 * 1024 * 1024;
/// Bytes of batches between two looks at the memory that is used, at least: the allocator walks through all that is free.
const BYTES_PER_LOOK: u64 = 1024 * 1024;
/// What is kept of a batch takes no more than so many times its bytes; of real history it is five times.
const KEPT_PER_BYTE: u64 = 32;

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
/// thread) and decided about (in order). The calling thread keeps the order, and helps the others when it would wait.
///
/// # Errors
/// The first [`ReplayError`], after everything in front of it was decided.
pub(super) fn run<R: BufRead>(
    replay: &mut Replay,
    items: ItemReader<R>,
    rules: &Rules,
    progress: &mut dyn FnMut(u64),
) -> Result<(), ReplayError> {
    let threads = replay.settings.threads.get();
    let (jobs, queue) = unbounded();
    let (answer, answers) = unbounded();
    thread::scope(|scope| {
        for _ in 1..threads {
            let (queue, answer) = (queue.clone(), answer.clone());
            scope.spawn(move || {
                // Ends with the queue, or when an error ended the replay and nobody waits for answers any more.
                let _ended = queue
                    .iter()
                    .try_for_each(|job: Job| answer.send(job.run()).map_err(drop));
            });
        }
        // Only the others answer: when they are gone, nobody waits for them.
        drop(answer);
        let mut pipeline = Pipeline {
            replay,
            rules,
            jobs,
            queue,
            answers,
            most: threads * BATCHES_PER_THREAD,
            under_way: VecDeque::new(),
            read: 0,
            prepared: 0,
            decided: 0,
            until_look: 0,
            decoded: BTreeMap::new(),
            verified: BTreeMap::new(),
            broken: None,
        };
        // Dropping the pipeline closes the queue, and with it the other threads end.
        pipeline.run(items, progress)
    })
}

impl Job {
    fn run(self) -> Answer {
        match self {
            Self::Decode(number, received) => Answer::Decoded(number, batch::decode(&received)),
            Self::Verify(number, prepared) => {
                let checked = prepared.into_iter().map(batch::check).collect();
                Answer::Verified(number, checked)
            }
        }
    }
}

struct Pipeline<'r> {
    replay: &'r mut Replay,
    rules: &'r Rules,
    jobs: Sender<Job>,
    queue: Receiver<Job>,
    answers: Receiver<Answer>,
    /// The most batches that are under way.
    most: usize,
    /// Bytes of the batches that are under way, oldest first.
    under_way: VecDeque<usize>,
    /// How many batches were read, handed out for verification, decided about.
    read: u64,
    prepared: u64,
    decided: u64,
    /// Bytes that are decided about before somebody looks at the memory.
    until_look: u64,
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
            match self.next_answer() {
                Some(Answer::Decoded(number, decoded)) => {
                    self.decoded.insert(number, decoded);
                }
                Some(Answer::Verified(number, checked)) => {
                    self.verified.insert(number, checked);
                }
                // A thread panicked; so does the scope that it belongs to.
                None => break,
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

    /// The answer of another thread, or one that this thread finds itself while there is none.
    fn next_answer(&self) -> Option<Answer> {
        if let Ok(answer) = self.answers.try_recv() {
            return Some(answer);
        }
        match self.queue.try_recv() {
            Ok(job) => Some(job.run()),
            Err(_empty) => self.answers.recv().ok(),
        }
    }

    fn has_room(&self) -> bool {
        self.under_way.len() < self.most && self.under_way.iter().sum::<usize>() < BYTES_UNDER_WAY
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
            self.under_way.push_back(bytes);
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
                    let keys = keys.map(|key| self.replay.keys.key(&key)).collect();
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
                self.replay.decide(self.next_number(), checked, self.rules);
            }
            let bytes = self.under_way.pop_front().unwrap_or_default();
            self.look_at_memory(bytes as u64)?;
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

    /// Ends the replay when what is kept takes too much. While that is far away nobody looks.
    fn look_at_memory(&mut self, bytes: u64) -> Result<(), ReplayError> {
        self.until_look = self.until_look.saturating_sub(bytes);
        if self.until_look == 0 {
            let left = self.replay.memory_left()?;
            self.until_look = (left / KEPT_PER_BYTE).max(BYTES_PER_LOOK);
        }
        Ok(())
    }

    fn hand_out(&self, job: Job) {
        // Fails only when every worker is gone, which waiting for their answers finds out.
        let _taken = self.jobs.send(job);
    }
}
