//! The same properties in the suite: over the kept corpus, over what is near it, and over anything.

use std::{fs, path::Path};

use proptest::{prelude::*, sample::Index, test_runner::TestRunner};

use super::ALL;

/// What the fuzzer begins with, and what it once found.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(name);
    let files = fs::read_dir(&folder).expect("each property has a corpus");
    let inputs = files.map(|file| fs::read(file.expect("a file").path()).expect("bytes"));
    inputs.collect()
}

/// One place of an input is changed.
#[derive(Debug, Clone)]
enum Edit {
    Put(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Repeat(Index, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let words = prop_oneof![
        prop::collection::vec(any::<u8>(), 1..5),
        prop::sample::select(vec![
            &b"\""[..],
            b"\\u0000",
            b"\\ud800",
            b"{",
            b"[",
            b"null",
            b"1e400",
            b"-1",
            b"\n",
            b"\xef\xbb\xbf",
            b".",
            b"@",
            b"9223372036854775808",
            b"=",
            b"*",
            b",",
        ])
        .prop_map(<[u8]>::to_vec),
    ];
    prop_oneof![
        4 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Edit::Put(at, byte)),
        4 => (any::<Index>(), words).prop_map(|(at, bytes)| Edit::Insert(at, bytes)),
        2 => (any::<Index>(), 1..20_usize).prop_map(|(at, len)| Edit::Remove(at, len)),
        1 => (any::<Index>(), 2..200_usize).prop_map(|(at, times)| Edit::Repeat(at, times)),
    ]
}

fn edited(mut bytes: Vec<u8>, edits: &[Edit]) -> Vec<u8> {
    for edit in edits {
        match edit {
            Edit::Put(at, byte) if !bytes.is_empty() => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Edit::Insert(at, word) => {
                let at = at.index(bytes.len() + 1);
                bytes.splice(at..at, word.iter().copied());
            }
            Edit::Remove(at, len) if !bytes.is_empty() => {
                let at = at.index(bytes.len());
                bytes.drain(at..(at + len).min(bytes.len()));
            }
            Edit::Repeat(at, times) if !bytes.is_empty() => {
                let at = at.index(bytes.len());
                let word = bytes[at];
                bytes.splice(at..at, std::iter::repeat_n(word, *times));
            }
            _ => {}
        }
    }
    bytes
}

#[test]
fn what_strangers_send_is_read_or_refused_and_never_more() {
    for (name, check) in ALL {
        let corpus = corpus(name);
        assert!(corpus.len() >= 5, "{name}: {} inputs are kept", corpus.len());
        corpus.iter().for_each(|input| check(input));

        let near = (prop::sample::select(corpus), prop::collection::vec(edit(), 1..6));
        let near = near.prop_map(|(input, edits)| edited(input, &edits));
        let any = prop::collection::vec(any::<u8>(), 0..300);
        let run = TestRunner::new(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::with_cases(500)
        })
        .run(&prop_oneof![9 => near, 1 => any], |input| {
            check(&input);
            Ok(())
        });
        run.unwrap_or_else(|why| panic!("{name}: {why}"));
    }
}

#[test]
fn every_property_has_a_fuzz_target_and_the_other_way_round() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let files = fs::read_dir(folder).expect("the targets").flatten();
    let mut targets: Vec<String> = files
        .map(|file| file.file_name().to_string_lossy().replace(".rs", ""))
        .collect();
    targets.sort_unstable();

    assert_eq!(targets, ALL.map(|(name, _)| name));
    for name in targets {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fuzz/fuzz_targets/{name}.rs"));
        let text = fs::read_to_string(path).expect("a target");
        assert!(text.contains(&format!("check({name:?}, bytes)")), "{text}");
    }
}
