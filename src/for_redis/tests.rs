//! Against real servers, which the tests start themselves.

mod faults;
mod limits;
mod proxy;
mod refusals;
mod server;
mod settings;
#[cfg(feature = "rustls")]
mod tls;

use std::{sync::Arc, time::Duration};

use self::{proxy::Proxy, server::RedisServer};
use super::RedisLog;
use crate::follow::tests::suite::{self, Link, Site};

/// Ample for whatever need not be fast, on a machine that has other things to do.
const SOON: Duration = Duration::from_secs(10);

impl Site for RedisServer {
    type Log = RedisLog;

    fn connect(&self) -> (RedisLog, Box<dyn Link>) {
        let proxy = Arc::new(Proxy::start(self.socket()));
        (RedisLog::new(&proxy.url()).unwrap(), Box::new(proxy))
    }

    fn stop(&self) {
        self.signal("STOP");
    }

    fn resume(&self) {
        self.signal("CONT");
    }

    fn lose(&self) {
        self.ask(&["FLUSHALL"]);
    }
}

impl Link for Arc<Proxy> {
    fn cut(&self) {
        Proxy::cut(self);
    }

    fn mend(&self) {
        Proxy::mend(self);
    }
}

/// A server of the test's own; where there is none to start, the test ends here.
macro_rules! server_or_return {
    () => {
        match RedisServer::start() {
            Some(server) => server,
            None => return,
        }
    };
}
use server_or_return;

#[tokio::test]
async fn what_is_revoked_anywhere_is_refused_everywhere() {
    suite::what_is_revoked_anywhere_is_refused_everywhere(&server_or_return!()).await;
}

#[tokio::test]
async fn a_process_that_starts_learns_what_was_revoked_before() {
    suite::a_process_that_starts_learns_what_was_revoked_before(&server_or_return!()).await;
}

#[tokio::test]
async fn a_process_that_was_cut_off_catches_up_and_is_caught_up_with() {
    suite::a_process_that_was_cut_off_catches_up_and_is_caught_up_with(&server_or_return!()).await;
}

#[tokio::test]
async fn whoever_revokes_waits_for_a_stopped_log_a_moment_and_then_no_more() {
    let server = server_or_return!();
    suite::whoever_revokes_waits_for_a_stopped_log_a_moment_and_then_no_more(&server).await;
}

#[tokio::test]
async fn what_the_log_has_lost_is_appended_again_by_those_who_wrote_it() {
    let server = server_or_return!();
    suite::what_the_log_has_lost_is_appended_again_by_those_who_wrote_it(&server).await;
}
