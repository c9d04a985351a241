//! Clients that share an instance's limit, in simulated time.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    client::{
        Quota,
        turns::{Rank, Reason, Turn, Turns, Wish},
    },
    secret_key::InstanceKind,
};

const TIMEOUT: Duration = Duration::from_secs(3);

/// Clerk's limit: so many calls in any ten seconds; those it refuses do not count.
struct Clerk {
    limit: usize,
    calls: VecDeque<Duration>,
}

impl Clerk {
    fn answer(&mut self, now: Duration) -> Result<(), Duration> {
        let window = Duration::from_secs(10);
        while self.calls.front().is_some_and(|&at| now - at >= window) {
            self.calls.pop_front();
        }
        if self.calls.len() >= self.limit {
            let left = self.calls[0] + window - now;
            return Err(Duration::from_secs(left.as_secs_f64().ceil() as u64));
        }
        self.calls.push_back(now);
        Ok(())
    }
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Wanted,
    Again { ticket: u64, since: Duration },
    AtClerk { ticket: u64, since: Duration, sent: Duration },
    Answered { ticket: u64, since: Duration, sent: Duration, wait: Option<Duration> },
}

#[derive(Debug, Default, Clone)]
struct Told {
    /// When calls were answered, and when refused by Clerk.
    answered: Vec<Duration>,
    refused: Vec<Duration>,
}

struct Simulation {
    start: Instant,
    clerk: Clerk,
    clients: Vec<Turns>,
    told: Vec<Told>,
    /// How often each client wants to call.
    every: Duration,
    latency: Duration,
    events: BinaryHeap<Reverse<(Duration, u64, usize, Event)>>,
    number: u64,
    /// How many were not sent.
    turned_away: usize,
    /// How many were answered after their time-out.
    late: usize,
}

impl Simulation {
    fn new(instance: InstanceKind, clients: usize, demand: f64, latency: Duration) -> Self {
        let limit = match instance {
            InstanceKind::Production => 1000,
            InstanceKind::Development => 100,
        };
        let turns = || Turns::new(Quota::default().allowance(instance).unwrap());
        let mut simulation = Self {
            start: Instant::now(),
            clerk: Clerk { limit, calls: VecDeque::new() },
            clients: (0..clients).map(|_| turns()).collect(),
            told: vec![Told::default(); clients],
            every: Duration::from_secs(10).div_f64(limit as f64 * demand),
            latency,
            events: BinaryHeap::new(),
            number: 0,
            turned_away: 0,
            late: 0,
        };
        for client in 0..clients {
            // Not in step.
            let first = Duration::from_millis(377 * client as u64);
            simulation.later(first, client, Event::Wanted);
        }
        simulation
    }

    fn later(&mut self, at: Duration, client: usize, event: Event) {
        self.number += 1;
        self.events.push(Reverse((at, self.number, client, event)));
    }

    fn run(&mut self, until: Duration) {
        while let Some(Reverse((now, number, client, event))) = self.events.pop() {
            if now > until {
                self.events.push(Reverse((now, number, client, event)));
                return;
            }
            match event {
                Event::Wanted => {
                    let ticket = self.clients[client].ticket();
                    self.ask(client, ticket, now, now);
                    self.later(now + self.every, client, Event::Wanted);
                }
                Event::Again { ticket, since } => self.ask(client, ticket, since, now),
                Event::AtClerk { ticket, since, sent } => {
                    let wait = self.clerk.answer(now).err();
                    let told = &mut self.told[client];
                    if wait.is_some() { &mut told.refused } else { &mut told.answered }.push(now);
                    let answered = Event::Answered { ticket, since, sent, wait };
                    self.later(now + self.latency / 2, client, answered);
                }
                Event::Answered { ticket, since, sent, wait } => {
                    self.late += usize::from(now - since > TIMEOUT);
                    let (sent, now) = (self.start + sent, self.start + now);
                    let turns = &mut self.clients[client];
                    turns.leave(ticket);
                    match wait {
                        Some(wait) => turns.refused(sent, Some(wait), now),
                        None => turns.answered(sent),
                    }
                }
            }
        }
    }

    fn ask(&mut self, client: usize, ticket: u64, since: Duration, now: Duration) {
        let deadline = self.start + since + TIMEOUT;
        let wish = Wish {
            ticket,
            rank: Rank::Waiting,
            keeps_quiet: true,
            latest: deadline - TIMEOUT / 3,
            deadline,
        };
        match self.clients[client].ask(&wish, self.start + now) {
            Turn::Now => {
                // No two calls take the same time.
                let jitter =
                    self.latency.mul_f64((ticket.wrapping_mul(0x9e37_79b9) % 97) as f64 / 970.0);
                let at = now + self.latency / 2 + jitter;
                self.later(at, client, Event::AtClerk { ticket, since, sent: now });
            }
            Turn::At(at) => self.later(at - self.start, client, Event::Again { ticket, since }),
            Turn::Occupied => {
                let soon = now + Duration::from_millis(10);
                self.later(soon, client, Event::Again { ticket, since });
            }
            Turn::Refused(_) => self.turned_away += 1,
        }
    }

    /// Of the limit, how much was used; of the calls, how many refused; and the longest silence of a
    /// client, all between these times.
    fn account(&self, from: Duration, to: Duration) -> (f64, f64, Duration) {
        let within = |times: &[Duration]| {
            times.iter().filter(|&&at| at >= from && at < to).copied().collect::<Vec<_>>()
        };
        let answered: Vec<_> = self.told.iter().map(|told| within(&told.answered)).collect();
        let refused: usize = self.told.iter().map(|told| within(&told.refused).len()).sum();
        let silence = answered.iter().flat_map(|times| {
            let times = [&[from], &times[..], &[to]].concat();
            times.windows(2).map(|pair| pair[1] - pair[0]).max()
        });
        let calls: usize = answered.iter().map(Vec::len).sum();
        let limit = self.clerk.limit as f64 * (to - from).as_secs_f64() / 10.0;
        let share = refused as f64 / (calls + refused) as f64;
        (calls as f64 / limit, share, silence.max().unwrap())
    }
}

#[test]
fn four_clients_that_know_nothing_of_one_another_share_a_limit() {
    let instances = [(InstanceKind::Development, 100.0), (InstanceKind::Production, 1000.0)];
    for (instance, calls) in instances.into_iter().take(if is_long() { 2 } else { 1 }) {
        for demand in [0.5, 1.2] {
            let latency = Duration::from_millis(100);
            let mut simulation = Simulation::new(instance, 4, demand, latency);
            simulation.run(Duration::from_secs(180));
            let told = simulation.account(Duration::from_secs(60), Duration::from_secs(180));
            println!("{instance:?}, each wants {demand} of {calls}: {told:?}");
            let (used, refused, silence) = told;
            assert!(used >= 0.8, "{used}");
            assert!(refused <= 0.02, "{refused}");
            assert!(silence <= Duration::from_secs(5), "{silence:?}");
        }
    }
}

#[test]
fn demand_above_the_rate_is_served_at_the_rate_and_whole_when_it_falls() {
    let demands = [
        (InstanceKind::Development, 115, 300),
        (InstanceKind::Development, 1000, 300),
        (InstanceKind::Production, 1150, 100),
        (InstanceKind::Production, 2500, 100),
    ];
    for (instance, demanded, latency) in demands.into_iter().take(if is_long() { 4 } else { 2 }) {
        let limit = if instance == InstanceKind::Production { 100.0 } else { 10.0 };
        let latency = Duration::from_millis(latency);
        let demand = f64::from(demanded) / limit;
        let mut simulation = Simulation::new(instance, 1, demand, latency);
        let (minute, second) = (Duration::from_secs(60), Duration::from_secs(1));
        simulation.run(minute);
        let (used, refused, silence) = simulation.account(Duration::ZERO, minute);
        println!("{instance:?}, {demanded} a second, {latency:?}: {used}, {silence:?}");
        // Of what the quota carries, which is four fifths of the limit.
        assert!(used >= 0.9 * 0.8, "{used}");
        assert!(refused == 0.0 && silence < 2 * second, "{refused} {silence:?}");
        assert_eq!(simulation.late, 0);

        simulation.every = second.div_f64(limit * 0.5);
        // Those who wait already see the end of it.
        simulation.run(minute + 3 * second);
        let turned_away = simulation.turned_away;
        assert!(turned_away > 0);
        simulation.run(minute + 30 * second);
        assert_eq!(simulation.turned_away, turned_away);
        assert_eq!(simulation.late, 0);
    }
}

/// A production instance takes ten times as long to simulate.
fn is_long() -> bool {
    std::env::var_os("LONG_TESTS").is_some()
}

#[test]
fn what_is_asked_ahead_of_time_takes_nothing_from_requests() {
    let mut turns = Turns::new(Quota::default().allowance(InstanceKind::Development).unwrap());
    let mut now = Instant::now();
    let mut ask = |rank, now| {
        let ticket = turns.ticket();
        let deadline = now + TIMEOUT;
        let latest = deadline - TIMEOUT / 3;
        let turn = turns.ask(&Wish { ticket, rank, keeps_quiet: true, latest, deadline }, now);
        if turn == Turn::Now {
            turns.leave(ticket);
        }
        (turn, ticket)
    };
    let count = |ask: &mut dyn FnMut(Rank, Instant) -> (Turn, u64), rank, now| {
        (0..100).take_while(|_| ask(rank, now).0 == Turn::Now).count()
    };
    let ahead = count(&mut ask, Rank::Ahead, now);
    let waiting = count(&mut ask, Rank::Waiting, now);
    assert!(ahead >= 25 && waiting >= 10 && ahead + waiting == 40, "{ahead} {waiting}");
    // Somebody waits now, and goes first.
    now += Duration::from_millis(500);
    assert!(matches!(ask(Rank::Ahead, now).0, Turn::Refused(Reason::Quota(_))));
    // Without requests, three quarters of the rate and more are there for it.
    now += Duration::from_secs(60);
    let mut calls = 0;
    for _ in 0..6000 {
        calls += usize::from(ask(Rank::Ahead, now).0 == Turn::Now);
        now += Duration::from_millis(10);
    }
    assert!(calls >= 6 * 80 * 3 / 4, "{calls}");
}

#[test]
fn whoever_does_not_come_for_a_turn_holds_nobody_up() {
    let mut turns = Turns::new(Quota::default().allowance(InstanceKind::Development).unwrap());
    let start = Instant::now();
    let wish = |ticket, since: Instant| {
        let deadline = since + TIMEOUT;
        let latest = deadline - TIMEOUT / 3;
        Wish { ticket, rank: Rank::Waiting, keeps_quiet: true, latest, deadline }
    };
    // Their runtime stands still, whether they wait for a turn or have had it.
    for _ in 0..200 {
        let ticket = turns.ticket();
        turns.ask(&wish(ticket, start), start);
    }
    let later = start + Duration::from_secs(5);
    let ticket = turns.ticket();
    assert_eq!(turns.ask(&wish(ticket, later), later), Turn::Now);
}

#[test]
fn so_many_calls_are_under_way_however_many_hang() {
    let mut turns = Turns::new(None);
    let now = Instant::now();
    let deadline = now + TIMEOUT;
    let latest = deadline - TIMEOUT / 3;
    let mut ask = |now, rank| {
        let wish = Wish { ticket: turns.ticket(), rank, keeps_quiet: true, latest, deadline };
        turns.ask(&wish, now)
    };
    for _ in 0..64 {
        assert_eq!(ask(now, Rank::Waiting), Turn::Now);
    }
    assert_eq!(ask(now, Rank::Waiting), Turn::Occupied);
    assert!(matches!(ask(now, Rank::Ahead), Turn::Refused(_)));
    assert_eq!(ask(now, Rank::Urgent), Turn::Now);
    assert_eq!(ask(latest, Rank::Waiting), Turn::Refused(Reason::Crowded));
}
