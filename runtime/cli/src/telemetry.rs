//! Logs and traces of `wharf serve`: lines for people or JSON on stderr, spans by OTLP where asked.
//!
//! stdout stays free: with `--json` it belongs to whoever started the server.

use std::io;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing_subscriber::{
    EnvFilter, Layer, Registry, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};
use wharf_server::config::{LogFormat, Report};

/// Ends the export of spans when dropped: what is buffered is sent.
#[derive(Debug, Default)]
pub(crate) struct Telemetry {
    spans: Option<SdkTracerProvider>,
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.spans.take().map(|spans| spans.shutdown()) {
            tracing::warn!(%error, "the last spans could not be exported");
        }
    }
}

/// Sets up what the configuration asks for.
pub(crate) fn start(report: &Report) -> anyhow::Result<Telemetry> {
    let filter = EnvFilter::try_new(&report.filter)
        .map_err(|error| anyhow::anyhow!("log filter `{}`: {error}", report.filter))?;
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_target(true);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match report.log {
        LogFormat::Text => {
            lines.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).with_filter(filter).boxed()
        }
        LogFormat::Json => lines.json().with_filter(filter).boxed(),
    };
    let spans = report.otlp_endpoint.as_deref().map(exporter).transpose()?;
    let tracing =
        spans.as_ref().map(|spans| tracing_opentelemetry::layer().with_tracer(spans.tracer("wharf")));
    tracing_subscriber::registry().with(lines).with(tracing).try_init()?;
    Ok(Telemetry { spans })
}

fn exporter(endpoint: &str) -> anyhow::Result<SdkTracerProvider> {
    let exporter = opentelemetry_otlp::SpanExporter::builder().with_http().with_endpoint(endpoint).build()?;
    let resource = Resource::builder().with_service_name("wharf").build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}
