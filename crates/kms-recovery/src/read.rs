//! Reading what age decrypts, into memory of ours.

use std::io::{self, Read};

use strongroom_memory::SecretBytes;

/// Reads to the end. Of what is longer than `most` bytes nothing is believed.
///
/// # Errors
/// What the reader says: the ciphertext was changed or cut.
pub(crate) fn to_end(reader: &mut impl Read, most: usize) -> io::Result<SecretBytes> {
    // One byte more shows that there is more.
    let mut read = SecretBytes::zeroed(most + 1);
    let mut length = 0;
    // EXPOSE: it is filled here.
    while let Some(rest) = read.expose_mut().get_mut(length..)
        && !rest.is_empty()
    {
        match reader.read(rest)? {
            0 => break,
            count => length += count,
        }
    }
    if length > most {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    read.truncate(length);
    Ok(read)
}
