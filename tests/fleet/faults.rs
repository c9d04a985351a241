//! What the log's faults do to people who are signed in: nothing. And to those who were signed out meanwhile: in the end they are.
//!
//! Three resolvers, each with a link of its own to one server, ask for somebody all along, and Clerk is asked as often as
//! without a log. Whoever was signed out before, during and after the fault is refused within two seconds of its end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{task::JoinHandle, time::sleep};
use tower_clerk::{
    SessionCheck, SessionResolver,
    for_redis::RedisLog,
    testing::{Operation, SessionsApi},
};

use crate::{
    fleet::{admits, all_admit, all_refuse_within, becomes_usable, log_is_usable},
    proxy::Proxy,
    server::RedisServer,
};

/// What the users are told.
const RECOVERED: Duration = Duration::from_secs(2);
/// The streams are looked at this often, at the latest.
const CHECKED: Duration = Duration::from_secs(6);
const KEY: &str = "tower-clerk:revocations";

struct Scene {
    server: RedisServer,
    clerk: SessionsApi,
    links: Vec<Proxy>,
    fleet: Vec<SessionResolver>,
    signed_out: Vec<String>,
}

impl Scene {
    async fn start(server: RedisServer) -> Self {
        let clerk = SessionsApi::start().await;
        let links: Vec<_> = (0..3).map(|_| Proxy::start(server.socket())).collect();
        let mut fleet = Vec::new();
        for link in &links {
            let log = RedisLog::new(&link.url()).unwrap();
            let process = clerk.resolver_builder().revocation_log(log).build().unwrap();
            becomes_usable(&process).await;
            fleet.push(process);
        }
        Self { server, clerk, links, fleet, signed_out: Vec::new() }
    }

    /// Signs somebody in everywhere and out at each process in turn.
    async fn sign_out_three(&mut self) {
        for process in &self.fleet {
            let session = self.clerk.sign_in("user_eve");
            let token = self.clerk.token(&session);
            all_admit(&self.fleet, &token).await;
            process.revoke(&session).await.unwrap();
            assert!(!admits(process, &token).await, "at once where it was revoked");
            self.signed_out.push(token);
        }
    }

    /// What has happened in the time is noticed by all processes.
    async fn is_noticed(&self) {
        while self.fleet.iter().any(log_is_usable) {
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Somebody who is signed in asks all processes on and on.
    fn somebody_stays(&self, is_over: Arc<AtomicBool>) -> JoinHandle<()> {
        let token = self.clerk.token(&self.clerk.sign_in("user_ada"));
        let fleet = self.fleet.clone();
        tokio::spawn(async move {
            while !is_over.load(Ordering::Relaxed) {
                all_admit(&fleet, &token).await;
                sleep(Duration::from_millis(1)).await;
            }
        })
    }
}

/// Goes through a fault, which has ended when its future has.
async fn survive(server: Option<RedisServer>, fault: impl AsyncFnOnce(&mut Scene)) {
    let Some(server) = server else { return };
    let mut scene = Scene::start(server).await;
    let is_over = Arc::<AtomicBool>::default();
    let stays = scene.somebody_stays(Arc::clone(&is_over));
    scene.sign_out_three().await;
    fault(&mut scene).await;
    for token in &scene.signed_out {
        all_refuse_within(RECOVERED, &scene.fleet, token).await;
    }
    scene.sign_out_three().await;
    for token in &scene.signed_out {
        all_refuse_within(RECOVERED, &scene.fleet, token).await;
    }
    is_over.store(true, Ordering::Relaxed);
    stays.await.unwrap();

    // Once for each session by each process, and for each sign-out, as without a log.
    let (asked, people) = (scene.clerk.requests(), scene.signed_out.len() as u64 + 1);
    assert_eq!(asked.count(Operation::Get), people * 3);
    assert_eq!(asked.count(Operation::Revoke), people - 1);

    // It asks nobody, so it can know of them from the log only.
    let builder = scene.clerk.resolver_builder().check(SessionCheck::Networkless);
    let log = RedisLog::new(&scene.server.url()).unwrap();
    let newcomer = [builder.revocation_log(log).build().unwrap()];
    for token in &scene.signed_out {
        all_refuse_within(CHECKED + RECOVERED, &newcomer, token).await;
    }
}

#[tokio::test]
async fn a_server_that_stands_still_for_five_seconds_signs_nobody_out_and_keeps_nobody_in() {
    survive(RedisServer::start(), async |scene| {
        scene.server.signal("STOP");
        scene.sign_out_three().await;
        scene.is_noticed().await;
        sleep(Duration::from_secs(5)).await;
        scene.sign_out_three().await;
        scene.server.signal("CONT");
    })
    .await;
}

#[tokio::test]
async fn links_that_swallow_everything_for_twelve_seconds_sign_nobody_out_and_keep_nobody_in() {
    survive(RedisServer::start(), async |scene| {
        scene.links.iter().for_each(Proxy::swallow);
        scene.sign_out_three().await;
        scene.is_noticed().await;
        sleep(Duration::from_secs(12)).await;
        scene.sign_out_three().await;
        scene.links.iter().for_each(Proxy::mend);
    })
    .await;
}

#[tokio::test]
async fn half_closed_connections_sign_nobody_out_and_keep_nobody_in() {
    survive(RedisServer::start(), async |scene| {
        scene.links.iter().for_each(Proxy::half_close);
        scene.sign_out_three().await;
        // A read gives up after a second and a half, and a write after one: there is nobody else to tell that it is over.
        sleep(Duration::from_secs(2)).await;
    })
    .await;
}

#[tokio::test]
async fn connections_that_the_server_closes_sign_nobody_out_and_keep_nobody_in() {
    survive(RedisServer::start(), async |scene| {
        for _ in 0..3 {
            scene.server.ask(&["CLIENT", "KILL", "TYPE", "normal"]);
            scene.sign_out_three().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_crash_that_took_everything_signs_nobody_out_and_keeps_nobody_in() {
    survive(RedisServer::start(), async |scene| {
        scene.server.kill();
        scene.sign_out_three().await;
        scene.is_noticed().await;
        scene.server.restart();
    })
    .await;
}

#[tokio::test]
async fn a_crash_that_took_nothing_signs_nobody_out_and_keeps_nobody_in() {
    let server = RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    survive(server, async |scene| {
        scene.server.kill();
        scene.sign_out_three().await;
        scene.is_noticed().await;
        scene.server.restart();
    })
    .await;
}

#[tokio::test]
async fn a_flush_under_live_connections_signs_nobody_out_and_keeps_nobody_in() {
    survive(RedisServer::start(), async |scene| {
        scene.server.ask(&["FLUSHALL"]);
        scene.sign_out_three().await;
    })
    .await;
}

#[tokio::test]
async fn a_server_whose_ids_are_lower_than_before_signs_nobody_out_and_keeps_nobody_in() {
    survive(RedisServer::start(), async |scene| {
        // As if its clock had been an hour ahead until it crashed.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let ahead = format!("{}-0", now.as_millis() + 60 * 60 * 1000);
        scene.server.ask(&["XADD", KEY, &ahead, "s", "sess_ahead", "t", "revoked"]);
        scene.server.ask(&["XADD", &format!("{KEY}:beats"), &ahead, "h", "of nobody"]);
        scene.sign_out_three().await;
        for token in &scene.signed_out {
            all_refuse_within(RECOVERED, &scene.fleet, token).await;
        }
        scene.server.kill();
        scene.server.restart();
    })
    .await;
}
