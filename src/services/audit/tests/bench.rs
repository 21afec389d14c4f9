//! A log for tests.

use std::{
    collections::BTreeMap,
    future::Future,
    path::PathBuf,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};

use super::{
    verify::{Report, verify_with},
    *,
};
use crate::{
    base::{secret::Secret, time::Time, ttl::Ttl},
    crypto::{
        ed25519::{PublicKey, SigningKey},
        kdf::MacKey,
    },
    store::files::faulty::Faults,
};

pub struct Bench {
    pub dir: tempfile::TempDir,
    pub files: Files,
    pub clock: Clock,
    pub audit: Audit,
    pub configs: Vec<DeviceConfig>,
}

pub const TOKEN: &str = "srs.0123456789012345678901234567890123456789abc";

/// Runs a future that needs no runtime.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    struct Nobody;
    impl Wake for Nobody {
        fn wake(self: Arc<Self>) {}
    }
    let waker = Waker::from(Arc::new(Nobody));
    let mut future = pin!(future);
    for _ in 0..1_000 {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return done;
        }
    }
    panic!("the future waits for somebody else");
}

pub fn signing(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Secret::new([seed; 32]))
}

pub fn public() -> PublicKey {
    signing(1).public()
}

pub fn keys() -> LogKeys {
    LogKeys { mac: MacKey::new(b"a key"), signing: signing(1), cluster: "c1".into(), log_id: "l1".into() }
}

impl Bench {
    /// One required device, sealed.
    pub fn sealed() -> Self {
        Self::with(Files::real(), &["file"])
    }

    pub fn unsealed() -> Self {
        let bench = Self::sealed();
        bench.unseal();
        bench
    }

    pub fn with(files: Files, names: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = |name: &&str| DeviceConfig {
            name: (*name).to_owned(),
            path: dir.path().join(format!("{name}.log")),
            required: *name == "file",
            sync_always: false,
            rotation: Rotation::default(),
        };
        let configs: Vec<DeviceConfig> = names.iter().map(config).collect();
        let clock = Clock::manual(Time::from_unix_secs(1_800_000_000));
        let audit = Audit::without_thread(configs.clone(), files.clone(), clock.clone());
        Self { dir, files, clock, audit, configs }
    }

    pub fn unseal(&self) {
        self.audit.unseal_blocking(keys(), Vec::new()).unwrap();
    }

    /// The process ends without a seal, and the next one starts sealed.
    pub fn restart(&mut self) {
        self.clock.advance(Ttl::from_secs(1));
        self.audit = Audit::without_thread(self.configs.clone(), self.files.clone(), self.clock.clone());
    }

    /// The newest checkpoint in the file of the first device.
    pub fn newest_checkpoint(&self) -> Option<String> {
        self.text().lines().rev().find_map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).ok()?;
            line["checkpoint"].as_str().map(str::to_owned)
        })
    }

    /// The checkpoint in the sidecar of the first device.
    pub fn kept_checkpoint(&self) -> Option<String> {
        std::fs::read_to_string(self.dir.path().join("file.log.checkpoint")).ok()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(format!("{name}.log"))
    }

    pub fn text(&self) -> String {
        self.text_of("file")
    }

    pub fn text_of(&self, name: &str) -> String {
        String::from_utf8_lossy(&std::fs::read(self.path(name)).unwrap()).into_owned()
    }

    /// The lines of the first device as JSON. Panics at a line that is not JSON.
    pub fn lines(&self) -> Vec<serde_json::Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub fn kinds(&self) -> Vec<String> {
        self.lines().iter().map(|line| line["type"].as_str().unwrap().to_owned()).collect()
    }

    pub fn ask(&self, id: &str) -> Result<Receipt, AuditError> {
        let draft = self.audit.draft(&request(id));
        self.audit.record(&draft, Urgency::Now)
    }

    pub fn answer(&self, receipt: Receipt, id: &str, txn: Option<u64>) -> Result<(), AuditError> {
        let draft = self.audit.draft(&response(id));
        run(self.audit.record_outcome(receipt, draft, txn.map(Sequence)))
    }

    /// A whole request.
    pub fn request(&self, id: &str) -> Result<(), AuditError> {
        let receipt = self.ask(id)?;
        self.answer(receipt, id, None)
    }

    /// Time passes, and the maintenance thread makes its round.
    pub fn tick(&self, secs: u64) {
        self.clock.advance(Ttl::from_secs(secs));
        self.audit.round();
    }
}

pub static NO_METADATA: BTreeMap<String, String> = BTreeMap::new();
pub static POLICIES: std::sync::LazyLock<Vec<String>> =
    std::sync::LazyLock::new(|| vec!["default".into(), "web".into()]);

pub fn auth() -> AuthFacts<'static> {
    AuthFacts {
        accessor: "hvHUUl0fUm6FqXiWBGuaVIq4",
        client_token: TOKEN,
        display_name: "approle-web",
        policies: &POLICIES,
        token_policies: &POLICIES,
        metadata: &NO_METADATA,
        entity_id: "7d2e3179-f69b-450c-7179-ac8ee8bd8ca9",
        token_type: "service",
        remaining_uses: 0,
    }
}

pub fn request(id: &str) -> LineFacts<'_> {
    LineFacts {
        time: Time::from_unix_secs(1_800_000_000),
        request_id: id,
        operation: "read",
        path: "secret/data/web/key",
        mount_type: "kv",
        mount_accessor: "kv_1234",
        remote_address: "127.0.0.1",
        auth: Some(auth().into()),
        decision: Some(Decision { rule: "secret/data/web/*", policy: "web", line: 3, allowed: true }),
        ..LineFacts::default()
    }
}

pub fn response(id: &str) -> LineFacts<'_> {
    LineFacts {
        is_response: true,
        status: 200,
        response_data: Some(r#"{"data":{"password":"correct horse battery"},"metadata":{"version":3}}"#),
        shown_fields: &["metadata.version"],
        ..request(id)
    }
}

pub fn faulty(names: &[&str]) -> (Bench, Faults) {
    let (files, faults) = Files::faulty();
    (Bench::with(files, names), faults)
}

#[track_caller]
pub fn proved(bench: &Bench, paths: &[&str]) -> Report {
    let paths: Vec<_> = paths.iter().map(|name| bench.dir.path().join(name)).collect();
    let report = verify_with(&Files::real(), &paths, &public(), &[]).unwrap();
    assert_eq!(report.first_problem, None);
    report
}

/// Checks that every request has one line and one outcome. Returns how many requests there are.
#[track_caller]
pub fn paired(texts: &[String]) -> usize {
    let mut seen = std::collections::BTreeMap::<String, Vec<String>>::new();
    for line in texts.iter().flat_map(|text| text.lines()) {
        let Ok(line) = serde_json::from_str::<serde_json::Value>(line) else { continue };
        if let Some(id) = line["request"]["id"].as_str() {
            seen.entry(id.to_owned()).or_default().push(line["type"].as_str().unwrap().to_owned());
        }
    }
    for (id, kinds) in &seen {
        assert_eq!(kinds, &["request", "response"], "{id}");
    }
    seen.len()
}
