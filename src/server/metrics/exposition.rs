//! All metrics, in the text formats of OpenMetrics and Prometheus.
//!
//! Counters are read where they are kept. Everything else is looked up in the hub: users online, rooms, backlogs. Locks
//! are taken one after the other, each for a few numbers, so nobody waits for a scrape, and all figures are from almost
//! the same moment.
//!
//! *Owns* the names of the metrics and their explanations, which dashboards and alerts rely on.
//! *Knows nothing of* HTTP.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeMetric as _, NoLabelSet,
};
use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::process::ProcessReading;
use super::request::ExpositionForm;
use crate::hub::Hub;
use crate::metrics::{Histogram, Label, LabelledCounters, LabelledGauges};

/// The features of this build, as `chatsock_build_info` lists them.
const FEATURES: &[(&str, bool)] = &[
    ("client", cfg!(feature = "client")),
    ("cluster", cfg!(feature = "cluster")),
    ("discovery", cfg!(feature = "discovery")),
    ("json", cfg!(feature = "json")),
    ("metrics", cfg!(feature = "metrics")),
    ("storage", cfg!(feature = "storage")),
    ("systemd", cfg!(feature = "systemd")),
    ("tls", cfg!(feature = "tls")),
    ("unicode-names", cfg!(feature = "unicode-names")),
    ("web", cfg!(feature = "web")),
];

/// The registry that is encoded for each scrape.
pub(super) struct Exposition {
    registry: Registry,
}

impl Exposition {
    pub(super) fn new(hub: Arc<Hub>) -> Exposition {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(ServerCollector(hub)));
        Exposition { registry }
    }

    /// All metrics, as they are now.
    pub(super) fn write(&self, form: ExpositionForm) -> Result<String, fmt::Error> {
        let mut out = String::new();
        match form {
            ExpositionForm::OpenMetrics => text::encode(&mut out, &self.registry)?,
            ExpositionForm::PrometheusText => prometheus_text::encode(&mut out, &self.registry)?,
        }
        Ok(out)
    }
}

struct ServerCollector(Arc<Hub>);

impl fmt::Debug for ServerCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerCollector")
    }
}

impl Collector for ServerCollector {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let hub = &*self.0;
        let mut page = MetricPage { encoder };
        connections(hub, &mut page)?;
        people(hub, &mut page)?;
        messages(hub, &mut page)?;
        delivery(hub, &mut page)?;
        passwords(hub, &mut page)?;
        store(hub, &mut page)?;
        #[cfg(feature = "cluster")]
        cluster(hub, &mut page)?;
        process(&mut page)?;
        build(&mut page)
    }
}

fn connections(hub: &Hub, page: &mut MetricPage<'_>) -> fmt::Result {
    let metrics = &hub.metrics;
    page.gauges("chatsock_connections", "Open connections, by what their listener is for.", &metrics.open)?;
    page.counter("chatsock_accepted", "Connections that were admitted.", metrics.accepted.get())?;
    page.counters("chatsock_refused", "Connections that were not admitted, by reason.", &metrics.refused)?;
    let help = "Connections that the server closed because of their client, by reason.";
    page.counters("chatsock_dropped", help, &metrics.dropped)
}

fn people(hub: &Hub, page: &mut MetricPage<'_>) -> fmt::Result {
    let (mut configured, mut made, mut in_view, mut waiters) = (0u64, 0u64, 0, 0);
    for room in hub.rooms.all() {
        let figures = room.figures();
        *if figures.is_made { &mut made } else { &mut configured } += 1;
        in_view += figures.in_view;
        waiters += figures.waiting;
    }
    page.gauge("chatsock_people", "People and programs with a name.", hub.roster.count())?;
    let name = "chatsock_rooms";
    let mut encoder = page.encoder.encode_descriptor(name, "Rooms, by who made them.", None, MetricType::Gauge)?;
    for (kind, count) in [("configured", configured), ("made", made)] {
        let labels = [("kind", kind)];
        ConstGauge::new(count).encode(encoder.encode_family(&labels)?)?;
    }
    let help = "Open views of rooms; a program has one for each of its rooms.";
    page.gauge("chatsock_in_view", help, in_view)?;
    page.gauge("chatsock_queue_waiters", "Senders that wait because the queue of their room is full.", waiters)
}

fn messages(hub: &Hub, page: &mut MetricPage<'_>) -> fmt::Result {
    page.counter("chatsock_lines", "Lines and requests that were read.", hub.metrics.lines.get())?;
    page.counters("chatsock_messages", "Messages that were sent, by kind.", &hub.metrics.messages)?;
    let (traffic, files, rooms) = (&hub.slow_readers.traffic, &hub.transfers.traffic, hub.rooms.metrics());
    let help = "Bytes through the sockets of clients; of file transfers those of the files.";
    let mut encoder = page.encoder.encode_descriptor("chatsock_bytes", help, None, MetricType::Counter)?;
    for (direction, count) in [
        ("received", traffic.received.get() + files.received.get()),
        ("sent", traffic.sent.get() + files.sent.get() + rooms.sent.get()),
    ] {
        let labels = [("direction", direction)];
        ConstCounter::new(count).encode(encoder.encode_family(&labels)?)?;
    }
    Ok(())
}

fn delivery(hub: &Hub, page: &mut MetricPage<'_>) -> fmt::Result {
    let metrics = hub.rooms.metrics();
    let help = "Messages and news that were shown, once for each client that was shown one.";
    page.counter("chatsock_deliveries", help, metrics.deliveries.get())?;
    page.counter("chatsock_delivery_batches", "Rounds of delivery.", metrics.batches.get())?;
    let help = "Time from reading a line to the last send of its message, once for each round.";
    page.histogram("chatsock_delivery_seconds", help, &metrics.seconds)?;
    page.gauge("chatsock_backlog_bytes", "Bytes that sockets have not accepted yet.", hub.slow_readers.total())?;
    let slow = hub.slow_readers.traffic.slow_readers.get();
    page.gauge("chatsock_laggards", "Clients whose sockets have not accepted everything yet.", slow)
}

fn passwords(hub: &Hub, page: &mut MetricPage<'_>) -> fmt::Result {
    let metrics = &hub.metrics;
    let help = "Logins, with or without an account, and failed ones, by result.";
    page.counters("chatsock_logins", help, &metrics.logins)?;
    let help = "Waits imposed after wrong passwords for accounts and rooms.";
    page.counter("chatsock_password_waits", help, metrics.password_waits.get())?;
    page.histogram("chatsock_password_seconds", "Time to hash and compare a password.", &metrics.password_seconds)
}

#[cfg(feature = "storage")]
fn store(hub: &Hub, page: &mut MetricPage<'_>) -> fmt::Result {
    #[cfg(feature = "cluster")]
    let archive = hub.nodes().and_then(|nodes| nodes.archive_store());
    #[cfg(not(feature = "cluster"))]
    let archive = None;
    let Some(store) = hub.store().or(archive) else {
        page.gauge("chatsock_store_pending_bytes", STORE_PENDING, 0u64)?;
        page.counter("chatsock_store_lost", STORE_LOST, 0u64)?;
        return page.histogram("chatsock_store_batch_seconds", STORE_BATCH, &Histogram::default());
    };
    let (lost, pending) = store.lost_and_pending();
    page.gauge("chatsock_store_pending_bytes", STORE_PENDING, pending)?;
    page.counter("chatsock_store_lost", STORE_LOST, lost)?;
    page.histogram("chatsock_store_batch_seconds", STORE_BATCH, store.batch_seconds())
}

/// There is no database in this build.
#[cfg(not(feature = "storage"))]
fn store(_: &Hub, page: &mut MetricPage<'_>) -> fmt::Result {
    page.gauge("chatsock_store_pending_bytes", STORE_PENDING, 0u64)?;
    page.counter("chatsock_store_lost", STORE_LOST, 0u64)?;
    page.histogram("chatsock_store_batch_seconds", STORE_BATCH, &Histogram::default())
}

/// Only in a cluster: elsewhere the zeros would set off alerts.
#[cfg(feature = "cluster")]
fn cluster(hub: &Hub, page: &mut MetricPage<'_>) -> fmt::Result {
    let Some(node) = hub.nodes().and_then(|nodes| nodes.node()) else { return Ok(()) };
    let (figures, metrics) = node.metrics();
    let help = "1 while this server is with the others and accepts lines.";
    page.gauge("chatsock_cluster_up", help, u64::from(figures.is_up))?;
    page.gauge("chatsock_cluster_nodes", "Servers that are alive.", figures.nodes as u64)?;
    page.gauge("chatsock_cluster_term", "How often another Redis has taken over.", figures.term)?;
    let help = "Time until the others consider this server dead, by its own clock.";
    page.gauge("chatsock_cluster_lease_seconds_left", help, figures.lease_left.as_secs_f64())?;
    let help = "Commands that Redis has not answered yet.";
    page.gauge("chatsock_cluster_pending", help, figures.pending as u64)?;
    let help = "Log entries that this server has not read yet.";
    page.gauge("chatsock_cluster_log_lag_entries", help, figures.lag)?;
    let help = "Time from sending commands to Redis to its answer.";
    page.histogram("chatsock_cluster_commit_seconds", help, &metrics.commit_seconds)?;
    let help = "Time from the start of a command to reading its entry back from the log.";
    page.histogram("chatsock_cluster_readback_seconds", help, &metrics.readback_seconds)?;
    page.counters("chatsock_cluster_commits", "Commands that were answered, by result.", &metrics.commits)?;
    page.counter("chatsock_cluster_entries", "Entries that were read from the logs.", metrics.entries.get())?;
    let help = "How often this server has read the state of the others again, by reason.";
    page.counters("chatsock_cluster_resyncs", help, &metrics.resyncs)?;
    let help = "Messages that were shown here and that Redis has lost.";
    page.counter("chatsock_cluster_messages_lost", help, metrics.lost.get())?;
    let help = "Users whose names were taken while this server was away.";
    page.counter("chatsock_cluster_renamed", help, metrics.renamed.get())?;
    page.counter("chatsock_cluster_reconnects", "Connections to Redis after the first.", metrics.reconnects.get())
}

const STORE_PENDING: &str = "Bytes that wait to be written to the database.";
const STORE_LOST: &str = "Writes to the database that were lost.";
const STORE_BATCH: &str = "Time to write a batch to the database.";

fn process(page: &mut MetricPage<'_>) -> fmt::Result {
    let reading = ProcessReading::take();
    page.gauge_if("chatsock_threads", "Threads of the process.", reading.threads)?;
    page.gauge_if("process_open_fds", "Descriptors that are open.", reading.open_descriptors)?;
    page.gauge_if("process_max_fds", "Most descriptors that may be open.", reading.most_descriptors)?;
    page.gauge_if("process_resident_memory_bytes", "Resident memory.", reading.resident_bytes)?;
    page.gauge_if("process_start_time_seconds", "Start of the process, since 1970.", reading.started)?;
    if let Some(seconds) = reading.cpu_seconds {
        page.counter("process_cpu_seconds", "Processor time, user and system.", seconds)?;
    }
    Ok(())
}

fn build(page: &mut MetricPage<'_>) -> fmt::Result {
    let mut features = String::new();
    for (name, _) in FEATURES.iter().filter(|(_, built)| *built) {
        let comma = if features.is_empty() { "" } else { "," };
        write!(features, "{comma}{name}")?;
    }
    let labels = [("version", env!("CARGO_PKG_VERSION")), ("features", &features)];
    let help = "Version and features of this build; always 1.";
    let mut encoder = page.encoder.encode_descriptor("chatsock_build_info", help, None, MetricType::Gauge)?;
    ConstGauge::new(1u64).encode(encoder.encode_family(&labels)?)
}

/// The output, written metric by metric.
struct MetricPage<'a> {
    encoder: DescriptorEncoder<'a>,
}

impl MetricPage<'_> {
    /// The library appends `_total` to the name.
    fn counter<N: EncodeCounterValue>(&mut self, name: &str, help: &str, value: N) -> fmt::Result {
        let encoder = self.encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        ConstCounter::new(value).encode(encoder)
    }

    fn counters<L: Label>(&mut self, name: &str, help: &str, values: &LabelledCounters<L>) -> fmt::Result {
        let mut encoder = self.encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (label, word) in L::WORDS {
            let labels = [(L::NAME, *word)];
            ConstCounter::new(values.of(*label).get()).encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn gauge<N: EncodeGaugeValue>(&mut self, name: &str, help: &str, value: N) -> fmt::Result {
        let encoder = self.encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        ConstGauge::new(value).encode(encoder)
    }

    /// Writes nothing if the value is not known.
    fn gauge_if<N: EncodeGaugeValue>(&mut self, name: &str, help: &str, value: Option<N>) -> fmt::Result {
        value.map_or(Ok(()), |value| self.gauge(name, help, value))
    }

    fn gauges<L: Label>(&mut self, name: &str, help: &str, values: &LabelledGauges<L>) -> fmt::Result {
        let mut encoder = self.encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (label, word) in L::WORDS {
            let labels = [(L::NAME, *word)];
            ConstGauge::new(values.get(*label)).encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn histogram(&mut self, name: &str, help: &str, values: &Histogram) -> fmt::Result {
        let reading = values.read();
        let mut encoder = self.encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
        encoder.encode_histogram::<NoLabelSet>(reading.sum, reading.count, &reading.buckets, None)
    }
}
