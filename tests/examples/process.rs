use std::{
    env,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::Duration,
};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// An example as Cargo built it beside this test, in an environment that says nothing of Clerk.
pub(crate) fn example(name: &str) -> Command {
    let test = env::current_exe().unwrap();
    let target = test.ancestors().nth(2).unwrap();
    let mut command = Command::new(target.join("examples").join(name));
    for (name, _) in env::vars_os() {
        if ["CLERK_", "TOWER_CLERK_REDIS_URL"]
            .iter()
            .any(|it| name.to_string_lossy().starts_with(it))
        {
            command.env_remove(name);
        }
    }
    command.env("ADDR", "127.0.0.1:0");
    command
}

/// A process that is killed, at the latest, when the test is done with it.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let program = Path::new(command.get_program()).to_owned();
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = channel();
        thread::spawn(move || {
            stdout.lines().map_while(Result::ok).try_for_each(|line| send.send(line))
        });
        Self { child, lines }
    }

    /// The next line it prints.
    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("the process prints a line")
    }

    /// What follows `prefix` in the next line that starts with it.
    pub(crate) fn line_after(&self, prefix: &str) -> String {
        loop {
            if let Some(rest) = self.line().strip_prefix(prefix) {
                return rest.to_owned();
            }
        }
    }

    /// Asks it to stop (SIGTERM), and waits until it has.
    pub(crate) fn stop(self) -> ExitStatus {
        let killed = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(killed.success());
        self.end().0
    }

    /// Waits until it ends by itself, and gives what it wrote to standard error, if that is piped.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        // Its standard output ends when it does.
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("the process does not end"),
            }
        }
        let mut told = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut told).unwrap();
        }
        (self.child.wait().unwrap(), told)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server that said where it listens.
pub(crate) struct Server {
    pub(crate) process: Running,
    pub(crate) url: String,
}

impl Server {
    pub(crate) fn start(name: &str) -> Self {
        Self::of(example(name))
    }

    pub(crate) fn of(command: Command) -> Self {
        let process = Running::start(command);
        let url = process.line_after("listening on ");
        let port = url.strip_prefix("http://127.0.0.1:").expect("it says where it listens");
        assert_ne!(port.parse::<u16>().unwrap(), 0);
        Self { process, url }
    }

    #[track_caller]
    pub(crate) fn stops_when_asked_to(self) {
        assert!(self.process.stop().success());
    }
}
