//! A token in software, for tests and rehearsals.

use std::path::Path;

use cryptoki::session::UserType;
use cryptoki::types::AuthPin;
use strongroom_memory::SecretBytes;

use crate::error::Pkcs11Error;
use crate::module::Module;

/// What SoftHSM calls its maker.
const SOFTHSM: &str = "SoftHSM";

/// Makes the first token of a SoftHSM: `label` has at most 32 bytes, the PINs of its officer and of its user are texts of 4 to
/// 255 bytes.
///
/// To initialize a token is to wipe it. So nothing is touched but a SoftHSM that has no token at all, which is one that was
/// told by `SOFTHSM2_CONF`, before the process began, of an empty folder of its own.
///
/// # Errors
/// [`Pkcs11Error::ModuleUnusable`]; [`Pkcs11Error::SettingsInvalid`] if it is no SoftHSM, has a token already, or a PIN is no
/// text; [`Pkcs11Error::CallRefused`].
pub fn make_soft_token(
    module: &Path,
    label: &str,
    officer_pin: &SecretBytes,
    user_pin: &SecretBytes,
) -> Result<(), Pkcs11Error> {
    let refused = |what| Pkcs11Error::SettingsInvalid { what };
    let (officer_pin, user_pin) = match (pin(officer_pin), pin(user_pin)) {
        (Some(officer_pin), Some(user_pin)) => (officer_pin, user_pin),
        _ => return Err(refused("a PIN is no text")),
    };
    let module = Module::load(module)?;
    let library = module.library();
    let call = |source| Pkcs11Error::CallRefused { source };
    let maker = library.get_library_info().map_err(call)?;
    if maker.manufacturer_id() != SOFTHSM {
        return Err(refused("tokens are made in SoftHSM only"));
    }
    let initialized = || library.get_slots_with_initialized_token().map_err(call);
    if !initialized()?.is_empty() {
        return Err(refused("this SoftHSM has a token already"));
    }
    let free = library.get_slots_with_token().map_err(call)?;
    let free = free.into_iter().next();
    let free = free.ok_or_else(|| refused("this SoftHSM has no free slot"))?;
    library
        .init_token(free, &officer_pin, label)
        .map_err(call)?;
    // The token moves to a slot whose number is made of its serial number.
    let slot = initialized()?.into_iter().next();
    let slot = slot.ok_or_else(|| refused("this SoftHSM shows no token that was made"))?;
    let session = library.open_rw_session(slot).map_err(call)?;
    session
        .login(UserType::So, Some(&officer_pin))
        .map_err(call)?;
    session.init_pin(&user_pin).map_err(call)
}

fn pin(pin: &SecretBytes) -> Option<AuthPin> {
    // EXPOSE: the library takes a PIN as text; this copy is wiped when it is dropped.
    let text = str::from_utf8(pin.expose()).ok()?;
    Some(AuthPin::new(text.into()))
}
