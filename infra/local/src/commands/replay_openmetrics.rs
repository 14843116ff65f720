//! `gitledger replay --openmetrics`: what the metrics were, for Prometheus to know the past too.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use gitledger_functions::exporter::{ABOUT, JOB, instance_of, vocabulary};
use gitledger_functions::{Settings, costs};
use gitledger_ledger::{Ledger, Position};
use gitledger_projections::cost::Prices;
use gitledger_projections::metrics::openmetrics::{END, Samples, head};
use gitledger_projections::metrics::{FeedStanding, Metrics, MetricsSnapshot, Observation};
use gitledger_projections::{Projection, fold};
use jiff::{SignedDuration, Timestamp};

use super::{Finished, ledger_file};
use crate::text;

/// How many events are read at once.
const CHUNK: usize = 5000;
/// So many instants there can be: a year of minutes.
const INSTANTS_MAX: i64 = 366 * 24 * 60;

/// The past as OpenMetrics.
#[derive(clap::Args)]
#[group(id = "past")]
pub struct Arguments {
    /// Writes what the metrics were to this file (`-`: standard output), for `promtool tsdb create-blocks-from
    /// openmetrics`. Shows nothing else.
    #[arg(long, value_name = "FILE")]
    openmetrics: Option<PathBuf>,
    /// With --openmetrics: from this day (UTC) or instant on; a step before the first event, if not given.
    #[arg(long, requires = "openmetrics")]
    from: Option<String>,
    /// With --openmetrics: up to this day (UTC) or instant; the last event, if not given. End before the live series
    /// begin.
    #[arg(long, requires = "openmetrics")]
    to: Option<String>,
    /// With --openmetrics: one sample for each so many seconds (`60s`, `5m`); the scrape interval.
    #[arg(long, requires = "openmetrics", default_value = "60s")]
    step: String,
    /// With --openmetrics: also the counters that have never counted anything.
    #[arg(long, requires = "openmetrics")]
    zeros: bool,
}

impl Arguments {
    /// The file, if it is asked for.
    pub fn file(&self) -> Option<&Path> {
        self.openmetrics.as_deref()
    }
}

/// Writes the file.
pub async fn run(data: &Path, file: &Path, arguments: &Arguments) -> Finished {
    let mut settings = Settings::from_env().map_err(text)?;
    settings.data_dir = data.to_path_buf();
    let prices = settings.prices().map_err(text)?;
    let ledger = ledger_file::open(data)?;
    let step = step(&arguments.step)?;
    let events = events(ledger.as_ref()).await?;
    let instant = |name: &str, given: &Option<String>| {
        given.as_deref().map(|text| costs::instant(name, text)).transpose().map_err(text)
    };
    let (Some(first), Some(last)) = (events.first(), events.last()) else {
        return Err("there are no events yet".to_owned());
    };
    let from =
        instant("--from", &arguments.from)?.map_or_else(|| first.0.checked_sub(step), Ok).map_err(text)?;
    let to = instant("--to", &arguments.to)?.unwrap_or(last.0.saturating_add(step).map_err(text)?);
    // On whole steps, as a scrape would be.
    let start = from.as_second().div_euclid(step.as_secs()) * step.as_secs();
    let count = to.as_second().saturating_sub(start) / step.as_secs();
    if !(1..=INSTANTS_MAX).contains(&count) {
        return Err(format!("from {from} to {to} there must be 1 to {INSTANTS_MAX} steps"));
    }
    let mut out: Box<dyn Write> = if file.as_os_str() == "-" {
        Box::new(std::io::stdout().lock())
    } else {
        Box::new(File::create(file).map_err(|error| format!("{}: {error}", file.display()))?)
    };
    let told =
        write(&mut BufWriter::new(&mut out), &events, &prices, arguments.zeros, start, step.as_secs(), count);
    let (samples, series) = told.map_err(|error| format!("{}: {error}", file.display()))?;
    eprintln!(
        "{samples} samples of {series} series in {count} instants, every {} s from {from} on\n\
         promtool tsdb create-blocks-from openmetrics --max-block-duration=744h {} DIRECTORY",
        step.as_secs(),
        file.display()
    );
    Ok(ExitCode::SUCCESS)
}

/// An event with the instant at which it is known: no event is known before one that comes before it.
type Known = (Timestamp, gitledger_events::Event);

async fn events(ledger: &dyn Ledger) -> Result<Vec<Known>, String> {
    let (mut events, mut position, mut newest) = (Vec::new(), Position::START, Timestamp::MIN);
    loop {
        let page = ledger.read_events(position, CHUNK).await.map_err(text)?;
        if page.is_empty() {
            return Ok(events);
        }
        for next in page {
            position = next.position;
            // What nobody can read is parked by the projector and in no number.
            if let Ok(event) = next.event {
                newest = newest.max(event.event.recorded_at);
                events.push((newest, event));
            }
        }
    }
}

fn write(
    out: &mut impl Write,
    events: &[Known],
    prices: &Prices,
    zeros: bool,
    start: i64,
    step_s: i64,
    count: i64,
) -> std::io::Result<(usize, usize)> {
    let lists = prices.lists();
    let observe = |metrics: &mut Metrics, position: usize, now: Timestamp| -> MetricsSnapshot {
        metrics.snapshot(&Observation {
            now,
            position: position as u64,
            head: position as u64,
            push_failures: 0,
            vocabulary: vocabulary(&lists),
            prices,
            budgets: &[],
            parked: 0,
            feed: FeedStanding::default(),
            about: ABOUT,
        })
    };
    let at = |number: i64| Timestamp::from_second(start + number * step_s).unwrap_or(Timestamp::MAX);
    let end = at(count);
    let known = events.partition_point(|(known, _)| *known <= end);
    let mut whole: Metrics = fold(events[..known].iter().map(|(_, event)| event));
    let last = observe(&mut whole, known, end);
    let instance = instance_of(prices);
    let samples = Samples::new(JOB, &instance, (!zeros).then_some(&last));
    out.write_all(head().as_bytes())?;
    let (mut metrics, mut folded, mut written, mut series) = (Metrics::default(), 0, 0, 0);
    let mut text = String::new();
    for number in 0..=count {
        let now = at(number);
        while let Some((_, event)) = events.get(folded).filter(|(known, _)| *known <= now) {
            metrics.apply(event);
            folded += 1;
        }
        text.clear();
        series = samples.write(&observe(&mut metrics, folded, now), &mut text);
        written += series;
        out.write_all(text.as_bytes())?;
    }
    out.write_all(END.as_bytes())?;
    out.flush()?;
    Ok((written, series))
}

/// `60s`, `5m`, `1h`.
fn step(text: &str) -> Result<SignedDuration, String> {
    let wrong = || format!("--step {text} must be like 60s, 5m or 1h, and at most a day");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let seconds: i64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "s" => Some(seconds),
        "m" => seconds.checked_mul(60),
        "h" => seconds.checked_mul(3600),
        _ => None,
    };
    let seconds = seconds.filter(|seconds| (1..=86_400).contains(seconds)).ok_or_else(wrong)?;
    Ok(SignedDuration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::step;

    #[test]
    fn a_step_is_a_number_with_its_unit() {
        let seconds = |text| step(text).map(|step| step.as_secs());
        assert_eq!((seconds("60s"), seconds("5m"), seconds("1h")), (Ok(60), Ok(300), Ok(3600)));
        for wrong in ["", "s", "60", "0s", "-5m", "25h", "1.5m", "9999999999999999999h", "5µ"] {
            assert!(step(wrong).is_err(), "{wrong}");
        }
    }
}
