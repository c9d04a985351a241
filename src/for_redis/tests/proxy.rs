use std::{net::SocketAddr, path::PathBuf, sync::Mutex};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
};

/// What lies between one process and its server. It ends with the runtime that it was started on.
pub(super) struct Proxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    server: std::sync::Arc<Mutex<PathBuf>>,
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
        let server = std::sync::Arc::new(Mutex::new(server));
        let (reports, towards) = (weather.clone(), std::sync::Arc::clone(&server));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let socket = towards.lock().unwrap().clone();
                tokio::spawn(carry(client, socket, reports.subscribe()));
            }
        });
        Self { address, weather, server }
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
        *self.server.lock().unwrap() = server;
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
