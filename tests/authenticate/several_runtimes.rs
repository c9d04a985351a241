//! A resolver that is used from several runtimes, one of which stands still or is gone.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::runtime::{Builder, Runtime};
use tower_clerk::{
    Credential, Policy, SessionResolver, SessionsClient,
    testing::{Fault, Operation, SessionsApi},
};

const TIMEOUT: Duration = Duration::from_secs(1);

fn resolver(clerk: &SessionsApi) -> SessionResolver {
    let instance = clerk.instance_builder().jwk_set(clerk.jwk_set()).build().unwrap();
    let client = SessionsClient::builder(&instance).timeout(TIMEOUT).build().unwrap();
    let builder = SessionResolver::builder(&instance).client(client).clock(clerk.clock());
    builder.build().unwrap()
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Polls this in a runtime until Clerk has been asked, and no longer.
async fn begin_in<F>(
    runtime: Runtime,
    clerk: &SessionsApi,
    asking: F,
    operation: Operation,
) -> Runtime
where
    F: Future<Output = ()> + Send + 'static,
{
    clerk.fail(operation, Fault::hang().times(1));
    let counts = clerk.requests().count(operation);
    let polling = std::thread::spawn(move || {
        runtime.spawn(asking);
        runtime
    });
    let runtime = polling.join().unwrap();
    let asked = std::thread::scope(|scope| {
        let polling = scope.spawn(|| {
            runtime.block_on(async {
                while clerk.requests().count(operation) == counts {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            });
        });
        polling.join()
    });
    asked.unwrap();
    runtime
}

async fn resolve(resolver: SessionResolver, token: Arc<str>) -> Result<(), tower_clerk::Rejection> {
    let credential = Credential::session_token(token.as_bytes());
    resolver.resolve(credential, &Policy::new()).await.map(drop)
}

#[tokio::test]
async fn a_question_begun_in_a_runtime_that_stands_still_is_taken_over_within_two_time_outs() {
    let clerk = SessionsApi::start().await;
    let resolver = resolver(&clerk);
    let token: Arc<str> = clerk.token(&clerk.sign_in("user_ada")).into();
    let asking = resolve(resolver.clone(), Arc::clone(&token));
    let asking = async move { drop(asking.await) };
    let stands_still = begin_in(runtime(), &clerk, asking, Operation::Get).await;
    let begun = Instant::now();
    resolve(resolver, token).await.unwrap();
    assert!(begun.elapsed() < 2 * TIMEOUT, "{:?}", begun.elapsed());
    assert_eq!(clerk.requests().count(Operation::Get), 2);
    stands_still.shutdown_background();
}

#[tokio::test]
async fn a_question_whose_runtime_is_gone_is_asked_again_and_is_no_outage() {
    let clerk = SessionsApi::start().await;
    let resolver = resolver(&clerk);
    let token: Arc<str> = clerk.token(&clerk.sign_in("user_ada")).into();
    let asking = resolve(resolver.clone(), Arc::clone(&token));
    let asking = async move { drop(asking.await) };
    let gone = begin_in(runtime(), &clerk, asking, Operation::Get).await;
    let waiting = tokio::spawn(resolve(resolver, token));
    tokio::task::yield_now().await;
    gone.shutdown_background();
    let begun = Instant::now();
    waiting.await.unwrap().unwrap();
    assert!(begun.elapsed() < TIMEOUT, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_sign_out_begun_in_a_runtime_that_stands_still_or_is_gone_is_taken_over() {
    for is_gone in [false, true] {
        let clerk = SessionsApi::start().await;
        let resolver = resolver(&clerk);
        let session = clerk.sign_in("user_ada");
        let (elsewhere, id) = (resolver.clone(), session.clone());
        let asking = async move { drop(elsewhere.revoke(&id).await) };
        let runtime = begin_in(runtime(), &clerk, asking, Operation::Revoke).await;
        let waiting = tokio::spawn(resolver.revoke(&session));
        tokio::task::yield_now().await;
        let begun = Instant::now();
        let other = if is_gone {
            runtime.shutdown_background();
            None
        } else {
            Some(runtime)
        };
        waiting.await.unwrap().unwrap();
        let most = if is_gone { TIMEOUT } else { 2 * TIMEOUT };
        assert!(begun.elapsed() < most, "{is_gone} {:?}", begun.elapsed());
        if let Some(runtime) = other {
            runtime.shutdown_background();
        }
    }
}
