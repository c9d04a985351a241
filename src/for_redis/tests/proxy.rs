use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
};

/// What lies between one process and its server. It ends with the runtime that it was started on.
pub(super) struct Proxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    behind: Arc<Mutex<Behind>>,
}

/// Where new connections lead.
#[derive(Debug, Clone)]
enum Behind {
    Server(PathBuf),
    /// Whatever is asked, this is answered.
    Stub(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weather {
    Fine,
    /// Connections are closed, those there are and new ones.
    Cut,
    /// They stay open, and nothing gets through.
    Swallowing,
    /// Those there are were closed towards the server, and stay open towards the client. New ones are fine.
    HalfClosed,
}

impl Proxy {
    pub(super) fn start(server: PathBuf) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let weather = watch::Sender::new(Weather::Fine);
        let behind = Arc::new(Mutex::new(Behind::Server(server)));
        let (reports, towards) = (weather.clone(), Arc::clone(&behind));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                match towards.lock().unwrap().clone() {
                    Behind::Server(socket) => {
                        tokio::spawn(carry(client, socket, reports.subscribe()))
                    }
                    Behind::Stub(answer) => tokio::spawn(repeat(client, answer)),
                };
            }
        });
        Self { address, weather, behind }
    }

    pub(super) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    pub(super) fn cut(&self) {
        self.weather.send_replace(Weather::Cut);
    }

    /// A cut that nobody is told of.
    pub(super) fn swallow(&self) {
        self.weather.send_replace(Weather::Swallowing);
    }

    pub(super) fn half_close(&self) {
        self.weather.send_replace(Weather::HalfClosed);
    }

    pub(super) fn mend(&self) {
        self.weather.send_replace(Weather::Fine);
    }

    /// New connections lead to another server.
    pub(super) fn lead_to(&self, server: PathBuf) {
        *self.behind() = Behind::Server(server);
    }

    /// All connections there are end, and new ones are answered this, whatever is asked. They stay when the next ones are
    /// led elsewhere.
    pub(super) fn lead_to_one_that_says(&self, answer: &'static str) {
        *self.behind() = Behind::Stub(answer);
        self.cut();
    }

    fn behind(&self) -> MutexGuard<'_, Behind> {
        self.behind.lock().unwrap()
    }
}

async fn carry(mut client: TcpStream, socket: PathBuf, mut weather: watch::Receiver<Weather>) {
    let Ok(mut server) = UnixStream::connect(socket).await else { return };
    let from_the_start = *weather.borrow_and_update();
    let mut half_closed = false;
    let (mut up, mut down) = ([0; 16 * 1024], [0; 16 * 1024]);
    loop {
        let now = *weather.borrow_and_update();
        if now == Weather::HalfClosed && from_the_start != now {
            half_closed = true;
            let _ = server.shutdown().await;
        }
        let lets_through = matches!(now, Weather::Fine | Weather::HalfClosed) && !half_closed;
        if now == Weather::Cut {
            return;
        }
        tokio::select! {
            changed = weather.changed() => if changed.is_err() { return },
            read = client.read(&mut up), if lets_through => match read {
                Ok(length @ 1..) if server.write_all(&up[..length]).await.is_ok() => {}
                _ => return,
            },
            read = server.read(&mut down), if lets_through => match read {
                Ok(length @ 1..) if client.write_all(&down[..length]).await.is_ok() => {}
                _ => return,
            },
        }
    }
}

/// Answers each command alike.
async fn repeat(mut client: TcpStream, answer: &str) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = client.read(&mut buffer).await {
        let lines = buffer[..length].split(|&byte| byte == b'\n');
        // Each begins with the number of its words.
        let commands = lines.filter(|line| line.starts_with(b"*")).count();
        if client.write_all(answer.repeat(commands).as_bytes()).await.is_err() {
            return;
        }
    }
}
