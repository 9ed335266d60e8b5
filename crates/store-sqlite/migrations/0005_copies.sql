-- A key that was moved into a KMS is still here, sealed, until it is given up: custody external with a sealed key. SQLite
-- cannot change a rule of a table, so the table is made anew.

CREATE TABLE private_keys_with_copies (
    fingerprint BLOB NOT NULL PRIMARY KEY REFERENCES public_keys (fingerprint)
        CONSTRAINT private_keys_fingerprint_length CHECK (length(fingerprint) = 32),
    custody INTEGER NOT NULL,
    sealing INTEGER NOT NULL,
    state INTEGER NOT NULL
        CONSTRAINT private_keys_state_known CHECK (state IN (0, 1)),
    exposed INTEGER NOT NULL
        CONSTRAINT private_keys_exposed_known CHECK (exposed IN (0, 1)),
    wrapper_key_id TEXT,
    data_key_id BLOB NOT NULL REFERENCES data_keys (data_key_id),
    stored_key BLOB,
    created_at INTEGER NOT NULL,
    mac BLOB NOT NULL
        CONSTRAINT private_keys_mac_length CHECK (length(mac) = 32),
    kms TEXT,
    kms_key_id TEXT,
    -- clear; envelope under the data key; envelope by the KMS itself; external; external with a copy under the data key.
    CONSTRAINT private_keys_custody_fits CHECK (
        CASE custody * 10 + sealing
            WHEN 0 THEN wrapper_key_id IS NULL AND stored_key IS NOT NULL
            WHEN 11 THEN wrapper_key_id IS NULL AND stored_key IS NOT NULL
            WHEN 12 THEN wrapper_key_id IS NOT NULL AND stored_key IS NOT NULL
            WHEN 20 THEN wrapper_key_id IS NULL AND stored_key IS NULL
            WHEN 21 THEN wrapper_key_id IS NULL AND stored_key IS NOT NULL
            ELSE 0
        END
        AND (kms IS NOT NULL) = (custody = 2)
        AND (kms_key_id IS NOT NULL) = (custody = 2)
    )
) STRICT, WITHOUT ROWID;

INSERT INTO private_keys_with_copies
    SELECT fingerprint, custody, sealing, state, exposed, wrapper_key_id, data_key_id, stored_key, created_at, mac, kms, kms_key_id
    FROM private_keys ORDER BY fingerprint;

DROP TABLE private_keys;

ALTER TABLE private_keys_with_copies RENAME TO private_keys;

-- The key of the vault that is being brought into the KMS; none for one that the KMS makes.
ALTER TABLE kms_journal ADD COLUMN imports BLOB
    CONSTRAINT kms_journal_imports_length CHECK (length(imports) = 32);
