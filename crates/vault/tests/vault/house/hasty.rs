//! A KMS that destroys at once.

use strongroom_kms::Capabilities;
use strongroom_test_support::kms::Alteration;

/// Says that it destroys keys at once, as a token does.
#[derive(Debug)]
pub(super) struct Hasty;

impl Alteration for Hasty {
    fn capabilities(&self, there: Capabilities) -> Capabilities {
        Capabilities {
            delays_deletion: false,
            ..there
        }
    }
}
