//! Listing sessions, page by page.

use std::fmt;

use http::Method;
use serde::{
    Deserialize, Deserializer,
    de::{
        MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};
use serde_json::value::RawValue;

use super::{Error, SessionsClient, operation::Operation};
use crate::{
    id::{ClientId, UserId},
    json_object::JsonObject,
    session::{JsonSession, Session, SessionStatus},
};

/// Which sessions to [list](SessionsClient::list). Name a client or a user: Clerk may refuse the
/// question otherwise.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct ListSessions {
    client_id: Option<ClientId>,
    user_id: Option<UserId>,
    status: Option<SessionStatus>,
    paginated: bool,
    limit: Option<u16>,
    offset: u64,
}

impl ListSessions {
    /// All sessions that Clerk still has, newest first.
    pub fn new() -> Self {
        Self::default()
    }

    /// Those of this client.
    pub fn client_id(mut self, id: ClientId) -> Self {
        self.client_id = Some(id);
        self
    }

    /// Those of this user.
    pub fn user_id(mut self, id: UserId) -> Self {
        self.user_id = Some(id);
        self
    }

    /// Those with this status.
    pub fn status(mut self, status: SessionStatus) -> Self {
        self.status = Some(status);
        self
    }

    /// With their [total count](SessionPage::total_count).
    pub fn paginated(mut self) -> Self {
        self.paginated = true;
        self
    }

    /// How many to list, from 1 to 500; Clerk's default is 10.
    pub fn limit(mut self, limit: u16) -> Self {
        self.limit = Some(limit);
        self
    }

    /// How many to skip.
    pub fn offset(mut self, offset: u64) -> Self {
        self.offset = offset;
        self
    }

    pub(crate) fn query(&self) -> impl Iterator<Item = (&'static str, String)> {
        let offset = (self.offset > 0).then(|| self.offset.to_string());
        [
            ("client_id", self.client_id.as_ref().map(ToString::to_string)),
            ("user_id", self.user_id.as_ref().map(ToString::to_string)),
            ("status", self.status.as_ref().map(ToString::to_string)),
            ("paginated", self.paginated.then(|| "true".to_owned())),
            ("limit", self.limit.map(|limit| limit.to_string())),
            ("offset", offset),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| (name, value)))
    }
}

/// Some of the sessions that were asked for.
///
/// A session that cannot be read (one without a status, say) is left out, so that it does not hide
/// the others; [`unreadable`](Self::unreadable) counts those.
#[derive(Debug, Clone)]
pub struct SessionPage {
    data: Vec<Session>,
    unreadable: usize,
    /// So many of the unreadable ones say that they are over.
    unreadable_and_over: usize,
    total_count: Option<u64>,
}

impl SessionPage {
    /// The sessions.
    #[must_use]
    pub fn data(&self) -> &[Session] {
        &self.data
    }

    /// The sessions.
    #[must_use]
    pub fn into_data(self) -> Vec<Session> {
        self.data
    }

    /// How many sessions Clerk listed in a form that cannot be read, and that are not among the
    /// [data](Self::data). A warning tells of them too. Whoever must be sure to have seen
    /// every session (to sign somebody out everywhere, say) has not where this is not 0.
    #[must_use]
    pub fn unreadable(&self) -> usize {
        self.unreadable
    }

    /// How many there are in all, if Clerk said so; see [`ListSessions::paginated`].
    #[must_use]
    pub fn total_count(&self) -> Option<u64> {
        self.total_count
    }
}

/// Reads both the bare array and `{"data": …, "total_count": …}`, from JSON text.
impl<'de> Deserialize<'de> for SessionPage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        #[derive(Deserialize)]
        struct Counted {
            data: Vec<Listed>,
            total_count: Option<Count>,
        }

        impl<'de> Visitor<'de> for Either {
            type Value = SessionPage;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of sessions or a page of them")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<SessionPage, A::Error> {
                let listed = Vec::deserialize(SeqAccessDeserializer::new(seq))?;
                Ok(SessionPage::new(listed, None))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SessionPage, A::Error> {
                let Counted { data, total_count } =
                    Counted::deserialize(MapAccessDeserializer::new(map))?;
                Ok(SessionPage::new(data, total_count.and_then(|count| count.0)))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl SessionPage {
    fn new(listed: Vec<Listed>, total_count: Option<u64>) -> Self {
        let mut page =
            Self { data: Vec::new(), unreadable: 0, unreadable_and_over: 0, total_count };
        for listed in listed {
            match listed {
                Listed::Session(session) => page.data.push(session),
                Listed::Unreadable { is_over } => {
                    page.unreadable += 1;
                    page.unreadable_and_over += usize::from(is_over);
                }
            }
        }
        page
    }

    /// As many as Clerk sent.
    pub(crate) fn len(&self) -> usize {
        self.data.len() + self.unreadable
    }

    /// How many cannot be read, and may belong to somebody who is signed in.
    pub(crate) fn maybe_signed_in(&self) -> usize {
        self.unreadable - self.unreadable_and_over
    }
}

/// An element of a list: a session, if it can be read as one.
enum Listed {
    Session(Session),
    Unreadable { is_over: bool },
}

impl<'de> Deserialize<'de> for Listed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Box::<RawValue>::deserialize(deserializer)?;
        if let Ok(JsonSession(session)) = serde_json::from_str(json.get()) {
            return Ok(Self::Session(session));
        }
        let status: Option<JsonObject<Status>> = serde_json::from_str(json.get()).ok();
        Ok(Self::Unreadable { is_over: status.is_some_and(|it| it.0.status.is_final()) })
    }
}

#[derive(Deserialize)]
struct Status {
    status: SessionStatus,
}

/// A number that nothing depends on: pages end without it too.
struct Count(Option<u64>);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self(serde_json::from_str(json.get()).ok()))
    }
}

impl SessionsClient {
    /// The sessions that fit, newest first.
    ///
    /// # Errors
    ///
    /// [`is_invalid_input`](Error::is_invalid_input) when the limit is not from 1 to 500.
    pub async fn list(&self, sessions: &ListSessions) -> Result<SessionPage, Error> {
        if sessions.limit.is_some_and(|limit| !(1..=MAX_LIMIT).contains(&limit)) {
            let why = "the limit must be from 1 to 500";
            return Err(Error::invalid_input(Operation::List, why));
        }
        let call =
            self.upstream.call(Operation::List, Method::GET, ["sessions"]).query(sessions.query());
        let page: SessionPage = self.upstream.send(&call).await?.json()?;
        if page.unreadable > 0 {
            tracing::warn!(
                unreadable = page.unreadable,
                "Clerk listed sessions in a form that cannot be read, and they were left out"
            );
        }
        Ok(page)
    }

    /// All the sessions that fit, page by page, each of the limit's size (100 when none is set).
    ///
    /// ```no_run
    /// # async fn example(client: tower_clerk::SessionsClient) -> Result<(), Box<dyn std::error::Error>> {
    /// use tower_clerk::client::ListSessions;
    ///
    /// let mut pages = client.pages(ListSessions::new().user_id("user_2b7Fz1".parse()?));
    /// while let Some(page) = pages.next().await? {
    ///     for session in page.data() {
    ///         println!("{} is {}", session.id(), session.status());
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn pages(&self, sessions: ListSessions) -> Pages {
        let limit = sessions.limit.unwrap_or(100);
        Pages { client: self.clone(), sessions: sessions.limit(limit), done: false }
    }
}

const MAX_LIMIT: u16 = 500;

/// Pages of sessions, from [`SessionsClient::pages`].
///
/// A session that begins or ends between two pages shifts the later ones, so that another may
/// come twice or not at all.
#[derive(Debug)]
pub struct Pages {
    client: SessionsClient,
    sessions: ListSessions,
    done: bool,
}

impl Pages {
    /// The next page, none after the last.
    ///
    /// # Errors
    ///
    /// As [`SessionsClient::list`]. The same page is asked for again next time.
    pub async fn next(&mut self) -> Result<Option<SessionPage>, Error> {
        if self.done {
            return Ok(None);
        }
        let page = self.client.list(&self.sessions).await?;
        let listed = page.len();
        self.sessions.offset = self.sessions.offset.saturating_add(listed as u64);
        let is_short = listed < self.sessions.limit.map_or(0, usize::from);
        self.done = is_short || page.total_count.is_some_and(|all| self.sessions.offset >= all);
        Ok((listed > 0).then_some(page))
    }
}
