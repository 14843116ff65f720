//! How fast the host and a neighbour answer while a sandbox takes all that it can get: processes, memory, disk.

use std::time::{Duration, Instant};

use gitledger_sandboxes::envd::End;

use crate::local::Place;
use crate::table::{Table, Times};

/// How long each hog is watched.
const WATCHED: Duration = Duration::from_secs(6);
const BETWEEN: Duration = Duration::from_millis(20);
/// The most that an answer may take meanwhile.
const ANSWER_MS_MAX: f64 = 100.0;
/// What the hogs meet; not the defaults, because of the machine that this runs on: no more of its disk.
const LIMITS: [&str; 4] = ["--sandbox-disk", "256", "--sandbox-memory", "256"];

/// Each for ever: what is killed is started again.
const HOGS: [(&str, &str); 4] = [
    ("nothing", "sleep 1000"),
    // Each starts two and goes, so that the processes are always others, and always as many as may be.
    ("a fork bomb", "f() { (f &) & (f &) & }; f 2>/dev/null; sleep 1000"),
    ("a memory hog", "while :; do head -c 2G /dev/zero | tail; done"),
    ("a disk hog", "while :; do head -c 4M /dev/zero >f$((++i)); done"),
];

pub async fn trouble(table: &mut Table) {
    let place = Place::start(&LIMITS).await;
    let neighbour = place.create().await;
    table.part("While another sandbox of the host has");
    let mut slowest: f64 = 0.0;
    for (name, hog) in HOGS {
        let sandbox = place.create().await;
        let (mut host, mut command) = (Times::default(), Times::default());
        let watch = async {
            let began = Instant::now();
            while began.elapsed() < WATCHED {
                let asked = Instant::now();
                assert!(place.control.get(&neighbour).await.expect("an answer").is_some());
                host.add(asked.elapsed());
                let asked = Instant::now();
                assert_eq!(place.run(&neighbour, &["true"]).await, End::Exited(0));
                command.add(asked.elapsed());
                tokio::time::sleep(BETWEEN).await;
            }
        };
        tokio::select! {
            () = watch => {}
            () = let_loose(&place, &sandbox, hog) => {}
        }
        place.kill(&sandbox).await;
        table.row(&format!("{name}: the host's API answers"), &host);
        table.row(&format!("{name}: a neighbour's command is run"), &command);
        slowest = slowest.max(host.percentile_ms(99));
    }
    let met = slowest < ANSWER_MS_MAX;
    table.verdict("slowest p99 of the host's answers", slowest, "ms", "under 100 ms", met);
    place.kill(&neighbour).await;
    place.end().await;
}

/// Again and again: the host kills what takes too much.
async fn let_loose(place: &Place, sandbox: &str, hog: &str) {
    loop {
        place.try_run(sandbox, &["/bin/bash", "-c", hog]).await;
        tokio::time::sleep(BETWEEN).await;
    }
}
