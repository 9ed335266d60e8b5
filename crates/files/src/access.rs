//! Who may read what is written.

/// Who may read a file or enter a folder; writing is the owner's right alone.
///
/// There is no third kind (group rights are what we never want), so the enum is exhaustive. The umask may take rights away from [`Readable`](Self::Readable); nothing adds any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// The owner: files 0600, folders 0700.
    OwnerOnly,
    /// Everybody: files 0644, folders 0755. For what holds no secret.
    Readable,
}

impl Access {
    /// The permission bits of a file.
    #[must_use]
    pub const fn file_mode(self) -> u32 {
        match self {
            Self::OwnerOnly => 0o600,
            Self::Readable => 0o644,
        }
    }

    /// The permission bits of a folder.
    #[must_use]
    pub const fn folder_mode(self) -> u32 {
        match self {
            Self::OwnerOnly => 0o700,
            Self::Readable => 0o755,
        }
    }
}
