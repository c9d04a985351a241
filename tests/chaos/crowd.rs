//! The world and all who live in it.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};

use tokio::{task::JoinSet, time::timeout};
use tower_clerk::{
    AuthenticateLayer, Clock, SessionResolver, SessionsClient, client::Quota, testing::SessionsApi,
};

use crate::{
    Lifetimes, abroad,
    oracle::{self, Moment, Presented},
    people::{Person, mutated, worthless},
    random::Random,
    stacks::{self, Outcome, Stack},
    weather::{self, Weather},
    wire::Wire,
};

const PEOPLE: usize = 64;
const VISITORS: usize = 48;
/// So many come at once now and then, whom nobody knows yet: more than are asked about at a time.
const NEWCOMERS: usize = 100;
const LIFETIMES: Lifetimes =
    Lifetimes { ttl: Duration::from_secs(20), stale_if_error: Duration::from_secs(60) };
/// How long a key is published before tokens are signed with it, by the clocks: longer than the limit
/// for unknown keys and a fetch that began before it was.
const ANNOUNCED_FOR: Duration = Duration::from_secs(120);
/// No answer takes longer, in real time: the keys' time-out, the session's, and a busy machine.
const PATIENCE: Duration = Duration::from_secs(15);

pub(crate) struct World {
    clerk: SessionsApi,
    clock: Clock,
    resolver: SessionResolver,
    stacks: [Stack; 2],
    weather: Weather,
    wire: Wire,
    people: Vec<Mutex<Arc<Person>>>,
    worthless: Mutex<Arc<[String]>>,
    /// The key that tokens would be signed with is not announced yet.
    announcing: Mutex<bool>,
    tally: Mutex<BTreeMap<String, u64>>,
    violations: Mutex<Vec<String>>,
}

impl World {
    pub(crate) async fn new(random: &mut Random) -> Self {
        let clerk = SessionsApi::start().await;
        let wire = Wire::to(clerk.base_url()).await;
        let instance = clerk.instance_builder().api_url(&wire.origin).unwrap().build().unwrap();
        let client = SessionsClient::builder(&instance)
            .quota(Quota::Unlimited)
            .timeout(Duration::from_millis(500))
            .build()
            .unwrap();
        let clock = Clock::adjustable();
        let resolver = SessionResolver::builder(&instance)
            .client(client)
            .clock(clock.clone())
            .ttl(LIFETIMES.ttl)
            .stale_if_error(LIFETIMES.stale_if_error)
            // Too few for the crowd: sessions are evicted all the time.
            .capacity(PEOPLE as u64 / 2)
            .build()
            .unwrap();
        let layer = AuthenticateLayer::new(resolver.clone()).unwrap();
        let people = (0..PEOPLE).map(|number| {
            let person = Person::sign_in(&clerk, random, number);
            Mutex::new(Arc::new(person))
        });
        Self {
            people: people.collect(),
            worthless: Mutex::new(worthless(&clerk, &clerk.sign_in("user_mallory")).into()),
            stacks: [stacks::axum(layer.clone()).await, stacks::tonic(layer).await],
            clerk,
            clock,
            resolver,
            weather: Weather::fair(),
            wire,
            announcing: Mutex::default(),
            tally: Mutex::default(),
            violations: Mutex::default(),
        }
    }

    /// Everybody does what they do until the end.
    pub(crate) async fn live(self: &Arc<Self>, random: &mut Random, end: Instant) {
        let world = || Arc::clone(self);
        let mut lives = JoinSet::new();
        lives.spawn(world().rage(random.fork(), end));
        lives.spawn(world().drift(random.fork(), end));
        lives.spawn(world().issue_tokens(random.fork(), end));
        lives.spawn(world().end_sessions(random.fork(), end));
        lives.spawn(world().crowd_in(random.fork(), end));
        lives.spawn(world().live_abroad(random.fork(), end));
        for _ in 0..VISITORS {
            lives.spawn(world().visit(random.fork(), end));
        }
        while let Some(life) = lives.join_next().await {
            life.unwrap();
        }
    }

    /// Once Clerk is well for good, whoever is signed in is admitted, and whoever is not is refused.
    pub(crate) async fn calm_down(&self) {
        // Whatever is known of sessions is too old by now, and the last key is announced.
        for clock in [&self.clerk.clock(), &self.clock] {
            clock.advance(LIFETIMES.ttl + LIFETIMES.stale_if_error + ANNOUNCED_FOR);
        }
        let end = Instant::now() + PATIENCE;
        for person in &self.people {
            let person = Arc::clone(&person.lock().unwrap());
            let signed_in = person.end().is_none();
            if !signed_in && !person.end().is_over(self.clock.now()) {
                continue;
            }
            self.renew(&person, Duration::from_secs(3600));
            let Some((token, presented)) = person.present_last() else { continue };
            for stack in &self.stacks {
                let header = || Some(("authorization", format!("Bearer {token}")));
                let ask = || self.ask(stack, &person, header(), &presented, PATIENCE);
                let mut outcome = ask().await;
                while outcome == Some(Outcome::Unavailable) && Instant::now() < end {
                    tokio::task::yield_now().await;
                    outcome = ask().await;
                }
                match outcome {
                    Some(Outcome::Admitted(_)) if signed_in => {}
                    Some(Outcome::Invalid) if !signed_in => {}
                    _ => self.violated(format!("in the end, {person:?} was {outcome:?}")),
                }
            }
        }
    }

    async fn rage(self: Arc<Self>, random: Random, end: Instant) {
        self.weather.rage(&self.clerk, &self.wire, random, end).await;
    }

    async fn drift(self: Arc<Self>, random: Random, end: Instant) {
        weather::drift(&self.clerk.clock(), &self.clock, random, end).await;
    }

    /// Strangers come all at once. Each is admitted, or told that Clerk cannot be asked just now.
    async fn crowd_in(self: Arc<Self>, mut random: Random, end: Instant) {
        while Instant::now() < end {
            tokio::time::sleep(random.millis(300..1500)).await;
            let mut requests = JoinSet::new();
            for person in tokio::task::block_in_place(|| self.newcomers()) {
                let (world, mut random) = (Arc::clone(&self), random.fork());
                requests.spawn(async move {
                    if let Some((token, presented)) = person.present_last() {
                        let header = Some(("authorization", format!("Bearer {token}")));
                        let stack = &world.stacks[random.below(2)];
                        world.ask(stack, &person, header, &presented, PATIENCE).await;
                    }
                    person.loom(world.clock.now());
                    person.be_forgotten(&world.clerk);
                });
            }
            if !requests.is_empty() {
                self.count("crowds");
            }
            requests.join_all().await;
        }
    }

    fn newcomers(&self) -> Vec<Person> {
        let announcing = self.announcing.lock().unwrap();
        let number = if *announcing { 0 } else { NEWCOMERS };
        (0..number).map(|number| Person::newcomer(&self.clerk, number, self.clock.now())).collect()
    }

    /// Somebody else uses the resolver, in a runtime of their own.
    async fn live_abroad(self: Arc<Self>, random: Random, end: Instant) {
        let world = Arc::clone(&self);
        let life = tokio::task::spawn_blocking(move || {
            abroad::live(&world.resolver, random, end, |random| {
                let person = world.somebody(random);
                (person.present(random).map(|(token, _)| token), person.session.clone())
            })
        });
        for _ in 0..life.await.unwrap() {
            self.count("runtimes");
        }
    }

    /// Front ends renew their tokens, and the instance rotates its keys.
    async fn issue_tokens(self: Arc<Self>, mut random: Random, end: Instant) {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        let mut rotated_at = None::<SystemTime>;
        while Instant::now() < end {
            ticks.tick().await;
            let since = rotated_at.map(|at| self.clock.now().duration_since(at).unwrap());
            match since {
                // The new key is not announced yet, and the emulator signs with no other.
                Some(since) if since < ANNOUNCED_FOR => {}
                Some(since) if since < 4 * ANNOUNCED_FOR => {
                    *self.announcing.lock().unwrap() = false;
                    for _ in 0..4 {
                        let lifetime = Duration::from_secs(20 + random.below(100) as u64);
                        self.renew(&self.somebody(&mut random), lifetime);
                        self.somebody(&mut random).renew_at_edge(&self.clerk);
                    }
                }
                _ => {
                    for person in &self.people {
                        let person = Arc::clone(&person.lock().unwrap());
                        self.renew(&person, 2 * ANNOUNCED_FOR);
                    }
                    self.rotate_keys().await;
                    rotated_at = Some(self.clock.now());
                }
            }
        }
    }

    fn renew(&self, person: &Person, lifetime: Duration) {
        person.renew_token(&self.clerk, lifetime, self.clock.now());
    }

    /// The key before the current one is withdrawn: its tokens have expired long ago.
    async fn rotate_keys(self: &Arc<Self>) {
        let world = Arc::clone(self);
        let rotation = tokio::task::spawn_blocking(move || {
            *world.announcing.lock().unwrap() = true;
            world.clerk.withdraw_retired_keys();
            world.clerk.rotate_keys();
            let mallory = world.clerk.sign_in("user_mallory");
            *world.worthless.lock().unwrap() = worthless(&world.clerk, &mallory).into();
        });
        rotation.await.unwrap();
    }

    /// Sessions end in all ways, and others take their place.
    async fn end_sessions(self: Arc<Self>, mut random: Random, end: Instant) {
        let mut ticks = tokio::time::interval(Duration::from_millis(5));
        let mut revocations = JoinSet::new();
        let mut number = PEOPLE;
        while Instant::now() < end {
            ticks.tick().await;
            while revocations.try_join_next().is_some() {}
            let place = random.pick(&self.people);
            let person = Arc::clone(&place.lock().unwrap());
            if person.end().is_over(self.clock.now()) {
                if random.percent(50) {
                    person.be_forgotten(&self.clerk);
                    number += 1;
                    *place.lock().unwrap() =
                        Arc::new(Person::sign_in(&self.clerk, &mut random, number));
                }
            } else if random.percent(2) {
                self.resolver.invalidate(&person.session);
            } else if !person.end().is_none() {
                // It takes its course.
            } else if random.percent(3) {
                person.sign_out_elsewhere(&self.clerk, &mut random, || self.clock.now(), LIFETIMES);
            } else if random.percent(6) && revocations.len() < 8 {
                person.loom(self.clock.now());
                revocations.spawn(Arc::clone(&self).sign_out(person, end));
            }
        }
        while revocations.join_next().await.is_some() {}
    }

    /// They try until it is certain. Somebody asks about the session just before.
    async fn sign_out(self: Arc<Self>, person: Arc<Person>, end: Instant) {
        self.resolver.invalidate(&person.session);
        let _ = timeout(Duration::from_millis(2), self.resolver.get(&person.session)).await;
        let now = || self.clock.now();
        while !person.sign_out(&self.clerk, &self.resolver, now, LIFETIMES).await {
            self.count("revoked perhaps");
            if Instant::now() >= end {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.count("revoked");
    }

    /// Somebody makes one request after the other.
    async fn visit(self: Arc<Self>, mut random: Random, end: Instant) {
        while Instant::now() < end {
            let stack = &self.stacks[random.below(2)];
            let person = self.somebody(&mut random);
            let genuine = person.present(&mut random);
            let (text, presented) = match (random.below(100), genuine) {
                (0..5, _) | (_, None) => (None, Presented::Nothing),
                (5..15, Some((token, _))) => {
                    (Some(mutated(&token, &mut random)), Presented::Worthless)
                }
                (15..25, _) => {
                    let worthless = Arc::clone(&self.worthless.lock().unwrap());
                    (Some(random.pick(&worthless).clone()), Presented::Worthless)
                }
                (_, Some((token, presented))) => (Some(token), presented),
            };
            let is_cookie = random.percent(20);
            let presented = match presented {
                Presented::Worthless if is_cookie => Presented::WorthlessCookie,
                presented => presented,
            };
            let header = text.map(|text| match is_cookie {
                true => ("cookie", format!("__session={text}")),
                false => ("authorization", format!("Bearer {text}")),
            });
            // Some do not wait for the answer.
            let patience = if random.percent(2) { random.millis(0..20) } else { PATIENCE };
            self.ask(stack, &person, header, &presented, patience).await;
        }
    }

    fn somebody(&self, random: &mut Random) -> Arc<Person> {
        Arc::clone(&random.pick(&self.people).lock().unwrap())
    }

    /// One request, and the oracle's opinion of its answer.
    async fn ask(
        &self,
        stack: &Stack,
        person: &Person,
        header: Option<(&str, String)>,
        presented: &Presented,
        patience: Duration,
    ) -> Option<Outcome> {
        let headers: Vec<_> =
            header.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let moment = || Moment { end: person.end(), now: self.clock.now() };
        let (before, begun) = (moment(), Instant::now());
        let Ok(outcome) = timeout(patience, stack.with(&headers)).await else {
            self.count("left");
            if patience == PATIENCE {
                self.violated(format!("{} took too long: {presented:?}", stack.name));
            }
            return None;
        };
        // Read in this order, so that no end is missed that was before the time.
        let now = self.clock.now();
        let after = Moment { now, end: person.end() };
        let was_foul = self.weather.was_foul(begun);
        self.count(&format!("{} {}", stack.name, in_a_word(&outcome)));
        if !oracle::allows(presented, before, after, was_foul, &outcome) {
            self.violated(format!(
                "{}: {presented:?} was {outcome:?}, {before:?}, {after:?}, foul: {was_foul}",
                stack.name
            ));
        }
        Some(outcome)
    }

    fn count(&self, what: &str) {
        let mut tally = self.tally.lock().unwrap();
        match tally.get_mut(what) {
            Some(count) => *count += 1,
            None => drop(tally.insert(what.to_owned(), 1)),
        }
    }

    fn violated(&self, how: String) {
        let mut violations = self.violations.lock().unwrap();
        if violations.len() < 10 {
            violations.push(how);
        }
    }

    pub(crate) fn violations(&self) -> Vec<String> {
        self.violations.lock().unwrap().clone()
    }

    /// How many requests were answered.
    pub(crate) fn requests(&self) -> u64 {
        let tally = self.tally.lock().unwrap();
        let answered = |what: &str| self.stacks.iter().any(|stack| what.starts_with(stack.name));
        tally.iter().filter(|(what, _)| answered(what)).map(|(_, count)| count).sum()
    }

    pub(crate) fn tally(&self) -> String {
        let mut told =
            format!("{} requests, {} to Clerk", self.requests(), self.clerk.requests().total());
        for (what, count) in &*self.tally.lock().unwrap() {
            write!(told, "; {what}: {count}").unwrap();
        }
        told
    }
}

fn in_a_word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Admitted(_) => "admitted",
        Outcome::Anonymous => "anonymous",
        Outcome::Missing => "missing",
        Outcome::Invalid => "invalid",
        Outcome::Forbidden => "forbidden",
        Outcome::Unavailable => "unavailable",
        Outcome::Misconfigured => "misconfigured",
        Outcome::Other(_) => "other",
    }
}
