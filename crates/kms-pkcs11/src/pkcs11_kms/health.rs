//! How a token feels.

use strongroom_errors::in_words;
use strongroom_kms::{KmsHealth, KmsOperation};

use super::{Pkcs11Kms, no_login};
use crate::pool::Repeat;

pub(super) async fn health(kms: &Pkcs11Kms) -> KmsHealth {
    let operation = KmsOperation::WrapperKeyState;
    let answer = kms.run(Repeat::Once, operation, None, |shared, seat| {
        let pool = &shared.pool;
        seat.session.get_session_info()?;
        let slot = pool.slot().ok_or_else(no_login)?;
        Ok(pool.module().library().get_token_info(slot)?)
    });
    match answer.await {
        Ok(info) if info.user_pin_locked() => KmsHealth::Degraded {
            reason: "the PIN is locked: this login still holds, another will fail".to_owned(),
        },
        Ok(info) if info.user_pin_count_low() || info.user_pin_final_try() => KmsHealth::Degraded {
            reason: "somebody gave the token wrong PINs, and few tries are left".to_owned(),
        },
        Ok(_) => KmsHealth::Ok,
        Err(error) => match kms.shared.pool.refused() {
            Some(reason) => KmsHealth::Fatal {
                reason: format!("the token refused the PIN: {reason}"),
            },
            None => KmsHealth::Failed {
                reason: in_words(&error),
            },
        },
    }
}
