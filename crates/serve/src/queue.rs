//! The queue of sequences and the thread that computes them.
//!
//! The idea: requests take turns, a sequence a turn, until a batch is full. So a short request waits at most one turn of
//! each of those in hand, however long they are, and a long one advances in every round. A batch takes what is there
//! and never waits for more: packed sequences cost no padding, so there is nothing to gain by waiting. A request whose
//! client has left is dropped before the next batch.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use bert_ner_infer::{Sequence, Tagger, Workspace};
use tokio::sync::oneshot;

use crate::metrics::Metrics;
use crate::reply::Refusal;
use crate::work::{Found, Work};

/// What is computed for a request.
pub(crate) struct Job {
    tagger: Arc<Tagger>,
    works: Vec<Work>,
    /// Sequences of all works, in order.
    sequences: Vec<Sequence>,
    /// How many of them belong to each work.
    counts: Vec<usize>,
    /// Of each sequence, as far as computed.
    logits: Vec<Vec<f32>>,
    /// Sequences handed out so far.
    next: usize,
    reply: oneshot::Sender<Result<Vec<Found>, Refusal>>,
}

impl Job {
    /// A job, and where its answer will arrive.
    pub(crate) fn new(
        tagger: Arc<Tagger>,
        parts: Vec<(Work, Vec<Sequence>)>,
    ) -> (Self, oneshot::Receiver<Result<Vec<Found>, Refusal>>) {
        let (reply, answer) = oneshot::channel();
        let counts: Vec<usize> = parts.iter().map(|(_, sequences)| sequences.len()).collect();
        let (works, sequences): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        let job = Self {
            tagger,
            works,
            logits: vec![Vec::new(); counts.iter().sum()],
            sequences: sequences.into_iter().flatten().collect(),
            counts,
            next: 0,
            reply,
        };
        (job, answer)
    }

    /// Pieces that still have to be computed.
    fn pieces(&self) -> usize {
        self.sequences[self.next..]
            .iter()
            .map(Sequence::pieces)
            .sum()
    }

    fn is_handed_out(&self) -> bool {
        self.next == self.sequences.len()
    }

    /// Answers; every sequence has its logits.
    fn finish(self) {
        let mut rest = self.logits.as_slice();
        let decode = |(work, count): (Work, usize)| {
            let (own, others) = rest.split_at(count);
            rest = others;
            work.decode(&self.tagger, own)
        };
        let found = self
            .works
            .into_iter()
            .zip(self.counts)
            .map(decode)
            .collect();
        // A client that left in the meantime wants no answer.
        let _ = self.reply.send(Ok(found));
    }
}

/// Where requests leave their work.
pub(crate) struct Queue {
    arrived: Mutex<VecDeque<Job>>,
    bell: Condvar,
    closed: AtomicBool,
    /// Pieces that wait, those of the batch in hand not among them.
    waiting: AtomicUsize,
    limit: usize,
    budget: usize,
    metrics: Arc<Metrics>,
}

impl Queue {
    /// A queue of at most `limit` waiting pieces, computed `budget` pieces at a time.
    pub(crate) fn new(limit: usize, budget: usize, metrics: Arc<Metrics>) -> Self {
        Self {
            arrived: Mutex::default(),
            bell: Condvar::new(),
            closed: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            limit,
            budget,
            metrics,
        }
    }

    /// Pieces that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Puts a job into the queue.
    pub(crate) fn submit(&self, job: Job) -> Result<(), Refusal> {
        let pieces = job.pieces();
        let admit = |waiting: usize| {
            (waiting == 0 || waiting + pieces <= self.limit).then_some(waiting + pieces)
        };
        let order = Ordering::Relaxed;
        if let Err(waiting) = self.waiting.fetch_update(order, order, admit) {
            let seconds = self.metrics.seconds_for(waiting).clamp(1, 60);
            return Err(Refusal::overloaded(
                "too much text is waiting already",
                seconds,
            ));
        }
        let mut arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        arrived.push_back(job);
        drop(arrived);
        self.bell.notify_one();
        Ok(())
    }

    /// Makes [`Queue::work`] return when all is answered.
    pub(crate) fn close(&self) {
        let arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        self.closed.store(true, Ordering::Relaxed);
        drop(arrived);
        self.bell.notify_all();
    }

    /// Computes until the queue is closed and empty.
    pub(crate) fn work(&self) {
        let mut jobs = VecDeque::new();
        let mut worker = Worker::default();
        while self.receive(&mut jobs) {
            jobs.retain(|job| !self.has_left(job));
            jobs = self.batch(jobs, &mut worker);
        }
    }

    /// Takes what has arrived; waits when there is nothing to do. False when there will be nothing.
    fn receive(&self, jobs: &mut VecDeque<Job>) -> bool {
        let mut arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        while jobs.is_empty() && arrived.is_empty() {
            if self.closed.load(Ordering::Relaxed) {
                return false;
            }
            arrived = self
                .bell
                .wait(arrived)
                .unwrap_or_else(PoisonError::into_inner);
        }
        jobs.append(&mut arrived);
        true
    }

    fn has_left(&self, job: &Job) -> bool {
        let left = job.reply.is_closed();
        if left {
            self.waiting.fetch_sub(job.pieces(), Ordering::Relaxed);
            self.metrics.cancelled.fetch_add(1, Ordering::Relaxed);
        }
        left
    }

    /// Computes one batch and answers the jobs that it completes; gives back the others in the order of their turns.
    fn batch(&self, jobs: VecDeque<Job>, worker: &mut Worker) -> VecDeque<Job> {
        let mut jobs: Vec<Option<Job>> = jobs.into_iter().map(Some).collect();
        let plan = plan(&mut jobs, self.budget);
        self.waiting.fetch_sub(plan.pieces, Ordering::Relaxed);
        let start = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| worker.run(&mut jobs, &plan.picks)));
        self.metrics.batch(plan.pieces, start.elapsed());
        let failure = match outcome {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => {
                *worker = Worker::default();
                Some("the model failed on this batch".to_owned())
            }
        };
        if let Some(message) = failure {
            self.fail(&mut jobs, &plan.picks, &message);
        }
        for job in &mut jobs {
            if let Some(job) = job.take_if(|job| job.is_handed_out()) {
                self.finish(job);
            }
        }
        plan.order
            .into_iter()
            .filter_map(|index| jobs[index].take())
            .collect()
    }

    /// Answers; a failure of decoding ends this job alone, whose client sees the connection's error.
    fn finish(&self, job: Job) {
        if catch_unwind(AssertUnwindSafe(|| job.finish())).is_err() {
            self.metrics.failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Answers the jobs of a batch that failed.
    fn fail(&self, jobs: &mut [Option<Job>], picks: &[Pick], message: &str) {
        for pick in picks {
            if let Some(job) = jobs[pick.job].take() {
                self.waiting.fetch_sub(job.pieces(), Ordering::Relaxed);
                self.metrics.failed.fetch_add(1, Ordering::Relaxed);
                let _ = job.reply.send(Err(Refusal::internal(message)));
            }
        }
    }
}

/// A sequence of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pick {
    job: usize,
    sequence: usize,
}

/// A batch, and who is next.
struct Plan {
    picks: Vec<Pick>,
    pieces: usize,
    /// The jobs in the order of their next turns.
    order: Vec<usize>,
}

/// Hands out sequences in turns until `budget` pieces are together. All are of one model, that of the first job.
fn plan(jobs: &mut [Option<Job>], budget: usize) -> Plan {
    let mut turns: VecDeque<usize> = (0..jobs.len()).collect();
    let mut plan = Plan {
        picks: Vec::new(),
        pieces: 0,
        order: Vec::new(),
    };
    let model = jobs
        .first()
        .and_then(Option::as_ref)
        .map(|job| Arc::clone(&job.tagger));
    let mut front = None;
    while let Some(index) = turns.pop_front() {
        let Some(job) = jobs[index].as_mut().filter(|job| !job.is_handed_out()) else {
            continue;
        };
        if !model
            .as_ref()
            .is_some_and(|model| Arc::ptr_eq(model, &job.tagger))
        {
            plan.order.push(index); // of another model: it comes first next time
            continue;
        }
        let pieces = job.sequences[job.next].pieces();
        if !plan.picks.is_empty() && plan.pieces + pieces > budget {
            front = Some(index);
            break;
        }
        plan.pieces += pieces;
        plan.picks.push(Pick {
            job: index,
            sequence: job.next,
        });
        job.next += 1;
        if !job.is_handed_out() {
            turns.push_back(index);
        }
    }
    plan.order.extend(front);
    plan.order.extend(turns);
    plan
}

/// The memory of the thread that computes.
#[derive(Default)]
struct Worker {
    workspace: Workspace,
}

impl Worker {
    /// Computes the picked sequences, all of one model, and leaves the logits with their jobs.
    fn run(
        &mut self,
        jobs: &mut [Option<Job>],
        picks: &[Pick],
    ) -> Result<(), bert_ner_infer::InferError> {
        let job = |pick: &Pick| jobs[pick.job].as_ref();
        let Some(tagger) = picks
            .first()
            .and_then(job)
            .map(|job| Arc::clone(&job.tagger))
        else {
            return Ok(()); // texts without words
        };
        let sequences: Vec<&Sequence> = picks
            .iter()
            .filter_map(|pick| job(pick).map(|job| &job.sequences[pick.sequence]))
            .collect();
        let logits = tagger.forward(&sequences, &mut self.workspace)?;
        for (pick, logits) in picks.iter().zip(logits) {
            if let Some(job) = jobs[pick.job].as_mut() {
                job.logits[pick.sequence] = logits;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use bert_ner_text::Sentence;

    use super::*;

    type Answer = oneshot::Receiver<Result<Vec<Found>, Refusal>>;

    fn tagger() -> Arc<Tagger> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/tests/data/tiny-bert");
        Arc::new(Tagger::open(&folder).unwrap())
    }

    /// A job of sentences with so many words of one piece.
    fn job(tagger: &Arc<Tagger>, sentences: &[usize]) -> (Job, Answer) {
        let part = |&words: &usize| {
            let sentence = Sentence::from_words(&vec!["a"; words], None);
            Work::sentence(tagger, sentence).unwrap()
        };
        Job::new(Arc::clone(tagger), sentences.iter().map(part).collect())
    }

    fn queue(limit: usize, budget: usize) -> Queue {
        Queue::new(limit, budget, Arc::default())
    }

    #[test]
    fn requests_take_turns_and_nobody_is_passed_over() {
        let tagger = tagger();
        let (long, _keep) = job(&tagger, &[8; 5]);
        let (short, _keep) = job(&tagger, &[2]);
        let mut jobs = vec![Some(long), Some(short)];
        // 10 pieces a long sequence, 4 the short one: 10 + 4 + 10 fit.
        let first = plan(&mut jobs, 30);
        let picked: Vec<_> = first
            .picks
            .iter()
            .map(|pick| (pick.job, pick.sequence))
            .collect();
        assert_eq!(picked, [(0, 0), (1, 0), (0, 1)]);
        assert_eq!((first.pieces, first.order), (24, vec![0]));
        // A sequence over the budget is a batch of its own.
        let second = plan(&mut jobs, 3);
        assert_eq!((second.picks.len(), second.pieces), (1, 10));
    }

    #[test]
    fn a_batch_has_one_model_and_the_other_comes_next() {
        let (one, other) = (tagger(), tagger());
        let (first, _keep) = job(&one, &[2, 2]);
        let (second, _keep) = job(&other, &[2]);
        let (third, _keep) = job(&one, &[2, 2]);
        let mut jobs = vec![Some(first), Some(second), Some(third)];
        let plan = plan(&mut jobs, 9);
        let picked: Vec<_> = plan.picks.iter().map(|pick| pick.job).collect();
        assert_eq!((picked, plan.order), (vec![0, 2], vec![1, 0, 2]));
    }

    #[test]
    fn what_would_overflow_the_queue_is_refused_with_a_time() {
        let queue = queue(20, 100);
        let tagger = tagger();
        let (first, _keep) = job(&tagger, &[30]);
        queue.submit(first).unwrap();
        let (second, _keep) = job(&tagger, &[2]);
        let refusal = queue.submit(second).unwrap_err();
        assert_eq!(
            (refusal.status.as_u16(), refusal.retry_after),
            (429, Some(1))
        );
    }

    #[test]
    fn who_has_left_is_not_computed() {
        let queue = queue(1000, 100);
        let tagger = tagger();
        let (stays, mut answer) = job(&tagger, &[2, 0, 50]);
        let (leaves, gone) = job(&tagger, &[9, 9]);
        queue.submit(leaves).unwrap();
        queue.submit(stays).unwrap();
        drop(gone);
        queue.close();
        queue.work();
        let found = answer.try_recv().unwrap().unwrap();
        let counts = found.iter().map(|found| match found {
            Found::Words(words) => (words.0.len(), words.1.tags.len()),
            Found::Text(..) => unreachable!("sentences were asked for"),
        });
        assert_eq!(counts.collect::<Vec<_>>(), [(2, 2), (0, 0), (50, 50)]);
        assert_eq!(queue.waiting(), 0);
        let page = queue.metrics.render(&crate::metrics::Gauges {
            in_flight: 0,
            waiting_pieces: 0,
        });
        assert!(page.contains("bert_ner_cancelled_total 1\n"), "{page}");
    }
}
