//! Payloads, through the public interface.

use std::sync::LazyLock;

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use data_encoding::BASE64;
use proptest::prelude::*;
use strongroom_crypto::{
    DecryptionKey, EncryptionKeySpec, EncryptionPublicKey, FrontReader, KeyUsage, KeyUsages,
    MAX_PAYLOAD_RECIPIENTS, NewPayload, PAYLOAD_CHUNK_LEN, PayloadDraft, PayloadError,
    PayloadPurpose, PrivateKey, PublicKey, Random, Signature, SigningAlgorithm, SigningAlgorithms,
    SigningKeySpec, SystemRandom, Timestamp, VerifyError, is_payload,
};

use crate::support::{RepeatableRandom, generate, hex, pair};

const SENDER: &str = "PAR::alice::1220";

struct Owner {
    public: EncryptionPublicKey,
    key: DecryptionKey,
}

fn owner(private: &PrivateKey) -> Owner {
    let PublicKey::Encryption(public) = private.public_key(None).unwrap() else {
        panic!("an encryption key")
    };
    let key = DecryptionKey::new(private, &public).unwrap();
    Owner { public, key }
}

static ALICE: LazyLock<Owner> = LazyLock::new(|| owner(&generate(EncryptionKeySpec::EcP256, 1)));
static BOB: LazyLock<Owner> = LazyLock::new(|| owner(&generate(EncryptionKeySpec::EcP256, 2)));
static CAROL: LazyLock<Owner> = LazyLock::new(|| owner(&generate(EncryptionKeySpec::Rsa2048, 3)));

fn purpose(text: &str) -> PayloadPurpose {
    text.parse().unwrap()
}

/// An unsigned draft.
fn draft(to: &[&Owner], random: &dyn Random) -> Result<PayloadDraft, PayloadError> {
    let recipients: Vec<_> = to.iter().map(|owner| owner.public.clone()).collect();
    let new = NewPayload {
        purpose: purpose("test"),
        at: Timestamp::from_micros(7),
        sender: None,
        recipients: &recipients,
    };
    PayloadDraft::new(&new, random)
}

fn append(to: &mut Vec<u8>) -> impl FnMut(&[u8]) -> Result<(), PayloadError> {
    |piece| {
        to.extend_from_slice(piece);
        Ok(())
    }
}

/// The payload of `draft`, and its content piece by piece.
fn sealed(
    draft: PayloadDraft,
    signature: Option<Signature>,
    content: &[u8],
    piece: usize,
) -> Vec<u8> {
    let (mut payload, mut sealer) = draft.seal(signature).unwrap();
    let mut give = |ciphertext: &[u8], tag: &[u8]| {
        payload.extend([ciphertext, tag].concat());
        Ok::<(), PayloadError>(())
    };
    for piece in content.to_vec().chunks_mut(piece) {
        sealer.push(piece, &mut give).unwrap();
    }
    sealer.finish(&mut [], &mut give).unwrap();
    payload
}

fn seal(to: &[&Owner], content: &[u8]) -> Vec<u8> {
    let draft = draft(to, &SystemRandom).unwrap();
    sealed(draft, None, content, content.len().max(1))
}

/// What `owner` reads in pieces of this length, and how it ended.
fn read(owner: &Owner, payload: &[u8], piece: usize) -> (Vec<u8>, Result<(), PayloadError>) {
    let mut content = Vec::new();
    let ended = open_pieces(owner, payload, piece, &mut content);
    (content, ended)
}

fn open_pieces(
    owner: &Owner,
    payload: &[u8],
    piece: usize,
    content: &mut Vec<u8>,
) -> Result<(), PayloadError> {
    let mut payload = payload.to_vec();
    let mut pieces = payload.chunks_mut(piece);
    let mut reader = FrontReader::default();
    let (front, rest) = loop {
        let piece = pieces.next().ok_or_else(|| reader.ended())?;
        if let Some((front, length)) = reader.push(piece)? {
            break (front, &mut piece[length..]);
        }
    };
    let mine = front.header().recipients().iter();
    let mut mine = mine.filter(|it| it.encrypted_for == owner.public.fingerprint());
    let mine = mine.next().ok_or(PayloadError::NotAuthentic)?;
    let secret = owner.key.decrypt(mine);
    let secret = secret.map_err(|_failed| PayloadError::NotAuthentic)?;
    let mut opener = front.open(&purpose("test"), secret)?;
    opener.push(rest, append(content))?;
    for piece in pieces {
        opener.push(piece, append(content))?;
    }
    opener.finish(&mut [], append(content))
}

fn open(owner: &Owner, payload: &[u8]) -> Result<Vec<u8>, PayloadError> {
    let (content, ended) = read(owner, payload, payload.len().max(1));
    ended.map(|()| content)
}

/// Where the chunks begin.
fn front_len(payload: &[u8]) -> usize {
    24 + usize::try_from(u32::from_be_bytes(*payload[20..].first_chunk().unwrap())).unwrap()
}

fn content(length: usize) -> Vec<u8> {
    let byte = |index: usize| u8::try_from((index / 7 + index) % 251).unwrap();
    (0..length).map(byte).collect()
}

#[test]
fn every_recipient_opens_what_was_sealed_for_several() {
    let payload = seal(&[&ALICE, &BOB, &CAROL], b"for three");
    assert!(is_payload(&payload));
    for owner in [&*ALICE, &BOB, &CAROL] {
        assert_eq!(open(owner, &payload).unwrap(), b"for three");
    }
    let not_for_carol = seal(&[&ALICE, &BOB], b"for two");
    assert_eq!(
        open(&CAROL, &not_for_carol),
        Err(PayloadError::NotAuthentic)
    );
}

#[test]
fn contents_around_the_length_of_a_chunk_come_back_whatever_the_pieces() {
    for length in [
        0,
        1,
        PAYLOAD_CHUNK_LEN - 1,
        PAYLOAD_CHUNK_LEN,
        PAYLOAD_CHUNK_LEN + 1,
        3 * PAYLOAD_CHUNK_LEN,
        3 * PAYLOAD_CHUNK_LEN + 5,
    ] {
        let content = content(length);
        let payload = seal(&[&ALICE], &content);
        let chunks = length.div_ceil(PAYLOAD_CHUNK_LEN).max(1);
        assert_eq!(payload.len(), front_len(&payload) + length + 16 * chunks);
        for piece in [13, 4096, PAYLOAD_CHUNK_LEN, payload.len()] {
            let payload = sealed(
                draft(&[&ALICE], &SystemRandom).unwrap(),
                None,
                &content,
                piece,
            );
            let (found, ended) = read(&ALICE, &payload, piece);
            assert_eq!(
                (found == content, ended),
                (true, Ok(())),
                "{length} {piece}"
            );
        }
    }
}

#[test]
fn a_payload_that_is_cut_anywhere_does_not_end() {
    let payload = seal(&[&ALICE], &content(100));
    for length in 0..payload.len() {
        assert!(open(&ALICE, &payload[..length]).is_err(), "{length}");
    }
    // Also at the end of a chunk, where nothing of the next one is missing.
    let payload = seal(&[&ALICE], &content(2 * PAYLOAD_CHUNK_LEN));
    let cut = &payload[..front_len(&payload) + PAYLOAD_CHUNK_LEN + 16];
    let (found, ended) = read(&ALICE, cut, 4096);
    assert_eq!(
        (found, ended),
        (Vec::new(), Err(PayloadError::NotAuthentic))
    );
}

#[test]
fn nothing_of_a_chunk_is_given_out_before_it_is_authentic() {
    let content = content(3 * PAYLOAD_CHUNK_LEN);
    let mut payload = seal(&[&ALICE], &content);
    let second = front_len(&payload) + PAYLOAD_CHUNK_LEN + 16;
    payload[second + 99] ^= 1;
    let (found, ended) = read(&ALICE, &payload, 1000);
    assert_eq!(ended, Err(PayloadError::NotAuthentic));
    assert!(found == content[..PAYLOAD_CHUNK_LEN]);
}

#[test]
fn of_a_chunk_that_is_not_authentic_zeros_are_left_where_it_was() {
    let content = vec![7; 2 * PAYLOAD_CHUNK_LEN];
    let payload = seal(&[&ALICE], &content);
    let (front, length) = FrontReader::default().push(&payload).unwrap().unwrap();
    let secret = ALICE.key.decrypt(&front.header().recipients()[0]).unwrap();
    let opener = front.open(&purpose("test"), secret).unwrap();
    let mut chunks = payload[length..].to_vec();
    let second = PAYLOAD_CHUNK_LEN + 16;
    chunks[second + 99] ^= 1;
    let ended = opener.finish(&mut chunks, append(&mut Vec::new()));
    assert_eq!(ended, Err(PayloadError::NotAuthentic));
    assert!(chunks[..PAYLOAD_CHUNK_LEN] == content[..PAYLOAD_CHUNK_LEN]);
    let forged = &chunks[second..][..PAYLOAD_CHUNK_LEN];
    assert!(forged.iter().all(|byte| *byte == 0));
}

#[test]
fn chunks_that_are_reordered_doubled_dropped_or_added_are_noticed() {
    let content = content(3 * PAYLOAD_CHUNK_LEN);
    let payload = seal(&[&ALICE], &content);
    let (front, chunks) = payload.split_at(front_len(&payload));
    let chunks: Vec<_> = chunks.chunks(PAYLOAD_CHUNK_LEN + 16).collect();
    let other = seal(&[&ALICE], &content);
    let foreign = &other[front_len(&other)..][..PAYLOAD_CHUNK_LEN + 16];
    let empty_last = [0; 16];
    for (name, chunks) in [
        ("reordered", vec![chunks[1], chunks[0], chunks[2]]),
        ("doubled", vec![chunks[0], chunks[0], chunks[1], chunks[2]]),
        ("dropped", vec![chunks[0], chunks[2]]),
        ("of another payload", vec![foreign, chunks[1], chunks[2]]),
        ("added", vec![chunks[0], chunks[1], chunks[2], chunks[2]]),
        (
            "an empty one added",
            vec![chunks[0], chunks[1], chunks[2], &empty_last],
        ),
    ] {
        let changed = [front, &chunks.concat()].concat();
        assert_eq!(
            open(&ALICE, &changed),
            Err(PayloadError::NotAuthentic),
            "{name}"
        );
    }
}

#[test]
fn any_changed_byte_of_the_front_is_noticed() {
    let payload = seal(&[&ALICE], b"content");
    for position in 0..front_len(&payload) {
        let mut changed = payload.clone();
        changed[position] ^= 1;
        assert!(open(&ALICE, &changed).is_err(), "{position}");
    }
}

/// The front of a payload for Alice and Bob, with its lengths, whose list of recipients `change` changes.
fn with_recipients<'p>(
    payload: &'p [u8],
    change: impl FnOnce(Vec<&'p [u8]>) -> Vec<&'p [u8]>,
) -> Vec<u8> {
    // header: salt(32), purpose(4 + 4), at(8), no sender(1), count(4), recipients of 32 + 4 + 4 + 145 bytes
    const RECIPIENT: usize = 32 + 4 + 4 + 145;
    let front = &payload[24..front_len(payload)];
    let header_len = usize::try_from(u32::from_be_bytes(*front.first_chunk().unwrap())).unwrap();
    let (header, rest) = front[4..].split_at(header_len);
    let (head, recipients) = header.split_at(32 + 8 + 8 + 1);
    let recipients = change(recipients[4..].chunks(RECIPIENT).collect());
    let count = u32::try_from(recipients.len()).unwrap().to_be_bytes();
    let header = [head, &count, &recipients.concat()].concat();
    let front = [
        &u32::try_from(header.len()).unwrap().to_be_bytes()[..],
        &header,
        rest,
    ]
    .concat();
    let length = u32::try_from(front.len()).unwrap().to_be_bytes();
    [
        &payload[..20],
        &length,
        &front,
        &payload[front_len(payload)..],
    ]
    .concat()
}

#[test]
fn a_recipient_that_was_removed_added_or_swapped_is_noticed_by_the_others() {
    let payload = seal(&[&ALICE, &BOB], b"content");
    let other = seal(&[&ALICE, &BOB], b"content");
    let mut of_other = Vec::new();
    with_recipients(&other, |recipients| {
        of_other = recipients.concat();
        recipients
    });
    assert_eq!(with_recipients(&payload, |same| same), payload);
    let bob_first = BOB.public.fingerprint() < ALICE.public.fingerprint();
    let (alice, bob) = if bob_first { (1, 0) } else { (0, 1) };
    let removed = with_recipients(&payload, |all| vec![all[alice]]);
    assert_eq!(open(&ALICE, &removed), Err(PayloadError::NotAuthentic));
    let (first, second) = of_other.split_at(of_other.len() / 2);
    let of_other = [first, second];
    let swapped = with_recipients(&payload, |mut all| {
        all[bob] = of_other[bob];
        all
    });
    assert_eq!(open(&ALICE, &swapped), Err(PayloadError::NotAuthentic));
    let for_one = seal(&[&ALICE], b"content");
    let added = with_recipients(&for_one, |mut all| {
        all.insert(bob, of_other[bob]);
        all
    });
    assert_eq!(open(&ALICE, &added), Err(PayloadError::NotAuthentic));
    let reversed = with_recipients(&payload, |all| vec![all[1], all[0]]);
    let malformed = open(&ALICE, &reversed).unwrap_err();
    assert!(matches!(malformed, PayloadError::Malformed { .. }));
    let doubled = with_recipients(&payload, |all| vec![all[0], all[0], all[1]]);
    let twice = open(&ALICE, &doubled).unwrap_err();
    assert!(matches!(twice, PayloadError::RecipientTwice { .. }));
    let nobody = with_recipients(&payload, |_all| Vec::new());
    assert_eq!(open(&ALICE, &nobody), Err(PayloadError::NoRecipients));
}

#[test]
fn what_was_made_for_one_purpose_does_not_open_for_another() {
    let payload = seal(&[&ALICE], b"content");
    let (front, _) = FrontReader::default().push(&payload).unwrap().unwrap();
    let secret = ALICE.key.decrypt(&front.header().recipients()[0]).unwrap();
    let other = front.open(&purpose("other"), secret).unwrap_err();
    assert_eq!(
        other,
        PayloadError::OtherPurpose {
            found: purpose("test"),
            expected: purpose("other")
        }
    );
    assert_eq!(
        other.to_string(),
        "the payload was made for \"test\", not for \"other\""
    );
}

#[test]
fn a_secret_of_another_payload_or_length_opens_nothing() {
    let payload = seal(&[&ALICE], b"content");
    let (front, _) = FrontReader::default().push(&payload).unwrap().unwrap();
    for length in [0, 15, 16, 17, 32] {
        let secret = strongroom_crypto::SecretBytes::zeroed(length);
        let error = front.open(&purpose("test"), secret).unwrap_err();
        assert_eq!(error, PayloadError::NotAuthentic, "{length}");
    }
}

#[test]
fn a_signed_payload_is_its_senders_and_says_for_whom_it_is() {
    let (signer, public) = pair(SigningKeySpec::EcCurve25519, 4);
    let (_, stranger) = pair(SigningKeySpec::EcCurve25519, 5);
    let recipients = [ALICE.public.clone(), BOB.public.clone()];
    let new = NewPayload {
        purpose: purpose("test"),
        at: Timestamp::from_micros(7),
        sender: Some(SENDER),
        recipients: &recipients,
    };
    let sign = |draft: &PayloadDraft| {
        let protocol = KeyUsages::only(KeyUsage::Protocol);
        signer
            .sign(&draft.header().signed_message(), protocol)
            .unwrap()
    };
    let draft = PayloadDraft::new(&new, &SystemRandom).unwrap();
    let signature = sign(&draft);
    let payload = sealed(draft, Some(signature), b"content", 100);
    assert_eq!(open(&BOB, &payload).unwrap(), b"content");
    let (front, _) = FrontReader::default().push(&payload).unwrap().unwrap();
    assert_eq!(front.header().sender(), Some(SENDER));
    assert_eq!(front.header().at(), Timestamp::from_micros(7));
    assert_eq!(front.signed_by(), Some(public.fingerprint()));
    front
        .verify_sender(&public, SigningAlgorithms::ALL)
        .unwrap();
    let others = SigningAlgorithms::of(&[SigningAlgorithm::EcDsaSha256]);
    assert!(matches!(
        front.verify_sender(&public, others),
        Err(VerifyError::UnsupportedAlgorithm { .. })
    ));
    assert!(matches!(
        front.verify_sender(&stranger, SigningAlgorithms::ALL),
        Err(VerifyError::SignatureWithWrongKey { .. })
    ));

    // Bob knows the secret. He makes a payload of it for himself alone, but has no signature for that.
    let mut for_bob = new.clone();
    let only_bob = [BOB.public.clone()];
    for_bob.recipients = &only_bob;
    let forged = PayloadDraft::new(&for_bob, &SystemRandom).unwrap();
    let old_signature = {
        let again = PayloadDraft::new(&new, &SystemRandom).unwrap();
        sign(&again)
    };
    let (forged, _sealer) = forged.seal(Some(old_signature)).unwrap();
    let (front, _) = FrontReader::default().push(&forged).unwrap().unwrap();
    assert_eq!(
        front.verify_sender(&public, SigningAlgorithms::ALL),
        Err(VerifyError::InvalidSignature)
    );
}

#[test]
fn a_named_sender_signs_and_nobody_else() {
    let (signer, _) = pair(SigningKeySpec::EcCurve25519, 4);
    let protocol = KeyUsages::only(KeyUsage::Protocol);
    let unsigned = draft(&[&ALICE], &SystemRandom).unwrap();
    let signature = signer.sign(b"anything", protocol).unwrap();
    assert_eq!(
        unsigned.seal(Some(signature)).unwrap_err(),
        PayloadError::SenderAndSignature
    );
    let recipients = [ALICE.public.clone()];
    let new = NewPayload {
        purpose: purpose("test"),
        at: Timestamp::from_micros(7),
        sender: Some(SENDER),
        recipients: &recipients,
    };
    let named = PayloadDraft::new(&new, &SystemRandom).unwrap();
    assert_eq!(
        named.seal(None).unwrap_err(),
        PayloadError::SenderAndSignature
    );
}

#[test]
fn no_too_many_and_doubled_recipients_are_refused() {
    assert_eq!(
        draft(&[], &SystemRandom).unwrap_err(),
        PayloadError::NoRecipients
    );
    assert_eq!(
        draft(&[&ALICE, &BOB, &ALICE], &SystemRandom).unwrap_err(),
        PayloadError::RecipientTwice {
            fingerprint: ALICE.public.fingerprint()
        }
    );
    let many = vec![&*CAROL; MAX_PAYLOAD_RECIPIENTS + 1];
    assert_eq!(
        draft(&many, &SystemRandom).unwrap_err(),
        PayloadError::TooManyRecipients {
            found: MAX_PAYLOAD_RECIPIENTS + 1
        }
    );
}

#[test]
fn a_purpose_is_a_short_plain_text() {
    assert!(PayloadPurpose::try_new("x".repeat(255)).is_ok());
    for bad in ["", "two\nlines", &"x".repeat(256)] {
        assert_eq!(PayloadPurpose::try_new(bad), Err(PayloadError::Purpose));
    }
}

#[test]
fn what_is_no_payload_or_of_a_later_version_is_said_so_at_once() {
    assert_eq!(
        open(&ALICE, b"something else"),
        Err(PayloadError::NotAPayload)
    );
    assert_eq!(open(&ALICE, b""), Err(PayloadError::NotAPayload));
    assert_eq!(
        open(&ALICE, b"strongroom pay"),
        Err(PayloadError::NotAPayload)
    );
    let mut later = seal(&[&ALICE], b"content");
    later[19] = 3;
    assert_eq!(
        open(&ALICE, &later),
        Err(PayloadError::UnknownVersion { found: 3 })
    );
    let mut long = seal(&[&ALICE], b"content");
    long[20] = 0x7f;
    let error = open(&ALICE, &long).unwrap_err();
    assert!(matches!(error, PayloadError::Malformed { .. }), "{error}");
}

#[test]
fn two_payloads_of_the_same_content_share_nothing() {
    let [one, two] = [(); 2].map(|()| seal(&[&ALICE], &[0; 64]));
    let chunk = |payload: &[u8]| payload[front_len(payload)..].to_vec();
    assert_ne!(chunk(&one)[..16], chunk(&two)[..16]);
}

/// Payloads of each version, made by a Python script that was written from the documentation alone; they open for ever.
const FROZEN: [&str; 2] = [
    include_str!("../vectors/payload-v1.base64"),
    include_str!("../vectors/payload-v2.base64"),
];
/// By the same script: the key of the sample of version 1, and the hash of a payload of version 2 with three chunks.
const KEY_OF_VERSION_1: &str = "d1a7ff773eca0758ee4ba36b3f268658";
const LONG_OF_VERSION_2: &str = "9ee4a51d4ceaad3d25024ab0c780f55079f7b69d700a94dc6bbc9cf518fc040a";

fn frozen(sample: &str) -> Vec<u8> {
    BASE64.decode(sample.replace('\n', "").as_bytes()).unwrap()
}

/// What is written with the randomness of the samples.
fn written_today(content: &[u8]) -> Vec<u8> {
    let random = RepeatableRandom::from_seed(6);
    sealed(
        draft(&[&ALICE, &BOB], &random).unwrap(),
        None,
        content,
        1000,
    )
}

#[test]
fn the_frozen_samples_of_all_versions_open() {
    for sample in FROZEN.map(frozen) {
        for owner in [&*ALICE, &BOB] {
            assert_eq!(open(owner, &sample).unwrap(), content(300));
        }
    }
}

#[test]
fn what_is_written_today_is_the_frozen_sample_of_version_2() {
    assert_eq!(written_today(&content(300)), frozen(FROZEN[1]));
    let long = written_today(&content(2 * PAYLOAD_CHUNK_LEN + 5));
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &long);
    assert_eq!(hash.as_ref(), hex(LONG_OF_VERSION_2));
}

#[test]
fn a_payload_of_version_1_has_longer_chunks_and_opens() {
    const CHUNK_LEN: usize = 256 * 1024;
    let key = UnboundKey::new(&AES_128_GCM, &hex(KEY_OF_VERSION_1)).unwrap();
    let key = LessSafeKey::new(key);
    let sample = frozen(FROZEN[0]);
    let content = content(2 * CHUNK_LEN + 5);
    let mut payload = sample[..front_len(&sample)].to_vec();
    for (number, chunk) in (0..3_u8).zip(content.chunks(CHUNK_LEN)) {
        let nonce = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, number, u8::from(number == 2)];
        let nonce = Nonce::assume_unique_for_key(nonce);
        let mut chunk = chunk.to_vec();
        key.seal_in_place_append_tag(nonce, Aad::empty(), &mut chunk)
            .unwrap();
        payload.extend(chunk);
    }
    for piece in [4096, payload.len()] {
        let (found, ended) = read(&ALICE, &payload, piece);
        assert_eq!((found == content, ended), (true, Ok(())), "{piece}");
    }
}

#[test]
fn a_payload_that_says_that_it_is_of_another_version_does_not_open() {
    for (sample, other) in FROZEN.map(frozen).into_iter().zip([2, 1]) {
        let mut changed = sample;
        changed[19] = other;
        assert_eq!(open(&ALICE, &changed), Err(PayloadError::NotAuthentic));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_bytes_behind_a_true_beginning_do_not_open(
        bytes in proptest::collection::vec(any::<u8>(), 0..600),
        kept in 0_usize..400,
    ) {
        let payload = seal(&[&ALICE], b"content");
        let mut forged = payload[..kept.min(payload.len() - 1)].to_vec();
        forged.extend_from_slice(&bytes);
        prop_assume!(forged != payload);
        prop_assert!(open(&ALICE, &forged).is_err());
    }
}
