//! The emulator's socket: a thread with a runtime of its own, so that neither a paused clock nor a busy test
//! stops it, and so that it is gone when it has been dropped.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioTimer;
use tokio::{
    net::{TcpListener, TcpStream},
    runtime, select,
    sync::oneshot,
    task::JoinSet,
    time::sleep,
};

use super::{
    Shared,
    answer::Refusal,
    api::{self, Mishap, Reply},
    connection::{AnswerBody, Connection, Fate},
    control, request,
};

/// The longest body that is read, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// A server that runs until it is dropped.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) shared: Arc<Shared>,
    pub(super) addr: SocketAddr,
    pub(super) runtime: runtime::Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Binds `addr`, makes the state, and serves it.
    pub(super) async fn start(
        addr: SocketAddr,
        make: impl FnOnce(SocketAddr) -> Shared + Send + 'static,
    ) -> io::Result<Self> {
        let (ready, is_ready) = oneshot::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new().name("clerk-emulator".to_owned()).spawn(move || {
            let prepared = prepare(addr);
            let (runtime, listener, addr) = match prepared {
                Ok(prepared) => prepared,
                Err(error) => return drop(ready.send(Err(error))),
            };
            let shared = Arc::new(make(addr));
            if ready.send(Ok((Arc::clone(&shared), addr, runtime.handle().clone()))).is_ok() {
                runtime.block_on(serve(listener, shared, stopped));
            }
            // A name that is being looked up for a webhook keeps nobody waiting.
            runtime.shutdown_background();
        })?;
        let (shared, addr, runtime) = is_ready
            .await
            .map_err(|_| io::Error::other("the emulator's thread ended before it was ready"))??;
        Ok(Self { shared, addr, runtime, stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            if !thread::panicking() {
                ended.expect("the emulator's thread does not panic");
            }
        }
    }
}

fn prepare(addr: SocketAddr) -> io::Result<(runtime::Runtime, TcpListener, SocketAddr)> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind(addr))?;
    let addr = listener.local_addr()?;
    Ok((runtime, listener, addr))
}

/// Accepts until it is told to stop, or nobody is left to tell. What is open then is cut.
async fn serve(listener: TcpListener, shared: Arc<Shared>, mut stopped: oneshot::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        select! {
            _ = &mut stopped => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(connections.spawn(converse(stream, Arc::clone(&shared)))),
                // Out of file descriptors, say: others may be closed meanwhile.
                Err(_) => sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

async fn converse(stream: TcpStream, shared: Arc<Shared>) {
    // Answers are small and nobody should wait for more.
    let _ = stream.set_nodelay(true);
    let fate = Fate::default();
    let service = service_fn(|request| respond(request, &shared, &fate));
    // An error is the client's, or one of our own faults.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(Connection::new(stream, fate.clone()), service)
        .await;
}

async fn respond(
    request: Request<Incoming>,
    shared: &Shared,
    fate: &Fate,
) -> Result<Response<AnswerBody>, Reset> {
    let Reply { answer, mishap } = reply(request, shared).await;
    match mishap {
        None => Ok(answer.map(AnswerBody::whole)),
        Some(Mishap::Truncate) => Ok(answer.map(AnswerBody::half)),
        Some(Mishap::Delay(by)) => {
            sleep(by).await;
            Ok(answer.map(AnswerBody::whole))
        }
        Some(Mishap::Hang) => {
            shared.standstill.release();
            std::future::pending().await
        }
        Some(Mishap::Reset) => {
            fate.reset();
            Err(Reset)
        }
    }
}

async fn reply(request: Request<Incoming>, shared: &Shared) -> Reply {
    let (parts, body) = request.into_parts();
    let plain = |answer: Response<Bytes>| Reply { answer, mishap: None };
    let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
        let refusal = Refusal::body_too_large();
        return plain(refusal.into_answer(&shared.state().trace_id()));
    };
    let request = request::Request::new(Request::from_parts(parts, body.to_bytes()));
    let mut state = shared.state();
    match request.segments().first() {
        Some(&("v1" | ".well-known")) => api::handle(&mut state, &request, shared.clock.now()),
        Some(&"emulator") => plain(control::handle(&mut state, &request, &shared.clock)),
        _ => plain(Refusal::not_found("There is nothing here").into_answer(&state.trace_id())),
    }
}

/// Makes hyper close the connection without an answer.
#[derive(Debug)]
struct Reset;

impl std::fmt::Display for Reset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection is to be reset")
    }
}

impl std::error::Error for Reset {}
