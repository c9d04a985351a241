//! The order of things: once a process has refused a session it never admits it again.

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::task::{JoinSet, yield_now};
use tower_clerk::{SessionCheck, SessionId, SessionResolver, testing::SessionsApi};

use crate::fleet::{Log, all_refuse_within, answer, is_over};

/// A thousand with `LONG_TESTS`.
fn sessions() -> usize {
    if env::var_os("LONG_TESTS").is_some() { 1000 } else { 100 }
}

/// By when every process refuses, on a machine that has other things to do.
const BOUND: Duration = Duration::from_secs(2);

struct Scene {
    sessions: Vec<(SessionId, String)>,
    fleet: [SessionResolver; 3],
    is_over: AtomicBool,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_sessions_revoked_under_load_none_is_admitted_once_refused() {
    for log in Log::of_each_kind() {
        let clerk = SessionsApi::start().await;
        let fleet = log.fleet(&clerk, SessionCheck::Get).await;
        let sessions = (0..sessions()).map(|number| {
            let session = clerk.sign_in(&format!("user_{number}"));
            let token = clerk.mint(&session).expires_in(Duration::from_secs(3600)).sign();
            (session, token)
        });
        let scene = Scene { sessions: sessions.collect(), fleet, is_over: AtomicBool::new(false) };
        let scene = Arc::new(scene);
        let mut load = JoinSet::new();
        for process in 0..scene.fleet.len() {
            load.spawn(ask_on_and_on(Arc::clone(&scene), process));
        }
        for (number, (session, token)) in scene.sessions.iter().enumerate() {
            let process = &scene.fleet[number % scene.fleet.len()];
            process.revoke(session).await.unwrap();
            if number % 50 == 0 {
                all_refuse_within(BOUND, &scene.fleet, token).await;
            }
        }
        for (_, token) in &scene.sessions {
            all_refuse_within(BOUND, &scene.fleet, token).await;
        }
        scene.is_over.store(true, Ordering::Relaxed);
        let mut refused = 0;
        while let Some(asked) = load.join_next().await {
            refused += asked.unwrap();
        }
        assert!(refused > 0, "the load met nobody who had been revoked");
    }
}

/// Asks one process for all sessions in turn, and gives how often one was refused.
async fn ask_on_and_on(scene: Arc<Scene>, process: usize) -> usize {
    let (mut was_refused, mut refusals) = (vec![false; sessions()], 0);
    // A prime step, so that it is now ahead of the revocations and now behind them.
    let mut number = process;
    while !scene.is_over.load(Ordering::Relaxed) {
        let is_refused = is_over(answer(&scene.fleet[process], &scene.sessions[number].1).await);
        assert!(is_refused || !was_refused[number], "session {number} is back at {process}");
        was_refused[number] = is_refused;
        refusals += usize::from(is_refused);
        number = (number + 7) % sessions();
        yield_now().await;
    }
    refusals
}
