//! The KMS over a token as a whole: opening it, working with it, describing it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use strongroom_crypto::clock::Clock;
use strongroom_crypto::{EncryptionKeySpec, Random};
use strongroom_kms::{
    Capabilities, ExternalKeys, KeyFinder, KeyWrapper, KmsError, KmsHealth, KmsKeyId, KmsOperation,
    KmsProvider,
};

use crate::error::Pkcs11Error;
use crate::fault::Fault;
use crate::key_id::PROVIDER;
use crate::known::Known;
use crate::module::Module;
use crate::pool::{Pool, Repeat, Seat};
use crate::settings::Settings;
use crate::token::{self, Abilities};

mod administration;
mod creation;
mod external_keys;
mod health;
mod key_wrapper;
mod listing;
mod lookup;

pub use listing::TokenKey;

/// The KMS over one PKCS#11 token. Clones share it.
///
/// Every call to the token runs on a thread that may block; all methods need a Tokio runtime around them.
#[derive(Clone, Debug)]
pub struct Pkcs11Kms {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    pool: Arc<Pool>,
    known: Known,
    random: Arc<dyn Random>,
    clock: Arc<dyn Clock>,
    state_window: Duration,
    abilities: Abilities,
    capabilities: Capabilities,
    /// Held while objects are made, replaced and destroyed: records must not overtake each other, and not every token bears
    /// two writers (SoftHSM 2.6 then answers with its general error).
    changing: Mutex<()>,
}

impl Pkcs11Kms {
    /// Loads the library, logs in to the token and tries out what it can do, with keys that vanish afterwards.
    ///
    /// Blocks, for up to a second or as long as the token takes; never do it on a thread that answers others. Where this
    /// process is logged in to the token already, the token does not look at the PIN again.
    ///
    /// # Errors
    /// [`KmsError::CredentialsRejected`] for the PIN, which must not be tried again unchanged. In [`KmsError::Provider`]
    /// [`Pkcs11Error::SettingsInvalid`], [`Pkcs11Error::ModuleUnusable`], [`Pkcs11Error::TokenMissing`],
    /// [`Pkcs11Error::TokenAmbiguous`], [`Pkcs11Error::TokenUnfit`], [`Pkcs11Error::Unavailable`].
    pub fn open(
        settings: Settings,
        random: Arc<dyn Random>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, KmsError> {
        settings.check()?;
        let module = Module::load(&settings.module)?;
        let state_window = settings.state_window;
        let pool = Pool::new(module, settings);
        let abilities = pool.work(Repeat::Once, |seat| {
            let slot = pool.slot().ok_or_else(no_login)?;
            let listed = pool.module().library().get_mechanism_list(slot)?;
            token::probe(&seat.session, &listed, &*random)
        });
        // Opening generates nothing that lasts; what failed is told as for the creation of a key.
        let abilities = abilities.map_err(|fault| {
            at_opening(fault.into_kms_error(KmsOperation::GenerateWrapperKey, None))
        })?;
        let capabilities = capabilities(&abilities);
        if !capabilities.wrapper_keys
            && capabilities.signing_specs.is_empty()
            && capabilities.encryption_specs.is_empty()
        {
            return Err(Pkcs11Error::TokenUnfit.into());
        }
        let shared = Shared {
            pool: Arc::new(pool),
            known: Known::default(),
            random,
            clock,
            state_window,
            abilities,
            capabilities,
            changing: Mutex::new(()),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Works with the token on a thread that may block.
    async fn run<T: Send + 'static>(
        &self,
        repeat: Repeat,
        operation: KmsOperation,
        id: Option<&KmsKeyId>,
        work: impl Fn(&Shared, &Seat) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, KmsError> {
        let shared = Arc::clone(&self.shared);
        let pool = Arc::clone(&self.shared.pool);
        let answer = pool.run(repeat, move |seat| work(&shared, seat)).await;
        answer.map_err(|fault| fault.into_kms_error(operation, id))
    }
}

/// Later a token that is missing is an outage. At the beginning it may as well be a wrong name, so it is called by its own.
fn at_opening(error: KmsError) -> KmsError {
    match error {
        KmsError::Unavailable { source } => match source.downcast::<Pkcs11Error>() {
            Ok(ours) => KmsError::provider(*ours),
            Err(source) => KmsError::Unavailable { source },
        },
        other => other,
    }
}

fn capabilities(abilities: &Abilities) -> Capabilities {
    let signing_specs = abilities.signing.iter().map(|means| means.spec).collect();
    let encryption_specs = if abilities.decrypts_oaep {
        vec![EncryptionKeySpec::Rsa2048]
    } else {
        Vec::new()
    };
    Capabilities {
        wrapper_keys: abilities.wraps,
        signing_specs,
        encryption_specs,
        import_specs: abilities.imports.clone(),
        ..Capabilities::none(PROVIDER)
    }
}

/// Cannot be: whoever has a session has logged in. The pool treats it as a login that was lost.
fn no_login() -> Fault {
    use cryptoki::context::Function;
    use cryptoki::error::{Error, RvError};
    Fault::Call(Error::Pkcs11(RvError::UserNotLoggedIn, Function::Login))
}

#[async_trait]
impl KmsProvider for Pkcs11Kms {
    fn capabilities(&self) -> &Capabilities {
        &self.shared.capabilities
    }

    fn key_wrapper(&self) -> Option<Arc<dyn KeyWrapper>> {
        let plays = self.shared.capabilities.wrapper_keys;
        plays.then(|| Arc::new(self.clone()) as Arc<dyn KeyWrapper>)
    }

    fn external_keys(&self) -> Option<Arc<dyn ExternalKeys>> {
        let capabilities = &self.shared.capabilities;
        let plays =
            !capabilities.signing_specs.is_empty() || !capabilities.encryption_specs.is_empty();
        plays.then(|| Arc::new(self.clone()) as Arc<dyn ExternalKeys>)
    }

    fn key_finder(&self) -> Option<Arc<dyn KeyFinder>> {
        Some(Arc::new(self.clone()))
    }

    /// `Failed` when the token does not answer, `Fatal` when it refused the PIN, `Degraded` when few or no tries of the PIN
    /// are left: somebody tries it.
    async fn health(&self) -> KmsHealth {
        health::health(self).await
    }
}
