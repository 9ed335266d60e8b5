//! Keys from passwords, and sealing under a password.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use strongroom_errors::{Category, Coded, ErrorCode};
use strongroom_memory::SecretBytes;
use thiserror::Error;
use zeroize::Zeroize;

use crate::random::{Random, RandomError};
use crate::symmetric::{OpenError, SealError, SymmetricKey};

/// Bytes of the salt of [`PasswordSealed`].
const SALT_LEN: usize = 16;
/// More than this nobody configures on purpose; it bounds what a forged cost can make us allocate.
const MAX_MEMORY_KIB: u32 = 4 * 1024 * 1024;
/// As [`MAX_MEMORY_KIB`], for time.
const MAX_ITERATIONS: u32 = 1_000;

/// How much work one guess of a password is (Argon2id, RFC 9106).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argon2Cost {
    /// Memory in KiB: at least 8 for each lane, at most 4 GiB.
    pub memory_kib: u32,
    /// Passes over the memory: 1 to 1000.
    pub iterations: u32,
    /// Lanes that could be computed in parallel; here they are computed in turn.
    pub lanes: u32,
}

impl Argon2Cost {
    /// What Canton uses for exported keys (reference: keys-and-schemes, section 9).
    pub const CANTON: Self = Self {
        memory_kib: 12_288,
        iterations: 3,
        lanes: 1,
    };

    fn params(self, output_len: usize) -> Result<Params, PasswordError> {
        if self.memory_kib > MAX_MEMORY_KIB
            || self.iterations > MAX_ITERATIONS
            || self.lanes > self.memory_kib / 8
        {
            return Err(PasswordError::Cost { cost: self });
        }
        Params::new(
            self.memory_kib,
            self.iterations,
            self.lanes,
            Some(output_len),
        )
        .map_err(PasswordError::Parameters)
    }
}

/// `Argon2id(password, salt)`, version 0x13, without secret and associated data, `output_len` bytes.
///
/// The memory of the computation is wiped afterwards. It takes as long as `cost` says: never call it on a thread
/// that answers others.
///
/// # Errors
/// [`PasswordError::Cost`] for a cost out of range, [`PasswordError::Parameters`] for a salt below 8 bytes or an
/// output below 4, [`PasswordError::Memory`] when there is not enough of it.
pub fn derive_key(
    password: &SecretBytes,
    salt: &[u8],
    cost: Argon2Cost,
    output_len: usize,
) -> Result<SecretBytes, PasswordError> {
    let params = cost.params(output_len)?;
    let mut memory = Memory::reserve(params.block_count())?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    SecretBytes::fill_with(output_len, |output| {
        // EXPOSE: the input of the derivation.
        argon2.hash_password_into_with_memory(
            password.expose(),
            salt,
            output,
            memory.0.as_mut_slice(),
        )
    })
    .map_err(PasswordError::Parameters)
}

/// The working memory, from which the output could be computed again.
struct Memory(Vec<Block>);

impl Memory {
    fn reserve(blocks: usize) -> Result<Self, PasswordError> {
        let mut memory = Vec::new();
        memory
            .try_reserve_exact(blocks)
            .map_err(PasswordError::Memory)?;
        memory.resize(blocks, Block::new());
        Ok(Self(memory))
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(Zeroize::zeroize);
    }
}

/// Bytes sealed under a password: `AES-128-GCM(Argon2id(password, salt), plaintext)` with the cost
/// [`Argon2Cost::CANTON`].
///
/// The message around it belongs to `strongroom-proto`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordSealed {
    /// In the layout of [`SymmetricKey::seal`].
    pub ciphertext: Vec<u8>,
    /// The salt of the password.
    pub salt: [u8; SALT_LEN],
}

/// Seals `plaintext` under `password` (UTF-8) with a random salt.
///
/// # Errors
/// [`PasswordError`] without random bytes or memory.
pub fn seal_with_password(
    plaintext: &SecretBytes,
    password: &SecretBytes,
    random: &dyn Random,
) -> Result<PasswordSealed, PasswordError> {
    let mut salt = [0; SALT_LEN];
    random.fill(&mut salt)?;
    // EXPOSE: to seal it.
    let ciphertext = password_key(password, &salt)?.seal(plaintext.expose(), random)?;
    Ok(PasswordSealed { ciphertext, salt })
}

/// What [`seal_with_password`] sealed.
///
/// # Errors
/// [`PasswordError::Rejected`] for another password as for changed bytes: nobody can tell which.
pub fn open_with_password(
    sealed: &PasswordSealed,
    password: &SecretBytes,
) -> Result<SecretBytes, PasswordError> {
    password_key(password, &sealed.salt)?
        .open(&sealed.ciphertext)
        .map_err(PasswordError::Rejected)
}

fn password_key(
    password: &SecretBytes,
    salt: &[u8; SALT_LEN],
) -> Result<SymmetricKey, PasswordError> {
    let key = derive_key(password, salt, Argon2Cost::CANTON, SymmetricKey::LEN)?;
    Ok(SymmetricKey::of_right_length(key))
}

/// Why a password gave no key or opened nothing.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// The cost is out of range.
    #[error(
        "the password cost of {} KiB, {} iterations and {} lanes is out of range",
        cost.memory_kib, cost.iterations, cost.lanes
    )]
    Cost {
        /// The cost as given.
        cost: Argon2Cost,
    },
    /// The derivation does not take the parameters.
    #[error("the password cannot be used with these parameters")]
    Parameters(#[source] argon2::Error),
    /// The memory that the cost asks for is not there.
    #[error("there is not enough memory to check a password")]
    Memory(#[source] std::collections::TryReserveError),
    /// The password or the bytes are not those that were sealed.
    #[error("the password does not open these bytes")]
    Rejected(#[source] OpenError),
    /// No salt could be had.
    #[error("nothing could be sealed under the password without random bytes")]
    Random(#[from] RandomError),
    /// Sealing failed.
    #[error("nothing could be sealed under the password")]
    Seal(#[from] SealError),
}

impl PasswordError {
    /// Every code of this error.
    pub const CODES: &'static [ErrorCode] =
        &[Self::COST, Self::PARAMETERS, Self::MEMORY, Self::REJECTED];

    const COST: ErrorCode = ErrorCode::new(
        "PASSWORD_COST_INVALID",
        Category::InvalidRequest,
        "Use at least 8 KiB of memory for each lane, at most 4 GiB, and 1 to 1000 iterations.",
    );
    const PARAMETERS: ErrorCode = ErrorCode::new(
        "PASSWORD_PARAMETERS_INVALID",
        Category::InvalidRequest,
        "Use a salt of at least 8 bytes, a key of at least 4, and at least one lane and iteration.",
    );
    const MEMORY: ErrorCode = ErrorCode::new(
        "PASSWORD_MEMORY_EXHAUSTED",
        Category::ResourceExhausted,
        "Free some memory, or raise the limit of the process, and try again.",
    );
    const REJECTED: ErrorCode = ErrorCode::new(
        "PASSWORD_REJECTED",
        Category::PermissionDenied,
        "Check the password; if it is right, the bytes were changed or cut.",
    );
}

impl Coded for PasswordError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Cost { .. } => Self::COST,
            Self::Parameters(_) => Self::PARAMETERS,
            Self::Memory(_) => Self::MEMORY,
            Self::Rejected(_) => Self::REJECTED,
            Self::Random(source) => source.code(),
            Self::Seal(source) => source.code(),
        }
    }
}

#[cfg(test)]
mod tests;
