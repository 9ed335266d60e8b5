//! The dangers that a caller knows of.

use strongroom_topology::{ForceFlag, ForceFlags};

use crate::{contract::topology::ForceFlag as Wire, failure::Failure};

/// The flags of a request. Those that mean something only to a node that runs contracts change nothing here.
pub(super) fn read(numbers: &[i32]) -> Result<ForceFlags, Failure> {
    let mut flags = Vec::with_capacity(numbers.len());
    for number in numbers {
        match Wire::try_from(*number) {
            Err(_unknown) => {
                return Err(Failure::unreadable(format!(
                    "Unrecognized value `{number}` in enum field `force_changes`"
                )));
            }
            Ok(Wire::Unspecified) => return Err(Failure::not_set("force_changes")),
            Ok(flag) => {
                let known = ForceFlag::ALL.into_iter();
                let number = flag as i32;
                flags.extend(known.filter(|known| i32::from(known.number()) == number));
            }
        }
    }
    Ok(ForceFlags::of(flags))
}
