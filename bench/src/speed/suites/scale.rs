//! Heartbeats of ten thousand people beside ten thousand, a hundred thousand and a million sessions.

use anyhow::{Result, ensure};

use super::heartbeat::{UNLIMITED, beat};
use crate::speed::{
    Options,
    bed::{Bed, People},
    figures::{Figure, Goal, median},
    load::beat::Beats,
};

/// How many heartbeat.
const BEATING: usize = 10_000;

/// Runs it.
pub async fn run(options: &Options) -> Result<Vec<Figure>> {
    let mut figures = vec![];
    let mut costs = vec![];
    for sessions in [10_000, 100_000, 1_000_000] {
        let cost = cost(sessions, options).await?;
        costs.push(cost);
        let work = format!("heartbeats beside {sessions} sessions");
        figures.push(Figure::new(&work, "CPU a heartbeat, µs", cost, Goal::Context));
    }
    let growth = costs[2] / costs[0];
    figures.push(Figure::new(
        "from 10k to 1M sessions",
        "CPU a heartbeat grows, ×",
        growth,
        Goal::AtMost(2.0),
    ));
    Ok(figures)
}

async fn cost(sessions: usize, options: &Options) -> Result<f64> {
    let people = People {
        users: sessions,
        rooms: sessions / 10,
    };
    let bed = Bed::make(options, people).await?;
    let admin = bed.admin().await?;
    // Leases that outlast the run: what is measured is heartbeats, not their end.
    admin
        .batch_execute("select presence.configure(ttl => '1 hour', heartbeat => '10 minutes')")
        .await?;
    let service = bed.service(UNLIMITED).await?;
    fill(&bed, people).await?;
    let mut load = bed.load().await?;
    let mut costs = vec![];
    for round in 0..=options.rounds {
        let beats = Beats {
            port: service.port,
            connections: 256,
            seconds: if round == 0 { 1.0 } else { options.seconds },
            users: BEATING,
            stride: sessions / BEATING,
            rooms: people.rooms,
            per_second: None,
        };
        let run = beat(&bed, &mut load, &service, &beats, true).await?;
        if round > 0 {
            costs.push(run.cpu);
        }
    }
    let there: i64 = admin
        .query_one("select count(*) from presence_private.session", &[])
        .await?
        .get(0);
    ensure!(
        there == i64::try_from(sessions)?,
        "{there} sessions, of {sessions}"
    );
    Ok(median(&costs))
}

/// Everybody but those who heartbeat is there by the same calls, in batches, as a trusted backend makes them.
async fn fill(bed: &Bed, people: People) -> Result<()> {
    let admin = bed.admin().await?;
    let step = people.users / BEATING;
    if step == 1 {
        return Ok(());
    }
    let sql =
        "insert into presence_private.session (session_id, joined_at, beat_at, expires_at, room_id, user_id)
               select gen_random_uuid(), now(), now(), now() + interval '50 minutes', 'r' || n % $1, 'u' || n
                 from generate_series(0, $2::int8 - 1) n where n % $3 <> 0";
    let (rooms, users, step) = (
        i64::try_from(people.rooms)?,
        i64::try_from(people.users)?,
        i64::try_from(step)?,
    );
    admin.execute(sql, &[&rooms, &users, &step]).await?;
    let members = "insert into presence_private.member (joined_at, sessions, room_id, user_id, status)
                   select now(), 1, room_id, user_id, 'active' from presence_private.session";
    admin.batch_execute(members).await?;
    let rooms = "insert into presence_private.room (revision, online_count, room_id)
                 select count(*), count(*), room_id from presence_private.session group by room_id";
    admin.batch_execute(rooms).await?;
    admin.batch_execute("vacuum analyze").await?;
    Ok(())
}
