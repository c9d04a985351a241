//! A session that a process is told of, it asks for on and on.

use std::sync::Arc;

use tokio::{sync::mpsc, task::yield_now};
use tower_clerk::{Credential, Policy, SessionResolver};

/// How many of the sessions that were refused are asked for again in each round.
const REFUSED_A_ROUND: usize = 50;

/// A session that is asked for.
pub(super) struct Asked {
    pub(super) number: Arc<str>,
    pub(super) token: Arc<str>,
}

/// Asks for all sessions that it knows, for as long as it may hear of others, and gives how often it did.
pub(super) async fn ask_on_and_on(
    resolver: SessionResolver,
    mut known: mpsc::UnboundedReceiver<Asked>,
    say: mpsc::UnboundedSender<String>,
) -> u64 {
    let (mut admitted, mut refused) = (Vec::<Asked>::new(), Vec::<Asked>::new());
    let (mut answered, mut next) = (0, 0);
    loop {
        match known.try_recv() {
            Ok(asked) => {
                match admits(&resolver, &asked.token).await {
                    Ok(true) => say.send(format!("admits {}", asked.number)).unwrap(),
                    odd => say.send(format!("wrong: {} is new, {odd:?}", asked.number)).unwrap(),
                }
                admitted.push(asked);
            }
            Err(mpsc::error::TryRecvError::Disconnected) => return answered,
            Err(mpsc::error::TryRecvError::Empty) => {}
        }
        for at in (0..admitted.len()).rev() {
            match admits(&resolver, &admitted[at].token).await {
                Ok(true) => {}
                Ok(false) => {
                    say.send(format!("refuses {}", admitted[at].number)).unwrap();
                    refused.push(admitted.swap_remove(at));
                }
                Err(odd) => say.send(format!("wrong: {odd}")).unwrap(),
            }
        }
        for _ in 0..REFUSED_A_ROUND.min(refused.len()) {
            next = (next + 1) % refused.len();
            let Asked { number, token } = &refused[next];
            match admits(&resolver, token).await {
                Ok(false) => {}
                odd => say.send(format!("wrong: {number} was refused, and now {odd:?}")).unwrap(),
            }
        }
        answered += (admitted.len() + REFUSED_A_ROUND.min(refused.len())) as u64;
        yield_now().await;
    }
}

/// Whether the session is admitted, or over; or neither.
async fn admits(resolver: &SessionResolver, token: &str) -> Result<bool, String> {
    let credential = Credential::session_token(token.as_bytes());
    match resolver.resolve(credential, &Policy::new()).await {
        Ok(_) => Ok(true),
        Err(rejection) if rejection.reason().starts_with("session-") => Ok(false),
        Err(rejection) => Err(rejection.to_string()),
    }
}
