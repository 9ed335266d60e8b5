//! Asking people: for what must not be shown, and whether to go on.

use std::{
    fs::File,
    io::{self, IsTerminal, Write},
};

use rustix::{
    io::retry_on_intr,
    process::{Signal, getpid, kill_process},
    termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr},
};
use strongroom_memory::SecretBytes;

use crate::failure::CliError;

/// The longest line, in bytes.
const LIMIT: usize = 4096;

/// Asks for one line and returns what is typed, without showing it.
///
/// The keys that interrupt a program are read like all others: a signal would end the process before it could switch the
/// echo on again, and leave a terminal that shows nothing.
pub(crate) fn read_hidden(prompt: &str) -> anyhow::Result<SecretBytes> {
    let mut terminal = Hidden::open()?;
    terminal.say(prompt)?;
    let mut line = Line::default();
    loop {
        match terminal.key()? {
            Key::Other(byte) => line.push(byte)?,
            Key::Erase => line.erase(),
            Key::Kill => line.len = 0,
            Key::End => break,
            Key::Interrupt(signal) => {
                terminal.say("\n")?;
                drop(terminal);
                // As the terminal would have ended us.
                kill_process(getpid(), signal).map_err(io::Error::from)?;
                return Err(CliError::NoTerminal.into());
            }
        }
    }
    terminal.say("\n")?;
    Ok(line.finish())
}

/// Asks a question that is answered by `y` or otherwise. Without a terminal nobody is asked, and the answer is no.
pub(crate) fn confirm(question: &str) -> io::Result<bool> {
    let (input, mut output) = (io::stdin(), io::stderr());
    if !input.is_terminal() || !output.is_terminal() {
        return Ok(false);
    }
    write!(output, "{question} [y/N] ")?;
    output.flush()?;
    let mut answer = String::new();
    input.read_line(&mut answer)?;
    Ok(answer.trim().eq_ignore_ascii_case("y"))
}

enum Key {
    Other(u8),
    Erase,
    Kill,
    End,
    Interrupt(Signal),
}

/// The terminal with its echo off, until this is dropped.
struct Hidden {
    terminal: File,
    before: Termios,
    byte: SecretBytes,
}

impl Hidden {
    /// The terminal of the process and not standard input, which may be the file to sign.
    fn open() -> Result<Self, CliError> {
        let terminal = File::options()
            .read(true)
            .write(true)
            .open("/dev/tty")
            .map_err(|_none| CliError::NoTerminal)?;
        let before = tcgetattr(&terminal).map_err(|_none| CliError::NoTerminal)?;
        let mut hidden = before.clone();
        let shown = LocalModes::ECHO | LocalModes::ECHONL;
        hidden.local_modes -= shown | LocalModes::ICANON | LocalModes::ISIG | LocalModes::IEXTEN;
        hidden.special_codes[SpecialCodeIndex::VMIN] = 1;
        hidden.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&terminal, OptionalActions::Drain, &hidden)
            .map_err(|_none| CliError::NoTerminal)?;
        Ok(Self {
            terminal,
            before,
            byte: SecretBytes::zeroed(1),
        })
    }

    fn say(&mut self, text: &str) -> Result<(), CliError> {
        self.terminal
            .write_all(text.as_bytes())
            .map_err(|_gone| CliError::NoTerminal)
    }

    /// Past the buffers of the standard library, which would keep a copy.
    fn key(&mut self) -> Result<Key, CliError> {
        // EXPOSE: read in place.
        let buffer = self.byte.expose_mut();
        let length = retry_on_intr(|| rustix::io::read(&self.terminal, &mut *buffer))
            .map_err(|_gone| CliError::NoTerminal)?;
        let Some(&byte) = buffer.get(..length).and_then(<[u8]>::first) else {
            return Err(CliError::NoTerminal);
        };
        let codes = &self.before.special_codes;
        let is = |index| codes[index] != 0 && codes[index] == byte;
        Ok(match byte {
            b'\n' | b'\r' => Key::End,
            0x08 | 0x7f => Key::Erase,
            _ if is(SpecialCodeIndex::VINTR) => Key::Interrupt(Signal::INT),
            _ if is(SpecialCodeIndex::VQUIT) => Key::Interrupt(Signal::QUIT),
            _ if is(SpecialCodeIndex::VERASE) => Key::Erase,
            _ if is(SpecialCodeIndex::VKILL) => Key::Kill,
            _ if is(SpecialCodeIndex::VEOF) => Key::End,
            other => Key::Other(other),
        })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // Nothing is left to do when the terminal is gone.
        let _restored = tcsetattr(&self.terminal, OptionalActions::Drain, &self.before);
    }
}

/// What was typed so far, in locked memory.
struct Line {
    bytes: SecretBytes,
    len: usize,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            bytes: SecretBytes::zeroed(LIMIT),
            len: 0,
        }
    }
}

impl Line {
    fn push(&mut self, byte: u8) -> Result<(), CliError> {
        // EXPOSE: written in place.
        let place = self.bytes.expose_mut().get_mut(self.len);
        *place.ok_or(CliError::TooLong {
            what: "the line",
            limit: LIMIT,
        })? = byte;
        self.len += 1;
        Ok(())
    }

    /// Takes the last character back; in UTF-8 it may have several bytes.
    fn erase(&mut self) {
        // EXPOSE: looked at in place.
        let bytes = self.bytes.expose().get(..self.len).unwrap_or_default();
        let is_first = |byte: &u8| byte & 0xc0 != 0x80;
        self.len = bytes.iter().rposition(is_first).unwrap_or(0);
    }

    fn finish(mut self) -> SecretBytes {
        self.bytes.truncate(self.len);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_is_taken_back_whole() {
        let mut line = Line::default();
        for byte in "hä🔑".bytes() {
            line.push(byte).unwrap();
        }
        line.erase();
        line.erase();
        line.push(b'o').unwrap();
        assert_eq!(line.finish().expose(), b"ho");
        let mut empty = Line::default();
        empty.erase();
        assert!(empty.finish().is_empty());
    }

    #[test]
    fn a_line_has_an_end() {
        let mut line = Line::default();
        for _ in 0..LIMIT {
            line.push(b'x').unwrap();
        }
        assert!(matches!(line.push(b'x'), Err(CliError::TooLong { .. })));
    }
}
