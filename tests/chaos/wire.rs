//! The wire to Clerk, whose connections can stay open and swallow what is sent.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// A relay. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) origin: String,
    /// Whether something has become of the connections that were made before.
    wedged: watch::Sender<bool>,
    _tasks: JoinSet<()>,
}

impl Wire {
    /// To the emulator with this origin.
    pub(crate) async fn to(emulator: &str) -> Self {
        let emulator: SocketAddr = emulator.strip_prefix("http://").unwrap().parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let wedged = watch::Sender::new(false);
        let (mut tasks, times) = (JoinSet::new(), wedged.subscribe());
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                let mut times = times.clone();
                times.mark_unchanged();
                connections.spawn(relay(near, emulator, times));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { origin, wedged, _tasks: tasks }
    }

    /// From now on nothing goes through the connections that there are. New ones are good.
    pub(crate) fn wedge(&self) {
        self.wedged.send_replace(true);
    }

    /// Whoever still waits for those connections is told that they are gone.
    pub(crate) fn cut(&self) {
        self.wedged.send_replace(false);
    }
}

async fn relay(mut near: TcpStream, emulator: SocketAddr, mut wedged: watch::Receiver<bool>) {
    let Ok(mut far) = TcpStream::connect(emulator).await else { return };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let (mut sent, mut answered) = ([0; 16 << 10], [0; 16 << 10]);
    loop {
        let is_over = tokio::select! {
            biased;
            changed = wedged.changed() => {
                let is_wedged = changed.is_ok() && *wedged.borrow_and_update();
                if is_wedged {
                    swallow(&mut near, &mut wedged).await;
                }
                is_wedged
            }
            read = near.read(&mut sent) => pass_on(read, &sent, &mut far).await,
            read = far.read(&mut answered) => pass_on(read, &answered, &mut near).await,
        };
        if is_over {
            return;
        }
    }
}

/// Takes whatever comes, until the peer has had enough or is told.
async fn swallow(near: &mut TcpStream, wedged: &mut watch::Receiver<bool>) {
    let mut sent = [0; 1 << 10];
    loop {
        tokio::select! {
            _ = wedged.changed() => return,
            read = near.read(&mut sent) => if !read.is_ok_and(|read| read > 0) { return },
        }
    }
}

/// Says whether it is over.
async fn pass_on(read: std::io::Result<usize>, bytes: &[u8], to: &mut TcpStream) -> bool {
    match read {
        Ok(read) if read > 0 => to.write_all(&bytes[..read]).await.is_err(),
        _ => true,
    }
}
