//! The two connections: the reader's, on which calls block, and the writer's.

use std::{fmt::Display, net::SocketAddr, time::Duration};

use redis::{
    AsyncConnectionConfig, Cmd, Pipeline, RedisFuture, Value, aio::MultiplexedConnection, cmd,
    io::AsyncDNSResolver,
};
use tokio::time::{Instant, timeout};

use super::{
    Server,
    place::{Place, Sight, Watch},
    stream::{StreamInfo, StreamPage},
};
use crate::{
    dns::Resolver,
    fleet::{LogCursor, LogEntry, LogError, LogPage},
};

/// How long the server may take to connect, or to answer at once.
const ANSWERED_WITHIN: Duration = Duration::from_secs(1);
/// How much longer than it was told to wait the server may take to say that there is nothing.
const GRACE: Duration = Duration::from_millis(500);
/// How often the reader looks whether the streams are still the same.
const CHECK_EVERY: Duration = Duration::from_secs(5);
const TRIM_EVERY: Duration = Duration::from_secs(60);
/// How many entries are read at once.
const PAGE: usize = 512;
/// The fuse: so many entries there can be at most, whoever writes them.
const MAX_ENTRIES: usize = 1_000_000;
const MAX_BEATS: usize = 1_000;

/// A connection on which nothing else waits behind a call that blocks.
pub(super) struct Reader {
    connection: MultiplexedConnection,
    checked: Option<(Instant, Watch)>,
}

pub(super) struct Writer {
    connection: MultiplexedConnection,
    trimmed_at: Instant,
}

impl Reader {
    pub(super) async fn connect(server: &Server) -> Result<Self, LogError> {
        Ok(Self { connection: server.connect().await?, checked: None })
    }

    pub(super) async fn read(
        &mut self,
        server: &Server,
        after: Option<&LogCursor>,
        wait: Duration,
    ) -> Result<LogPage, LogError> {
        let mut place = Place::from_cursor(after);
        let mut page = LogPage::new(Vec::new(), None);
        let is_due = self.checked.is_none_or(|(at, _)| at.elapsed() >= CHECK_EVERY);
        let mut wait = Some(wait);
        if is_due {
            let sight = server.look(&mut self.connection).await?;
            let watched = self.checked.map(|(_, watch)| watch);
            let (finding, watch) = place.check(&sight, watched, server.keep);
            self.checked = Some((Instant::now(), watch));
            page.lost = finding.lost;
            page.complete = !finding.incomplete;
            if finding.lost || finding.incomplete {
                wait = None;
            }
        }
        let beats = server.beats();
        let reply = server.xread(&mut self.connection, place, &beats, wait).await?;
        for (key, stream) in
            StreamPage::read_all(&reply).map_err(|error| server.address.error(&error))?
        {
            let at = if key == beats { &mut place.beats } else { &mut place.entries };
            *at = stream.last.unwrap_or(*at);
            if let Some((_, watch)) = &mut self.checked
                && key != beats
            {
                watch.begin_with(stream.first);
            }
            page.entries.extend(stream.entries);
            page.unreadable += stream.unreadable;
        }
        page.next = Some(place.cursor());
        Ok(page)
    }
}

impl Writer {
    pub(super) async fn connect(server: &Server) -> Result<Self, LogError> {
        let mut connection = server.connect().await?;
        server.trim(&mut connection).await?;
        Ok(Self { connection, trimmed_at: Instant::now() })
    }

    pub(super) async fn append(
        &mut self,
        server: &Server,
        entries: &[LogEntry],
    ) -> Result<(), LogError> {
        let mut pipeline = Pipeline::with_capacity(entries.len());
        for entry in entries {
            pipeline.add_command(server.xadd(entry)).ignore();
        }
        let appended = pipeline.exec_async(&mut self.connection);
        server.answer(ANSWERED_WITHIN, appended).await?;
        // No revocation waits for this.
        let is_idle = matches!(entries, [LogEntry::Beat(_)]);
        if is_idle && self.trimmed_at.elapsed() >= TRIM_EVERY {
            server.trim(&mut self.connection).await?;
            self.trimmed_at = Instant::now();
        }
        Ok(())
    }
}

/// With the library's own, each try would take a thread of tokio's where the system's resolver hangs.
struct LookUp(Resolver);

impl AsyncDNSResolver for LookUp {
    fn resolve<'a, 'b: 'a>(&'a self, host: &'b str, port: u16) -> RedisFuture<'a, Addresses<'a>> {
        let looking = self.0.clone().look_up(host.into());
        Box::pin(async move {
            let found = looking.await.map_err(std::io::Error::other)?.into_iter();
            let at_port = found.map(move |mut address| {
                address.set_port(port);
                address
            });
            Ok(Box::new(at_port) as Addresses<'a>)
        })
    }
}

type Addresses<'a> = Box<dyn Iterator<Item = SocketAddr> + Send + 'a>;

impl Server {
    /// Asks DNS anew each time: behind the name of a managed server there may be another one now.
    async fn connect(&self) -> Result<MultiplexedConnection, LogError> {
        let client = self.address.client()?;
        // The library's own time-outs are off: the one on responses is shorter than a read blocks.
        let config = AsyncConnectionConfig::new();
        let config = config.set_connection_timeout(None).set_response_timeout(None);
        let config = config.set_dns_resolver(LookUp(self.resolver.clone()));
        let connecting = client.get_multiplexed_async_connection_with_config(&config);
        self.answer(ANSWERED_WITHIN, connecting).await
    }

    async fn look(&self, connection: &mut MultiplexedConnection) -> Result<Sight, LogError> {
        Ok(Sight {
            entries: self.info(connection, &self.key).await?,
            beats: self.info(connection, &self.beats()).await?,
            now: self.time(connection).await?,
        })
    }

    async fn info(
        &self,
        connection: &mut MultiplexedConnection,
        key: &str,
    ) -> Result<Option<StreamInfo>, LogError> {
        let info = cmd("XINFO").arg("STREAM").arg(key).take();
        let asked = async {
            match info.query_async::<Value>(connection).await {
                Err(error) if error.detail().is_some_and(|it| it.contains("no such key")) => {
                    Ok(Value::Nil)
                }
                answer => answer,
            }
        };
        match self.answer(ANSWERED_WITHIN, asked).await? {
            Value::Nil => Ok(None),
            info => StreamInfo::read(&info).map(Some).map_err(|error| self.address.error(&error)),
        }
    }

    /// The server's clock, in milliseconds.
    async fn time(&self, connection: &mut MultiplexedConnection) -> Result<u64, LogError> {
        let time = cmd("TIME");
        let asked = time.query_async::<(u64, u64)>(connection);
        let (seconds, micros) = self.answer(ANSWERED_WITHIN, asked).await?;
        Ok(seconds.saturating_mul(1000).saturating_add(micros / 1000))
    }

    async fn xread(
        &self,
        connection: &mut MultiplexedConnection,
        place: Place,
        beats: &str,
        wait: Option<Duration>,
    ) -> Result<Value, LogError> {
        let mut read = cmd("XREAD");
        read.arg("COUNT").arg(PAGE);
        if let Some(wait) = wait {
            // Zero would be for ever.
            read.arg("BLOCK").arg(wait.as_millis().max(1) as u64);
        }
        read.arg("STREAMS").arg(&*self.key).arg(beats);
        read.arg(place.entries.to_string()).arg(place.beats.to_string());
        let patience = wait.map_or(ANSWERED_WITHIN, |wait| wait + GRACE);
        self.answer(patience, read.query_async(connection)).await
    }

    fn xadd(&self, entry: &LogEntry) -> Cmd {
        let mut add = cmd("XADD");
        match entry {
            // In a stream of their own, so that they do not use up the fuse.
            LogEntry::Beat(_) => add.arg(self.beats()).arg("MAXLEN").arg("~").arg(MAX_BEATS),
            _ => add.arg(&*self.key).arg("MAXLEN").arg("~").arg(MAX_ENTRIES),
        };
        add.arg("*");
        for (name, value) in entry.fields() {
            add.arg(name).arg(value);
        }
        add
    }

    /// Lets go of old entries, by the server's own clock. What Redis before 6.2 does not understand is this.
    async fn trim(&self, connection: &mut MultiplexedConnection) -> Result<(), LogError> {
        let keep = u64::try_from(self.keep.as_millis()).unwrap_or(u64::MAX);
        let oldest = self.time(connection).await?.saturating_sub(keep);
        let trim = cmd("XTRIM").arg(&*self.key).arg("MINID").arg("~").arg(oldest).take();
        let asked = async {
            let trimmed = trim.exec_async(connection).await;
            Ok::<_, LogError>(trimmed.map_err(|error| match error.detail() {
                Some(detail) if detail.contains("syntax error") => LogError::new(
                    "the server is older than Redis 6.2, which the log of revocations needs; update it, or use Valkey",
                ),
                _ => self.address.error(&error),
            }))
        };
        self.answer(ANSWERED_WITHIN, asked).await??;
        let seconds = self.keep.as_secs().saturating_mul(2).clamp(60, i32::MAX as u64);
        let mut expire = Pipeline::new();
        for key in [&*self.key, &*self.beats()] {
            expire.cmd("EXPIRE").arg(key).arg(seconds).ignore();
        }
        self.answer(ANSWERED_WITHIN, expire.exec_async(connection)).await
    }

    fn beats(&self) -> String {
        format!("{}:beats", self.key)
    }

    async fn answer<T, E: Display>(
        &self,
        patience: Duration,
        asked: impl Future<Output = Result<T, E>>,
    ) -> Result<T, LogError> {
        match timeout(patience, asked).await {
            Ok(answer) => answer.map_err(|error| self.address.error(&error)),
            Err(_) => Err(self.address.error(&"the server does not answer")),
        }
    }
}
