//! Nothing that is printed holds private bytes.

use strongroom_crypto::{KeyPurpose, KeySpec, PrivateKey, SigningKey, SigningKeySpec};

use crate::support::{generate, pair, protocol, secret};

fn contains_secret(text: &str, secret: &[u8]) -> bool {
    let text = text.to_lowercase();
    let hex = data_encoding::HEXLOWER.encode(secret);
    let decimal = format!("{secret:?}");
    let base64 = data_encoding::BASE64.encode(secret).to_lowercase();
    let any = [&hex[..32], decimal.trim_matches(['[', ']']), &base64[..32]];
    any.into_iter().any(|form| text.contains(form))
}

#[test]
fn the_debug_forms_of_keys_are_redacted() {
    for spec in KeySpec::ALL {
        let key = generate(spec, 1);
        // EXPOSE: searched for.
        let bytes = key.stored().expose();
        assert!(
            contains_secret(&format!("{bytes:?}"), bytes),
            "the search finds what is there"
        );
        assert!(
            !contains_secret(&format!("{key:?} {key:#?} {:?}", key.stored()), bytes),
            "{spec}"
        );
    }
    for spec in SigningKeySpec::ALL {
        let private = generate(spec, 2);
        let public = private.signing_public_key(protocol()).unwrap();
        let signing = SigningKey::new(&private, &public).unwrap();
        // EXPOSE: searched for.
        assert!(
            !contains_secret(
                &format!("{signing:?} {public:?}"),
                private.stored().expose()
            ),
            "{spec}"
        );
    }
}

#[test]
fn errors_about_private_keys_do_not_show_them() {
    for spec in KeySpec::ALL {
        let key = generate(spec, 3);
        let exported = key.to_pkcs8().unwrap();
        // EXPOSE: damaged and searched for.
        let (good, bytes) = (exported.expose(), key.stored().expose());
        for position in (0..good.len()).step_by(1 + good.len() / 60) {
            let mut damaged = good.to_vec();
            damaged[position] ^= 0x55;
            if let Err(error) = PrivateKey::from_file(&secret(&damaged), KeyPurpose::Signing) {
                assert!(
                    !contains_secret(&format!("{error} {error:?}"), bytes),
                    "{spec}"
                );
            }
        }
    }
}

#[test]
fn a_signing_key_can_be_shared_between_threads() {
    let (key, public) = pair(SigningKeySpec::EcP256, 4);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let signature = key.sign(b"message", protocol()).unwrap();
                public.verify(b"message", &signature, protocol()).unwrap();
            });
        }
    });
}
