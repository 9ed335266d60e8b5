//! What every test needs: a token of its own, a clock that stands still, and a KMS over the token.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::object::{Attribute, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use data_encoding::HEXLOWER;
use strongroom_crypto::clock::Clock;
use strongroom_crypto::{SystemRandom, Timestamp};
use strongroom_errors::Coded;
use strongroom_kms::{KeyWrapper, KmsError, KmsKeyId, WrapContext, WrappedKey, WrapperKeyRequest};
use strongroom_kms_pkcs11::{Pkcs11Kms, Settings, TokenName};
use strongroom_memory::SecretBytes;

use crate::process::{self, Library};

pub(crate) const PIN: &str = "1234-user";
const OFFICER_PIN: &str = "1234-officer";

pub(crate) const SECOND_MICROS: i64 = 1_000_000;
pub(crate) const DAY_MICROS: i64 = 24 * 60 * 60 * SECOND_MICROS;

/// SoftHSM does not bear that one thread lists slots while another initializes a token.
static SLOTS: std::sync::Mutex<()> = std::sync::Mutex::new(());

fn alone_with_slots() -> std::sync::MutexGuard<'static, ()> {
    SLOTS
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A clock that a test moves.
#[derive(Debug)]
pub(crate) struct StandingClock(AtomicI64);

impl StandingClock {
    pub(crate) fn advance_micros(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// A new token of this process.
#[derive(Debug)]
pub(crate) struct House {
    library: Library,
    pub(crate) label: String,
    pub(crate) clock: Arc<StandingClock>,
}

impl House {
    pub(crate) fn new() -> Self {
        Self::on(Library::SoftHsm)
    }

    pub(crate) fn on(library: Library) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        Self::with_label_on(library, &format!("token-{number}"))
    }

    pub(crate) fn with_label(label: &str) -> Self {
        Self::with_label_on(Library::SoftHsm, label)
    }

    fn with_label_on(library: Library, label: &str) -> Self {
        process::prepare();
        initialize_token(library, label);
        Self {
            library,
            label: label.to_owned(),
            clock: Arc::new(StandingClock(AtomicI64::new(1_800_000_000_000_000))),
        }
    }

    pub(crate) fn settings(&self) -> Settings {
        let token = TokenName::Label(self.label.clone());
        Settings::new(self.library.module(), token, secret(PIN))
    }

    pub(crate) fn open_with(&self, settings: Settings) -> Result<Pkcs11Kms, KmsError> {
        let clock = Arc::clone(&self.clock);
        let _one_at_a_time = alone_with_slots();
        Pkcs11Kms::open(settings, Arc::new(SystemRandom), clock)
    }

    pub(crate) fn open(&self) -> Pkcs11Kms {
        self.open_with(self.settings()).unwrap()
    }

    /// A KMS that reads states at every use.
    pub(crate) fn open_attentive(&self) -> Pkcs11Kms {
        let settings = Settings {
            state_window: Duration::ZERO,
            ..self.settings()
        };
        self.open_with(settings).unwrap()
    }

    /// Logs this process out of the token, as another part of it could.
    pub(crate) fn log_out(&self) {
        self.session().logout().unwrap();
    }

    /// A session behind the back of the KMS, logged in.
    pub(crate) fn session(&self) -> Session {
        let library = load(self.library);
        let slot = slot_of(&library, &self.label);
        let session = library.open_rw_session(slot).unwrap();
        // Fails where the KMS has logged in this process already.
        let _already = session.login(UserType::User, Some(&AuthPin::new(PIN.into())));
        session
    }
}

/// SoftHSM, loaded and initialized behind the back of the KMS.
pub(crate) fn library() -> Pkcs11 {
    load(Library::SoftHsm)
}

fn load(library: Library) -> Pkcs11 {
    let library = Pkcs11::new(library.module()).unwrap();
    let _already = library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK));
    library
}

fn initialize_token(library: Library, label: &str) {
    let _one_at_a_time = alone_with_slots();
    let library = load(library);
    let officer = AuthPin::new(OFFICER_PIN.into());
    let slots = library.get_all_slots().unwrap();
    let before = library.get_slots_with_initialized_token().unwrap();
    let free = slots
        .into_iter()
        .find(|slot| !before.contains(slot))
        .unwrap();
    library.init_token(free, &officer, label).unwrap();
    // The token moves to a slot whose number is made of its serial number.
    let after = library.get_slots_with_initialized_token().unwrap();
    let slot = after
        .into_iter()
        .find(|slot| !before.contains(slot))
        .unwrap();
    let session = library.open_rw_session(slot).unwrap();
    session.login(UserType::So, Some(&officer)).unwrap();
    session.init_pin(&AuthPin::new(PIN.into())).unwrap();
}

pub(crate) fn slot_of(library: &Pkcs11, label: &str) -> Slot {
    let _one_at_a_time = alone_with_slots();
    let slots = library.get_slots_with_initialized_token().unwrap();
    let mut fitting = slots
        .into_iter()
        .filter(|slot| library.get_token_info(*slot).unwrap().label() == label);
    fitting.next().unwrap()
}

pub(crate) fn secret(text: &str) -> SecretBytes {
    SecretBytes::from_slice(text.as_bytes())
}

pub(crate) fn context() -> WrapContext {
    WrapContext::for_data_key(&[1; 16], &[2; 16])
}

/// Runs one call to its end.
pub(crate) fn now<T>(call: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(call)
}

pub(crate) fn new_wrapper_key(kms: &Pkcs11Kms) -> KmsKeyId {
    now(kms.generate_wrapper_key(&WrapperKeyRequest::default())).unwrap()
}

pub(crate) fn wrap(kms: &Pkcs11Kms, wrapper_key: &KmsKeyId) -> Result<WrappedKey, KmsError> {
    now(kms.wrap_key(wrapper_key, &context(), &secret("a data key")))
}

pub(crate) fn unwraps(kms: &Pkcs11Kms, wrapped: &WrappedKey) -> Result<(), KmsError> {
    let key = now(kms.unwrap_key(wrapped, &context()))?;
    assert_eq!(key, secret("a data key"));
    Ok(())
}

/// The bytes of a key id, which begin the CKA_ID of its objects.
pub(crate) fn id_bytes(key: &KmsKeyId) -> Vec<u8> {
    let digits = key.as_str().strip_prefix("pkcs11:").unwrap();
    HEXLOWER.decode(digits.as_bytes()).unwrap()
}

/// The CKA_ID of a version of a wrapper key.
pub(crate) fn version_id(key: &KmsKeyId, version: u32) -> Vec<u8> {
    [id_bytes(key), version.to_be_bytes().to_vec()].concat()
}

/// The one object that fits.
#[track_caller]
pub(crate) fn only(session: &Session, template: &[Attribute]) -> ObjectHandle {
    let found = session.find_objects(template).unwrap();
    assert_eq!(found.len(), 1, "{template:?}");
    *found.first().unwrap()
}

/// The code of the error that must have come.
#[track_caller]
pub(crate) fn code<T: std::fmt::Debug>(answer: Result<T, impl Coded>) -> &'static str {
    answer.unwrap_err().code().name()
}
