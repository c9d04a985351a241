//! A foreign runtime that uses the same resolver, and stands still or is gone in the midst of things.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::runtime::Builder;
use tower_clerk::{Credential, Policy, SessionId, SessionResolver};

use crate::random::Random;

/// What is asked there: of a token, or of a session.
pub(crate) type Errand = (Option<String>, SessionId);

/// Runs, stands still, and ends, again and again. It answers to nobody.
pub(crate) fn live(
    resolver: &SessionResolver,
    mut random: Random,
    end: Instant,
    errand: impl Fn(&mut Random) -> Errand,
) -> u64 {
    let mut runtimes = 0;
    while Instant::now() < end {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtimes += 1;
        for _ in 0..=random.below(3) {
            for _ in 0..random.below(4) {
                let (token, session) = errand(&mut random);
                let resolver = resolver.clone();
                runtime.spawn(async move {
                    match token.map(Arc::<str>::from) {
                        Some(token) => {
                            let credential = Credential::session_token(token.as_bytes());
                            drop(resolver.resolve(credential, &Policy::new()).await);
                        }
                        None => drop(resolver.get(&session).await),
                    }
                });
            }
            runtime.block_on(tokio::time::sleep(random.millis(0..8)));
            // Nobody polls what is under way.
            std::thread::sleep(
                random.millis(0..700).min(end.saturating_duration_since(Instant::now())),
            );
        }
        runtime.shutdown_timeout(Duration::ZERO);
    }
    runtimes
}
