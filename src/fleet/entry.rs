use std::{
    fmt,
    str::FromStr,
    time::{Duration, SystemTime},
};

use super::LogError;
use crate::{OrganizationId, SessionId, SessionStatus, UserId};

/// The longest beat that is read, in bytes. Our own have about 25.
const MAX_BEAT: usize = 64;

/// What one process tells the others.
///
/// An entry can only deny: whatever it says, and however often, late or out of order it is read, it admits nobody.
///
/// Its text is one line of fields and values, for engines that keep texts:
///
/// ```
/// use tower_clerk::fleet::LogEntry;
///
/// let entry: LogEntry = "s sess_2b7Fz1 t revoked e 1790000000000".parse()?;
/// assert!(matches!(&entry, LogEntry::Session(revoked) if revoked.session_id.as_str() == "sess_2b7Fz1"));
/// assert_eq!(entry.to_string(), "s sess_2b7Fz1 t revoked e 1790000000000");
///
/// // What a later version adds is ignored; what names nobody is refused.
/// assert!("s sess_2b7Fz1 colour blue".parse::<LogEntry>().is_ok());
/// assert!("s ../../etc".parse::<LogEntry>().is_err());
/// # Ok::<(), tower_clerk::fleet::LogError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LogEntry {
    /// A session has ended, or must be asked about anew.
    Session(Revocation),
    /// Tokens of this user that were assembled earlier are refused.
    #[non_exhaustive]
    User {
        /// The user.
        id: UserId,
        /// What was assembled earlier is refused.
        before: SystemTime,
    },
    /// Tokens of this user in this organization that were assembled earlier are refused.
    #[non_exhaustive]
    Member {
        /// The user.
        user: UserId,
        /// The organization.
        organization: OrganizationId,
        /// What was assembled earlier is refused.
        before: SystemTime,
    },
    /// A sign of life: whoever wrote it expects to read it back.
    Beat(Box<str>),
}

/// That a session has ended, or that what is known of it no longer counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Revocation {
    /// The session.
    pub session_id: SessionId,
    /// How it ended. None, or a status that is not [final](Revocation::is_final): Clerk is asked about it at the next
    /// request, and nobody is refused meanwhile who was not before.
    pub status: Option<SessionStatus>,
    /// When it would have expired by itself, where that is known.
    pub expire_at: Option<SystemTime>,
}

impl Revocation {
    /// A session that has ended in this way.
    #[must_use]
    pub fn ended(
        session_id: SessionId,
        status: SessionStatus,
        expire_at: Option<SystemTime>,
    ) -> Self {
        Self { session_id, status: Some(status), expire_at }
    }

    /// A session that Clerk must be asked about anew.
    #[must_use]
    pub fn look_again(session_id: SessionId) -> Self {
        Self { session_id, status: None, expire_at: None }
    }

    /// Whether it says that the session has ended for good.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.status.as_ref().is_some_and(SessionStatus::is_final)
    }
}

impl LogEntry {
    /// Tokens of this user that were assembled before this time are refused.
    #[must_use]
    pub fn user(id: UserId, before: SystemTime) -> Self {
        Self::User { id, before }
    }

    /// Tokens of this user in this organization that were assembled before this time are refused.
    #[must_use]
    pub fn member(user: UserId, organization: OrganizationId, before: SystemTime) -> Self {
        Self::Member { user, organization, before }
    }

    /// The entry as it is written: fields and their values, neither of which holds white space.
    pub(crate) fn fields(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Session(revocation) => {
                let mut fields = vec![("s", revocation.session_id.to_string())];
                if let Some(status) = revocation.status.as_ref().filter(|it| it.is_final()) {
                    fields.push(("t", status.to_string()));
                }
                if let Some(expire_at) = revocation.expire_at {
                    fields.push(("e", millis(expire_at).to_string()));
                }
                fields
            }
            Self::User { id, before } => {
                vec![("u", id.to_string()), ("b", millis(*before).to_string())]
            }
            Self::Member { user, organization, before } => vec![
                ("m", user.to_string()),
                ("o", organization.to_string()),
                ("b", millis(*before).to_string()),
            ],
            Self::Beat(text) => vec![("h", text.to_string())],
        }
    }

    /// Reads what [`fields`](Self::fields) wrote. Unknown fields are ignored, and of a repeated one the first counts.
    pub(crate) fn from_fields<'a>(
        fields: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, LogError> {
        let fields: Vec<_> = fields.into_iter().collect();
        let value = |name| fields.iter().find(|(field, _)| *field == name).map(|(_, value)| *value);
        let before = || value("b").and_then(time).ok_or_else(unreadable);
        if let Some(id) = value("s") {
            return Ok(Self::Session(Revocation {
                session_id: parsed(id)?,
                // Of the statuses only those that deny are taken over.
                status: value("t").map(SessionStatus::from).filter(SessionStatus::is_final),
                expire_at: value("e").and_then(time),
            }));
        }
        if let Some(id) = value("u") {
            return Ok(Self::User { id: parsed(id)?, before: before()? });
        }
        if let (Some(user), Some(organization)) = (value("m"), value("o")) {
            let (user, organization) = (parsed(user)?, parsed(organization)?);
            return Ok(Self::Member { user, organization, before: before()? });
        }
        match value("h") {
            Some(text) if !text.is_empty() && text.len() <= MAX_BEAT => Ok(Self::Beat(text.into())),
            _ => Err(unreadable()),
        }
    }
}

impl fmt::Display for LogEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, value)) in self.fields().into_iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            write!(f, "{space}{name} {value}")?;
        }
        Ok(())
    }
}

impl FromStr for LogEntry {
    type Err = LogError;

    fn from_str(text: &str) -> Result<Self, LogError> {
        let mut words = text.split_ascii_whitespace();
        Self::from_fields(std::iter::from_fn(|| words.next().zip(words.next())))
    }
}

impl From<Revocation> for LogEntry {
    fn from(revocation: Revocation) -> Self {
        Self::Session(revocation)
    }
}

fn parsed<T: FromStr>(text: &str) -> Result<T, LogError> {
    text.parse().map_err(|_| unreadable())
}

/// The text is not repeated, since it may have come from anywhere.
fn unreadable() -> LogError {
    LogError::new("an entry of the log names no session, user or member")
}

fn time(millis: &str) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis.parse().ok()?))
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written_and_read(entry: &LogEntry) -> LogEntry {
        entry.to_string().parse().unwrap()
    }

    #[test]
    fn every_kind_of_entry_is_read_as_it_was_written() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_790_000_000_123);
        let (user, organization): (UserId, OrganizationId) =
            ("user_1".parse().unwrap(), "org_1".parse().unwrap());
        let session: SessionId = "sess_1".parse().unwrap();
        for entry in [
            Revocation::ended(session.clone(), SessionStatus::Revoked, Some(at)).into(),
            Revocation::ended(session.clone(), SessionStatus::Ended, None).into(),
            Revocation::look_again(session).into(),
            LogEntry::user(user.clone(), at),
            LogEntry::member(user, organization, at),
            LogEntry::Beat("0123456789abcdef.7".into()),
        ] {
            assert_eq!(written_and_read(&entry), entry, "{entry}");
        }
    }

    #[test]
    fn a_status_that_is_not_final_asks_to_look_again() {
        for status in ["active", "pending", "hibernating", "Revoked", ""] {
            let text = [("s", "sess_1"), ("t", status)];
            let LogEntry::Session(read) = LogEntry::from_fields(text).unwrap() else { panic!() };
            assert_eq!(read.status, None, "{status}");
        }
        let odd = SessionStatus::from("two words");
        let entry = Revocation::ended("sess_1".parse().unwrap(), odd, None).into();
        assert_eq!(LogEntry::to_string(&entry), "s sess_1");
    }

    #[test]
    fn what_names_nobody_is_no_entry() {
        let long = format!("h {}", "a".repeat(65));
        for text in [
            "",
            "s",
            "s user_1",
            "s sess_",
            "t revoked",
            "u user_1",
            "u user_1 b soon",
            "u user_1 b -1",
            "u user_1 b 99999999999999999999",
            "m user_1 b 1",
            "o org_1 b 1",
            "m user_1 o org_1",
            "m org_1 o user_1 b 1",
            "h",
            "x sess_1",
            &long,
        ] {
            assert!(text.parse::<LogEntry>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_and_what_is_read_is_written_again(text in "([a-z]{1,2} [ -~]{0,20} ?){0,4}") {
            if let Ok(entry) = text.parse::<LogEntry>() {
                prop_assert_eq!(written_and_read(&entry), entry);
            }
        }

        #[test]
        fn no_binary_field_panics(fields in proptest::collection::vec((".{0,3}", ".{0,40}"), 0..5)) {
            let fields = fields.iter().map(|(name, value)| (&**name, &**value));
            let _ = LogEntry::from_fields(fields);
        }
    }
}
