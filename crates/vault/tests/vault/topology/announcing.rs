//! Announcing, adding and taking back statements.
