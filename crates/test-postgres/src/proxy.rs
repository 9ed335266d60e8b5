//! A network between a client and a server that can be made to fail.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

/// Passes TCP connections on to a server, as long as it is told to. Listens on a port of 127.0.0.1 until it is dropped.
///
/// It looks into what passes only for [`Proxy::lose_question`], [`Proxy::lose_answer`] and [`Proxy::hold_question`], which need a
/// connection without TLS.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// What the network does with connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// Everything passes.
    Clear,
    /// Nothing passes, and nobody is told: connections stay, new ones come about and hear nothing.
    Held,
    /// What clients send passes; what the server answers is swallowed.
    Deaf,
    /// New connections are closed at once; those that are there go on.
    Refusing,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    is_over: AtomicBool,
}

#[derive(Debug)]
struct State {
    target: SocketAddr,
    weather: Weather,
    connections: Vec<Arc<Connection>>,
    trap: Option<Trap>,
    sprung: u64,
}

/// Waits for a client to send certain bytes.
#[derive(Clone, Debug)]
struct Trap {
    bytes: Vec<u8>,
    then: Then,
}

/// What becomes of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    LoseQuestion,
    LoseAnswer,
    /// Everything is held from there on.
    Hold,
}

#[derive(Debug)]
struct Connection {
    client: TcpStream,
    server: TcpStream,
    /// The next answer is not passed on: the connection ends instead.
    ends_with_answer: AtomicBool,
    /// Nothing passes any more, not even that one of both has ended it.
    is_half_open: AtomicBool,
}

#[derive(Clone, Copy)]
enum Direction {
    Questions,
    Answers,
}

impl Proxy {
    /// Passes connections on to `target`.
    ///
    /// # Panics
    /// If no port is free.
    #[must_use]
    pub fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                target,
                weather: Weather::Clear,
                connections: Vec::new(),
                trap: None,
                sprung: 0,
            }),
            changed: Condvar::new(),
            is_over: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accepting.accept(&listener));
        Self { address, shared }
    }

    /// Where clients find it.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what the network does from now on. What was held passes once it is clear.
    pub fn set(&self, weather: Weather) {
        self.shared.state().weather = weather;
        self.shared.changed.notify_all();
    }

    /// Leads new connections to another server; those that are there stay with theirs.
    pub fn lead_to(&self, target: SocketAddr) {
        self.shared.state().target = target;
    }

    /// Ends all connections at once; answers how many there were.
    pub fn cut(&self) -> usize {
        let connections = std::mem::take(&mut self.shared.state().connections);
        for connection in &connections {
            connection.end();
        }
        self.shared.changed.notify_all();
        connections.len()
    }

    /// Leaves all connections half-open, until [`Self::cut`]: neither client nor server hears of the other any more, even if that one
    /// is gone. New connections pass.
    pub fn leave_half_open(&self) {
        for connection in &self.shared.state().connections {
            connection.is_half_open.store(true, Ordering::SeqCst);
        }
    }

    /// Ends the next connection on which a client sends `bytes`, before the server hears of them.
    pub fn lose_question(&self, bytes: &[u8]) {
        self.set_trap(bytes, Then::LoseQuestion);
    }

    /// Ends the next connection on which a client sends `bytes`, once the server has answered, in place of the answer.
    pub fn lose_answer(&self, bytes: &[u8]) {
        self.set_trap(bytes, Then::LoseAnswer);
    }

    /// Holds everything ([`Weather::Held`]) once a client sends `bytes`, before the server hears of them: as a client that stops
    /// just there.
    pub fn hold_question(&self, bytes: &[u8]) {
        self.set_trap(bytes, Then::Hold);
    }

    fn set_trap(&self, bytes: &[u8], then: Then) {
        self.shared.state().trap = Some(Trap {
            bytes: bytes.to_vec(),
            then,
        });
    }

    /// How many questions and answers were lost or held that way.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.shared.state().sprung
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        self.cut();
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming() {
            if self.is_over.load(Ordering::SeqCst) {
                return;
            }
            let Ok(client) = client else { continue };
            if self.state().weather == Weather::Refusing {
                continue;
            }
            // A server that is down: the client finds its connection closed.
            let target = self.state().target;
            let Ok(server) = TcpStream::connect(target) else {
                continue;
            };
            let _ = client.set_nodelay(true);
            let _ = server.set_nodelay(true);
            let connection = Arc::new(Connection {
                client,
                server,
                ends_with_answer: AtomicBool::new(false),
                is_half_open: AtomicBool::new(false),
            });
            self.state().connections.push(Arc::clone(&connection));
            for direction in [Direction::Questions, Direction::Answers] {
                let (shared, connection) = (Arc::clone(self), Arc::clone(&connection));
                thread::spawn(move || shared.pass(&connection, direction));
            }
        }
    }

    /// Until one of both ends it.
    fn pass(&self, connection: &Arc<Connection>, direction: Direction) {
        let (mut from, mut to) = match direction {
            Direction::Questions => (&connection.client, &connection.server),
            Direction::Answers => (&connection.server, &connection.client),
        };
        let mut buffer = vec![0; 64 << 10];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let Some(bytes) = buffer.get(..length) else {
                break;
            };
            if !self.may_pass(connection, direction) {
                continue;
            }
            if !self.springs(connection, direction, bytes) || to.write_all(bytes).is_err() {
                break;
            }
        }
        // Of one that is half-open nobody hears that it has ended.
        self.may_pass(connection, direction);
        connection.end();
        let mut state = self.state();
        state
            .connections
            .retain(|other| !Arc::ptr_eq(other, connection));
    }

    /// Waits while everything is held. Whether it is to be passed on at all.
    fn may_pass(&self, connection: &Arc<Connection>, direction: Direction) -> bool {
        let mut state = self.state();
        while (state.weather == Weather::Held || connection.is_half_open.load(Ordering::SeqCst))
            && state
                .connections
                .iter()
                .any(|other| Arc::ptr_eq(other, connection))
        {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        !(state.weather == Weather::Deaf && matches!(direction, Direction::Answers))
    }

    /// Looks for what the trap waits for. Whether the bytes are to be passed on, or the connection is to end.
    fn springs(&self, connection: &Arc<Connection>, direction: Direction, bytes: &[u8]) -> bool {
        if matches!(direction, Direction::Answers) {
            if connection.ends_with_answer.load(Ordering::SeqCst) {
                self.state().sprung += 1;
                return false;
            }
            return true;
        }
        let mut state = self.state();
        let found = state.trap.take_if(|trap| {
            bytes
                .windows(trap.bytes.len().max(1))
                .any(|window| window == trap.bytes)
        });
        match found.map(|trap| trap.then) {
            None => true,
            Some(Then::LoseQuestion) => {
                state.sprung += 1;
                false
            }
            Some(Then::LoseAnswer) => {
                connection.ends_with_answer.store(true, Ordering::SeqCst);
                true
            }
            Some(Then::Hold) => {
                state.sprung += 1;
                state.weather = Weather::Held;
                drop(state);
                self.may_pass(connection, direction)
            }
        }
    }
}

impl Connection {
    fn end(&self) {
        // One that has ended already cannot be ended again.
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers every byte with the next one.
    fn server() -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for client in listener.incoming() {
                thread::spawn(move || {
                    let mut client = client.unwrap();
                    let mut byte = [0];
                    while let Ok(1) = client.read(&mut byte) {
                        client.write_all(&[byte[0] + 1]).unwrap();
                    }
                });
            }
        });
        address
    }

    fn ask(client: &mut TcpStream, question: u8) -> Option<u8> {
        client.write_all(&[question]).ok()?;
        let mut answer = [0];
        client.read_exact(&mut answer).ok()?;
        Some(answer[0])
    }

    #[test]
    fn what_passes_is_passed_and_cut_connections_end() {
        let proxy = Proxy::to(server());
        let mut client = TcpStream::connect(proxy.address()).unwrap();
        assert_eq!(ask(&mut client, 1), Some(2));
        assert_eq!(proxy.cut(), 1);
        assert_eq!(ask(&mut client, 1), None);
        proxy.set(Weather::Refusing);
        let refused = TcpStream::connect(proxy.address());
        assert!(refused.is_err() || ask(&mut refused.unwrap(), 1).is_none());
    }

    #[test]
    fn what_is_held_passes_later() {
        let proxy = Proxy::to(server());
        let mut client = TcpStream::connect(proxy.address()).unwrap();
        assert_eq!(ask(&mut client, 1), Some(2));
        proxy.set(Weather::Held);
        client.write_all(&[5]).unwrap();
        client.set_nonblocking(true).unwrap();
        assert!(client.read(&mut [0]).is_err());
        client.set_nonblocking(false).unwrap();
        proxy.set(Weather::Clear);
        let mut answer = [0];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(answer, [6]);
    }

    #[test]
    fn a_question_can_be_held_just_there() {
        let proxy = Proxy::to(server());
        let mut client = TcpStream::connect(proxy.address()).unwrap();
        proxy.hold_question(&[7]);
        assert_eq!(ask(&mut client, 1), Some(2));
        client.write_all(&[7]).unwrap();
        while proxy.lost() == 0 {}
        client.set_nonblocking(true).unwrap();
        assert!(client.read(&mut [0]).is_err());
        client.set_nonblocking(false).unwrap();
        proxy.set(Weather::Clear);
        let mut answer = [0];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(answer, [8]);
    }

    #[test]
    fn of_a_connection_that_is_half_open_nobody_hears_that_it_has_ended() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let proxy = Proxy::to(listener.local_addr().unwrap());
        let mut client = TcpStream::connect(proxy.address()).unwrap();
        let (mut served, _) = listener.accept().unwrap();
        client.write_all(&[1]).unwrap();
        served.read_exact(&mut [0]).unwrap();
        proxy.leave_half_open();
        client.write_all(&[2]).unwrap();
        drop(client);
        let limit = std::time::Duration::from_millis(100);
        served.set_read_timeout(Some(limit)).unwrap();
        assert!(served.read(&mut [0]).is_err());
        assert_eq!(proxy.cut(), 1);
        served.set_read_timeout(None).unwrap();
        assert_eq!(served.read(&mut [0]).unwrap(), 0);
    }

    #[test]
    fn a_question_or_its_answer_is_lost_once() {
        let proxy = Proxy::to(server());
        for lose in [Proxy::lose_question, Proxy::lose_answer] {
            let mut client = TcpStream::connect(proxy.address()).unwrap();
            lose(&proxy, &[7]);
            assert_eq!(ask(&mut client, 1), Some(2));
            assert_eq!(ask(&mut client, 7), None);
            let mut next = TcpStream::connect(proxy.address()).unwrap();
            assert_eq!(ask(&mut next, 7), Some(8));
        }
        assert_eq!(proxy.lost(), 2);
    }
}
