use strongroom_crypto::{EncryptionPublicKey, KeyPurpose, SigningPublicKey};

use super::{Look, refers_to_node};
use crate::{
    identifier::{Member, MemberCode},
    mapping::OwnerToKeyMapping,
    rejection::Rejection,
};

impl Look<'_> {
    pub(super) fn check_owner_to_key(&self, it: &OwnerToKeyMapping) -> Result<(), Rejection> {
        if self.is_removal() {
            return match refers_to_node(self.store, it.member()) {
                None => Ok(()),
                Some(by) => Err(Rejection::InvalidRemovalOfOwnerToKeyMapping {
                    member: it.member().clone(),
                    by,
                }),
            };
        }
        if self.was_removed() {
            return Err(Rejection::MemberCannotRejoin {
                member: it.member().clone(),
            });
        }
        let specs = self.rules.specs;
        let is_taken = |key: &SigningPublicKey| specs.signing().any(|spec| spec == key.spec());
        let signs = it.signing_keys().any(is_taken);
        if !signs {
            let supported = specs.supported_signing();
            return Err(lacking(it.member(), KeyPurpose::Signing, supported));
        }
        let is_taken =
            |key: &EncryptionPublicKey| specs.encryption().any(|spec| spec == key.spec());
        let decrypts = it.encryption_keys().any(is_taken);
        if !decrypts && it.member().code == MemberCode::Participant {
            let supported = specs.supported_encryption();
            return Err(lacking(it.member(), KeyPurpose::Encryption, supported));
        }
        Ok(())
    }
}

fn lacking(member: &Member, purpose: KeyPurpose, supported: String) -> Rejection {
    Rejection::InvalidOwnerToKeyMapping {
        member: member.clone(),
        purpose: purpose.name(),
        supported,
    }
}
