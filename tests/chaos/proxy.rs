//! A TCP proxy between an agent and its master that does what bad networks do.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Between two looks at what the network shall do.
const LOOK: Duration = Duration::from_millis(20);

/// What the network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weather {
    /// Bytes pass.
    Fair,
    /// They pass so much later.
    Delay(Duration),
    /// None passes, in either direction, and no connection ends.
    Stall,
    /// The master's side of every connection is gone, and the agent is not told.
    HalfOpen,
    /// A connection is reset when so many bytes have passed.
    Reset(u64),
    /// Bytes pass one by one.
    Slices,
}

/// Bytes that passed: on which connection, whether towards the master, and when.
pub(crate) type Passed = (u64, bool, Instant);

/// The proxy; its threads end when it is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    upstream: String,
    weather: Mutex<Weather>,
    connections: AtomicU64,
    passed: Mutex<Vec<Passed>>,
    over: AtomicBool,
}

impl Shared {
    fn weather(&self) -> Weather {
        *self.weather.lock().expect("nobody panics with it")
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

impl Proxy {
    /// Listens on `host` and passes everything to `upstream`.
    pub(crate) fn listen(host: &str, upstream: String) -> Self {
        let listener = TcpListener::bind((host, 0)).expect("the kernel has a port");
        let address = listener.local_addr().expect("it listens");
        let shared = Arc::new(Shared {
            upstream,
            weather: Mutex::new(Weather::Fair),
            connections: AtomicU64::new(0),
            passed: Mutex::default(),
            over: AtomicBool::new(false),
        });
        let of_thread = Arc::clone(&shared);
        std::thread::spawn(move || accept(&listener, &of_thread));
        Self { address, shared }
    }

    /// What an agent dials.
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn set(&self, weather: Weather) {
        *self.shared.weather.lock().expect("nobody panics with it") = weather;
    }

    /// What passed since this was asked last.
    pub(crate) fn passed(&self) -> Vec<Passed> {
        std::mem::take(&mut self.shared.passed.lock().expect("nobody panics with it"))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    while let Ok((agent, _)) = listener.accept() {
        if shared.is_over() {
            return;
        }
        let Ok(master) = TcpStream::connect(&shared.upstream) else { continue };
        let number = shared.connections.fetch_add(1, Ordering::Relaxed);
        let total = Arc::new(AtomicU64::new(0));
        for (from, to, up) in [(&agent, &master, true), (&master, &agent, false)] {
            let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else { continue };
            let pump = Pump { number, up, from, to, total: Arc::clone(&total), shared: Arc::clone(shared) };
            std::thread::spawn(move || pump.run());
        }
    }
}

/// One direction of a connection.
struct Pump {
    number: u64,
    up: bool,
    from: TcpStream,
    to: TcpStream,
    total: Arc<AtomicU64>,
    shared: Arc<Shared>,
}

impl Pump {
    fn run(mut self) {
        let set = self.from.set_read_timeout(Some(LOOK)).and_then(|()| self.to.set_nodelay(true));
        let mut buffer = vec![0; 16 * 1024];
        while set.is_ok() && !self.shared.is_over() {
            let read = match self.shared.weather() {
                Weather::Stall => {
                    std::thread::sleep(LOOK);
                    continue;
                }
                Weather::HalfOpen => return self.leave_half(),
                Weather::Fair | Weather::Delay(_) | Weather::Reset(_) | Weather::Slices => self.from.read(&mut buffer),
            };
            match read {
                Ok(0) => break,
                Ok(read) if self.pass(&buffer[..read]).is_err() => break,
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => break,
            }
        }
        self.end();
    }

    fn pass(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.shared.passed.lock().expect("nobody panics with it").push((self.number, self.up, Instant::now()));
        match self.shared.weather() {
            Weather::Delay(time) => std::thread::sleep(time),
            Weather::Slices => return bytes.iter().try_for_each(|byte| self.to.write_all(&[*byte])),
            Weather::Reset(after) => {
                let before = self.total.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                if before + bytes.len() as u64 > after {
                    let part = usize::try_from(after.saturating_sub(before)).unwrap_or(0);
                    self.to.write_all(&bytes[..part.min(bytes.len())])?;
                    return self.reset();
                }
            }
            Weather::Fair | Weather::Stall | Weather::HalfOpen => {}
        }
        self.to.write_all(bytes)
    }

    /// Both sides get RST instead of a polite end.
    fn reset(&self) -> std::io::Result<()> {
        for side in [&self.from, &self.to] {
            rustix::net::sockopt::set_socket_linger(side, Some(Duration::ZERO))?;
        }
        Err(ErrorKind::ConnectionReset.into())
    }

    /// The master sees the end; the agent's socket stays open, and whatever it sends is not read.
    fn leave_half(&self) {
        let (agent, master) = if self.up { (&self.from, &self.to) } else { (&self.to, &self.from) };
        // It may be gone already.
        let _ = master.shutdown(Shutdown::Both);
        let _open = agent.try_clone();
        while self.shared.weather() == Weather::HalfOpen && !self.shared.is_over() {
            std::thread::sleep(LOOK);
        }
        self.end();
    }

    fn end(&self) {
        // Either may be gone already.
        let _ = self.from.shutdown(Shutdown::Both);
        let _ = self.to.shutdown(Shutdown::Both);
    }
}
