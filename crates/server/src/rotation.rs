//! Who may finish a rotation of the wrapper key.

use strongroom_vault::Vault;

use crate::{access::Operation, context::Context, failure::Failure};

/// Whoever finishes a rotation to a wrapper key that somebody named brings that key in, and must be allowed to.
pub(crate) async fn check_may_finish(vault: &Vault, context: &Context) -> Result<(), Failure> {
    let named = Operation::WrapperKeysRotateTo;
    if !context.subject.may(named) && vault.rotates_to_a_named_wrapper_key().await? {
        return context.check(named);
    }
    Ok(())
}
