use super::*;
use crate::domain::EventId;

const MERGE: Duration = Duration::from_millis(100);

fn key(viewer: &str) -> Key {
    (UserId::trusted(viewer), Topic::Event(EventId::trusted("gala")))
}

fn reads(text: &'static str, rings: &[&str]) -> Option<Reading> {
    Some(Reading {
        frame: Bytes::from(text),
        rings: rings.iter().map(|ring| (*ring).to_owned()).collect(),
    })
}

/// The streams that get a frame, and how many are answered.
fn sent(outputs: &[Output]) -> (Vec<StreamId>, usize) {
    let frames = outputs.iter().filter_map(|output| match output {
        Output::Frame(stream, ..) => Some(*stream),
        _ => None,
    });
    let answered = outputs
        .iter()
        .filter(|output| matches!(output, Output::Answered(..)));
    (frames.collect(), answered.count())
}

#[test]
fn it_is_read_once_a_viewer_and_sent_where_it_reads_differently() {
    let (mut views, now) = (Views::new(MERGE), Instant::now());
    views.subscribe(1, key("alice"));
    views.subscribe(2, key("alice"));
    assert_eq!(views.plan(now, 10), [key("alice")]);
    assert_eq!(
        sent(&views.apply(&key("alice"), reads("one", &["a"]), now)),
        (vec![1, 2], 2)
    );

    views.ring("another room");
    assert!(views.plan(now + MERGE, 10).is_empty());
    views.ring("a");
    assert!(views.plan(now, 10).is_empty(), "merged");
    assert_eq!(views.due_at(now), Some(now + MERGE));
    assert_eq!(views.plan(now + MERGE, 10), [key("alice")]);
    assert_eq!(
        sent(&views.apply(&key("alice"), reads("one", &["b"]), now)),
        (vec![], 0)
    );

    views.ring("a");
    assert!(views.plan(now + MERGE, 10).is_empty(), "it is about room b now");
    views.ring("b");
    assert_eq!(views.plan(now + MERGE, 10).len(), 1);
    assert_eq!(
        sent(&views.apply(&key("alice"), reads("two", &["b"]), now)),
        (vec![1, 2], 0)
    );
}

#[test]
fn what_rings_while_it_is_read_and_who_asks_meanwhile_are_not_forgotten() {
    let (mut views, now) = (Views::new(MERGE), Instant::now());
    views.subscribe(1, key("alice"));
    views.plan(now, 10);
    views.ring("a"); // nobody knows yet that it is about room a
    views.subscribe(2, key("alice"));
    assert!(views.plan(now, 10).is_empty(), "it is being read");

    let first = views.apply(&key("alice"), reads("one", &["a"]), now);
    assert_eq!(sent(&first), (vec![1], 1), "the other asked later");
    assert_eq!(views.plan(now, 10).len(), 1);
    let second = views.apply(&key("alice"), reads("two", &["a"]), now);

    assert_eq!(sent(&second), (vec![1, 2], 1));
    assert!(views.heard.is_empty() && views.in_flight.is_empty());
}

#[test]
fn a_lagging_stream_gets_the_latest_once_it_has_caught_up() {
    let (mut views, now) = (Views::new(MERGE), Instant::now());
    views.subscribe(1, key("alice"));
    views.plan(now, 10);
    views.apply(&key("alice"), reads("one", &["a"]), now);
    views.lagged(1, &key("alice"));
    views.ring("a");
    assert!(views.plan(now + MERGE, 10).is_empty(), "nobody could take it");

    views.resumed(1);
    assert_eq!(views.plan(now, 10).len(), 1, "whoever asks waits for no merging");

    assert_eq!(
        sent(&views.apply(&key("alice"), reads("one", &["a"]), now)).0,
        [1]
    );
}

#[test]
fn a_failed_read_is_made_again_later_and_nothing_is_left_of_who_may_not_see() {
    let (mut views, now) = (Views::new(MERGE), Instant::now());
    views.subscribe(1, key("alice"));
    let plan = views.plan(now, 10);
    views.undo(plan[0].clone(), now + MERGE);
    assert!(views.plan(now, 10).is_empty());
    views.subscribe(2, key("alice"));
    assert!(views.plan(now, 10).is_empty(), "whoever asks waits for it too");
    assert_eq!(views.due_at(now), Some(now + MERGE));
    assert_eq!(views.plan(now + MERGE, 10), plan);
    views.apply(&key("alice"), reads("one", &["a"]), now);
    views.close(2);

    let outputs = views.apply(&key("alice"), None, now);

    assert_eq!(outputs, [Output::Revoked(1, key("alice").1)]);
    assert!(views.views.is_empty() && views.rings.is_empty() && views.dirty.is_empty());
    views.close(1);
    assert!(views.streams.is_empty());
}
