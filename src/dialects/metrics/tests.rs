//! The catalogue, its documentation, and the two forms in which it is told.

use std::{collections::BTreeSet, fmt::Write as _, sync::Arc};

use http::{HeaderMap, HeaderValue, header};

use super::{
    catalogue::{BaseUnit, CATALOGUE, Metric, PREFIX, Shape},
    exposition::Form,
    measured::{ConnectionMeasurements, Measured, ProcessMeasurements, ServerMeasurements},
};
use crate::{
    base::time::{Clock, Time},
    broker::{Broker, DeviceConfig, Rotation, Setup},
};

/// A new broker and a server around it.
fn measured() -> Measured {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual(Time::from_unix_secs(1_800_000_000));
    let device = |name: &str| DeviceConfig {
        name: name.to_owned(),
        path: folder.path().join(name),
        required: true,
        sync_always: false,
        rotation: Rotation::default(),
    };
    let devices = vec![device("one"), device("two")];
    let broker: Arc<Broker> = Broker::start(Setup::in_memory(clock.clone(), devices)).unwrap();
    let listener = |listener| ConnectionMeasurements { listener, open: 1, accepted: 7, refused: 2 };
    let process = ProcessMeasurements {
        started: Time::from_unix_nanos(1_800_000_000_500_000_000),
        cpu_secs: 0.25,
        resident_bytes: Some(9_007_199_254_740_993),
        open_descriptors: Some(12),
        max_descriptors: None,
    };
    let certificates_end = Some(Time::from_unix_secs(1_800_000_000));
    let connections = vec![listener("api"), listener("metrics")];
    let server = ServerMeasurements { connections, certificates_end, process };
    Measured { broker: broker.measure(), server }
}

impl Metric {
    fn exposed(&self) -> String {
        let unit = match self.unit {
            None => "",
            Some(BaseUnit::Bytes) => "_bytes",
            Some(BaseUnit::Seconds) => "_seconds",
        };
        format!("{PREFIX}_{}{unit}{}", self.name, if self.shape == Shape::Counter { "_total" } else { "" })
    }

    const fn word(&self) -> &'static str {
        match self.shape {
            Shape::Counter => "counter",
            Shape::Gauge => "gauge",
            Shape::Histogram => "histogram",
        }
    }
}

/// docs/reference/metrics.md has one row for each metric, in this order, and no other.
#[test]
fn the_reference_has_every_metric() {
    let mut table = String::new();
    for metric in CATALOGUE {
        let unit = metric.unit.map_or(String::new(), |unit| unit.unit().as_str().to_owned());
        let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{}`: {}", label.name, label.values)).collect();
        let (name, kind, labels, help) = (metric.exposed(), metric.word(), labels.join("<br>"), metric.help);
        writeln!(table, "| `{name}` | {kind} | {unit} | {labels} | {help} |").unwrap();
    }
    let reference = include_str!("../../../docs/reference/metrics.md");
    let rows: Vec<_> = reference.lines().filter(|line| line.starts_with("| `strongroom_")).collect();
    assert_eq!(rows.join("\n"), table.trim_end(), "docs/reference/metrics.md should have:\n{table}");
}

#[tokio::test]
async fn the_text_form_tells_every_metric_with_its_help_and_type() {
    let text = Form::Text.text(measured()).unwrap();
    for metric in CATALOGUE {
        let (name, kind) = (metric.exposed(), metric.word());
        assert!(text.contains(&format!("# HELP {name} {}\n", metric.help)), "{name}");
        assert!(text.contains(&format!("# TYPE {name} {kind}\n")), "{name}");
    }
    for line in [
        "strongroom_sealed 1",
        "strongroom_ready 0",
        "strongroom_audit_devices{state=\"up\"} 2",
        "strongroom_requests_total{mount_kind=\"kv\",operation=\"read\",outcome=\"ok\"} 0",
        "strongroom_request_duration_seconds_bucket{operation=\"read\",le=\"0.0001\"} 0",
        "strongroom_request_duration_seconds_bucket{operation=\"help\",le=\"+Inf\"} 0",
        "strongroom_open_connections{listener=\"metrics\"} 1",
        "strongroom_accepted_connections_total{listener=\"api\"} 7",
        "strongroom_process_cpu_seconds_total 0.25",
        "strongroom_process_start_time_seconds 1800000000.5",
        // 2^53 + 1: whole numbers are told to the last digit.
        "strongroom_process_resident_memory_bytes 9007199254740993",
    ] {
        assert!(text.lines().any(|there| there == line), "{line}\n{text}");
    }
    assert!(!text.contains("\nstrongroom_process_max_fds "), "what is unknown has no number");
}

fn in_one_spelling(label: &str) -> String {
    let bound = label.strip_prefix("le=\"").and_then(|bound| bound.trim_end_matches('"').parse::<f64>().ok());
    bound.map_or_else(|| label.to_owned(), |bound| format!("le={bound}"))
}

#[tokio::test]
async fn both_forms_tell_the_same_series() {
    let series = |form: Form| -> (String, BTreeSet<String>) {
        let text = form.text(measured()).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        // The forms differ in the order of labels and in how they write a bound: `1` or `1.0`.
        let names = lines.filter_map(|line| line.rsplit_once(' ')).map(|(series, _)| {
            let (name, labels) = series.trim_end_matches('}').split_once('{').unwrap_or((series, ""));
            let mut labels: Vec<_> = labels.split(',').map(in_one_spelling).collect();
            labels.sort();
            format!("{name} {labels:?}")
        });
        let names = names.collect();
        (text, names)
    };
    let ((open_metrics, one), (_, other)) = (series(Form::OpenMetrics), series(Form::Text));
    assert_eq!(one, other);
    assert!(open_metrics.ends_with("\n# EOF\n") && open_metrics.contains("# TYPE strongroom_requests counter\n"));
}

#[test]
fn a_name_is_told_once_and_has_no_scaled_unit() {
    let names: BTreeSet<_> = CATALOGUE.iter().map(|metric| metric.name).collect();
    assert_eq!(names.len(), CATALOGUE.len());
    for metric in CATALOGUE {
        let name = metric.name;
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
        assert!(
            !["_ms", "_micros", "_mb", "_kb", "_total", "_percent"].iter().any(|end| name.ends_with(end)),
            "{name}"
        );
        assert!(metric.help.ends_with('.') && !metric.help.contains('\n'), "{name}");
    }
}

#[test]
fn prometheus_gets_the_form_that_it_prefers() {
    let wanted = |accept: &[&'static str]| {
        let lines = accept.iter().map(|line| (header::ACCEPT, HeaderValue::from_static(line)));
        Form::wanted(&lines.collect::<HeaderMap>())
    };
    // Prometheus 2.42 and 3.5, as they ask.
    let two = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    let three = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
    for accept in [
        &[two][..],
        &[three],
        &["text/html", "Application/OpenMetrics-Text"],
        &["text/plain, application/openmetrics-text"],
    ] {
        assert_eq!(wanted(accept), Form::OpenMetrics, "{accept:?}");
    }
    for accept in [
        &[][..],
        &["*/*"],
        &["text/plain"],
        &["application/json"],
        &["application/openmetrics-text;q=0"],
        &["application/openmetrics-text;q=0.2, text/plain;q=0.5"],
        &["application/openmetrics-text;q=much"],
    ] {
        assert_eq!(wanted(accept), Form::Text, "{accept:?}");
    }
}
