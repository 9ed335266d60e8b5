-- Custody external: the row names the KMS and its key. SQLite cannot change a rule of a table, so the table is made anew.

CREATE TABLE private_keys_with_external (
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
    -- clear; envelope under the data key; envelope by the KMS itself; external.
    CONSTRAINT private_keys_custody_fits CHECK (
        CASE custody * 10 + sealing
            WHEN 0 THEN wrapper_key_id IS NULL AND stored_key IS NOT NULL
            WHEN 11 THEN wrapper_key_id IS NULL AND stored_key IS NOT NULL
            WHEN 12 THEN wrapper_key_id IS NOT NULL AND stored_key IS NOT NULL
            WHEN 20 THEN wrapper_key_id IS NULL AND stored_key IS NULL
            ELSE 0
        END
        AND (kms IS NOT NULL) = (custody = 2)
        AND (kms_key_id IS NOT NULL) = (custody = 2)
    )
) STRICT, WITHOUT ROWID;

INSERT INTO private_keys_with_external
    SELECT fingerprint, custody, sealing, state, exposed, wrapper_key_id, data_key_id, stored_key, created_at, mac, NULL, NULL
    FROM private_keys ORDER BY fingerprint;

DROP TABLE private_keys;

ALTER TABLE private_keys_with_external RENAME TO private_keys;

CREATE TABLE kms_journal (
    journal_id BLOB NOT NULL PRIMARY KEY
        CONSTRAINT kms_journal_id_length CHECK (length(journal_id) = 16),
    kms TEXT NOT NULL
        CONSTRAINT kms_journal_kms_is_named CHECK (kms <> ''),
    step INTEGER NOT NULL
        CONSTRAINT kms_journal_step_known CHECK (step IN (0, 1, 2)),
    kms_key_id TEXT,
    spec INTEGER NOT NULL,
    usages INTEGER,
    name TEXT
        CONSTRAINT kms_journal_name_length CHECK (octet_length(name) BETWEEN 1 AND 900),
    created_at INTEGER NOT NULL,
    data_key_id BLOB NOT NULL REFERENCES data_keys (data_key_id),
    mac BLOB NOT NULL
        CONSTRAINT kms_journal_mac_length CHECK (length(mac) = 32),
    CONSTRAINT kms_journal_key_is_known_once_created CHECK ((step <> 0) = (kms_key_id IS NOT NULL)),
    CONSTRAINT kms_journal_usages_are_for_signing CHECK ((spec < 129) = (usages IS NOT NULL))
) STRICT, WITHOUT ROWID;
