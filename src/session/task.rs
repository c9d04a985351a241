//! What is left to do before a pending session becomes active.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::ornament::JsonValue;
use crate::json_object::JsonObject;
use crate::unreadable::Unreadable;

/// Something a user has to do before a pending session becomes active.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct SessionTask(Task);

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Task {
    Named(Named),
    Unreadable(Unreadable),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Named {
    key: Box<str>,
}

impl SessionTask {
    /// What is to be done, such as `choose-organization`. None where Clerk said it in a form that
    /// cannot be read: something is to be done, and nobody knows what.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match &self.0 {
            Task::Named(task) => Some(&task.key),
            Task::Unreadable(_) => None,
        }
    }

    fn read<V: JsonValue>(value: V) -> Self {
        Self(match value.read() {
            Some(JsonObject(task)) => Task::Named(task),
            None => Task::Unreadable(value.into_unreadable()),
        })
    }
}

impl<'de> Deserialize<'de> for SessionTask {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::read)
    }
}

/// The tasks of a session. What is no list of tasks is a list of one that cannot be read.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(super) struct Tasks(Box<[SessionTask]>);

impl Tasks {
    pub(super) fn as_slice(&self) -> &[SessionTask] {
        &self.0
    }

    pub(super) fn read<V: JsonValue>(value: V) -> Self {
        let tasks = value.read::<Vec<V>>().unwrap_or_else(|| vec![value]);
        Self(tasks.into_iter().map(SessionTask::read).collect())
    }
}
