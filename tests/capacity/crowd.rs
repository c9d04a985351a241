//! Users that are active all the time, as their front ends are: a request a second each, and a new token every 50 s.

use std::{convert::Infallible, fmt::Write, ops::Range, pin::Pin, sync::Arc, time::Duration};

use axum::body::Body;
use http::{Request, Response, StatusCode};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};
use tower::{Layer, ServiceExt, service_fn};
use tower_clerk::{
    AuthenticateLayer, Clock, SessionId,
    testing::{Operation, SessionsApi},
};

use crate::stacks::{Outcome, Stack};

const RENEWED_EVERY: u64 = 50;

/// So many ticks are a second.
const TICKS: u64 = 40;
const TICK: Duration = Duration::from_millis(1000 / TICKS);

pub(crate) type Ask = Arc<dyn Fn(Arc<str>) -> Asking + Send + Sync>;
type Asking = Pin<Box<dyn Future<Output = StatusCode> + Send>>;

/// Requests to a service behind this layer, in process.
pub(crate) fn in_process(layer: &AuthenticateLayer) -> Ask {
    let service = layer.layer(service_fn(async |_: Request<Body>| {
        Ok::<_, Infallible>(Response::new(Body::empty()))
    }));
    Arc::new(move |token| {
        let service = service.clone();
        Box::pin(async move {
            let request = Request::get("/").header("authorization", format!("Bearer {token}"));
            let Ok(response) = service.oneshot(request.body(Body::empty()).unwrap()).await;
            response.status()
        })
    })
}

pub(crate) fn over_sockets(stack: Stack) -> Ask {
    Arc::new(move |token| {
        let stack = stack.clone();
        Box::pin(async move {
            match stack.bearer(&token).await {
                Outcome::Admitted(_) => StatusCode::OK,
                Outcome::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
                Outcome::Invalid => StatusCode::UNAUTHORIZED,
                other => panic!("{other:?}"),
            }
        })
    })
}

pub(crate) enum Time {
    Real,
    /// Tokio's paused clock, and the one that sessions and tokens go by.
    Simulated(Clock),
}

pub(crate) struct Crowd<'a> {
    clerk: &'a SessionsApi,
    users: Vec<(SessionId, Arc<str>)>,
    ask: Ask,
    time: Time,
}

impl<'a> Crowd<'a> {
    pub(crate) fn new(clerk: &'a SessionsApi, users: usize, ask: Ask, time: Time) -> Self {
        let user = |number| {
            let session = clerk.sign_in(&format!("user_{number}"));
            let token = clerk.token(&session).into();
            (session, token)
        };
        Self { clerk, users: (0..users).map(user).collect(), ask, time }
    }

    pub(crate) async fn live(mut self, seconds: u64) -> Asked {
        let mut asked = Asked::default();
        let mut under_way = JoinSet::new();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        for second in 0..seconds {
            let calls_before = self.clerk.requests().count(Operation::Get);
            asked.seconds.push(Tally::default());
            for tick in 0..TICKS {
                ticks.tick().await;
                if let Time::Simulated(clock) = &self.time {
                    clock.advance(TICK);
                }
                for number in self.users_of(tick) {
                    self.renew(number, second);
                    let asking = (self.ask)(Arc::clone(&self.users[number].1));
                    under_way.spawn(async move {
                        let began = Instant::now();
                        (second, asking.await, began.elapsed())
                    });
                }
                while let Some(answer) = under_way.try_join_next() {
                    asked.note(answer.unwrap());
                }
            }
            let calls = self.clerk.requests().count(Operation::Get) - calls_before;
            asked.seconds.last_mut().unwrap().calls = calls;
        }
        while let Some(answer) = under_way.join_next().await {
            asked.note(answer.unwrap());
        }
        asked
    }

    fn users_of(&self, tick: u64) -> impl Iterator<Item = usize> + use<> {
        let ticks = usize::try_from(TICKS).unwrap();
        (usize::try_from(tick).unwrap()..self.users.len()).step_by(ticks)
    }

    fn renew(&mut self, number: usize, second: u64) {
        let phase = number as u64 % RENEWED_EVERY;
        if second > 0 && second % RENEWED_EVERY == phase {
            let (session, token) = &mut self.users[number];
            *token = self.clerk.token(session).into();
        }
    }
}

/// What became of the requests of each second.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    seconds: Vec<Tally>,
    waits: Vec<Duration>,
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) admitted: u64,
    /// With 503.
    pub(crate) refused: u64,
    /// With anything else.
    turned_out: u64,
    /// To Clerk, about sessions.
    pub(crate) calls: u64,
    seconds: u64,
}

impl Tally {
    pub(crate) fn calls_per_second(&self) -> f64 {
        self.calls as f64 / self.seconds as f64
    }
}

impl Asked {
    fn note(&mut self, (second, status, waited): (u64, StatusCode, Duration)) {
        let tally = &mut self.seconds[usize::try_from(second).unwrap()];
        match status {
            StatusCode::OK => tally.admitted += 1,
            StatusCode::SERVICE_UNAVAILABLE => tally.refused += 1,
            _ => tally.turned_out += 1,
        }
        self.waits.push(waited);
    }

    pub(crate) fn from(&self, second: u64) -> Tally {
        self.within(second..self.seconds.len() as u64)
    }

    pub(crate) fn within(&self, seconds: Range<u64>) -> Tally {
        let range = usize::try_from(seconds.start).unwrap()..usize::try_from(seconds.end).unwrap();
        self.seconds[range].iter().fold(Tally::default(), |sum, tally| Tally {
            admitted: sum.admitted + tally.admitted,
            refused: sum.refused + tally.refused,
            turned_out: sum.turned_out + tally.turned_out,
            calls: sum.calls + tally.calls,
            seconds: sum.seconds + 1,
        })
    }

    pub(crate) fn turned_out(&self) -> u64 {
        self.from(0).turned_out
    }

    pub(crate) fn table(&self) -> String {
        let mut table = "from s   admitted  refused  calls/s\n".to_owned();
        let end = self.seconds.len() as u64;
        for start in (0..end).step_by(30) {
            let sum = self.within(start..(start + 30).min(end));
            let (admitted, refused, calls) = (sum.admitted, sum.refused, sum.calls_per_second());
            writeln!(table, "{start:>6} {admitted:>10} {refused:>8} {calls:>8.2}").unwrap();
        }
        let mut waits = self.waits.clone();
        waits.sort_unstable();
        let at = |percent: usize| waits[(waits.len() - 1) * percent / 100];
        writeln!(table, "waits: median {:?}, p99 {:?}, longest {:?}", at(50), at(99), at(100))
            .unwrap();
        table
    }
}
