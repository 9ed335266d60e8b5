//! The PKCS#11 library, which belongs to the whole process.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::slot::Slot;
use parking_lot::Mutex;

use crate::error::Pkcs11Error;
use crate::fault::{Fault, rv};
use crate::settings::TokenName;

/// Every library that was loaded, by path. None is ever unloaded or finalized: others in this process may use it, and many
/// do not survive it. Also the lock for initializing and for listing slots, which not every library bears twice at once.
static LOADED: Mutex<BTreeMap<PathBuf, Pkcs11>> = Mutex::new(BTreeMap::new());

/// A library that was loaded and initialized.
#[derive(Clone)]
pub(crate) struct Module {
    path: PathBuf,
    library: Pkcs11,
}

impl Module {
    pub(crate) fn load(path: &Path) -> Result<Self, Pkcs11Error> {
        let unusable = |source| Pkcs11Error::ModuleUnusable {
            path: path.to_owned(),
            source,
        };
        let mut loaded = LOADED.lock();
        let library = match loaded.get(path) {
            Some(library) => library.clone(),
            None => Pkcs11::new(path).map_err(unusable)?,
        };
        initialize(&library).map_err(unusable)?;
        loaded.insert(path.to_owned(), library.clone());
        Ok(Self {
            path: path.to_owned(),
            library,
        })
    }

    /// Initializes the library again, if somebody finalized it.
    pub(crate) fn revive(&self) -> Result<(), Error> {
        let _one_at_a_time = LOADED.lock();
        initialize(&self.library)
    }

    pub(crate) fn library(&self) -> &Pkcs11 {
        &self.library
    }

    /// The slot with the one token of this name. Slots may change their numbers when tokens come and go.
    pub(crate) fn slot_of(&self, token: &TokenName) -> Result<Slot, Fault> {
        let _one_at_a_time = LOADED.lock();
        let (mut fitting, mut present) = (Vec::new(), Vec::new());
        for slot in self.library.get_slots_with_token()? {
            // A neighbour that is just being unplugged, or whose information is odd, is not our affair.
            let Ok(info) = self.library.get_token_info(slot) else {
                continue;
            };
            if !info.token_initialized() {
                continue;
            }
            let (label, serial) = (info.label(), info.serial_number());
            if token.fits(label, serial) {
                fitting.push(slot);
            }
            present.push(format!("\"{label}\" (serial number {serial})"));
        }
        match fitting.as_slice() {
            [slot] => Ok(*slot),
            [] => Err(Pkcs11Error::TokenMissing {
                token: token.clone(),
                present,
            }
            .into()),
            several => Err(Pkcs11Error::TokenAmbiguous {
                token: token.clone(),
                count: several.len(),
            }
            .into()),
        }
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Module({})", self.path.display())
    }
}

fn initialize(library: &Pkcs11) -> Result<(), Error> {
    let arguments = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
    match library.initialize(arguments) {
        Err(error) if rv(&error) == Some(RvError::CryptokiAlreadyInitialized) => Ok(()),
        other => other,
    }
}
