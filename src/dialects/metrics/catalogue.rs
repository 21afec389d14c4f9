//! The catalogue of all metrics: name, shape, unit, labels, meaning, and where the numbers come from. The values of a
//! label are words of ours, so that their number is limited and no text of a caller is shown.

use prometheus_client::{metrics::MetricType, registry::Unit};

use super::measured::{ConnectionMeasurements, Measured};
use crate::broker::Durations;

/// The prefix of each name.
pub(super) const PREFIX: &str = "strongroom";

pub(super) struct Metric {
    /// The name without prefix, unit and `_total`.
    pub name: &'static str,
    pub shape: Shape,
    pub unit: Option<BaseUnit>,
    pub labels: &'static [Label],
    pub help: &'static str,
    pub samples: fn(&Measured) -> Samples,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    Counter,
    Gauge,
    Histogram,
}

/// The unit of a metric. Numbers are shown in this unit, never scaled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum BaseUnit {
    Bytes,
    Seconds,
}

pub(super) struct Label {
    pub name: &'static str,
    /// The label's values, as the documentation lists them.
    #[cfg_attr(not(test), expect(dead_code, reason = "a test compares the documentation with it"))]
    pub values: &'static str,
}

/// The numbers of a metric, each with the values of its labels.
pub(super) enum Samples {
    Whole(Vec<(Vec<&'static str>, u64)>),
    Fraction(f64),
    Durations(Vec<(Vec<&'static str>, Durations)>),
}

impl Shape {
    pub const fn metric_type(self) -> MetricType {
        match self {
            Self::Counter => MetricType::Counter,
            Self::Gauge => MetricType::Gauge,
            Self::Histogram => MetricType::Histogram,
        }
    }
}

impl BaseUnit {
    pub const fn unit(self) -> Unit {
        match self {
            Self::Bytes => Unit::Bytes,
            Self::Seconds => Unit::Seconds,
        }
    }
}

const OPERATION: Label =
    Label { name: "operation", values: "`read`, `list`, `scan`, `update`, `patch`, `delete`, `help`" };
const LISTENER: &[Label] = &[Label { name: "listener", values: "`api`, `metrics`" }];

/// All metrics, in the order in which they are shown.
pub(super) const CATALOGUE: &[Metric] = &[
    Metric {
        labels: &[Label { name: "version", values: "the version of the program" }],
        samples: |_| Samples::Whole(vec![(vec![env!("CARGO_PKG_VERSION")], 1)]),
        ..gauge("build_info", "Always 1. Its label says which program runs.")
    },
    Metric {
        samples: |it| number(u64::from(it.broker.readiness.is_initialised)),
        ..gauge("initialised", "Whether the store was initialised: 1 if so, else 0.")
    },
    Metric {
        samples: |it| number(u64::from(it.broker.readiness.is_sealed)),
        ..gauge("sealed", "Whether the store is sealed: 1 if so, else 0.")
    },
    Metric {
        samples: |it| number(u64::from(it.broker.readiness.is_ready())),
        ..gauge("ready", "Whether requests are served, as /readyz says: 1 if so, else 0.")
    },
    Metric {
        labels: &[
            Label {
                name: "mount_kind",
                values: "`system`, `token` and the types of engines and auth methods; `none` for a path under no mount",
            },
            OPERATION,
            Label {
                name: "outcome",
                values: "`ok`, `denied`, `missing`, `invalid`, `conflict`, `limited` (too many refusals), `unavailable`, `internal`, `unanswered` (the client was gone)",
            },
        ],
        samples: |it| {
            let ended = it.broker.requests.ended.iter();
            let labels = |it: &crate::broker::EndedCount| vec![it.mount_kind, it.operation.word(), it.outcome.word()];
            Samples::Whole(ended.map(|ended| (labels(ended), ended.count)).collect())
        },
        ..counter("requests", "Requests that the broker handled, by what came of them.")
    },
    Metric {
        shape: Shape::Histogram,
        unit: Some(BaseUnit::Seconds),
        labels: &[OPERATION],
        samples: |it| {
            let durations = it.broker.requests.durations.iter();
            Samples::Durations(durations.map(|(operation, it)| (vec![operation.word()], it.clone())).collect())
        },
        ..gauge("request_duration", "How long the broker took for a request, until its answer was ready to be sent.")
    },
    Metric {
        labels: &[Label {
            name: "reader",
            values: "`listener` (not HTTP, or for another host), `dialect` (no request of the API)",
        }],
        samples: |it| {
            let unread = it.broker.requests.unread.iter();
            Samples::Whole(unread.map(|(reader, count)| (vec![reader.word()], *count)).collect())
        },
        ..counter(
            "unread_requests",
            "Requests that were refused before the broker got them, by who could not read them.",
        )
    },
    Metric {
        samples: |it| number(it.broker.requests_under_way as u64),
        ..gauge("requests_in_flight", "Requests that are being handled now.")
    },
    Metric {
        samples: |it| number(u64::from(it.broker.readiness.is_audit_ready)),
        ..gauge(
            "audit_ready",
            "Whether every required audit device can be written: 1 if so, else 0. While it is 0, requests are refused.",
        )
    },
    Metric {
        labels: &[Label { name: "state", values: "`up`, `behind` (can be written, lacks lines), `down`" }],
        samples: |it| {
            let audit = it.broker.audit;
            let states = [("up", audit.up), ("behind", audit.behind), ("down", audit.down)];
            Samples::Whole(states.into_iter().map(|(state, count)| (vec![state], count as u64)).collect())
        },
        ..gauge("audit_devices", "Audit devices by their state, required or not.")
    },
    Metric {
        samples: |it| number(it.broker.audit.lines),
        ..counter("audit_lines", "Audit lines that were handed to the devices.")
    },
    Metric {
        samples: |it| number(it.broker.audit.write_failures),
        ..counter("audit_write_failures", "How often audit lines could not be written by a required device, or by any.")
    },
    Metric {
        samples: |it| number(u64::from(it.broker.readiness.is_store_open)),
        ..gauge("store_open", "Whether the store answers: 0 after a failure, until the server is started again.")
    },
    Metric {
        samples: |it| number(u64::from(it.broker.store.has_room)),
        ..gauge(
            "store_has_room",
            "Whether the disk of the store has room for writes: 1 if so, else 0. Deletes and revocations are always taken.",
        )
    },
    Metric {
        unit: Some(BaseUnit::Bytes),
        samples: |it| optional(it.broker.store.size_bytes),
        ..gauge("store_size", "What the store takes on disk. Absent for a store in memory.")
    },
    Metric {
        samples: |it| number(it.broker.store.commits),
        ..counter(
            "store_commits",
            "Changes that were committed since the store was created. A restart does not reset it.",
        )
    },
    Metric {
        unit: Some(BaseUnit::Bytes),
        samples: |it| number(it.broker.store.notes_held_bytes as u64),
        ..gauge("store_notes", "Audit lines of committed changes that are held in memory until every device has them.")
    },
    Metric {
        labels: &[Label { name: "mount_kind", values: "`system`, `token` and the types of engines and auth methods" }],
        samples: |it| {
            Samples::Whole(it.broker.mounts.iter().map(|(kind, count)| (vec![*kind], *count as u64)).collect())
        },
        ..gauge("mounts", "Mounts by their kind. All are 0 while the store is sealed.")
    },
    Metric {
        samples: |it| number(it.broker.cached_tokens as u64),
        ..gauge("cached_tokens", "Tokens that were used lately and are held open in memory.")
    },
    Metric {
        samples: |it| number(it.broker.revocation_markers as u64),
        ..gauge("revocation_markers", "Revocations in force whose tokens and mounts are not deleted yet.")
    },
    Metric {
        labels: LISTENER,
        samples: |it| connections(it, |listener| listener.open),
        ..gauge("open_connections", "Connections that are open now.")
    },
    Metric {
        labels: LISTENER,
        samples: |it| connections(it, |listener| listener.accepted),
        ..counter("accepted_connections", "Connections that were accepted.")
    },
    Metric {
        labels: LISTENER,
        samples: |it| connections(it, |listener| listener.refused),
        ..counter("refused_connections", "Connections that were closed at once, because there was no room for them.")
    },
    Metric {
        unit: Some(BaseUnit::Seconds),
        samples: |it| optional(it.server.certificates_end.map(|end| end.unix_secs().unsigned_abs())),
        ..gauge(
            "tls_certificate_end_time",
            "When the first certificate of a listener ends, as Unix time. Absent if no listener speaks TLS.",
        )
    },
    Metric {
        unit: Some(BaseUnit::Seconds),
        samples: |it| Samples::Fraction(it.server.process.started.unix_nanos() as f64 / 1e9),
        ..gauge("process_start_time", "When the server was started, as Unix time.")
    },
    Metric {
        unit: Some(BaseUnit::Seconds),
        samples: |it| Samples::Fraction(it.server.process.cpu_secs),
        ..counter("process_cpu", "CPU time of the process, in user and system mode.")
    },
    Metric {
        unit: Some(BaseUnit::Bytes),
        samples: |it| optional(it.server.process.resident_bytes),
        ..gauge("process_resident_memory", "Memory of the process that is in RAM.")
    },
    Metric {
        samples: |it| optional(it.server.process.open_descriptors),
        ..gauge("process_open_fds", "File descriptors that the process has open.")
    },
    Metric {
        samples: |it| optional(it.server.process.max_descriptors),
        ..gauge("process_max_fds", "File descriptors that the process may have open. Absent if there is no limit.")
    },
];

const fn gauge(name: &'static str, help: &'static str) -> Metric {
    Metric { name, shape: Shape::Gauge, unit: None, labels: &[], help, samples: |_| Samples::Whole(Vec::new()) }
}

const fn counter(name: &'static str, help: &'static str) -> Metric {
    Metric { shape: Shape::Counter, ..gauge(name, help) }
}

fn number(number: u64) -> Samples {
    optional(Some(number))
}

fn optional(number: Option<u64>) -> Samples {
    Samples::Whole(number.into_iter().map(|number| (Vec::new(), number)).collect())
}

fn connections(measured: &Measured, number: fn(&ConnectionMeasurements) -> u64) -> Samples {
    let listeners = measured.server.connections.iter();
    Samples::Whole(listeners.map(|it| (vec![it.listener], number(it))).collect())
}
