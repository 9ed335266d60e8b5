//! What several commands of topology take.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use strongroom_crypto::{Fingerprint, Timestamp};
use strongroom_files::Access;
use strongroom_proto::topology::{encode_signed_transaction, encode_signed_transactions};
use strongroom_topology::{
    At, ForceFlag, ForceFlags, Mapping, Member, Namespace, Operation, SignedTransaction, StoreId,
    TopologyStore, UniqueIdentifier,
};
use strongroom_vault::PartySigning;

use crate::{
    args::Names,
    client::Signing,
    failure::CliError,
    input::{Destination, Encoding},
};

/// The store that is asked.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct StoreArg {
    /// The store: authorized, or synchronizer:NAME::NAMESPACE::VERSION-SERIAL.
    #[arg(long, value_name = "STORE", default_value = "authorized")]
    pub(crate) store: StoreId,
}

/// The time as of which the store is asked.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(crate) struct AtArg {
    /// As of this time (RFC 3339), without what becomes effective at that very time [default: after everything in the store].
    #[arg(long, value_name = "TIME", value_parser = moment)]
    at: Option<Timestamp>,
}

impl AtArg {
    pub(in crate::commands) fn at(self) -> At {
        self.at.map_or(At::Head, At::Time)
    }

    pub(crate) fn time(self) -> Option<Timestamp> {
        self.at
    }
}

/// How what is stated here gets signed.
#[derive(clap::Args, Clone, Debug)]
pub(in crate::commands) struct SigningArgs {
    /// Sign with this key of the vault; may be given more than once [default: the vault chooses].
    #[arg(long, value_name = "FINGERPRINT")]
    signed_by: Vec<Fingerprint>,
    /// It may wait for the signatures of others.
    #[arg(long)]
    pub(in crate::commands) proposal: bool,
    #[command(flatten)]
    danger: DangerArg,
}

impl SigningArgs {
    pub(in crate::commands) fn keys(&self) -> &[Fingerprint] {
        &self.signed_by
    }

    pub(in crate::commands) fn force(&self) -> ForceFlags {
        self.danger.flags()
    }

    /// The same for what is stated of a party.
    pub(in crate::commands) fn of_party(self) -> PartySigning {
        PartySigning {
            force: self.force(),
            may_wait: self.proposal,
            keys: self.signed_by,
        }
    }

    pub(super) fn signing(&self) -> Signing<'_> {
        Signing {
            keys: self.keys(),
            must_fully_authorize: !self.proposal,
            force: self.force(),
        }
    }
}

/// Dangers that the operator knows of.
#[derive(clap::Args, Clone, Debug)]
pub(in crate::commands) struct DangerArg {
    /// Take this danger; may be given more than once.
    #[arg(long, value_name = "FLAG", value_parser = Names::of_dangers())]
    danger: Vec<ForceFlag>,
}

impl DangerArg {
    pub(in crate::commands) fn flags(&self) -> ForceFlags {
        ForceFlags::of(self.danger.iter().copied())
    }
}

/// Whether a namespace may be ended.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(in crate::commands) struct BurnArg {
    /// Yes, end the namespace for ever: for the revocation of a root certificate.
    #[arg(long)]
    danger_burn_namespace: bool,
}

impl BurnArg {
    /// Refuses to take back the root certificate of a namespace, unless that is meant.
    pub(in crate::commands) fn check(
        self,
        operation: Operation,
        mapping: &Mapping,
    ) -> Result<(), CliError> {
        match mapping {
            Mapping::NamespaceDelegation(it)
                if operation == Operation::Remove
                    && it.targets_root()
                    && !self.danger_burn_namespace =>
            {
                Err(CliError::BurnsNamespace {
                    namespace: it.namespace().to_string(),
                })
            }
            _ => Ok(()),
        }
    }
}

/// Where a transaction goes that others are to get.
#[derive(clap::Args, Clone, Debug)]
pub(in crate::commands) struct OutArg {
    /// Write the signed transaction to this file too: a certificate.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the file if it is there.
    #[arg(long, requires = "out")]
    force: bool,
}

impl OutArg {
    pub(in crate::commands) fn path(&self) -> Option<&PathBuf> {
        self.out.as_ref()
    }

    /// Refuses early what writing would refuse late.
    pub(in crate::commands) fn check(&self) -> anyhow::Result<()> {
        match self.destination() {
            Some(destination) if destination.is_stdout() => Err(CliError::BadArgument {
                value: "--out -".to_owned(),
                expected: "the name of a file",
            }
            .into()),
            Some(destination) => destination.check(Encoding::Binary),
            None => Ok(()),
        }
    }

    pub(in crate::commands) fn write(&self, contents: &[u8]) -> anyhow::Result<()> {
        let destination = self.destination();
        destination.map_or(Ok(()), |file| file.write(contents, Access::Readable))
    }

    /// Writes one transaction as a certificate, several as a list.
    pub(in crate::commands) fn write_transactions(
        &self,
        signed: &[SignedTransaction],
    ) -> anyhow::Result<()> {
        self.write(&match signed {
            [only] => encode_signed_transaction(only),
            several => encode_signed_transactions(several),
        })
    }

    fn destination(&self) -> Option<Destination> {
        let out = self.out.clone()?;
        Some(Destination {
            out,
            force: self.force,
        })
    }
}

/// Refuses the beginning of a hash or a fingerprint as that, unless there is a file of this name.
pub(in crate::commands) fn refuse_shortened(text: &str) -> Result<(), CliError> {
    let is_part = text.starts_with("1220")
        && (8..68).contains(&text.len())
        && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    if is_part && !Path::new(text).exists() {
        return Err(CliError::Shortened {
            text: text.to_owned(),
        });
    }
    Ok(())
}

/// Refuses a namespace of which the store has never heard: somebody may have mistyped it.
pub(in crate::commands) fn check_known<'n>(
    store: &TopologyStore,
    namespaces: impl IntoIterator<Item = &'n Namespace>,
) -> Result<(), CliError> {
    let is_known = |namespace: &Namespace| {
        let mut mappings = store
            .rows()
            .iter()
            .map(|row| row.signed.transaction().mapping());
        mappings.any(|mapping| mapping.namespace() == namespace)
    };
    match namespaces
        .into_iter()
        .find(|namespace| !is_known(namespace))
    {
        None => Ok(()),
        Some(unknown) => Err(CliError::UnknownNamespace {
            namespace: unknown.to_string(),
            store: store.id().to_string(),
        }),
    }
}

/// Reads a time: RFC 3339, to the microsecond.
pub(in crate::commands) fn moment(text: &str) -> Result<Timestamp, CliError> {
    let moment: jiff::Timestamp = text.parse().map_err(|_not_a_time| CliError::BadArgument {
        value: text.chars().take(80).collect(),
        expected: "a time such as 2026-07-01T12:00:00Z",
    })?;
    if moment.subsec_nanosecond() % 1000 != 0 {
        return Err(CliError::BadArgument {
            value: text.chars().take(80).collect(),
            expected: "a time to the microsecond",
        });
    }
    Ok(Timestamp::from_micros(moment.as_microsecond()))
}

/// Whose keys are meant: a node's, or a party's.
#[derive(Clone, Debug)]
pub(in crate::commands) enum Owner {
    Member(Member),
    Party(UniqueIdentifier),
}

impl Owner {
    /// Reads `PAR::NAME::NAMESPACE` and its like, or the name of a party.
    pub(in crate::commands) fn parse(text: &str) -> anyhow::Result<Self> {
        if let Ok(member) = text.parse() {
            return Ok(Self::Member(member));
        }
        let party = text.parse();
        Ok(Self::Party(party.context("neither a node nor a party")?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_to_the_microsecond() {
        let time = moment("2026-07-01T12:00:00.000001Z").unwrap();
        assert_eq!(time.as_micros(), 1_782_907_200_000_001);
        let other_zone = moment("2026-07-01T14:00:00.000001+02:00").unwrap();
        assert_eq!(other_zone, time);
        for wrong in [
            "",
            "yesterday",
            "2026-07-01",
            "2026-07-01T12:00:00.0000001Z",
        ] {
            assert!(
                matches!(moment(wrong), Err(CliError::BadArgument { .. })),
                "{wrong}"
            );
        }
    }
}
