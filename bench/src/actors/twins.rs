//! Two tabs of one user that come and go at the same instant, through two nodes: which of them was the first, and which the
//! last, is decided once.

use std::time::Duration;

use super::session::{Session, Words};
use crate::{
    dice::Dice,
    play::{Phase, Play},
    world::{Room, User},
};

/// A player.
pub struct Twins {
    play: Play,
    dice: Dice,
}

impl Twins {
    /// Of whoever they choose.
    pub fn new(play: Play, dice: Dice) -> Self {
        Self { play, dice }
    }

    /// Plays until it is over.
    pub async fn run(mut self) {
        loop {
            match self.play.phase() {
                Phase::End => return,
                Phase::Busy(_) => self.come_and_go().await,
                Phase::Quiet(_) => {}
            }
            let pause = self.dice.ms(50, 400);
            self.play.pause(pause).await;
        }
    }

    async fn come_and_go(&mut self) {
        let pairs: Vec<(Room, User)> = self
            .play
            .check
            .lock()
            .access
            .tables
            .participants
            .keys()
            .copied()
            .collect();
        if pairs.is_empty() {
            return;
        }
        let (room, user) = self.dice.of(&pairs);
        let node = self.dice.below(self.play.nodes.len());
        let other = (node + 1) % self.play.nodes.len();
        let mut one = Session::new(user, room, &mut self.dice);
        let mut two = Session::new(user, room, &mut self.dice);
        for _ in 0..1 + self.dice.below(3) {
            let words = [Words::whole(&mut self.dice), Words::whole(&mut self.dice)];
            let [first, second] = words;
            let late = self.late();
            tokio::join!(one.beat(&self.play, node, first), async {
                tokio::time::sleep(late).await;
                two.beat(&self.play, other, second).await
            });
            let late = self.late();
            tokio::join!(one.leave(&self.play, node, false), async {
                tokio::time::sleep(late).await;
                two.leave(&self.play, other, false).await
            });
        }
    }

    /// Mostly not at all.
    fn late(&mut self) -> Duration {
        let micros = if self.dice.chance(60) {
            0
        } else {
            self.dice.below(4_000)
        };
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }
}
