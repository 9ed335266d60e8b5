//! ListLocations, GetLocation, GenerateRandomBytes.

use serde::Deserialize;
use serde_json::{Value, json};

use super::enums::{ProtectionLevel, ProtoEnum};
use super::error::GcpError;
use super::paging::page;
use super::session::Session;
use super::wire::{bytes, crc32c, read};

/// Some of Google's locations: single, dual, multiple regions, and the whole world.
const LOCATIONS: &[&str] = &[
    "asia",
    "asia-east1",
    "asia-northeast1",
    "asia-southeast1",
    "australia-southeast1",
    "eur4",
    "europe",
    "europe-central2",
    "europe-north1",
    "europe-west1",
    "europe-west2",
    "europe-west3",
    "europe-west4",
    "europe-west6",
    "europe-west9",
    "global",
    "nam4",
    "northamerica-northeast1",
    "southamerica-east1",
    "us",
    "us-central1",
    "us-east1",
    "us-east4",
    "us-west1",
];

/// Refuses a location that is none.
pub(super) fn check_location(location: &str) -> Result<(), GcpError> {
    if LOCATIONS.contains(&location) {
        Ok(())
    } else {
        Err(GcpError::not_found(&format!("Location {location}")))
    }
}

pub(super) fn list_locations(session: &Session<'_>, _body: Value) -> Result<Value, GcpError> {
    let project = session.name.project();
    let locations = LOCATIONS.to_vec();
    let mut answer = page(session.query, "locations", locations, |location| {
        Ok(document(&project, location))
    })?;
    // This list, which all of Google's services have, is the one that does not count.
    if let Some(members) = answer.as_object_mut() {
        members.remove("totalSize");
    }
    Ok(answer)
}

pub(super) fn get_location(session: &Session<'_>, _body: Value) -> Result<Value, GcpError> {
    Ok(document(&session.name.project(), session.name.location()))
}

fn document(project: &str, location: &str) -> Value {
    json!({
        "name": format!("{project}/locations/{location}"),
        "locationId": location,
        "metadata": {
            "@type": "type.googleapis.com/google.cloud.kms.v1.LocationMetadata",
            "hsmAvailable": true,
        },
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GenerateRandomBytes {
    #[serde(default)]
    length_bytes: usize,
    protection_level: Option<Value>,
}

pub(super) fn generate_random_bytes(session: &Session<'_>, body: Value) -> Result<Value, GcpError> {
    let input: GenerateRandomBytes = read(body)?;
    if !(8..=1024).contains(&input.length_bytes) {
        return Err(GcpError::invalid(
            "length_bytes must be between 8 and 1024.",
        ));
    }
    let level = ProtectionLevel::read(input.protection_level.as_ref())?;
    if level != Some(ProtectionLevel::Hsm) {
        return Err(GcpError::invalid("Only HSM protection level is supported."));
    }
    let mut data = vec![0; input.length_bytes];
    let filled = session.cloud.random.fill(&mut data);
    filled.map_err(|error| GcpError::of_key(error.into(), ""))?;
    Ok(json!({"data": bytes(&data), "dataCrc32c": crc32c(&data)}))
}
