//! monitoring/ and infra/compose.yaml: rules, alerts, dashboard and everything that starts them hold together,
//! and on real parts they tell the truth.

mod alerts;
mod compose;
mod dashboard;
mod files;
mod lint;
mod programs;
mod promql;
mod run_local;
mod twelve;
