//! Whether what needs a second person can need one.

use strongroom_config::{ApprovalsConfig, CallerConfig};
use strongroom_server::access::Operation;

use super::ServerSetupError;

/// Refuses a server that knows nobody and asks for a second person all the same: whoever comes by an address, by the socket and by a
/// command has three names there, and would approve what he asked for himself. Commands alone know the users of the machine.
pub(crate) fn check_served(
    config: &ApprovalsConfig,
    callers: &[CallerConfig],
) -> Result<(), ServerSetupError> {
    if config.operations.is_empty() || !callers.is_empty() || !config.approvers.is_empty() {
        return Ok(());
    }
    Err(ServerSetupError::NobodyToldApart)
}

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
