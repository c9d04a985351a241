//! Faults: what a network, or Clerk on a bad day, does to an answer.

use std::time::{Duration, SystemTime};

use super::operation::Operation;

/// Something that goes wrong with answers, until it is [cleared](super::SessionsApi::clear_faults), or for so
/// many [times](Fault::times), or [for a while](Fault::during).
///
/// A [status](Fault::status) takes the place of the operation, which does not happen. Every other fault
/// strikes the answer of an operation that *has* happened: a session whose revocation was reset is revoked, and
/// a delayed answer tells what was true before the delay. Of several faults on one operation the first
/// one set strikes until it is used up.
///
/// ```
/// use std::time::Duration;
/// use tower_clerk::testing::Fault;
///
/// let storm = Fault::status(429).retry_after(Duration::from_secs(2)).times(3);
/// let outage = Fault::hang().during(Duration::from_secs(30));
/// # let _ = (storm, outage);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Fault {
    kind: Kind,
    times: Option<u64>,
    during: Option<Duration>,
}

/// How an answer goes wrong.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Status(Failure),
    Delay(Duration),
    Hang,
    Reset,
    Truncate,
    Garbage,
    ContentType,
}

/// An answer of Clerk's in place of the operation.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) status: u16,
    pub(super) code: Option<String>,
    pub(super) retry_after: Option<Duration>,
}

impl Fault {
    /// Answers with this status and an error of Clerk's form; a redirection leads to another path.
    ///
    /// # Panics
    ///
    /// Panics unless the status is from 300 to 599.
    pub fn status(status: u16) -> Self {
        assert!((300..600).contains(&status), "a fault's status must be from 300 to 599");
        Self::new(Kind::Status(Failure { status, code: None, retry_after: None }))
    }

    /// Answers late. The delay is real time, whatever the emulator's clock shows.
    pub fn delay(by: Duration) -> Self {
        Self::new(Kind::Delay(by))
    }

    /// Never answers, and keeps the connection open.
    pub fn hang() -> Self {
        Self::new(Kind::Hang)
    }

    /// Resets the connection in place of an answer.
    pub fn reset() -> Self {
        Self::new(Kind::Reset)
    }

    /// Sends half the body, then cuts the connection.
    pub fn truncate() -> Self {
        Self::new(Kind::Truncate)
    }

    /// Answers 200 with a body that is no JSON.
    pub fn garbage() -> Self {
        Self::new(Kind::Garbage)
    }

    /// Sends the answer as `text/html`.
    pub fn content_type() -> Self {
        Self::new(Kind::ContentType)
    }

    /// Adds `Retry-After`, in whole seconds, to a [status](Fault::status). Other faults ignore it.
    pub fn retry_after(mut self, after: Duration) -> Self {
        if let Kind::Status(failure) = &mut self.kind {
            failure.retry_after = Some(after);
        }
        self
    }

    /// Gives the error of a [status](Fault::status) this code, such as `resource_forbidden`. Other faults
    /// ignore it.
    pub fn code(mut self, code: &str) -> Self {
        if let Kind::Status(failure) = &mut self.kind {
            failure.code = Some(code.to_owned());
        }
        self
    }

    /// Strikes so many requests, then no more.
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Strikes for so long by the emulator's clock, then no more.
    pub fn during(mut self, during: Duration) -> Self {
        self.during = Some(during);
        self
    }

    fn new(kind: Kind) -> Self {
        Self { kind, times: None, during: None }
    }
}

/// The faults that are set, in the order they were set.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Active>);

#[derive(Debug)]
struct Active {
    on: Option<Operation>,
    kind: Kind,
    times: Option<u64>,
    until: Option<SystemTime>,
}

impl Faults {
    /// Sets a fault on one operation, or on all.
    pub(super) fn set(&mut self, on: Option<Operation>, fault: Fault, now: SystemTime) {
        let until = fault.during.and_then(|during| now.checked_add(during));
        self.0.push(Active { on, kind: fault.kind, times: fault.times, until });
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault that strikes this request, if any. An unknown path is struck by a fault on all operations.
    pub(super) fn strike(&mut self, operation: Option<Operation>, now: SystemTime) -> Option<Kind> {
        self.0
            .retain(|fault| fault.times != Some(0) && fault.until.is_none_or(|until| now < until));
        let fault = self.0.iter_mut().find(|fault| fault.on.is_none() || fault.on == operation)?;
        fault.times = fault.times.map(|times| times.saturating_sub(1));
        Some(fault.kind.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    #[test]
    fn faults_strike_in_the_order_they_were_set() {
        let mut faults = Faults::default();
        faults.set(Some(Operation::Get), Fault::status(500).times(2), NOW);
        faults.set(None, Fault::hang(), NOW);
        let mut strike = |operation| faults.strike(operation, NOW);
        assert!(matches!(strike(Some(Operation::List)), Some(Kind::Hang)));
        assert!(matches!(strike(Some(Operation::Get)), Some(Kind::Status(_))));
        assert!(matches!(strike(Some(Operation::Get)), Some(Kind::Status(_))));
        assert!(matches!(strike(Some(Operation::Get)), Some(Kind::Hang)));
        assert!(matches!(strike(None), Some(Kind::Hang)));
    }

    #[test]
    fn a_fault_with_an_end_is_over_then() {
        let mut faults = Faults::default();
        faults.set(None, Fault::reset().during(Duration::from_secs(5)), NOW);
        assert!(faults.strike(None, NOW + Duration::from_millis(4999)).is_some());
        assert!(faults.strike(None, NOW + Duration::from_secs(5)).is_none());
    }

    #[test]
    fn a_fault_for_no_request_strikes_none() {
        let mut faults = Faults::default();
        faults.set(None, Fault::reset().times(0), NOW);
        assert!(faults.strike(None, NOW).is_none());
    }
}
