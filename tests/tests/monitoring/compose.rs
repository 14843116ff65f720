//! infra/compose.yaml: everything in containers, on loopback only, from files that are there.
//!
//! No container is started here: what is checked is what can be without Docker.

use std::collections::BTreeSet;

use gitledger_functions::settings::VARIABLES;
use gitledger_tests::tools;
use serde_json::Value;

use crate::files::{list, path, text, word, yaml};

const FILE: &str = "infra/compose.yaml";
const SERVICES: [&str; 6] = ["alertmanager", "gitledger", "grafana", "nats", "prometheus", "pushgateway"];

fn services() -> Vec<(String, Value)> {
    let services = yaml(FILE)["services"].as_object().cloned().unwrap_or_default();
    services.into_iter().collect()
}

fn arguments(service: &Value) -> Vec<&str> {
    list(&service["command"]).iter().map(word).collect()
}

#[test]
fn the_file_is_one_of_the_compose_specification() {
    let mut check = tools::compose_spec().command();
    let output = check.arg(path("tests/python/compose.py")).arg(path(FILE)).output().expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(names.lines().collect::<Vec<_>>(), SERVICES);
}

#[test]
fn nothing_listens_anywhere_but_on_loopback() {
    for (name, service) in services() {
        assert_eq!(service["network_mode"], "host", "{name}");
        assert!(service["ports"].is_null(), "{name}: the host's network has no mapped ports");
        let environment = &service["environment"];
        let said = [arguments(&service).join(" "), environment.to_string()].concat();
        assert!(said.contains("127.0.0.1"), "{name} does not say where it listens");
        for everywhere in ["0.0.0.0", "[::]", "=:9", " :"] {
            assert!(!said.contains(everywhere), "{name} listens on {everywhere}");
        }
    }
    let services = yaml(FILE)["services"].clone();
    // Their own default for this is every interface.
    assert!(arguments(&services["alertmanager"]).contains(&"--cluster.listen-address="));
    assert_eq!(services["grafana"]["environment"]["GF_SERVER_HTTP_ADDR"], "127.0.0.1");
    assert_eq!(services["grafana"]["environment"]["GF_SERVER_HTTP_PORT"], "3001");
    assert!(arguments(&services["nats"]).contains(&"--addr=127.0.0.1"));
}

#[test]
fn nobody_has_a_password_that_others_know() {
    let text = text(FILE).to_lowercase();
    for word in ["password:", "passwd", "gf_security_admin_password", "secret_key"] {
        assert!(!text.contains(word), "{word}");
    }
    let grafana = yaml(FILE)["services"]["grafana"]["environment"].clone();
    assert_eq!(grafana["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"], "true", "admin/admin is not made");
    assert_eq!(grafana["GF_AUTH_ANONYMOUS_ORG_ROLE"], "Viewer");
}

#[test]
fn every_service_is_pinned_watched_and_may_do_little() {
    for (name, service) in services() {
        let image = word(&service["image"]);
        let version = image.rsplit_once(':').unwrap_or_else(|| panic!("{name}: {image} has no version")).1;
        let numbers = version.trim_start_matches('v').split('-').next().unwrap_or_default();
        assert_eq!(
            numbers.split('.').filter(|part| part.parse::<u32>().is_ok()).count(),
            3,
            "{name}: {image}"
        );
        let check = list(&service["healthcheck"]["test"]);
        assert_eq!(check.first().map(word), Some("CMD"), "{name} has no health check");
        assert!(
            word(check.last().unwrap_or(&Value::Null)).starts_with("http://127.0.0.1:"),
            "{name}: {check:?}"
        );
        assert_eq!(list(&service["cap_drop"]), ["ALL"], "{name}");
        assert_eq!(list(&service["security_opt"]), ["no-new-privileges:true"], "{name}");
        assert_eq!(service["restart"], "unless-stopped", "{name}");
    }
}

#[test]
fn every_file_that_is_mounted_is_there_and_every_volume_is_declared() {
    let declared: BTreeSet<String> =
        yaml(FILE)["volumes"].as_object().expect("volumes").keys().cloned().collect();
    let mut used = BTreeSet::new();
    for (name, service) in services() {
        for mount in list(&service["volumes"]).iter().map(word) {
            let parts: Vec<&str> = mount.split(':').collect();
            if let Some(file) = parts[0].strip_prefix("../") {
                assert!(path(file).exists(), "{name}: {file}");
                assert_eq!(parts.get(2), Some(&"ro"), "{name}: {mount}");
            } else {
                used.insert(parts[0].to_owned());
            }
        }
        let others = service["depends_on"].as_object().cloned().unwrap_or_default();
        for (other, how) in others {
            assert!(SERVICES.contains(&other.as_str()), "{name} waits for {other}");
            assert_eq!(how["condition"], "service_healthy", "{name}");
        }
    }
    assert_eq!(used, declared);
}

#[test]
fn grafana_gets_its_dashboards_from_where_they_are_mounted() {
    let grafana = yaml(FILE)["services"]["grafana"].clone();
    let dashboards = word(&grafana["environment"]["GITLEDGER_DASHBOARDS"]).to_owned();
    let mounts: Vec<&str> = list(&grafana["volumes"]).iter().map(word).collect();
    assert!(
        mounts.contains(&format!("../monitoring/grafana/dashboards:{dashboards}:ro").as_str()),
        "{mounts:?}"
    );
    let home = word(&grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]);
    let file = home.strip_prefix(&dashboards).expect("inside");
    assert!(path(&format!("monitoring/grafana/dashboards{file}")).is_file(), "{file}");
}

#[test]
fn gitledger_is_told_only_what_it_reads() {
    let service = yaml(FILE)["services"]["gitledger"].clone();
    for name in service["environment"].as_object().expect("variables").keys() {
        assert!(VARIABLES.iter().any(|(known, _)| known == name), "{name} is read by nobody");
    }
    assert_eq!(service["environment"]["PUSHGATEWAY_URL"], "http://127.0.0.1:9091");
}

#[test]
fn the_image_is_built_from_the_lock_file_and_runs_as_nobody_special() {
    let service = yaml(FILE)["services"]["gitledger"].clone();
    let dockerfile = word(&service["build"]["dockerfile"]).to_owned();
    assert!(path(&format!("{dockerfile}.dockerignore")).is_file());
    let dockerfile = text(&dockerfile);
    assert!(dockerfile.contains("--locked"), "{dockerfile}");
    assert!(dockerfile.lines().any(|line| line == "USER gitledger"), "{dockerfile}");
    assert!(dockerfile.lines().any(|line| line == "STOPSIGNAL SIGINT"), "{dockerfile}");
    let built_with =
        dockerfile.split_once("FROM rust:").and_then(|(_, rest)| rest.split('-').next()).expect("a version");
    let minor = |version: &str| version.split('.').nth(1).and_then(|part| part.parse::<u32>().ok());
    assert!(minor(built_with) >= minor(env!("CARGO_PKG_RUST_VERSION")), "{built_with}");
}
