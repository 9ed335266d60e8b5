//! Where private keys are, in messages.

use strongroom_server::contract::strongroom::{Custody as Wire, Place as WirePlace};
use strongroom_store::Custody;
use strongroom_vault::Place;

pub(super) const fn write(custody: Custody) -> Wire {
    match custody {
        Custody::Clear => Wire::Clear,
        Custody::Envelope => Wire::Envelope,
        Custody::External => Wire::External,
    }
}

/// The name of a custody, if there is one.
pub(super) const fn read(custody: Wire) -> Option<&'static str> {
    match custody {
        Wire::Unspecified => None,
        Wire::Clear => Some(Custody::Clear.name()),
        Wire::Envelope => Some(Custody::Envelope.name()),
        Wire::External => Some(Custody::External.name()),
    }
}

pub(super) fn place(place: Place) -> WirePlace {
    let custody = write(place.custody()).into();
    let kms = match place {
        Place::External { kms } => kms,
        Place::Clear | Place::Envelope => None,
    };
    WirePlace {
        custody,
        kms: kms.unwrap_or_default(),
    }
}
