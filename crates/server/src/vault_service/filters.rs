//! Which keys to list.

use strongroom_crypto::KeyUsages;
use strongroom_proto::{enums::read_key_purpose, read_usages};
use strongroom_vault::KeyFilter;

use super::names::fingerprint;
use crate::{
    client_release::ClientRelease,
    contract::vault::{BaseVaultRequest, ListKeysFilters},
    failure::Failure,
};

const MESSAGE: &str = "ListKeysFilters";

/// The filter that a request means.
pub(super) fn read(
    filters: Option<ListKeysFilters>,
    base: Option<BaseVaultRequest>,
    public_only: bool,
) -> Result<KeyFilter, Failure> {
    check_base(base)?;
    let Some(filters) = filters else {
        return Err(Failure::not_set("filters"));
    };
    let wanted = filters.fingerprint.as_str();
    let parse = |text| fingerprint(text, "Failed to parse key fingerprint");
    let fingerprint = Some(wanted).filter(|text| !text.is_empty());
    let purposes = filters.purpose.iter();
    let purposes = purposes.map(|purpose| read_key_purpose(MESSAGE, "purpose", *purpose));
    Ok(KeyFilter {
        fingerprint: fingerprint.map(parse).transpose()?,
        name: filters.name,
        purposes: purposes.collect::<Result<_, _>>()?,
        usages: usages(&filters.usage_v30)?,
        public_only,
    })
}

/// None: any usage.
fn usages(numbers: &[i32]) -> Result<Option<KeyUsages>, Failure> {
    let usages = read_usages(MESSAGE, numbers)?;
    Ok(Some(usages).filter(|usages| !usages.is_empty()))
}

/// What clients of a newer Canton say of themselves. One that cannot be read is an error, as it is there.
pub(super) fn check_base(base: Option<BaseVaultRequest>) -> Result<(), Failure> {
    if let Some(base) = base {
        let _release: ClientRelease = base.client_version.parse()?;
    }
    Ok(())
}
