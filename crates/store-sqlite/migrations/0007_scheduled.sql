-- A key that has left the vault is destroyed in its KMS when it is due, and not before. SQLite cannot change a rule of a table,
-- so the table is made anew.

CREATE TABLE kms_journal_with_due_times (
    journal_id BLOB NOT NULL PRIMARY KEY
        CONSTRAINT kms_journal_id_length CHECK (length(journal_id) = 16),
    kms TEXT NOT NULL
        CONSTRAINT kms_journal_kms_is_named CHECK (kms <> ''),
    step INTEGER NOT NULL
        CONSTRAINT kms_journal_step_known CHECK (step IN (0, 1, 2, 3)),
    kms_key_id TEXT,
    spec INTEGER NOT NULL,
    usages INTEGER,
    name TEXT
        CONSTRAINT kms_journal_name_length CHECK (octet_length(name) BETWEEN 1 AND 900),
    created_at INTEGER NOT NULL,
    data_key_id BLOB NOT NULL REFERENCES data_keys (data_key_id),
    mac BLOB NOT NULL
        CONSTRAINT kms_journal_mac_length CHECK (length(mac) = 32),
    imports BLOB
        CONSTRAINT kms_journal_imports_length CHECK (length(imports) = 32),
    due_at INTEGER,
    CONSTRAINT kms_journal_key_is_known_once_created CHECK ((step <> 0) = (kms_key_id IS NOT NULL)),
    CONSTRAINT kms_journal_usages_are_for_signing CHECK ((spec < 129) = (usages IS NOT NULL)),
    CONSTRAINT kms_journal_due_if_scheduled CHECK ((step = 3) = (due_at IS NOT NULL))
) STRICT, WITHOUT ROWID;

INSERT INTO kms_journal_with_due_times
SELECT journal_id, kms, step, kms_key_id, spec, usages, name, created_at, data_key_id, mac, imports, NULL FROM kms_journal;

DROP TABLE kms_journal;

ALTER TABLE kms_journal_with_due_times RENAME TO kms_journal;
