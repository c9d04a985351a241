//! One revocation at a time, in whatever runtime, and what an odd answer comes to.

use tokio::{runtime, task::JoinHandle};

use super::*;
use crate::sessions::{
    Patience, SessionCheck, Wanted,
    test_sessions::session,
    test_upstream::{TIMEOUT, TestUpstream, sessions},
};

fn world(check: SessionCheck) -> (TestUpstream, Arc<Sessions>) {
    let clerk = TestUpstream::new();
    let (sessions, _) = sessions(check, &clerk);
    (clerk, sessions)
}

fn id() -> SessionId {
    "sess_1".parse().unwrap()
}

fn revoke(sessions: &Arc<Sessions>) -> JoinHandle<Answer> {
    tokio::spawn(Arc::clone(sessions).revoke(&id()))
}

fn is_over(sessions: &Sessions) -> bool {
    sessions.find(&id()).is_some_and(|slot| slot.is_over())
}

fn runtime() -> runtime::Runtime {
    runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn all_who_sign_a_session_out_share_one_call_and_its_answer() {
    let (clerk, sessions) = world(SessionCheck::Networkless);
    let all: Vec<_> = (0..100).map(|_| revoke(&sessions)).collect();
    clerk.call().await.answer(Ok(session("revoked")));
    for one in all {
        assert_eq!(one.await.unwrap().unwrap().status(), &SessionStatus::Revoked);
    }
    // Later ones have the same answer, and cost nothing.
    assert!(revoke(&sessions).await.unwrap().is_ok());
    assert!(!clerk.is_called().await);
}

#[tokio::test(start_paused = true)]
async fn a_revocation_that_failed_is_begun_anew_by_whoever_asks_again() {
    let (clerk, sessions) = world(SessionCheck::Get);
    let first = revoke(&sessions);
    clerk.call().await.answer(Err(client::Error::interrupted()));
    assert!(first.await.unwrap().is_err());
    assert!(!is_over(&sessions));
    let second = revoke(&sessions);
    clerk.call().await.answer(Err(client::Error::no_such_session()));
    assert!(second.await.unwrap().unwrap_err().is_not_found());
    assert!(is_over(&sessions), "there is none, and there will be none");
}

#[tokio::test(start_paused = true)]
async fn a_revocation_that_never_ends_is_taken_over_and_no_wait_is_longer_than_two_time_outs() {
    let (clerk, sessions) = world(SessionCheck::Get);
    let begun = Instant::now();
    let all: Vec<_> = (0..10).map(|_| revoke(&sessions)).collect();
    let hangs = clerk.call().await;
    let second = clerk.call().await;
    assert_eq!(begun.elapsed(), TIMEOUT + TIMEOUT / 8);
    assert!(!clerk.is_called().await, "one took it over");
    second.answer(Ok(session("revoked")));
    for one in all {
        one.await.unwrap().unwrap();
    }
    hangs.answer(Err(client::Error::interrupted()));
    assert!(!clerk.is_called().await);
    assert!(is_over(&sessions), "what comes late undoes nothing");

    let (clerk, sessions) = world(SessionCheck::Get);
    let begun = Instant::now();
    let one = revoke(&sessions);
    let _hang = [clerk.call().await, clerk.call().await];
    assert!(one.await.unwrap().unwrap_err().is_unavailable());
    assert_eq!(begun.elapsed(), 2 * TIMEOUT);
}

#[test]
fn a_revocation_whose_runtime_was_dropped_is_asked_again_at_once() {
    let (clerk, sessions) = world(SessionCheck::Networkless);
    let gone = runtime();
    gone.block_on(async {
        drop(revoke(&sessions));
        assert!(!clerk.call().await.is_given_up());
    });
    runtime().block_on(async {
        let one = revoke(&sessions);
        assert!(!clerk.is_called().await);
        gone.shutdown_background();
        clerk.call().await.answer(Ok(session("revoked")));
        one.await.unwrap().unwrap();
    });
}

#[test]
fn outside_of_a_runtime_it_is_an_error_and_no_panic() {
    let (clerk, sessions) = world(SessionCheck::Get);
    let outside = |revocation: &mut (dyn Future<Output = Answer> + Unpin)| {
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        match std::pin::Pin::new(revocation).poll(&mut cx) {
            std::task::Poll::Ready(answer) => Some(answer),
            std::task::Poll::Pending => None,
        }
    };
    let revoke = || Box::pin(Arc::clone(&sessions).revoke(&id()));
    assert!(outside(&mut revoke()).unwrap().unwrap_err().is_unavailable());
    let elsewhere = runtime();
    // Begun within a runtime, and waited for outside of one.
    let within = elsewhere.enter();
    let mut begun = revoke();
    drop(within);
    assert!(outside(&mut begun).unwrap().is_err());
    elsewhere.block_on(async {
        clerk.call().await.answer(Ok(session("revoked")));
        revoke().await.unwrap();
    });
    // Of what is over, Clerk's answer is known.
    assert!(outside(&mut revoke()).unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn what_clerk_accepted_and_did_not_confirm_is_refused_here_and_repeated_until_it_is_known() {
    for check in [SessionCheck::Get, SessionCheck::Verify, SessionCheck::Networkless] {
        let (clerk, sessions) = world(check);
        let one = revoke(&sessions);
        clerk.call().await.answer(Err(client::Error::accepted_revocation()));
        assert!(one.await.unwrap().unwrap_err().is_unavailable(), "its outcome is unknown");
        assert!(is_over(&sessions), "{check:?}");

        // Whoever asks meanwhile asks, and does not add to the repetitions.
        let another = revoke(&sessions);
        clerk.call().await.answer(Err(client::Error::accepted_revocation()));
        another.await.unwrap().unwrap_err();

        for pause in [1, 2, 4, 8, 16, 32, 64, 64] {
            let since = Instant::now();
            let call = clerk.call().await;
            assert_eq!((call.urgency, since.elapsed()), (None, Duration::from_secs(pause)));
            call.answer(Err(client::Error::interrupted()));
        }
        clerk.call().await.answer(Ok(session("revoked")));
        assert!(!clerk.is_called().await);
        let told = revoke(&sessions).await.unwrap().unwrap();
        assert_eq!(told.status(), &SessionStatus::Revoked);
        tokio::time::sleep(Duration::from_secs(1000)).await;
        assert!(!clerk.is_called().await, "it is known");
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_not_repeated_for_longer_than_the_session_is_refused() {
    let (clerk, sessions) = world(SessionCheck::Get);
    let one = revoke(&sessions);
    clerk.call().await.answer(Err(client::Error::accepted_revocation()));
    one.await.unwrap().unwrap_err();
    let (since, retention) = (Instant::now(), sessions.retention);
    loop {
        tokio::select! {
            call = clerk.call() => call.answer(Err(client::Error::interrupted())),
            () = sleep(2 * retention) => break,
        }
    }
    assert!(since.elapsed() <= 3 * retention);
    assert!(is_over(&sessions), "nobody lets go of it for that");
}

#[tokio::test(start_paused = true)]
async fn what_is_learned_before_or_during_a_revocation_of_unknown_outcome_counts_for_nothing() {
    let (clerk, sessions) = world(SessionCheck::Get);
    let slot = sessions.slot(&id());
    let learn = async || {
        sessions.renew(&slot, None);
        clerk.call().await.answer(Ok(session("active")));
        assert!(!clerk.is_called().await);
        slot.entry().as_ref().unwrap().is_forgotten()
    };
    assert!(!learn().await, "the negative control");
    let one = revoke(&sessions);
    let call = clerk.call().await;
    assert!(slot.entry().as_ref().unwrap().is_forgotten());
    let wanted = Wanted {
        asked_at: sessions.clock.unix_time(),
        lifetime: TIMEOUT,
        epoch: slot.epoch(),
        learned: slot.learned(),
        for_token_of: None,
    };
    let asking = sessions.ask(&slot, None, &wanted, Patience::Whole, Instant::now());
    let answering = async { clerk.call().await.answer(Ok(session("active"))) };
    tokio::join!(asking, answering).0.unwrap();
    assert!(!slot.entry().as_ref().unwrap().is_forgotten());
    call.answer(Err(client::Error::interrupted()));
    one.await.unwrap().unwrap_err();
    assert!(slot.entry().as_ref().unwrap().is_forgotten());
}

#[tokio::test(start_paused = true)]
async fn it_is_not_repeated_once_somebody_else_was_told_its_outcome() {
    let (clerk, sessions) = world(SessionCheck::Get);
    let one = revoke(&sessions);
    clerk.call().await.answer(Err(client::Error::accepted_revocation()));
    one.await.unwrap().unwrap_err();
    let another = revoke(&sessions);
    clerk.call().await.answer(Ok(session("revoked")));
    another.await.unwrap().unwrap();
    sleep(Duration::from_secs(1000)).await;
    assert!(!clerk.is_called().await);
}
