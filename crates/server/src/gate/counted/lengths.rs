//! How long the messages of a stream are (gRPC over HTTP/2, Requests: a flag, four bytes of length, the message).

use crate::server::MOST_MESSAGE_BYTES;

const PREFIX: usize = 5;

/// Hears the bytes of a stream as they come, in whatever pieces.
#[derive(Default)]
pub(super) struct Lengths {
    /// What has come of the next message before it begins.
    prefix: [u8; PREFIX],
    come: usize,
    /// So many bytes of the message are still to come.
    left: usize,
    largest: usize,
}

impl Lengths {
    /// The length of the largest message that has begun so far; one that is too long is refused by whoever reads it.
    pub(super) fn largest(&self) -> usize {
        self.largest
    }

    pub(super) fn hear(&mut self, mut bytes: &[u8]) {
        while let Some((first, rest)) = bytes.split_first() {
            if self.left > 0 {
                let passed = self.left.min(bytes.len());
                self.left -= passed;
                bytes = bytes.get(passed..).unwrap_or_default();
                continue;
            }
            bytes = rest;
            if let Some(place) = self.prefix.get_mut(self.come) {
                *place = *first;
                self.come += 1;
            }
            if self.come == PREFIX {
                self.begins();
            }
        }
    }

    fn begins(&mut self) {
        let [_flag, length @ ..] = self.prefix;
        self.come = 0;
        self.left = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        self.largest = self.largest.max(self.left.min(MOST_MESSAGE_BYTES));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(length: usize) -> Vec<u8> {
        let mut bytes = vec![0];
        bytes.extend(u32::try_from(length).unwrap().to_be_bytes());
        bytes.resize(PREFIX + length, 0xff);
        bytes
    }

    #[test]
    fn the_largest_message_is_known_in_whatever_pieces_it_comes() {
        let stream = [message(3), message(0), message(700), message(20)].concat();
        for piece in [1, 2, 7, 300, stream.len()] {
            let mut lengths = Lengths::default();
            for bytes in stream.chunks(piece) {
                lengths.hear(bytes);
            }
            assert_eq!(lengths.largest(), 700, "{piece}");
            assert_eq!((lengths.left, lengths.come), (0, 0), "{piece}");
        }
    }

    #[test]
    fn a_message_counts_when_it_begins_and_never_for_more_than_it_may_have() {
        let mut lengths = Lengths::default();
        lengths.hear(&message(1000)[..PREFIX]);
        assert_eq!(lengths.largest(), 1000);
        let mut lengths = Lengths::default();
        lengths.hear(&[0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]);
        assert_eq!(lengths.largest(), MOST_MESSAGE_BYTES);
    }
}
