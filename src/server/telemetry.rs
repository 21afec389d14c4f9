//! The listener of metrics, which the `telemetry` stanza asks for, and what the server measures of itself for it. It
//! speaks plain HTTP and has the same limits as every other listener.

use std::{path::Path, sync::Arc};

use rustix::process::{Resource, getrlimit};

use super::{
    backend,
    banner::{Endpoint, Scheme},
    certificates::SoonestEnd,
    config::TelemetryConfig,
    connection_counts::ConnectionCounts,
    error::ServerError,
    exchange::Front,
    limits::Limits,
    listener::Listener,
    serving::Served,
};
use crate::{
    base::{sys, time::Time},
    broker::Broker,
    dialects::{MeasureServer, ProcessMeasurements, ServerMeasurements},
    store::Files,
};

/// The bound sockets for metrics. Empty if the configuration asks for no metrics.
pub(crate) struct Telemetry(Vec<Listener>);

/// What is needed to measure the server.
pub(crate) struct Meter {
    pub files: Files,
    pub started: Time,
    /// The counts of connections on the listeners of the API.
    pub api: ConnectionCounts,
    /// When the first certificate of a listener ends.
    pub certificates_end: SoonestEnd,
}

impl Telemetry {
    /// Binds the addresses, so that a wrong address is reported at the start.
    pub(crate) fn bind(config: Option<&TelemetryConfig>) -> Result<Self, ServerError> {
        let Some(config) = config else { return Ok(Self(Vec::new())) };
        let bind = |address| {
            Listener::bind(address, None).map_err(|cause| {
                let location = config.location.clone();
                if cause.kind() == std::io::ErrorKind::AddrInUse {
                    ServerError::TelemetryInUse { location, address }
                } else {
                    ServerError::TelemetryListen { location, address, cause }
                }
            })
        };
        config.addresses.iter().copied().map(bind).collect::<Result<_, _>>().map(Self)
    }

    /// The addresses of metrics, for the banner.
    pub(crate) fn endpoints(&self) -> Vec<Endpoint> {
        self.0.iter().map(|listener| Endpoint { address: listener.address(), scheme: Scheme::Http }).collect()
    }

    /// The listeners, each with what answers its requests.
    pub(crate) fn served(self, broker: &Arc<Broker>, meter: Meter, limits: Limits) -> Vec<Served> {
        let own = ConnectionCounts::default();
        let handler = backend::metrics_dialect(broker, meter.measuring(own.clone()));
        let front = Arc::new(Front::new(handler, limits, backend::on_refusal(broker)).counted_by(own));
        self.0.into_iter().map(|listener| Served { listener, front: Arc::clone(&front) }).collect()
    }
}

impl Meter {
    pub(crate) fn measuring(self, own: ConnectionCounts) -> MeasureServer {
        Arc::new(move || ServerMeasurements {
            connections: vec![self.api.measure("api"), own.measure("metrics")],
            certificates_end: self.certificates_end.get(),
            process: self.process(),
        })
    }

    fn process(&self) -> ProcessMeasurements {
        let status = self.files.read(Path::new("/proc/self/status")).ok();
        let descriptors = self.files.names(Path::new("/proc/self/fd")).ok();
        ProcessMeasurements {
            started: self.started,
            cpu_secs: sys::process_cpu_secs(),
            resident_bytes: status.and_then(|status| resident_bytes(&String::from_utf8_lossy(&status))),
            open_descriptors: descriptors.map(|names| names.len() as u64),
            max_descriptors: getrlimit(Resource::Nofile).current,
        }
    }
}

/// The resident memory in `/proc/self/status` (proc_pid_status(5)): `VmRSS:  1234 kB`, where a kB is 1,024 bytes.
fn resident_bytes(status: &str) -> Option<u64> {
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix(" kB")?;
    kibibytes.parse::<u64>().ok()?.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::config::Location;

    #[test]
    fn resident_memory_is_read_in_bytes() {
        assert_eq!(resident_bytes("Name:\tx\nVmHWM:\t 9 kB\nVmRSS:\t    1234 kB\nThreads:\t1\n"), Some(1_263_616));
        assert_eq!(resident_bytes("Name:\tx\n"), None);
    }

    #[tokio::test]
    async fn a_taken_port_is_reported_with_its_line_and_what_to_do() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let location = Location::Line { source: "a.hcl".to_owned(), line: 7 };
        let told = Telemetry::bind(Some(&TelemetryConfig { addresses: vec![address], location }));
        let told = told.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(
            told.starts_with(&format!("a.hcl:7: cannot listen on {address} for metrics: another process")),
            "{told}"
        );
        assert!(told.ends_with("choose another `address` in `telemetry`"), "{told}");
        assert!(Telemetry::bind(None).is_ok_and(|none| none.endpoints().is_empty()));
    }

    /// Read from this very process, so the numbers are those that the system gives.
    #[test]
    fn a_process_measures_itself() {
        let meter = Meter {
            files: Files::real(),
            started: Time::EPOCH,
            api: ConnectionCounts::default(),
            certificates_end: SoonestEnd::default(),
        };
        let before = meter.process();
        assert!(before.resident_bytes.unwrap() > 1 << 20 && before.cpu_secs > 0.0);
        let held: Vec<_> = (0..10).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
        assert!(meter.process().open_descriptors.unwrap() >= 10);
        drop(held);
    }
}
