use std::{
    collections::HashMap,
    fs::File,
    io::BufReader,
    num::NonZeroUsize,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ED25519, ML_DSA_65, UnparsedPublicKey,
    VerificationAlgorithm,
};
use k256::ecdsa::signature::Verifier;
use strongroom_crypto::{Fingerprint, SigningKeySpec, SigningPublicKey};
use strongroom_proto::topology::{Container, DecodedItem, ItemReader};
use strongroom_topology::{Mapping, SignedTransaction};

/// The signatures of a snapshot, each with its message and its key, ready for the library.
pub(super) struct BareSignatures(Vec<BareSignature>);

struct BareSignature {
    spec: SigningKeySpec,
    key: Box<[u8]>,
    message: [u8; 34],
    signature: Box<[u8]>,
}

impl BareSignatures {
    /// Reads them from a snapshot whose keys are named before they sign.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let (mut keys, mut signatures) = (HashMap::new(), Vec::new());
        let input = BufReader::new(File::open(path)?);
        for item in ItemReader::new(input, Container::SnapshotV2) {
            if let DecodedItem::Row(row) = item?.decode()? {
                learn(&row.signed, &mut keys);
                collect(&row.signed, &keys, &mut signatures)?;
            }
        }
        Ok(Self(signatures))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// How long so many threads take to verify all of them.
    pub(super) fn time(&self, threads: NonZeroUsize) -> anyhow::Result<Duration> {
        let share = self.0.len().div_ceil(threads.get()).max(1);
        let started = Instant::now();
        let valid: usize = thread::scope(|scope| {
            let running: Vec<_> = self
                .0
                .chunks(share)
                .map(|share| scope.spawn(|| share.iter().filter(|it| it.verifies()).count()))
                .collect();
            running
                .into_iter()
                .map(|thread| thread.join().unwrap_or_default())
                .sum()
        });
        let time = started.elapsed();
        anyhow::ensure!(
            valid == self.0.len(),
            "the bare side found {valid} of {} signatures valid",
            self.0.len()
        );
        Ok(time)
    }
}

fn learn(signed: &SignedTransaction, keys: &mut HashMap<Fingerprint, SigningPublicKey>) {
    let mut add = |key: &SigningPublicKey| {
        keys.insert(key.fingerprint(), key.clone());
    };
    match signed.transaction().mapping() {
        Mapping::NamespaceDelegation(it) => add(it.target()),
        Mapping::OwnerToKeyMapping(it) => it.signing_keys().for_each(add),
        _ => {}
    }
}

fn collect(
    signed: &SignedTransaction,
    keys: &HashMap<Fingerprint, SigningPublicKey>,
    signatures: &mut Vec<BareSignature>,
) -> anyhow::Result<()> {
    for signature in signed.signatures() {
        let key = keys
            .get(&signature.signed_by())
            .ok_or_else(|| anyhow::anyhow!("a key of the snapshot signs before it is named"))?;
        signatures.push(BareSignature {
            spec: key.spec(),
            key: key_bytes(key)?,
            message: signed.hash().to_multihash(),
            signature: signature.signature().bytes.as_slice().into(),
        });
    }
    Ok(())
}

/// The key as the library takes it: 32 bytes, an uncompressed point, or the bytes of FIPS 204.
fn key_bytes(key: &SigningPublicKey) -> anyhow::Result<Box<[u8]>> {
    let length = match key.spec() {
        SigningKeySpec::EcCurve25519 => 32,
        SigningKeySpec::EcP256 | SigningKeySpec::EcSecp256k1 => 65,
        SigningKeySpec::EcP384 => 97,
        SigningKeySpec::MlDsa65 => 1952,
    };
    // They are the last bytes of the SubjectPublicKeyInfo.
    let start = key.spki().len().saturating_sub(length);
    let bytes = key.spki().get(start..);
    Ok(bytes
        .ok_or_else(|| anyhow::anyhow!("a key is too short"))?
        .into())
}

impl BareSignature {
    fn verifies(&self) -> bool {
        let algorithm: &'static dyn VerificationAlgorithm = match self.spec {
            SigningKeySpec::EcCurve25519 => &ED25519,
            SigningKeySpec::EcP256 => &ECDSA_P256_SHA256_ASN1,
            SigningKeySpec::EcP384 => &ECDSA_P384_SHA384_ASN1,
            SigningKeySpec::MlDsa65 => &ML_DSA_65,
            SigningKeySpec::EcSecp256k1 => return self.verifies_secp256k1().is_ok(),
        };
        UnparsedPublicKey::new(algorithm, &self.key)
            .verify(&self.message, &self.signature)
            .is_ok()
    }

    fn verifies_secp256k1(&self) -> Result<(), k256::ecdsa::Error> {
        let key = k256::ecdsa::VerifyingKey::from_sec1_bytes(&self.key)?;
        let signature = k256::ecdsa::Signature::from_der(&self.signature)?;
        key.verify(&self.message, &signature)
    }
}
