//! The agents: each does its tasks one after the other, thinks between operations and rests between tasks.

use std::sync::Arc;
use std::time::Duration;

use gitledger::remote::Seed;
use gitledger_tests::{Origin, System, system};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// They do not all begin at the same moment: over so long.
const ARRIVAL: Duration = Duration::from_mins(1);
/// Between two operations of a task.
const THINK_MS: [u64; 2] = [300, 3000];
/// Between two tasks.
const REST_MS: [u64; 2] = [12_000, 24_000];

/// How much there is to do.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub agents: usize,
    pub repositories: usize,
    /// Of each agent.
    pub tasks: usize,
}

impl Load {
    pub fn from_env() -> Self {
        let number = |name: &str, default| match std::env::var(name) {
            Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} must be a number")),
            Err(_) => default,
        };
        Self { agents: number("FLEET_AGENTS", 50), repositories: 10, tasks: number("FLEET_TASKS", 4) }
    }

    pub fn create_repositories(self, origin: &Origin) {
        for number in 0..self.repositories {
            let seed = Seed::Generated { files: 240, commits: 120, seed: number as u64 };
            origin.create(&repository(number), &seed);
        }
    }

    /// All agents at once, to the end of their last tasks.
    pub async fn drive(self, system: &Arc<System>, origin: &Origin) {
        let mut all = JoinSet::new();
        for number in 0..self.agents {
            let url = origin.remote.repository_url(&repository(number % self.repositories));
            let (system, mut chance) = (Arc::clone(system), Chance(number as u64));
            // Evenly, but for a part that is chance.
            let turn = u32::try_from(number).unwrap_or(u32::MAX);
            let share = ARRIVAL / u32::try_from(self.agents).unwrap_or(1);
            let begin = share * turn + share.mul_f64(chance.unit());
            all.spawn(async move {
                tokio::time::sleep(begin).await;
                for task in 0..self.tasks {
                    work(&system, &url, &format!("agent-{number}"), &format!("t{task}"), &mut chance).await;
                    chance.pause(REST_MS).await;
                }
            });
        }
        while let Some(ended) = all.join_next().await {
            ended.expect("an agent");
        }
    }
}

fn repository(number: usize) -> String {
    format!("fleet/repository-{number}")
}

/// A task. What fails is in the ledger, and seen in the table.
async fn work(system: &System, url: &str, agent: &str, task: &str, chance: &mut Chance) {
    let clone = json!({"repo_url": url, "agent_id": agent, "task_id": task});
    let (_, cloned) = system.post(&system::path("clone"), &clone).await;
    let Some(sandbox_id) = cloned["output"]["sandbox_id"].as_str().map(str::to_owned) else { return };
    let file = format!("{agent}-{task}.txt");
    let steps: [(&str, Value); 5] = [
        ("file-write", json!({"path": file, "content": "work\n"})),
        ("status", json!({})),
        ("commit", json!({"message": "Work", "files": [file]})),
        ("show", json!({})),
        ("push", json!({})),
    ];
    for (operation, mut input) in steps {
        chance.pause(THINK_MS).await;
        input["sandbox_id"] = json!(sandbox_id);
        let (status, answer) = system.post(&system::path(operation), &input).await;
        assert_eq!(status, 200, "{operation}: {answer}");
    }
}

/// Knuth's generator: the same agents on every machine, in every arm.
struct Chance(u64);

impl Chance {
    /// From 0 to 1.
    fn unit(&mut self) -> f64 {
        for _ in 0..3 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        }
        f64::from(u32::try_from(self.0 >> 32).unwrap_or_default()) / 4_294_967_296.0
    }

    async fn pause(&mut self, [least, most]: [u64; 2]) {
        let least = Duration::from_millis(least);
        let most = Duration::from_millis(most);
        tokio::time::sleep(least + most.saturating_sub(least).mul_f64(self.unit())).await;
    }
}
