//! Names of the messages, and the enumerations that both directions share.

use strongroom_topology::{MappingCode, MappingError, ParticipantPermission};

use super::{
    text::Field,
    v30::enums::{ParticipantPermission as Permission, TopologyMappingCode},
};
use crate::ProtoError;

pub(super) fn refused(message: &'static str) -> impl Fn(MappingError) -> ProtoError {
    move |source| ProtoError::InvalidMapping { message, source }
}

pub(super) fn read_code(place: Field, number: i32) -> Result<MappingCode, ProtoError> {
    if number == i32::from(TopologyMappingCode::Unspecified) {
        return Err(place.not_set());
    }
    MappingCode::from_number(number).ok_or(place.unknown(number))
}

pub(super) fn read_permission(
    place: Field,
    number: i32,
) -> Result<ParticipantPermission, ProtoError> {
    match Permission::try_from(number) {
        Ok(Permission::Submission) => Ok(ParticipantPermission::Submission),
        Ok(Permission::Confirmation) => Ok(ParticipantPermission::Confirmation),
        Ok(Permission::Observation) => Ok(ParticipantPermission::Observation),
        Ok(Permission::Unspecified) => Err(place.not_set()),
        Err(_unknown) => Err(place.unknown(number)),
    }
}

pub(super) fn write_permission(permission: ParticipantPermission) -> i32 {
    match permission {
        ParticipantPermission::Submission => Permission::Submission,
        ParticipantPermission::Confirmation => Permission::Confirmation,
        ParticipantPermission::Observation => Permission::Observation,
    }
    .into()
}
