//! A stream's queue against a list: nothing is lost, doubled or reordered but what was refused, what waits is bounded, and
//! who was refused is told once that there is place again.

use bytes::Bytes;
use proptest::prelude::*;

use super::client::expect;
use crate::{
    domain::limits::QUEUE_BYTES_MAX,
    hub::queue::{Queue, Taken},
};

#[derive(Debug, Clone)]
pub enum Step {
    Push { bytes: usize },
    Insist,
    Take,
    End,
}

pub fn history() -> impl Strategy<Value = Vec<Step>> {
    let bytes = prop_oneof![
        4 => 1..2_000usize,
        4 => 20_000..100_000usize,
        1 => QUEUE_BYTES_MAX - 1..2 * QUEUE_BYTES_MAX,
    ];
    let step = prop_oneof![
        12 => bytes.prop_map(|bytes| Step::Push { bytes }),
        1 => Just(Step::Insist),
        8 => Just(Step::Take),
        1 => Just(Step::End),
    ];
    prop::collection::vec(step, 1..40)
}

#[derive(Default)]
struct Reader {
    queue: Queue,
    /// What waits, each frame with its length: told apart by its first byte and how long it is.
    waiting: std::collections::VecDeque<Bytes>,
    is_refused: bool,
    is_ended: bool,
}

impl Reader {
    fn push(&mut self, bytes: usize, letter: u8) -> Result<(), String> {
        let (frame, before) = (Bytes::from(vec![letter; bytes]), self.bytes());
        let is_in = self.queue.push(frame.clone());
        let has_place = before + bytes <= QUEUE_BYTES_MAX || before < QUEUE_BYTES_MAX / 2;
        expect(
            is_in == has_place,
            "refused where there is place, or taken where there is none",
        )?;
        match is_in {
            true => self.waiting.push_back(frame),
            false => self.is_refused = true,
        }
        expect(
            self.queue.bytes() == self.bytes(),
            "another number of bytes waits",
        )
    }

    fn bytes(&self) -> usize {
        self.waiting.iter().map(Bytes::len).sum()
    }

    fn take(&mut self) -> Result<(), String> {
        let Some(Taken {
            bytes,
            caught_up,
            ended,
        }) = self.queue.try_take()
        else {
            return expect(
                self.waiting.is_empty() && !self.is_ended,
                "what waits is not handed out",
            );
        };
        if ended.is_some() {
            expect(
                self.waiting.is_empty() && bytes.is_empty(),
                "the end comes before what waits",
            )?;
            return expect(
                std::mem::take(&mut self.is_ended),
                "an end that nobody said, or twice",
            );
        }
        let mut rest = &bytes[..];
        expect(!rest.is_empty(), "nothing is handed out")?;
        while !rest.is_empty() {
            let frame = self.waiting.pop_front().ok_or("more than was put in")?;
            rest = rest
                .strip_prefix(&frame[..])
                .ok_or("not what was put in, or not whole, or in another order")?;
        }
        let is_time = self.waiting.is_empty() && std::mem::take(&mut self.is_refused);
        expect(caught_up == is_time, "told of having caught up at the wrong time")
    }
}

pub fn run(history: &[Step]) -> Result<(), String> {
    let mut reader = Reader::default();
    for (n, step) in history.iter().enumerate() {
        match step {
            Step::Push { bytes } => reader.push(*bytes, n as u8)?,
            Step::Insist => {
                let frame = Bytes::from(vec![n as u8; 50]);
                reader.queue.insist(frame.clone());
                reader.waiting.push_back(frame);
            }
            Step::Take => reader.take()?,
            Step::End => {
                reader.queue.end("over");
                reader.is_ended = true;
            }
        }
    }
    while !reader.waiting.is_empty() || reader.is_ended {
        reader.take()?;
    }
    reader.take()?;
    expect(!reader.is_refused, "never told of having caught up")
}

proptest! {
    #![proptest_config(super::config())]

    #[test]
    fn a_queue_hands_out_what_was_put_in_and_says_once_that_there_is_place_again(history in history()) {
        run(&history).map_err(TestCaseError::fail)?;
    }
}
