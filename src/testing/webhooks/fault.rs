//! What becomes of messages that a network of queues delivers at least once, at some time, or not at all.

use std::time::Duration;

/// What becomes of webhooks, until it is [cleared](super::SessionsApi::clear_faults) or for so many
/// [times](WebhookFault::times). Of several faults the first one set strikes until it is used up.
///
/// ```
/// use std::time::Duration;
/// use tower_clerk::testing::WebhookFault;
///
/// let outage = WebhookFault::lost();
/// let delay = WebhookFault::late(Duration::from_secs(1)).times(3);
/// # let _ = (outage, delay);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct WebhookFault {
    way: Way,
    times: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Way {
    Straight,
    Lost,
    Late(Duration),
    Repeated(u32),
    AfterNext,
}

impl WebhookFault {
    /// Is never sent.
    pub fn lost() -> Self {
        Self::new(Way::Lost)
    }

    /// Is sent so much later, in real time; others overtake it.
    pub fn late(by: Duration) -> Self {
        Self::new(Way::Late(by))
    }

    /// Is sent so often again although it was answered, under the same identifier.
    pub fn repeated(times: u32) -> Self {
        Self::new(Way::Repeated(times))
    }

    /// Is held back until after the next message that is not.
    pub fn after_next() -> Self {
        Self::new(Way::AfterNext)
    }

    /// Strikes so many messages, then no more.
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    fn new(way: Way) -> Self {
        Self { way, times: None }
    }
}

/// The faults that are set, in the order they were set.
#[derive(Debug, Default)]
pub(super) struct WebhookFaults(Vec<WebhookFault>);

impl WebhookFaults {
    pub(super) fn set(&mut self, fault: WebhookFault) {
        self.0.push(fault);
    }

    /// What becomes of the next message.
    pub(super) fn strike(&mut self) -> Way {
        self.0.retain(|fault| fault.times != Some(0));
        let Some(fault) = self.0.first_mut() else { return Way::Straight };
        fault.times = fault.times.map(|times| times.saturating_sub(1));
        fault.way
    }
}
