//! The two text forms of metrics: OpenMetrics, which Prometheus asks for, and Prometheus's older
//! form, which `promtool check metrics` reads.

use std::fmt;

use http::{HeaderMap, header};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text, text},
    registry::Registry,
};

use super::{
    catalogue::{BaseUnit, CATALOGUE, Metric, PREFIX, Samples, Shape},
    measured::Measured,
};
use crate::broker::Durations;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    OpenMetrics,
    Text,
}

const OPEN_METRICS: &str = "application/openmetrics-text";
const TEXT: &str = "text/plain";

impl Form {
    /// The form for a client: OpenMetrics if its `Accept` header names it and does not prefer the text form.
    pub fn wanted(headers: &HeaderMap) -> Self {
        let open_metrics = quality(headers, OPEN_METRICS);
        if open_metrics > 0.0 && open_metrics >= quality(headers, TEXT) { Self::OpenMetrics } else { Self::Text }
    }

    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => prometheus_text::CONTENT_TYPE,
        }
    }

    pub fn text(self, measured: Measured) -> Result<String, fmt::Error> {
        let mut registry = Registry::with_prefix(PREFIX);
        registry.register_collector(Box::new(Scrape(measured)));
        let mut written = String::new();
        match self {
            Self::OpenMetrics => text::encode(&mut written, &registry)?,
            Self::Text => prometheus_text::encode(&mut written, &registry)?,
        }
        Ok(written)
    }
}

/// The weight that the `Accept` headers give to a media type by name (RFC 9110 §12.5.1). Zero if they do not name it.
fn quality(headers: &HeaderMap, wanted: &str) -> f32 {
    let lines = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
    let qualities = lines.flat_map(|line| line.split(',')).filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let is_wanted = parts.next()?.eq_ignore_ascii_case(wanted);
        let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
        is_wanted.then(|| weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0)))
    });
    qualities.fold(0.0, f32::max)
}

/// The measurements for one scrape.
struct Scrape(Measured);

impl fmt::Debug for Scrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scrape")
    }
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for metric in CATALOGUE {
            let unit = metric.unit.map(BaseUnit::unit);
            let kind = metric.shape.metric_type();
            let family = encoder.encode_descriptor(metric.name, metric.help, unit.as_ref(), kind)?;
            metric.encode(&(metric.samples)(&self.0), family)?;
        }
        Ok(())
    }
}

impl Metric {
    fn encode(&self, samples: &Samples, mut family: MetricEncoder<'_>) -> fmt::Result {
        match samples {
            Samples::Whole(samples) => samples.iter().try_for_each(|(values, number)| {
                let labels = self.labels_of(values);
                let mut sample = family.encode_family(&labels)?;
                match self.shape {
                    Shape::Counter => sample.encode_counter::<NoLabelSet, u64, f64>(number, None),
                    Shape::Gauge | Shape::Histogram => sample.encode_gauge(number),
                }
            }),
            Samples::Fraction(number) => match self.shape {
                Shape::Counter => family.encode_counter::<NoLabelSet, f64, f64>(number, None),
                Shape::Gauge | Shape::Histogram => family.encode_gauge(number),
            },
            Samples::Durations(samples) => samples.iter().try_for_each(|(values, durations)| {
                let labels = self.labels_of(values);
                encode_durations(durations, family.encode_family(&labels)?)
            }),
        }
    }

    fn labels_of(&self, values: &[&'static str]) -> Vec<(&'static str, &'static str)> {
        self.labels.iter().map(|label| label.name).zip(values.iter().copied()).collect()
    }
}

fn encode_durations(durations: &Durations, mut sample: MetricEncoder<'_>) -> fmt::Result {
    let secs = |nanos: u64| nanos as f64 / 1e9;
    let bound = |nanos: &Option<u64>| nanos.map_or(f64::INFINITY, secs);
    let buckets: Vec<(f64, u64)> = durations.buckets.iter().map(|(nanos, count)| (bound(nanos), *count)).collect();
    let count = buckets.iter().map(|(_, count)| count).sum();
    sample.encode_histogram::<NoLabelSet>(secs(durations.sum_nanos), count, &buckets, None)
}
