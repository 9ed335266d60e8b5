//! Whether what needs a second person can need one.

use strongroom_config::ApprovalsConfig;
use strongroom_server::access::Operation;

use super::ServerSetupError;

/// Refuses names of operations that cannot need a second person: a mistyped one would need none.
pub(crate) fn check(config: &ApprovalsConfig) -> Result<(), ServerSetupError> {
    for name in &config.operations {
        let known = name.parse::<Operation>();
        if !known.is_ok_and(Operation::can_need_approval) {
            let operation = name.clone();
            return Err(ServerSetupError::NotApprovable { operation });
        }
    }
    Ok(())
}
