//! Sessions, their tokens, what a process knows of them, and the quota: second by second.

use std::ops::Range;

/// Of so many sessions at most each one is simulated; of more, a part that has the same part of the quota.
const SAMPLE: usize = 2_000;

const TOKEN_RENEWED_EVERY: f64 = 50.0;

/// How long Clerk's edge renews tokens, in this model, before it looks their session up again.
const EDGE: f64 = 600.0;

const SESSION_TTL: f64 = 600.0;

/// How long a request waits for its turn, in seconds: the rest of the time-out is for the call.
const WAIT: f64 = 2.0;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Instance {
    Production,
    Development,
}

impl Instance {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Development => "development",
        }
    }

    /// What Clerk lets all services of an instance ask together, per second.
    fn limit(self) -> f64 {
        match self {
            Self::Production => 100.0,
            Self::Development => 10.0,
        }
    }
}

/// What counts as a proof that a session is active.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Rule {
    /// Answers alone, for 30 s, as it was once; half of the quota was kept for bursts.
    Before,
    /// Answers, and tokens that Clerk assembles anew whenever they are renewed.
    Evidence,
    /// Answers alone: tokens do not tell when they were assembled.
    WithoutOiat,
    /// Tokens tell so, but are renewed at Clerk's edge for long before it looks their session up.
    EdgeRenewed,
    /// As `Evidence`; and where Clerk cannot be asked in time, a token does by itself.
    OrNetworkless,
}

impl Rule {
    pub(crate) const ALL: [Self; 5] =
        [Self::Before, Self::Evidence, Self::WithoutOiat, Self::EdgeRenewed, Self::OrNetworkless];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Evidence => "evidence",
            Self::WithoutOiat => "without-oiat",
            Self::EdgeRenewed => "edge-renewed",
            Self::OrNetworkless => "or-networkless",
        }
    }

    fn ttl(self) -> f64 {
        if self == Self::Before { 30.0 } else { 60.0 }
    }

    fn session_ttl(self) -> f64 {
        if self == Self::Before { self.ttl() } else { SESSION_TTL }
    }

    fn renews_ahead(self) -> bool {
        self != Self::Before
    }

    /// How long the claims of a token are copied forward; none where tokens say nothing of it.
    fn assembled_every(self) -> Option<f64> {
        match self {
            Self::Before | Self::WithoutOiat => None,
            Self::Evidence | Self::OrNetworkless => Some(0.0),
            Self::EdgeRenewed => Some(EDGE),
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) instance: Instance,
    pub(crate) rule: Rule,
    pub(crate) sessions: usize,
}

impl Scenario {
    /// Calls per second, by the formula.
    pub(crate) fn wanted(&self) -> f64 {
        let served_by_a_call = match self.rule {
            Rule::Before => 30.5,
            Rule::Evidence | Rule::OrNetworkless => 540.0,
            Rule::WithoutOiat | Rule::EdgeRenewed => 55.0,
        };
        self.sessions as f64 / served_by_a_call
    }

    /// 80 percent of the limit, of which 95 are sustained; once it was half.
    fn quota(&self) -> f64 {
        let sustained = if self.rule == Rule::Before { 0.5 } else { 0.95 };
        0.8 * sustained * self.instance.limit()
    }

    /// Simulates so many seconds from cold, with a restart in the middle.
    pub(crate) fn run(&self, seconds: usize) -> Run {
        let sample = self.sessions.min(SAMPLE);
        let scale = self.sessions as f64 / sample as f64;
        let mut random = Random(2026);
        let mut sessions: Vec<_> = (0..sample).map(|_| Session::new(&mut random)).collect();
        let (quota, mut budget) = (self.quota() / scale, 0.0_f64);
        let mut run = Run { scale, ..Run::default() };
        for second in 0..seconds {
            if second == seconds / 2 {
                sessions.iter_mut().for_each(Session::forget);
            }
            // A second's calls may come at once.
            budget = (budget + quota).min(quota + 1.0);
            let mut tally = Tally::default();
            let mut ahead = Vec::new();
            // Each second another one is the first in line.
            for turn in 0..sample {
                let number = (turn + second * 709) % sample;
                let session = &mut sessions[number];
                let now = second as f64 + session.phase;
                session.renew_token(now, self.rule);
                match session.judge(now, self.rule) {
                    Judged::Known => {}
                    Judged::Aging => ahead.push(number),
                    // It waits for its turn, or is refused where that would take too long.
                    Judged::Unknown if budget + WAIT * quota >= 1.0 => {
                        budget -= 1.0;
                        tally.calls += 1;
                        session.learn(now, self.rule, &mut random);
                    }
                    Judged::Unknown if session.does_alone(now, self.rule) => {}
                    Judged::Unknown => {
                        tally.refused += 1;
                        continue;
                    }
                }
                tally.admitted += 1;
            }
            // What is renewed ahead of time takes what is left.
            for number in ahead {
                if budget >= 1.0 {
                    budget -= 1.0;
                    tally.calls += 1;
                    let now = second as f64 + sessions[number].phase;
                    sessions[number].learn(now, self.rule, &mut random);
                }
            }
            run.seconds.push(tally);
        }
        run
    }
}

struct Session {
    /// When within a second it makes its request.
    phase: f64,
    token_renewed_at: f64,
    assembled_at: f64,
    known: Option<Known>,
    has_been_known: bool,
}

struct Known {
    asked_at: f64,
    /// The part of a life after which it is time to renew what lives so long.
    renew_after: f64,
}

enum Judged {
    Known,
    /// It still serves, and is better renewed.
    Aging,
    /// Clerk must be asked.
    Unknown,
}

impl Session {
    fn new(random: &mut Random) -> Self {
        let phase = random.fraction();
        // Front ends were there before the process was.
        let token_renewed_at = -TOKEN_RENEWED_EVERY * random.fraction();
        let assembled_at = -EDGE * random.fraction();
        Self { phase, token_renewed_at, assembled_at, known: None, has_been_known: false }
    }

    fn forget(&mut self) {
        self.known = None;
        self.has_been_known = false;
    }

    fn renew_token(&mut self, now: f64, rule: Rule) {
        if now - self.token_renewed_at >= TOKEN_RENEWED_EVERY {
            self.token_renewed_at += TOKEN_RENEWED_EVERY;
        }
        if let Some(every) = rule.assembled_every()
            && self.token_renewed_at - self.assembled_at >= every
        {
            self.assembled_at = self.token_renewed_at;
        }
    }

    fn judge(&self, now: f64, rule: Rule) -> Judged {
        let Some(known) = &self.known else { return Judged::Unknown };
        let by_token = rule.assembled_every().map_or(f64::NEG_INFINITY, |_| self.assembled_at);
        let proven_at = known.asked_at.max(by_token);
        let (age, described) = (now - proven_at, now - known.asked_at);
        if age >= rule.ttl() || described >= 2.0 * rule.session_ttl() {
            return Judged::Unknown;
        }
        let runs_out = age >= known.renew_after * rule.ttl()
            && self.token_renewed_at + 60.0 > proven_at + rule.ttl() + 5.0;
        let is_aging = runs_out || described >= known.renew_after * rule.session_ttl();
        if rule.renews_ahead() && is_aging { Judged::Aging } else { Judged::Known }
    }

    /// Whether the token does, where Clerk cannot be asked.
    fn does_alone(&self, now: f64, rule: Rule) -> bool {
        rule == Rule::OrNetworkless && now - self.assembled_at < rule.ttl()
    }

    fn learn(&mut self, now: f64, rule: Rule, random: &mut Random) {
        let earliest = if self.has_been_known { 0.8 } else { 0.5 };
        let is_described_for_long = rule.session_ttl() > rule.ttl();
        let earliest = if is_described_for_long { earliest } else { 0.8 };
        let renew_after = earliest + (1.0 - earliest) * random.fraction();
        self.known = Some(Known { asked_at: now, renew_after });
        self.has_been_known = true;
    }
}

/// What happened in each second.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) seconds: Vec<Tally>,
    /// How many sessions each simulated one stands for.
    scale: f64,
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    calls: usize,
    admitted: usize,
    refused: usize,
}

impl Run {
    pub(crate) fn calls_per_second(&self, seconds: Range<usize>) -> f64 {
        let length = seconds.len() as f64;
        let calls: usize = self.seconds[seconds].iter().map(|tally| tally.calls).sum();
        calls as f64 * self.scale / length
    }

    /// In percent of the requests.
    pub(crate) fn refused(&self, seconds: Range<usize>) -> f64 {
        let sum = |of: fn(&Tally) -> usize| {
            self.seconds[seconds.clone()].iter().map(of).sum::<usize>() as f64
        };
        let refused = sum(|tally| tally.refused);
        100.0 * refused / (refused + sum(|tally| tally.admitted))
    }

    /// When the last request was refused before all were known.
    pub(crate) fn cold(&self) -> Option<usize> {
        let half = self.seconds.len() / 2;
        let last = self.seconds[..half].iter().rposition(|tally| tally.refused > 0);
        let cold = last.map_or(0, |last| last + 1);
        (cold + 60 < half).then_some(cold)
    }
}

/// SplitMix64: the same in every run.
struct Random(u64);

impl Random {
    /// From 0 to 1, without 1.
    fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        (bits >> 11) as f64 / (1_u64 << 53) as f64
    }
}
