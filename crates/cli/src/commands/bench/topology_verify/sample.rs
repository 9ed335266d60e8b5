use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use indicatif::ProgressBar;
use strongroom_crypto::{
    EncryptionKeySpec, KeySpec, KeyUsage, KeyUsages, PrivateKey, PublicKey, SigningKey,
    SigningKeySpec, SigningPublicKey, SystemRandom, Timestamp,
};
use strongroom_proto::topology::{
    SnapshotItem, encode_transaction, topology_signature, write_snapshot_v2,
};
use strongroom_topology::{
    Covers, Draft, HostingParticipant, Mapping, Member, MemberCode, Namespace, NamespaceDelegation,
    Operation, OwnerToKeyMapping, ParticipantPermission, PartyToParticipant,
    PhysicalSynchronizerId, Restriction, Serial, SignedTransaction, StoreId, SynchronizerId,
    SynchronizerTrustCertificate, UniqueIdentifier, VettedPackages,
};

/// Parties of each participant: most transactions of a network are about parties.
const PARTIES: u64 = 25;
/// Of so many parties one is hosted by the neighbour as well, who then signs too.
const SHARED: u64 = 5;
/// Packages that each participant vets.
const PACKAGES: usize = 5;

/// A snapshot in a file, as a network of participants would leave it.
pub(super) struct Sample {
    pub(super) store: StoreId,
    pub(super) transactions: u64,
    pub(super) signatures: u64,
    pub(super) bytes: u64,
}

impl Sample {
    /// Writes so many transactions. Each participant has a root certificate, an intermediate delegation, announced keys, a
    /// trust certificate and vetted packages, and hosts some parties.
    pub(super) fn write(
        path: &Path,
        transactions: u64,
        spec: SigningKeySpec,
        bar: &ProgressBar,
    ) -> anyhow::Result<Self> {
        let owner = Key::generate(spec, KeyUsage::Namespace)?;
        let name = UniqueIdentifier::try_new("bench", Namespace::from(owner.public.fingerprint()))?;
        let synchronizer: PhysicalSynchronizerId = format!("{name}::34-0").parse()?;
        let mut writer = Writer {
            out: BufWriter::new(File::create(path)?),
            wanted: transactions,
            written: 0,
            signatures: 0,
        };
        let mut neighbour = None;
        while writer.wants_more() {
            let participant = Participant::join(&mut writer, spec, &synchronizer.synchronizer)?;
            participant.host_parties(&mut writer, neighbour.as_ref())?;
            neighbour = Some(participant);
            bar.set_position(writer.written);
        }
        writer.out.flush()?;
        Ok(Self {
            store: StoreId::Synchronizer(synchronizer),
            transactions: writer.written,
            signatures: writer.signatures,
            bytes: path.metadata()?.len(),
        })
    }
}

/// A key and the means to sign with it.
struct Key {
    public: SigningPublicKey,
    signer: SigningKey,
}

impl Key {
    fn generate(spec: SigningKeySpec, usage: KeyUsage) -> anyhow::Result<Self> {
        let private = PrivateKey::generate(KeySpec::Signing(spec), &SystemRandom)?;
        let public = private.signing_public_key(KeyUsages::try_new([usage])?)?;
        let signer = SigningKey::new(&private, &public)?;
        Ok(Self { public, signer })
    }
}

struct Writer {
    out: BufWriter<File>,
    wanted: u64,
    written: u64,
    signatures: u64,
}

impl Writer {
    fn wants_more(&self) -> bool {
        self.written < self.wanted
    }

    fn write(&mut self, mapping: Mapping, signers: &[&Key]) -> anyhow::Result<()> {
        if !self.wants_more() {
            return Ok(());
        }
        let transaction = encode_transaction(Draft {
            operation: Operation::AddReplace,
            serial: Serial::FIRST,
            mapping,
        });
        let message = transaction.hash().to_multihash();
        let mut signatures = Vec::with_capacity(signers.len());
        for key in signers {
            let signature = key.signer.sign(&message, KeyUsages::ALL)?;
            signatures.push(topology_signature(signature, Covers::This));
        }
        self.written += 1;
        self.signatures += signatures.len() as u64;
        let at = Timestamp::from_micros(i64::try_from(self.written)?);
        let item = SnapshotItem {
            sequenced: at,
            valid_from: at,
            valid_until: None,
            signed: SignedTransaction::received(transaction, signatures, false)?,
            rejection: None,
        };
        Ok(write_snapshot_v2([&item], &mut self.out)?)
    }
}

struct Participant {
    uid: UniqueIdentifier,
    /// Its intermediate namespace key.
    key: Key,
}

impl Participant {
    /// Announces a new participant of the synchronizer.
    fn join(
        writer: &mut Writer,
        spec: SigningKeySpec,
        synchronizer: &SynchronizerId,
    ) -> anyhow::Result<Self> {
        let number = writer.written;
        let root = Key::generate(spec, KeyUsage::Namespace)?;
        let key = Key::generate(spec, KeyUsage::Namespace)?;
        let namespace = Namespace::from(root.public.fingerprint());
        let delegation = |key: &Key, restriction| {
            NamespaceDelegation::try_new(namespace.clone(), key.public.clone(), restriction)
                .map(Mapping::NamespaceDelegation)
        };
        writer.write(delegation(&root, Restriction::AllMappings)?, &[&root])?;
        let restriction = Restriction::AllButNamespaceDelegations;
        writer.write(delegation(&key, restriction)?, &[&root])?;

        let uid = UniqueIdentifier::try_new(&format!("participant-{number}"), namespace)?;
        announce_keys(writer, spec, &uid, &key)?;
        let trust = SynchronizerTrustCertificate {
            participant: uid.clone(),
            synchronizer: synchronizer.clone(),
            feature_flags: Vec::new(),
        };
        writer.write(Mapping::SynchronizerTrustCertificate(trust), &[&key])?;
        let vetted = VettedPackages {
            participant: uid.clone(),
            package_ids: (0..PACKAGES).map(|it| format!("{it:064x}")).collect(),
            packages: Vec::new(),
        };
        writer.write(Mapping::VettedPackages(vetted), &[&key])?;
        Ok(Self { uid, key })
    }

    fn host_parties(&self, writer: &mut Writer, neighbour: Option<&Self>) -> anyhow::Result<()> {
        for number in 0..PARTIES {
            let name = format!("party-{number}");
            let party = UniqueIdentifier::try_new(&name, self.uid.namespace().clone())?;
            let mut hosts = vec![self];
            hosts.extend(neighbour.filter(|_| number % SHARED == 0));
            let hosted = PartyToParticipant::try_new(
                party,
                1,
                hosts.iter().map(|host| host.hosting()).collect(),
                None,
            )?;
            let keys: Vec<&Key> = hosts.iter().map(|host| &host.key).collect();
            writer.write(Mapping::PartyToParticipant(hosted), &keys)?;
        }
        Ok(())
    }

    fn hosting(&self) -> HostingParticipant {
        HostingParticipant {
            participant: self.uid.clone(),
            permission: ParticipantPermission::Submission,
            onboarding: false,
        }
    }
}

fn announce_keys(
    writer: &mut Writer,
    spec: SigningKeySpec,
    uid: &UniqueIdentifier,
    namespace_key: &Key,
) -> anyhow::Result<()> {
    let authentication = Key::generate(spec, KeyUsage::SequencerAuthentication)?;
    let protocol = Key::generate(spec, KeyUsage::Protocol)?;
    let encryption = PrivateKey::generate(
        KeySpec::Encryption(EncryptionKeySpec::EcP256),
        &SystemRandom,
    )?;
    let keys = vec![
        PublicKey::Signing(authentication.public.clone()),
        PublicKey::Signing(protocol.public.clone()),
        encryption.public_key(None)?,
    ];
    let member = Member {
        code: MemberCode::Participant,
        uid: uid.clone(),
    };
    let mapping = OwnerToKeyMapping::try_new(member, keys)?;
    writer.write(
        Mapping::OwnerToKeyMapping(mapping),
        &[namespace_key, &authentication, &protocol],
    )
}
