//! The way to Clerk and back: turns, time-outs, repeats.

use std::{
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::Method;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until, timeout_at},
};
use tower::retry::budget::{Budget, TpsBudget};

use super::{
    answer::Answer,
    api_version::ApiVersion,
    call::Call,
    error::Error,
    events::Events,
    operation::Operation,
    quota::Allowance,
    transport::{Connection, Transport},
    turns::{Rank, Reason, Turn, Turns, Wish},
};
use crate::{base_url::BaseUrl, random::random};

/// How often a call is repeated, at most.
const REPEATS: u32 = 2;

/// What is left of the time-out when a call is given up for another on a new connection must be
/// about as much as it takes to make one and be answered: a second, less what the turn may take.
const ROOM_FOR_ANOTHER: Duration = Duration::from_millis(900);

/// How often those who wait for a call to end look by themselves.
const LOOK: Duration = Duration::from_millis(250);

pub(super) struct Upstream {
    transport: Transport,
    base_url: BaseUrl,
    version: ApiVersion,
    timeout: Duration,
    turns: Mutex<Turns>,
    /// A call has ended.
    ended: Notify,
    repeats: TpsBudget,
    urgent_repeats: TpsBudget,
    events: Events,
}

/// What came of a call.
pub(super) struct Outcome {
    pub(super) result: Result<Answer, Error>,
    /// It was sent more than once.
    pub(super) was_repeated: bool,
}

impl Upstream {
    pub(super) fn new(
        transport: Transport,
        base_url: BaseUrl,
        version: ApiVersion,
        timeout: Duration,
        allowance: Option<Allowance>,
    ) -> Self {
        // One repeat for five calls, and two a second for clients that make few.
        let budget = || TpsBudget::new(Duration::from_secs(10), 2, 0.2);
        Self {
            transport,
            base_url,
            version,
            timeout,
            turns: Mutex::new(Turns::new(allowance)),
            ended: Notify::new(),
            repeats: budget(),
            urgent_repeats: budget(),
            events: Events::default(),
        }
    }

    pub(super) fn version(&self) -> ApiVersion {
        self.version
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// A call for the resource with this path. The segments cannot leave it.
    pub(super) fn call<'a>(
        &self,
        operation: Operation,
        method: Method,
        path: impl IntoIterator<Item = &'a str>,
    ) -> Call {
        Call::new(operation, method, self.base_url.resource(path), self.version)
    }

    /// Sends the call, again if that may help, and answers within the time-out.
    pub(super) async fn send(&self, call: &Call) -> Result<Answer, Error> {
        self.send_by(call, Instant::now() + self.timeout, || ()).await.result
    }

    /// As [`send`](Self::send), with another end. `sent` is called once, when the call has had its
    /// turn.
    pub(super) async fn send_by(
        &self,
        call: &Call,
        deadline: Instant,
        sent: impl FnOnce() + Send,
    ) -> Outcome {
        let accepted = AtomicBool::new(false);
        let latest = deadline.checked_sub(self.timeout / 3).unwrap_or(deadline);
        let mut repeats = 0;
        let mut last = None;
        let mut sent = Some(sent);
        let result = loop {
            let place = match self.turn(call, latest, deadline).await {
                Ok(place) => place,
                // What came of the first time says more.
                Err(error) => break Err(last.unwrap_or(error)),
            };
            if let Some(sent) = sent.take() {
                sent();
            }
            let hung = self.attempt(call, &place, Connection::Pooled, &accepted).await;
            let result = match hung {
                Attempt::Ended(result) => result,
                Attempt::GivenUp(another) => {
                    drop(place);
                    repeats = REPEATS;
                    let result = self.attempt(call, &another, Connection::New, &accepted).await;
                    result.ended(call.operation)
                }
            };
            let error = match result {
                Ok(answer) => {
                    self.budget(call).deposit();
                    break Ok(answer);
                }
                Err(error) => error,
            };
            let now = Instant::now();
            let again = now + backoff();
            let may_help = call.is_repeatable()
                && call.operation.is_worth_repeating(&error)
                && repeats < REPEATS
                && again < latest
                && !(call.keeps_quiet() && self.turns().silence(now).is_some());
            if !may_help || !self.budget(call).withdraw() {
                break Err(error);
            }
            repeats += 1;
            last = Some(error);
            sleep_until(again).await;
        };
        let result = result.map_err(|error| {
            if accepted.load(Ordering::Relaxed) { error.after_acceptance() } else { error }
        });
        Outcome { result, was_repeated: repeats > 0 }
    }

    /// Sends the call once. A call that hangs is given up where there is time and room for another.
    async fn attempt(
        &self,
        call: &Call,
        place: &Place<'_>,
        connection: Connection,
        accepted: &AtomicBool,
    ) -> Attempt<'_> {
        let (operation, deadline) = (call.operation, place.wish.deadline);
        let started = Instant::now();
        let mut exchange = Box::pin(self.transport.exchange(call, connection, accepted));
        let left = deadline.saturating_duration_since(started);
        let mut in_time = None;
        if connection == Connection::Pooled && call.is_repeatable() && left / 3 >= ROOM_FOR_ANOTHER
        {
            in_time = timeout_at(deadline - left / 3, &mut exchange).await.ok();
            if in_time.is_none()
                && let Some(another) = self.another_turn(call, deadline)
            {
                drop(exchange);
                let failed = Err(Error::timeout(operation));
                self.events.called(operation, &failed, started, Instant::now());
                return Attempt::GivenUp(another);
            }
        }
        let result = match in_time {
            Some(result) => result,
            None => timeout_at(deadline, exchange)
                .await
                .unwrap_or_else(|_| Err(Error::timeout(operation))),
        };
        let ended = Instant::now();
        self.events.called(operation, &result, started, ended);
        self.heed(operation, &result, started, ended);
        Attempt::Ended(result)
    }

    /// What an answer means to the calls that follow.
    fn heed(
        &self,
        operation: Operation,
        result: &Result<Answer, Error>,
        sent: Instant,
        now: Instant,
    ) {
        if !operation.is_limited() {
            return;
        }
        let mut turns = self.turns();
        match result {
            Ok(_) => turns.answered(sent),
            Err(error) if error.is_too_many() => turns.refused(sent, error.retry_after(), now),
            Err(error) => {
                if error.status().is_some() {
                    turns.answered(sent);
                }
                if let Some(wait) = error.asks_for_silence() {
                    turns.keep_silent(wait, now);
                }
            }
        }
    }

    /// Waits for the call's turn, in which at least a third of the time-out is left for it.
    async fn turn(
        &self,
        call: &Call,
        latest: Instant,
        deadline: Instant,
    ) -> Result<Place<'_>, Error> {
        let place = self.place(call, latest, deadline);
        if !call.operation.is_limited() {
            return Ok(place);
        }
        loop {
            let now = Instant::now();
            let turn = self.turns().ask(&place.wish, now);
            match turn {
                Turn::Now => return Ok(place),
                Turn::At(at) => sleep_until(at).await,
                Turn::Occupied => {
                    let until = latest.min(now + LOOK);
                    // Whether a call has ended or it is time to look again is all the same.
                    drop(timeout_at(until, self.ended.notified()).await);
                }
                Turn::Refused(reason) => return Err(refused(call.operation, reason)),
            }
        }
    }

    /// The turn of a call that repeats one that hangs: at once, or not at all.
    fn another_turn(&self, call: &Call, deadline: Instant) -> Option<Place<'_>> {
        let now = Instant::now();
        let place = self.place(call, now, deadline);
        let has_turn = self.turns().ask_idle(&place.wish, now, || self.budget(call).withdraw());
        has_turn.then_some(place)
    }

    fn place(&self, call: &Call, latest: Instant, deadline: Instant) -> Place<'_> {
        let wish = Wish {
            ticket: self.turns().ticket(),
            rank: call.rank,
            keeps_quiet: call.keeps_quiet(),
            latest,
            deadline,
        };
        Place { upstream: self, wish }
    }

    fn budget(&self, call: &Call) -> &TpsBudget {
        if call.rank == Rank::Urgent { &self.urgent_repeats } else { &self.repeats }
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
impl Upstream {
    /// Has a call wait for its turn, and then take so long, without sending it.
    pub(super) async fn rehearse(
        &self,
        call: &Call,
        latency: Duration,
        sent: impl FnOnce() + Send,
    ) -> Result<(), Error> {
        let deadline = Instant::now() + self.timeout;
        let latest = deadline - self.timeout / 3;
        let _place = self.turn(call, latest, deadline).await?;
        sent();
        let started = Instant::now();
        sleep_until(started + latency).await;
        self.turns().answered(started);
        Ok(())
    }
}

/// What came of one sending.
enum Attempt<'a> {
    Ended(Result<Answer, Error>),
    /// It hung, and another one has a turn.
    GivenUp(Place<'a>),
}

impl Attempt<'_> {
    fn ended(self, operation: Operation) -> Result<Answer, Error> {
        match self {
            Self::Ended(result) => result,
            Self::GivenUp(_) => Err(Error::timeout(operation)),
        }
    }
}

/// A place among those who wait or whose calls are under way; left when dropped.
struct Place<'a> {
    upstream: &'a Upstream,
    wish: Wish,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.upstream.turns().leave(self.wish.ticket);
        self.upstream.ended.notify_one();
    }
}

fn refused(operation: Operation, reason: Reason) -> Error {
    match reason {
        Reason::Silence(left) => Error::quiet(operation, left),
        Reason::Quota(wait) => Error::quota(operation, wait),
        Reason::Crowded => Error::crowded(operation),
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("base_url", &self.base_url)
            .field("secret_key", &self.transport.secret_key)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// Between 50 and 200 ms, so that clients that failed together do not come back together.
fn backoff() -> Duration {
    Duration::from_millis(50 + random() % 151)
}
