//! The consent of a second person, which some requests need.

use std::{any::Any, fmt::Debug, sync::Arc};

use prost::Message;
use strongroom_vault::{Ask, Caller, Vault};
use zeroize::Zeroizing;

use crate::{
    access::{Operation, Subject, approvable},
    context::Context,
    failure::Failure,
};

/// What it takes to let a request through.
#[derive(Debug)]
pub(crate) struct Consent {
    vault: Arc<Vault>,
    subject: Arc<Subject>,
    caller: Caller,
    /// Whether it may need a second person, by one configuration or another.
    can_be_needed: bool,
    /// None if nobody has to say yes.
    ask: Option<Ask>,
    break_glass: Option<String>,
}

impl Consent {
    /// The consent to exactly this request of this caller.
    pub(crate) fn to<M: Message + Debug + 'static>(
        vault: &Arc<Vault>,
        context: &Context,
        message: &M,
    ) -> Self {
        let operations = approvable(vault, context.call.rpc, message as &dyn Any);
        let can_be_needed = !operations.is_empty();
        let mut operations = operations.into_iter();
        let needed = operations.find(|operation| vault.needs_approval(operation.name()));
        Self {
            vault: Arc::clone(vault),
            subject: Arc::clone(&context.subject),
            caller: context.caller(),
            can_be_needed,
            ask: needed.map(|operation| ask(context, operation, message)),
            break_glass: context.call.break_glass.clone(),
        }
    }

    /// Waits for nobody: it was given before, or the request is refused and remembered for whoever may give it.
    pub(crate) async fn given(self) -> Result<(), Failure> {
        let Some(ask) = self.ask else {
            if self.can_be_needed {
                self.vault.heed_configuration().await?;
            }
            return Ok(());
        };
        match self.break_glass {
            None => self.vault.pass_approval(&self.caller, &ask).await?,
            Some(_) if !self.subject.may(Operation::BreakGlass) => {
                let name = self.subject.name();
                return Err(Failure::forbidden(Operation::BreakGlass, name));
            }
            Some(reason) => self.vault.break_glass(&self.caller, &ask, &reason).await?,
        }
        Ok(())
    }
}

fn ask(context: &Context, operation: Operation, message: &(impl Message + Debug)) -> Ask {
    // As this program writes it: what it did not understand is not in it, and is not done.
    let bytes = Zeroizing::new(message.encode_to_vec());
    let path = context.call.rpc.path();
    // Messages print no secrets.
    let summary = format!("{path} {message:?}");
    Ask::new(operation.name(), path, &bytes, &summary)
}
