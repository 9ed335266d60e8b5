use super::Look;
use crate::{
    graph::{AuthorizationGraph, is_root},
    identifier::Namespace,
    mapping::{DecentralizedNamespaceDefinition, NamespaceDelegation, UniqueKey},
    rejection::Rejection,
};

impl Look<'_> {
    pub(super) fn check_delegation(&self, it: &NamespaceDelegation) -> Result<(), Rejection> {
        if self.is_removal() {
            return Ok(());
        }
        if self.store.owners_in_force(it.namespace()).is_some() {
            return Err(Rejection::NamespaceAlreadyInUse {
                namespace: it.namespace().clone(),
            });
        }
        // A key that was revoked may be in wrong hands, so it never comes back.
        if self.was_removed() && !self.rules.relaxed {
            return Err(revoked(it.namespace()));
        }
        Ok(())
    }

    pub(super) fn check_decentralized(
        &self,
        it: &DecentralizedNamespaceDefinition,
    ) -> Result<(), Rejection> {
        if self.is_removal() {
            return Ok(());
        }
        let namespace = it.namespace();
        // Owners come and go, the name stays that of the first ones.
        if self.in_store().is_none()
            && *namespace != DecentralizedNamespaceDefinition::derive_namespace(it.owners())
        {
            return Err(invalid(format!(
                "the decentralized namespace {namespace} is not derived from its owners"
            )));
        }
        if self
            .store
            .graph(namespace)
            .is_some_and(|graph| !graph.is_empty())
        {
            return Err(Rejection::NamespaceAlreadyInUse {
                namespace: namespace.clone(),
            });
        }
        let rootless: Vec<String> = it
            .owners()
            .iter()
            .filter(|owner| {
                !self
                    .store
                    .graph(owner)
                    .is_some_and(AuthorizationGraph::has_root_certificate)
            })
            .map(ToString::to_string)
            .collect();
        if rootless.is_empty() {
            Ok(())
        } else {
            Err(invalid(format!(
                "No root certificate found for {}",
                rootless.join(", ")
            )))
        }
    }

    /// Whether the root key of a namespace has taken its certificate back.
    pub(super) fn is_revoked(&self, namespace: &Namespace) -> bool {
        let root = namespace.fingerprint();
        let certificate = root
            .map(|root| UniqueKey::namespace_delegation(namespace, &root))
            .and_then(|key| self.store.in_store(&key));
        certificate.is_some_and(|row| row.stated().is_none() && is_root(&row.signed))
    }
}

pub(super) fn revoked(namespace: &Namespace) -> Rejection {
    Rejection::NamespaceHasBeenRevoked {
        namespace: namespace.clone(),
    }
}

fn invalid(reason: String) -> Rejection {
    Rejection::InvalidMapping { reason }
}
