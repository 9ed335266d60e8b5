//! Return codes of PKCS#11, sorted by whose fault they are.

use cryptoki::context::Function;
use cryptoki::error::{Error, RvError};
use strongroom_kms::{KmsError, KmsKeyId, KmsOperation};

use crate::error::Pkcs11Error;

/// Why work on a session failed.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The token answered so; the pool looks whether the session is lost.
    Call(Error),
    /// It is known already what to tell the caller.
    Kms(KmsError),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Call(error)
    }
}

impl From<KmsError> for Fault {
    fn from(error: KmsError) -> Self {
        Self::Kms(error)
    }
}

impl From<Pkcs11Error> for Fault {
    fn from(error: Pkcs11Error) -> Self {
        Self::Kms(error.into())
    }
}

impl Fault {
    /// What to tell the caller of `operation`.
    pub(crate) fn into_kms_error(self, operation: KmsOperation, id: Option<&KmsKeyId>) -> KmsError {
        let source = match self {
            Self::Kms(error) => return error,
            Self::Call(source) => source,
        };
        match rv(&source) {
            Some(
                RvError::ActionProhibited
                | RvError::FunctionRejected
                | RvError::KeyFunctionNotPermitted
                | RvError::SessionReadOnly
                | RvError::TokenWriteProtected
                | RvError::UserTypeInvalid,
            ) => KmsError::Denied {
                operation,
                id: id.cloned(),
            },
            // The only memory of a token that a call can use up is that for objects.
            Some(RvError::DeviceMemory) => KmsError::KeyLimitReached,
            Some(RvError::SessionCount) => KmsError::Throttled { retry_after: None },
            _ if is_lost(&source) || is_outage(&source) => {
                Pkcs11Error::Unavailable { source }.into()
            }
            _ => Pkcs11Error::CallRefused { source }.into(),
        }
    }
}

/// The return code, if a function of the token failed.
pub(crate) fn rv(error: &Error) -> Option<RvError> {
    match error {
        Error::Pkcs11(rv, _function) => Some(*rv),
        _ => None,
    }
}

/// Whether the session, the login or the token is gone. Nothing was done then, and sessions must be opened anew.
pub(crate) fn is_lost(error: &Error) -> bool {
    matches!(
        rv(error),
        Some(
            RvError::CryptokiNotInitialized
                | RvError::DeviceRemoved
                | RvError::SessionClosed
                | RvError::SessionHandleInvalid
                | RvError::SlotIdInvalid
                | RvError::TokenNotPresent
                | RvError::TokenNotRecognized
                | RvError::UserNotLoggedIn
        )
    )
}

/// Whether a handle no longer names an object: it was destroyed, or the handle is from before a new login.
pub(crate) fn is_stale_handle(error: &Error) -> bool {
    matches!(
        rv(error),
        Some(RvError::KeyHandleInvalid | RvError::ObjectHandleInvalid)
    )
}

/// Whether the token is not well, as far as its return code says.
pub(crate) fn is_outage(error: &Error) -> bool {
    matches!(
        rv(error),
        Some(
            RvError::DeviceError
                | RvError::FunctionCanceled
                | RvError::FunctionFailed
                | RvError::GeneralError
                | RvError::HostMemory
        )
    )
}

/// Whether the call failed that gets to see a ciphertext: what fails before cannot be the fault of the ciphertext.
pub(crate) fn is_of_decrypting(error: &Error) -> bool {
    matches!(error, Error::Pkcs11(_, Function::Decrypt))
}

/// Whether the token lets this user not in. Asking again with the same PIN may lock it.
pub(crate) fn is_refused_login(error: &Error) -> bool {
    matches!(
        rv(error),
        Some(
            RvError::PinExpired
                | RvError::PinIncorrect
                | RvError::PinInvalid
                | RvError::PinLenRange
                | RvError::PinLocked
                | RvError::UserPinNotInitialized
        )
    )
}

#[cfg(test)]
mod tests {
    use strongroom_errors::Coded;

    use super::*;

    fn code(rv: RvError) -> &'static str {
        let fault = Fault::Call(Error::Pkcs11(rv, Function::GenerateKey));
        fault
            .into_kms_error(KmsOperation::GenerateWrapperKey, None)
            .code()
            .name()
    }

    #[test]
    fn return_codes_become_the_error_that_says_whose_fault_it_is() {
        for (rv, wanted) in [
            (RvError::DeviceRemoved, "KMS_UNAVAILABLE"),
            (RvError::GeneralError, "KMS_UNAVAILABLE"),
            (RvError::DeviceMemory, "KMS_KEY_LIMIT_REACHED"),
            (RvError::SessionCount, "KMS_THROTTLED"),
            (RvError::TokenWriteProtected, "KMS_DENIED"),
            (RvError::MechanismInvalid, "KMS_PKCS11_CALL_REFUSED"),
        ] {
            assert_eq!(code(rv), wanted, "{rv:?}");
        }
    }
}
