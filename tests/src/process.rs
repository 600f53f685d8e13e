//! The `towline` program as a process of its own, which can be told to stop, and killed.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Lines};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::OnceLock;

/// How a `towline serve` is started.
#[derive(Debug, Clone)]
pub struct Launch {
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    /// Where it complains, if not where we do.
    complaints: Option<PathBuf>,
}

/// A running `towline serve`.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    /// Kept, or the server could not print.
    out: Lines<BufReader<ChildStdout>>,
    address: Option<SocketAddr>,
}

impl Launch {
    /// On a folder, on any free port, with little memory for passwords: hashing is not what is
    /// looked at where this is used.
    pub fn on(data: &Path) -> Self {
        let mut launch = Self { arguments: Vec::new(), environment: Vec::new(), complaints: None };
        launch.arguments.push("serve".into());
        launch
            .with("--log", "error")
            .with("--password-memory-kib", "64")
            // One technician plays many here.
            .with("--walk-ups-a-day", "1000000000")
            .with("--open-of-technician", "1000000000")
            .with("--data", data)
            .listen(SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    /// With one more setting.
    pub fn with(mut self, flag: &str, value: impl AsRef<OsStr>) -> Self {
        self.arguments.push(flag.into());
        self.arguments.push(value.as_ref().to_owned());
        self
    }

    /// On this address; the last one that was said counts.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        if let Some(at) = self.arguments.iter().position(|argument| argument == "--listen") {
            self.arguments.drain(at..at + 2);
        }
        self.with("--listen", address.to_string())
    }

    /// With a variable in its environment.
    pub fn variable(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Complaining into a file, after what stands in it already.
    pub fn complains_into(mut self, file: PathBuf) -> Self {
        self.complaints = Some(file);
        self
    }

    /// Starts the process and waits for nothing.
    ///
    /// # Errors
    /// The program is not there or cannot be run.
    pub fn spawn(&self) -> io::Result<ServerProcess> {
        let mut command = Command::new(program()?);
        command.args(&self.arguments).stdout(Stdio::piped());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(file) = &self.complaints {
            command.stderr(File::options().create(true).append(true).open(file)?);
        }
        let mut child = command.spawn()?;
        let out = child.stdout.take().ok_or_else(|| io::Error::other("no output to read"))?;
        Ok(ServerProcess { child, out: BufReader::new(out).lines(), address: None })
    }

    /// Starts the process and waits until it listens.
    ///
    /// # Errors
    /// It cannot be run, or ends before it listens.
    pub fn start(&self) -> io::Result<ServerProcess> {
        let mut server = self.spawn()?;
        server.listens()?;
        Ok(server)
    }
}

impl ServerProcess {
    /// Starts one on a folder and an address, and waits until it listens.
    ///
    /// # Errors
    /// As [`Launch::start`].
    pub fn start(data: &Path, address: SocketAddr) -> io::Result<Self> {
        Launch::on(data).listen(address).start()
    }

    /// Waits until it listens; where.
    ///
    /// # Errors
    /// It ended before.
    pub fn listens(&mut self) -> io::Result<SocketAddr> {
        if let Some(address) = self.address {
            return Ok(address);
        }
        for line in &mut self.out {
            let line = line?;
            let Some((_, url)) = line.split_once("listens on http://") else { continue };
            let address = url.trim().parse().map_err(io::Error::other)?;
            self.address = Some(address);
            return Ok(address);
        }
        Err(io::Error::other("the server ended before it listened"))
    }

    /// Its address with scheme; empty before it listens.
    pub fn url(&self) -> String {
        self.address.map(|address| format!("http://{address}")).unwrap_or_default()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    ///
    /// # Errors
    /// The system does not say.
    pub fn runs(&mut self) -> io::Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Asks it to stop, as a system does that goes down, and waits for nothing.
    ///
    /// # Errors
    /// There is no such process any more.
    pub fn ask_to_stop(&self) -> io::Result<()> {
        let id = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        let id = id.ok_or_else(|| io::Error::other("no process id"))?;
        Ok(rustix::process::kill_process(id, rustix::process::Signal::TERM)?)
    }

    /// Kills it with SIGKILL: nothing of it runs any more when this returns.
    ///
    /// # Errors
    /// The system does not let us.
    pub fn kill(mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to stop and waits until it has.
    ///
    /// # Errors
    /// It did not end as it should.
    pub fn stop(mut self) -> io::Result<()> {
        self.ask_to_stop()?;
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("it ended: {status}"))) }
    }
}

impl Drop for ServerProcess {
    /// Nobody leaves a server behind, whatever went wrong before.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `towline` with these arguments to its end.
///
/// # Errors
/// The program cannot be run.
pub fn towline(arguments: &[&OsStr]) -> io::Result<Output> {
    Command::new(program()?).args(arguments).output()
}

/// An address on this machine that nobody listens on now.
///
/// # Errors
/// There is none.
pub fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}

/// The program: the one that `TOWLINE_PROGRAM` names, else cargo builds it if it is not up to date.
///
/// # Errors
/// It does not build.
pub fn program() -> io::Result<&'static Path> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = PROGRAM.get_or_init(|| match std::env::var_os("TOWLINE_PROGRAM") {
        Some(program) => Ok(program.into()),
        None => build().map_err(|error| error.to_string()),
    });
    built.as_deref().map_err(|error| io::Error::other(error.clone()))
}

fn build() -> io::Result<PathBuf> {
    // Tests lie in `target/PROFILE/deps`, examples in `target/PROFILE/examples`.
    let own = std::env::current_exe()?;
    let profile = own.parent().and_then(Path::parent);
    let profile = profile.ok_or_else(|| io::Error::other("this program lies nowhere"))?;
    // Who runs this without cargo has the `cargo` on the path find its tools: the one that built it
    // would take those that some crate of the tree asks for.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut cargo = Command::new(cargo);
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    if profile.ends_with("release") {
        cargo.args(["build", "--quiet", "--workspace", "--bin", "towline", "--release"]);
    } else {
        // As the tests are built, so that nothing is compiled for this alone.
        cargo.args(["test", "--quiet", "--workspace", "--no-run"]);
    }
    // What cargo tells a test about its package would make build scripts that ask for it, such as
    // ring's, run again, and most of the tree compile once more.
    for (name, _) in std::env::vars_os() {
        let told = name.to_str().is_some_and(|name| {
            ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|it| name.starts_with(it))
        });
        if told {
            cargo.env_remove(name);
        }
    }
    let target = profile.parent().unwrap_or(profile);
    if cargo.arg("--target-dir").arg(target).status()?.success() {
        Ok(profile.join("towline"))
    } else {
        Err(io::Error::other("the towline program does not build"))
    }
}
