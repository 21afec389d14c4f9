//! Keeps the certificates of the listeners current while the server runs. Each minute, and at SIGHUP, the files are read
//! again; new connections get what was found. A certificate of the server's own authority is renewed before it ends.
//! Files that cannot be used change nothing: the listener goes on with what it has, and the log says so.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use tokio::sync::Notify;

use super::{
    error::ServerError,
    own_ca,
    tls::{Loaded, Tls},
};
use crate::{
    base::{
        time::{Clock, Time},
        ttl::Ttl,
    },
    store::Files,
};

/// How often the files are read again.
const READ_AGAIN: Duration = Duration::from_mins(1);
/// A certificate that ends within this time is warned of, once a day.
const WARN_BELOW: Ttl = Ttl::from_hours(24 * 14);
const WARN_EVERY: Ttl = Ttl::from_hours(24);

/// The TLS configuration of a listener, as new connections get it.
#[derive(Clone)]
pub(crate) struct CurrentTls(Arc<ArcSwap<ServerConfig>>);

impl CurrentTls {
    pub(crate) fn get(&self) -> Arc<ServerConfig> {
        self.0.load_full()
    }
}

impl From<Arc<ServerConfig>> for CurrentTls {
    fn from(config: Arc<ServerConfig>) -> Self {
        Self(Arc::new(ArcSwap::new(config)))
    }
}

/// Why the files are read again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// A minute has passed.
    Minute,
    /// Somebody has asked for it with SIGHUP.
    Signal,
}

/// Who keeps the files of a certificate.
pub(crate) enum Keeper {
    /// The operator, or a program that renews certificates.
    Operator,
    /// The server's own authority, whose files lie in this folder.
    OwnAuthority { folder: PathBuf, names: Vec<String> },
}

/// The certificates of all listeners.
pub(crate) struct Certificates {
    kept: Vec<Kept>,
    clock: Clock,
    files: Files,
    soonest_end: SoonestEnd,
}

/// When the first of the certificates ends, as metrics tell it.
#[derive(Clone)]
pub(crate) struct SoonestEnd(Arc<AtomicI64>);

struct Kept {
    tls: Tls,
    keeper: Keeper,
    current: CurrentTls,
    loaded: Loaded,
    /// Why the files could last not be used. Empty if they could.
    trouble: String,
    warned: Option<Time>,
}

impl Certificates {
    pub(crate) fn new(clock: Clock, files: Files) -> Self {
        Self { kept: Vec::new(), clock, files, soonest_end: SoonestEnd::default() }
    }

    /// Loads the certificate of a listener, which is kept current from now on.
    pub(crate) fn add(&mut self, tls: Tls, keeper: Keeper) -> Result<CurrentTls, ServerError> {
        let loaded = tls.load()?;
        let current = CurrentTls::from(Arc::clone(&loaded.config));
        let trouble = String::new();
        self.kept.push(Kept { tls, keeper, current: current.clone(), loaded, trouble, warned: None });
        self.look_at_ends();
        Ok(current)
    }

    pub(crate) fn soonest_end(&self) -> SoonestEnd {
        self.soonest_end.clone()
    }

    /// Keeps the certificates current until it is dropped. `asked` wakes it before the minute is over.
    pub(crate) async fn keep_current(mut self, asked: Arc<Notify>) {
        loop {
            let occasion = tokio::select! {
                () = tokio::time::sleep(READ_AGAIN) => Occasion::Minute,
                () = asked.notified() => Occasion::Signal,
            };
            let read = tokio::task::spawn_blocking(move || {
                self.refresh(occasion);
                self
            });
            let Ok(again) = read.await else { return };
            self = again;
        }
    }

    /// Renews what is about to end and reads all files again. At a signal the log also says what did
    /// not change.
    pub(crate) fn refresh(&mut self, occasion: Occasion) {
        let now = self.clock.wall();
        for kept in &mut self.kept {
            kept.refresh(now, &self.files, occasion);
        }
        self.look_at_ends();
    }

    fn look_at_ends(&mut self) {
        let now = self.clock.wall();
        for kept in &mut self.kept {
            kept.warn_of_end(now);
        }
        let soonest = self.kept.iter().filter_map(|kept| kept.loaded.not_after).map(Time::unix_secs).min();
        self.soonest_end.0.store(soonest.unwrap_or(NO_END), Ordering::Relaxed);
    }
}

/// Stands for "there is no certificate that ends".
const NO_END: i64 = i64::MAX;

impl Default for SoonestEnd {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(NO_END)))
    }
}

impl SoonestEnd {
    /// `None` if no listener has a certificate.
    pub(crate) fn get(&self) -> Option<Time> {
        Some(self.0.load(Ordering::Relaxed)).filter(|secs| *secs != NO_END).map(Time::from_unix_secs)
    }
}

impl Kept {
    fn refresh(&mut self, now: Time, files: &Files, occasion: Occasion) {
        let path = self.tls.certificate.display().to_string();
        match self.renew(now, files).and_then(|()| Ok(self.tls.load()?)) {
            Ok(loaded) => {
                let is_new = loaded.fingerprint != self.loaded.fingerprint;
                if is_new {
                    self.current.0.store(Arc::clone(&loaded.config));
                    self.warned = None;
                }
                if is_new || occasion == Occasion::Signal || !self.trouble.is_empty() {
                    let ends = loaded.not_after.map_or_else(|| String::from("an unknown time"), Time::rfc3339);
                    let what = if is_new { "is new: connections get it from now on" } else { "is in use already" };
                    tracing::info!("the certificate in {path}, valid until {ends}, {what}");
                }
                self.trouble.clear();
                self.loaded = loaded;
            }
            Err(error) => {
                let trouble = error.to_string();
                if occasion == Occasion::Signal || trouble != self.trouble {
                    tracing::error!("a certificate cannot be read again, and the old one stays in use: {trouble}");
                }
                self.trouble = trouble;
            }
        }
    }

    fn renew(&self, now: Time, files: &Files) -> Result<(), ServerError> {
        if let Keeper::OwnAuthority { folder, names } = &self.keeper {
            own_ca::ensure(folder, names, now, files)?;
        }
        Ok(())
    }

    fn warn_of_end(&mut self, now: Time) {
        let Some(end) = self.loaded.not_after.filter(|end| *end < now.plus(WARN_BELOW)) else { return };
        if self.warned.is_some_and(|before| now >= before && now < before.plus(WARN_EVERY)) {
            return;
        }
        self.warned = Some(now);
        let (path, at) = (self.tls.certificate.display(), end.rfc3339());
        if end <= now {
            tracing::error!("the certificate in {path} ended at {at}: clients refuse it; replace the file");
        } else {
            let days = end.since(now).as_secs() / Ttl::from_hours(24).as_secs();
            tracing::warn!("the certificate in {path} ends in {days} days, at {at}: replace the file before");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::server::tls::{Clients, Version, install_provider};

    fn start() -> Time {
        Time::parse_rfc3339("2026-11-24T12:00:00Z").unwrap()
    }

    fn tls(file: &Path) -> Tls {
        let (certificate, key) = (file.to_owned(), file.to_owned());
        Tls { certificate, key, oldest: Version::Tls13, clients: Clients::Unasked }
    }

    struct Stage {
        folder: tempfile::TempDir,
        clock: Clock,
        certificates: Certificates,
        current: CurrentTls,
    }

    /// A listener with a certificate of the server's own authority.
    fn stage(of_operator: bool) -> Stage {
        install_provider();
        let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::manual(start()));
        let issued = own_ca::ensure(folder.path(), &[], clock.wall(), &Files::real()).unwrap();
        let mut certificates = Certificates::new(clock.clone(), Files::real());
        let keeper = if of_operator {
            Keeper::Operator
        } else {
            Keeper::OwnAuthority { folder: folder.path().to_owned(), names: Vec::new() }
        };
        let current = certificates.add(tls(&issued.server), keeper).unwrap_or_else(|error| panic!("{error}"));
        Stage { folder, clock, certificates, current }
    }

    fn days(days: u64) -> Ttl {
        Ttl::from_hours(24 * days)
    }

    fn is_same(one: &Arc<ServerConfig>, other: &Arc<ServerConfig>) -> bool {
        Arc::ptr_eq(one, other)
    }

    #[test]
    fn a_certificate_of_our_own_is_renewed_while_the_server_runs() {
        let mut stage = stage(false);
        let (first, first_end) = (stage.current.get(), stage.certificates.soonest_end().get().unwrap());
        stage.clock.advance(days(59));
        stage.certificates.refresh(Occasion::Minute);
        assert!(is_same(&first, &stage.current.get()));
        stage.clock.advance(days(2));
        stage.certificates.refresh(Occasion::Minute);
        assert!(!is_same(&first, &stage.current.get()));
        assert!(stage.certificates.soonest_end().get().unwrap() > first_end);
    }

    #[test]
    fn files_of_the_operator_are_read_again_and_bad_ones_change_nothing() {
        let mut stage = stage(true);
        let (first, file) = (stage.current.get(), stage.folder.path().join("tls/server.pem"));
        let before = std::fs::read(&file).unwrap();
        for bad in [&b"no certificate"[..], &before[..before.len() / 2], b""] {
            std::fs::write(&file, bad).unwrap();
            stage.certificates.refresh(Occasion::Signal);
            assert!(is_same(&first, &stage.current.get()));
            assert!(!stage.certificates.kept[0].trouble.is_empty());
        }
        std::fs::write(&file, before).unwrap();
        stage.certificates.refresh(Occasion::Minute);
        assert!(is_same(&first, &stage.current.get()) && stage.certificates.kept[0].trouble.is_empty());
        own_ca::issue(stage.folder.path(), &[], start(), &Files::real()).unwrap();
        stage.certificates.refresh(Occasion::Minute);
        assert!(!is_same(&first, &stage.current.get()));
    }

    #[test]
    fn the_end_of_an_operators_certificate_is_warned_of_once_a_day() {
        let mut stage = stage(true);
        let mut warned = |by: Ttl| {
            stage.clock.advance(by);
            stage.certificates.refresh(Occasion::Minute);
            stage.certificates.kept[0].warned
        };
        assert_eq!(warned(days(75)), None);
        let first = warned(days(2));
        assert_eq!(first, Some(start().plus(days(77))));
        assert_eq!(warned(Ttl::from_hours(23)), first);
        assert_eq!(warned(Ttl::from_hours(2)), Some(start().plus(days(78)).plus(Ttl::from_hours(1))));
    }
}
