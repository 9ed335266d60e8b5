//! Messages with a secret in them: printed without it, wiped when they are dropped.

use std::fmt;

use zeroize::Zeroize as _;

use super::{strongroom, vault};

/// Prints a message without its secrets, and wipes them when the message is dropped. The fields in brackets are none: whoever
/// approves the request has to see them.
macro_rules! secret {
    ($message:ty, $name:literal, [$($shown:ident),*], $($secret:ident),+) => {
        impl fmt::Debug for $message {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let bytes = 0 $(+ self.$secret.len())+;
                write!(f, "{}({bytes} secret bytes", $name)?;
                $(write!(f, concat!(", ", stringify!($shown), ": {:?}"), self.$shown)?;)*
                f.write_str(")")
            }
        }

        impl Drop for $message {
            fn drop(&mut self) {
                $(self.$secret.zeroize();)+
            }
        }
    };
}

secret!(
    vault::ExportKeyPairRequest,
    "ExportKeyPairRequest",
    [fingerprint, protocol_version],
    password
);
secret!(
    vault::ExportKeyPairResponse,
    "ExportKeyPairResponse",
    [],
    key_pair
);
secret!(
    vault::ImportKeyPairRequest,
    "ImportKeyPairRequest",
    [name],
    key_pair,
    password
);
secret!(strongroom::EncryptRequest, "EncryptRequest", [], plaintext);
secret!(
    strongroom::DecryptResponse,
    "DecryptResponse",
    [],
    plaintext
);
secret!(
    strongroom::ExportKeyRequest,
    "ExportKeyRequest",
    [fingerprint, form, wrapping_key, oaep_hash],
    password
);
secret!(
    strongroom::ExportKeyResponse,
    "ExportKeyResponse",
    [],
    exported
);
secret!(
    strongroom::ImportKeyRequest,
    "ImportKeyRequest",
    [name],
    key_pair
);
secret!(
    strongroom::EncryptPayloadRequest,
    "EncryptPayloadRequest",
    [],
    content
);
secret!(
    strongroom::DecryptPayloadResponse,
    "DecryptPayloadResponse",
    [],
    content
);
secret!(
    strongroom::SessionEncryptionKey,
    "SessionEncryptionKey",
    [encryptions],
    secret
);
secret!(
    strongroom::DecryptSessionKeyResponse,
    "DecryptSessionKeyResponse",
    [],
    secret
);

/// No secret, but the compiler leaves it out together with its message.
impl fmt::Debug for strongroom::encrypt_request::Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fingerprint(fingerprint) => {
                f.debug_tuple("Fingerprint").field(fingerprint).finish()
            }
            Self::Current(member) => f.debug_tuple("Current").field(member).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_printed() {
        let request = vault::ImportKeyPairRequest {
            key_pair: b"XYZZY".to_vec(),
            name: "name".to_owned(),
            password: "PLUGH".to_owned(),
        };
        let shown = format!("{request:?}");
        assert_eq!(
            shown,
            "ImportKeyPairRequest(10 secret bytes, name: \"name\")"
        );
        let answer = strongroom::DecryptResponse {
            plaintext: b"XYZZY".to_vec(),
        };
        assert_eq!(format!("{answer:?}"), "DecryptResponse(5 secret bytes)");
    }
}
