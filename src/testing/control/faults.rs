//! What goes wrong, set from another process.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

use super::LONGEST_MILLIS;
use crate::testing::{
    answer::Refusal,
    fault::Fault,
    operation::Operation,
    parameters::{only, optional, required, whole},
    state::State,
    webhooks::WebhookFault,
};

pub(super) fn set_fault(
    state: &mut State,
    parameters: &Map<String, Value>,
    now: SystemTime,
) -> Result<Value, Refusal> {
    const KNOWN: [&str; 8] =
        ["operation", "kind", "status", "code", "retry_after", "delay_ms", "times", "for_ms"];
    only(parameters, &KNOWN)?;
    let operation = match required(parameters, "operation")? {
        "all" => None,
        name => Some(
            Operation::named(name)
                .ok_or_else(|| Refusal::value("operation", "the name of an operation, or all"))?,
        ),
    };
    let mut fault = match required(parameters, "kind")? {
        "status" => match whole(parameters, "status", 599)?.map(u16::try_from) {
            Some(Ok(status @ 300..=599)) => Fault::status(status),
            Some(_) => return Err(Refusal::value("status", "from 300 to 599")),
            None => return Err(Refusal::missing("status")),
        },
        "delay" => match whole(parameters, "delay_ms", LONGEST_MILLIS)? {
            Some(millis) => Fault::delay(Duration::from_millis(millis)),
            None => return Err(Refusal::missing("delay_ms")),
        },
        "hang" => Fault::hang(),
        "reset" => Fault::reset(),
        "truncate" => Fault::truncate(),
        "garbage" => Fault::garbage(),
        "content_type" => Fault::content_type(),
        _ => return Err(Refusal::value("kind", "a kind of fault")),
    };
    if let Some(code) = optional(parameters, "code")? {
        fault = fault.code(code);
    }
    if let Some(seconds) = whole(parameters, "retry_after", LONGEST_MILLIS)? {
        fault = fault.retry_after(Duration::from_secs(seconds));
    }
    if let Some(times) = whole(parameters, "times", u64::MAX)? {
        fault = fault.times(times);
    }
    if let Some(millis) = whole(parameters, "for_ms", LONGEST_MILLIS)? {
        fault = fault.during(Duration::from_millis(millis));
    }
    state.faults.set(operation, fault, now);
    Ok(json!({}))
}

pub(super) fn set_webhook_fault(
    state: &mut State,
    parameters: &Map<String, Value>,
) -> Result<Value, Refusal> {
    only(parameters, &["kind", "delay_ms", "repetitions", "times"])?;
    let mut fault = match required(parameters, "kind")? {
        "lost" => WebhookFault::lost(),
        "late" => match whole(parameters, "delay_ms", LONGEST_MILLIS)? {
            Some(millis) => WebhookFault::late(Duration::from_millis(millis)),
            None => return Err(Refusal::missing("delay_ms")),
        },
        "repeated" => match whole(parameters, "repetitions", 100)?.map(u32::try_from) {
            Some(Ok(times)) => WebhookFault::repeated(times),
            _ => return Err(Refusal::missing("repetitions")),
        },
        "after_next" => WebhookFault::after_next(),
        _ => return Err(Refusal::value("kind", "a kind of fault of webhooks")),
    };
    if let Some(times) = whole(parameters, "times", u64::MAX)? {
        fault = fault.times(times);
    }
    state.webhooks.fail(fault);
    Ok(json!({}))
}
