//! Files that are encrypted in the format of age.

use std::io::{Cursor, Read, Write};

use age::secrecy::ExposeSecret;
use strongroom_backup::{BackupError, BackupStore, Protection, Recipients, Unlock, decrypt};
use strongroom_crypto::SecretBytes;

use crate::support::{SealOfDataKey, every_kind, header, write};

fn encrypted(protection: &Protection) -> Vec<u8> {
    let (bytes, _) = write(&every_kind(), &SealOfDataKey::generate());
    let mut output = protection.encrypt(Vec::new()).unwrap();
    output.write_all(&bytes).unwrap();
    output.finish().unwrap()
}

fn opened(bytes: &[u8], unlock: &Unlock) -> Result<BackupStore, BackupError> {
    BackupStore::read(decrypt(Cursor::new(bytes.to_vec()), unlock)?)
}

fn identity() -> (Unlock, String) {
    let identity = age::x25519::Identity::generate();
    let file = format!("# a key\n\n{}\n", identity.to_string().expose_secret());
    let unlock = Unlock::identities(&SecretBytes::from_slice(file.as_bytes())).unwrap();
    (unlock, identity.to_public().to_string())
}

#[test]
fn each_recipient_decrypts_and_nobody_else() {
    let ((first, one), (second, two), (stranger, _)) = (identity(), identity(), identity());
    let recipients = Recipients::parse([one.as_str(), "", "# the other", two.as_str()]).unwrap();
    let file = encrypted(&Protection::Recipients(recipients));
    for unlock in [&first, &second] {
        assert_eq!(opened(&file, unlock).unwrap().header(), &header());
    }
    let error = opened(&file, &stranger).unwrap_err();
    assert!(matches!(error, BackupError::WrongKey));
    let none = opened(&file, &Unlock::Nothing).unwrap_err();
    assert!(matches!(none, BackupError::Encrypted { passphrase: false }));
}

#[test]
fn the_passphrase_decrypts_and_no_other() {
    let passphrase = |text: &str| SecretBytes::from_slice(text.as_bytes());
    let file = encrypted(&Protection::Passphrase(passphrase("long and secret")));
    let right = Unlock::Passphrase(passphrase("long and secret"));
    assert_eq!(opened(&file, &right).unwrap().header(), &header());
    let wrong = opened(&file, &Unlock::Passphrase(passphrase("guessed"))).unwrap_err();
    assert!(matches!(wrong, BackupError::WrongKey));
    let none = opened(&file, &Unlock::Nothing).unwrap_err();
    assert!(matches!(none, BackupError::Encrypted { passphrase: true }));
}

#[test]
fn every_changed_or_cut_byte_of_an_encrypted_file_is_noticed() {
    let (unlock, recipient) = identity();
    let recipients = Recipients::parse([recipient.as_str()]).unwrap();
    let file = encrypted(&Protection::Recipients(recipients));
    for position in 0..file.len() {
        let mut changed = file.clone();
        changed[position] ^= 0x10;
        assert!(opened(&changed, &unlock).is_err(), "byte {position}");
        assert!(
            opened(&file[..position], &unlock).is_err(),
            "{position} bytes"
        );
    }
}

#[test]
fn a_backup_that_is_not_encrypted_is_read_as_it_is() {
    let (bytes, _) = write(&every_kind(), &SealOfDataKey::generate());
    assert_eq!(encrypted(&Protection::None).len(), bytes.len());
    let mut read = Vec::new();
    decrypt(Cursor::new(bytes.clone()), &Unlock::Nothing)
        .unwrap()
        .read_to_end(&mut read)
        .unwrap();
    assert_eq!(read, bytes);
}

#[test]
fn what_is_no_recipient_or_identity_is_named_by_its_line() {
    let (_, recipient) = identity();
    let error = Recipients::parse([recipient.as_str(), "age1nonsense"]).unwrap_err();
    assert!(matches!(error, BackupError::RecipientInvalid { line: 2 }));
    let error = Recipients::parse(["# nobody"]).unwrap_err();
    assert!(matches!(error, BackupError::NoRecipient));
    let file = SecretBytes::from_slice(b"# a key\nAGE-SECRET-KEY-1NONSENSE\n");
    let error = Unlock::identities(&file).unwrap_err();
    assert!(matches!(error, BackupError::IdentityInvalid { line: 2 }));
}
