//! The approval of a second person, which some requests need.

use std::{any::Any, fmt::Debug, sync::Arc};

use futures_util::future::BoxFuture;
use prost::Message;
use strongroom_vault::{Ask, Caller, Vault};
use zeroize::Zeroizing;

use crate::{
    access::{Operation, Subject, approvable},
    context::{Checked, Context},
    failure::Failure,
};

/// What it takes to let a request through.
#[derive(Debug)]
pub(crate) struct RequiredApproval {
    vault: Arc<Vault>,
    subject: Arc<Subject>,
    caller: Caller,
    /// Whether it may need a second person, by one configuration or another.
    can_be_needed: bool,
    /// None if nobody has to say yes.
    ask: Option<Ask>,
    break_glass: Option<String>,
}

impl RequiredApproval {
    /// What exactly this request of this caller needs.
    pub(crate) fn of<M: Message + Debug + 'static>(
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

    /// The work, once it is agreed to. Waits for nobody: the approval of what the request has come to was given before, or is refused
    /// and remembered for whoever may give it.
    pub(crate) async fn obtained_for<A>(
        self,
        checked: Checked<A>,
    ) -> Result<BoxFuture<'static, Result<A, Failure>>, Failure> {
        let Checked {
            work,
            about,
            changes,
        } = checked;
        match self.ask {
            _ if !changes => {}
            None if self.can_be_needed => self.vault.heed_configuration().await?,
            None => {}
            Some(ask) => {
                let ask = match about {
                    None => ask,
                    Some(these) => ask.about(&these),
                };
                pass(
                    &self.vault,
                    &self.subject,
                    &self.caller,
                    &ask,
                    self.break_glass,
                )
                .await?;
            }
        }
        Ok(work)
    }
}

async fn pass(
    vault: &Vault,
    subject: &Subject,
    caller: &Caller,
    ask: &Ask,
    break_glass: Option<String>,
) -> Result<(), Failure> {
    match break_glass {
        None => vault.pass_approval(caller, ask).await?,
        Some(_) if !subject.may(Operation::BreakGlass) => {
            return Err(Failure::forbidden(Operation::BreakGlass, subject.name()));
        }
        Some(reason) => vault.break_glass(caller, ask, &reason).await?,
    }
    Ok(())
}

fn ask(context: &Context, operation: Operation, message: &(impl Message + Debug)) -> Ask {
    // As this program writes it: what it did not understand is not in it, and is not done.
    let bytes = Zeroizing::new(message.encode_to_vec());
    let path = context.call.rpc.path();
    // Messages print no secrets.
    let summary = format!("{path} {message:?}");
    Ask::new(operation.name(), path, &bytes, &summary)
}
