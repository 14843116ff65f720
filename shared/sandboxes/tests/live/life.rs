//! Sandboxes come, are leased, sleep and end.

use std::time::Duration;

use gitledger_events::Fact;
use gitledger_events::sandbox::{KillReason, Reuse};
use gitledger_sandboxes::control::{NewSandbox, State};
use gitledger_sandboxes::reconcile::{Action, Known, reconcile};
use gitledger_sandboxes::{LeaseError, LeaseRequest, Look, SandboxError, SystemWorld, World};
use jiff::SignedDuration;
use uuid::Uuid;

use crate::ground::{Ground, origin, plan, request, sh};

pub async fn a_sandbox_is_opened_leased_used_and_killed_and_the_ledger_tells_it_in_order() {
    let ground = Ground::new().await;
    let lease = ground.open().await;
    let id = lease.sandbox_id.clone();
    let live = ground.sandboxes.list_live().await.unwrap();
    assert_eq!(live.len(), 1);
    let metadata = live[0].metadata.clone().unwrap();
    assert_eq!((live[0].sandbox_id.as_str(), metadata["agent"].as_str()), (id.as_str(), "agent"));
    let exits = ground.sandboxes.run(&id, "t-0", &plan(vec![sh("echo hello")]), None).await.unwrap();
    assert_eq!(exits.steps[0].text(), "hello\n");
    ground.sandboxes.release(&lease, vec![]).await.unwrap();
    let until = SystemWorld.now() + SignedDuration::from_mins(1);
    let again =
        LeaseRequest { sandbox_id: id.clone(), operation_id: Uuid::now_v7(), until, reuse: Reuse::Ready };
    assert_eq!(ground.sandboxes.lease(&again, &origin()).await.unwrap().epoch, 2);
    assert!(ground.sandboxes.kill(&id, KillReason::Requested, &origin()).await.unwrap());
    assert!(ground.sandboxes.list_live().await.unwrap().is_empty());
    let told = ["SandboxCreated", "SandboxLeased", "SandboxReleased", "SandboxLeased", "SandboxKilled"];
    assert_eq!(ground.names(&id).await, told);
    let Fact::SandboxCreated(created) = &ground.facts(&id).await[0] else { panic!() };
    assert!(created.vcpu > 0 && created.memory_mb > 0);
}

pub async fn a_paused_sandbox_says_so_and_runs_again_after_it_was_resumed() {
    let ground = Ground::new().await;
    let lease = ground.open().await;
    let id = lease.sandbox_id.clone();
    let plan = plan(vec![sh("cat kept 2>/dev/null; echo x > kept")]);
    ground.sandboxes.run(&id, "t-0", &plan, None).await.unwrap();
    ground.sandboxes.pause(&lease).await.unwrap();
    let asleep = ground.sandboxes.run(&id, "t-1", &plan, None).await;
    assert_eq!(asleep, Err(SandboxError::Paused));
    assert_eq!(ground.sandboxes.list_live().await.unwrap()[0].state, State::Paused);
    let until = SystemWorld.now() + SignedDuration::from_mins(1);
    let again =
        LeaseRequest { sandbox_id: id.clone(), operation_id: Uuid::now_v7(), until, reuse: Reuse::Paused };
    let mut lease = ground.sandboxes.lease(&again, &origin()).await.unwrap();
    ground.sandboxes.resume(&mut lease, Duration::from_mins(5)).await.unwrap();
    let exits = ground.sandboxes.run(&id, "t-2", &plan, None).await.unwrap();
    assert_eq!(exits.steps[0].text(), "x\n");
    ground.sandboxes.extend(&mut lease, Duration::from_mins(15)).await.unwrap();
    let told = ["SandboxPaused", "SandboxReleased", "SandboxLeased", "SandboxResumed", "SandboxExtended"];
    assert!(ground.names(&id).await.ends_with(&told));
}

pub async fn a_sandbox_that_cannot_be_recorded_does_not_live() {
    // E2B forgets nothing, but a ledger without room refuses.
    let ground = Ground::new().await;
    let mut origin = origin();
    origin.operation = Some("x".repeat(500_000));
    let refused = ground.sandboxes.open(&request(), &origin).await;
    assert!(refused.is_err());
    assert_eq!(ground.host.sandboxes(), 0);
}

pub async fn no_more_sandboxes_than_allowed_is_a_quota() {
    let ground = Ground::with(|options| options.sandboxes_max = 1).await;
    ground.open().await;
    let refused = ground.sandboxes.open(&request(), &origin()).await.unwrap_err();
    assert!(matches!(refused, LeaseError::Sandbox(SandboxError::Quota(_))), "{refused:?}");
}

pub async fn what_ledger_and_host_disagree_about_is_put_right() {
    let ground = Ground::new().await;
    let (kept, lost) = (ground.open().await.sandbox_id, ground.open().await.sandbox_id);
    // Its function died between the creation and the record.
    let metadata = [("gitledger".to_owned(), "1".to_owned())].into();
    let new = NewSandbox { life: Duration::from_mins(5), metadata, ..NewSandbox::default() };
    let leaked = ground.sandboxes.control().create(&new).await.unwrap().sandbox_id;
    let foreign = NewSandbox { life: Duration::from_mins(5), ..NewSandbox::default() };
    let foreign = ground.sandboxes.control().create(&foreign).await.unwrap().sandbox_id;
    ground.sandboxes.control().kill(&lost).await.unwrap();

    let now = SystemWorld.now();
    let known = |id: &String| Known { sandbox_id: id.clone(), created_at: now, paused: false };
    let listed = ground.sandboxes.list_live().await.unwrap();
    let known = [known(&kept), known(&lost)];
    let soon = reconcile(&listed, &known, now, SignedDuration::from_mins(5));
    assert_eq!(soon, [], "everything is younger than the grace");
    let later = now + SignedDuration::from_mins(10);
    let actions = reconcile(&listed, &known, later, SignedDuration::from_mins(5));
    assert_eq!(actions.len(), 2, "{actions:?}");
    for (action, outcome) in actions.iter().zip([Look::Ended, Look::Leaked]) {
        assert_eq!(ground.sandboxes.settle(action, &origin()).await.unwrap(), outcome);
        let again = ground.sandboxes.settle(action, &origin()).await.unwrap();
        assert!(matches!(again, Look::Unchanged | Look::Foreign), "done once: {action:?}");
    }
    // A list that leaves out what lives ends nothing.
    let short = Action::Missing { sandbox_id: kept.clone() };
    assert_eq!(ground.sandboxes.settle(&short, &origin()).await.unwrap(), Look::Busy);
    assert_eq!(ground.names(&kept).await.last(), Some(&"SandboxLeased"));
    assert!(matches!(&actions[1], Action::Leaked(listed) if listed.sandbox_id == leaked));
    assert_eq!(ground.names(&lost).await.last(), Some(&"SandboxLost"));
    assert_eq!(ground.names(&leaked).await, ["SandboxCreated", "SandboxKilled"]);
    let left: Vec<_> = ground.sandboxes.control().list(&[].into()).await.unwrap();
    let mut left: Vec<_> = left.into_iter().map(|listed| listed.sandbox_id).collect();
    left.sort();
    let mut expected = vec![kept, foreign];
    expected.sort();
    assert_eq!(left, expected, "what is not ours is left alone");
}

pub async fn a_wrong_key_is_told_as_such() {
    let ground = Ground::new().await;
    let stranger = ground.by(&ground.host.url(), "e2b_ffff");
    assert!(matches!(stranger.list_live().await, Err(SandboxError::Auth(_))));
}

pub async fn a_look_records_what_the_host_says_and_never_twice() {
    let ground = Ground::new().await;
    let lease = ground.open().await;
    let id = lease.sandbox_id.clone();
    let look = async || ground.sandboxes.look(&id, SignedDuration::from_mins(1), &origin()).await.unwrap();
    let host = ground.sandboxes.control();
    host.pause(&id).await.unwrap();
    assert_eq!(look().await, Look::Busy, "whoever has the lease knows better");
    ground.sandboxes.release(&lease, vec![]).await.unwrap();
    assert_eq!((look().await, look().await), (Look::Paused, Look::Unchanged));
    host.connect(&id, Duration::from_mins(30)).await.unwrap();
    assert_eq!((look().await, look().await), (Look::Resumed, Look::Unchanged));
    host.set_timeout(&id, Duration::from_mins(50)).await.unwrap();
    assert_eq!((look().await, look().await), (Look::Extended, Look::Unchanged));
    host.kill(&id).await.unwrap();
    assert_eq!((look().await, look().await), (Look::Ended, Look::Foreign));
    let told = ["SandboxPaused", "SandboxResumed", "SandboxExtended", "SandboxLost"];
    assert!(ground.names(&id).await.ends_with(&told));
    // Its function died between the creation and the record; a stranger's is left alone.
    for (owner, grace, seen) in
        [("1", 0, Look::Leaked), ("1", 60, Look::Foreign), ("2", 0, Look::Foreign), ("", 0, Look::Foreign)]
    {
        let metadata = [("gitledger".to_owned(), owner.to_owned())].into();
        let new = NewSandbox { life: Duration::from_mins(5), metadata, ..NewSandbox::default() };
        let id = host.create(&new).await.unwrap().sandbox_id;
        let grace = SignedDuration::from_secs(grace);
        assert_eq!(ground.sandboxes.look(&id, grace, &origin()).await.unwrap(), seen, "{owner} {grace}");
        assert_eq!(host.get(&id).await.unwrap().is_none(), seen == Look::Leaked);
    }
}

pub async fn a_sandbox_for_the_pool_is_nobodys_until_somebody_takes_it() {
    let ground = Ground::new().await;
    let id = ground.sandboxes.stock(&request(), &origin()).await.unwrap();
    assert_eq!(ground.names(&id).await, ["SandboxCreated"]);
    let state = ground.sandboxes.state(&id).await.unwrap();
    assert!(state.actor.is_unknown() && state.held.is_none() && state.epoch == 0);
    let until = SystemWorld.now() + SignedDuration::from_mins(1);
    let take =
        LeaseRequest { sandbox_id: id.clone(), operation_id: Uuid::now_v7(), until, reuse: Reuse::Warm };
    ground.sandboxes.lease(&take, &origin()).await.unwrap();
    let state = ground.sandboxes.state(&id).await.unwrap();
    assert_eq!(state.actor, origin().actor);
}

pub async fn a_kept_sandbox_lives_longer_and_never_shorter_also_while_somebody_has_it() {
    let ground = Ground::new().await;
    let lease = ground.open().await;
    let id = lease.sandbox_id.clone();
    let keep = async |minutes| {
        ground.sandboxes.keep_alive(&id, Duration::from_mins(minutes), &origin()).await.unwrap()
    };
    let longer = keep(40).await;
    assert_eq!(keep(1).await, longer);
    let told = ground.sandboxes.control().get(&id).await.unwrap().unwrap().listed.end_at;
    assert!(told.duration_since(longer).abs() < SignedDuration::from_secs(30), "{told} {longer}");
    ground.sandboxes.pause(&lease).await.unwrap();
    assert!(keep(80).await > longer);
    let state = ground.sandboxes.control().get(&id).await.unwrap().unwrap().listed.state;
    assert_eq!(state, State::Paused, "it goes on sleeping");
    assert!(ground.sandboxes.kill(&id, KillReason::Requested, &origin()).await.unwrap());
    let gone = ground.sandboxes.keep_alive(&id, Duration::from_mins(1), &origin()).await;
    assert!(matches!(gone, Err(LeaseError::Gone)), "{gone:?}");
}
