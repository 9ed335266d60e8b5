-- Custody external: the row names the KMS and its key.

ALTER TABLE private_keys
    ADD COLUMN kms text,
    ADD COLUMN kms_key_id text,
    DROP CONSTRAINT private_keys_custody_fits,
    -- clear; envelope under the data key; envelope by the KMS itself; external.
    ADD CONSTRAINT private_keys_custody_fits CHECK (
        CASE custody * 10 + sealing
            WHEN 0 THEN wrapper_key_id IS NULL AND stored_key IS NOT NULL
            WHEN 11 THEN wrapper_key_id IS NULL AND stored_key IS NOT NULL
            WHEN 12 THEN wrapper_key_id IS NOT NULL AND stored_key IS NOT NULL
            WHEN 20 THEN wrapper_key_id IS NULL AND stored_key IS NULL
            ELSE false
        END
        AND (kms IS NOT NULL) = (custody = 2)
        AND (kms_key_id IS NOT NULL) = (custody = 2)
    );

CREATE TABLE kms_journal (
    journal_id bytea NOT NULL
        CONSTRAINT kms_journal_is_unique PRIMARY KEY
        CONSTRAINT kms_journal_id_length CHECK (length(journal_id) = 16),
    kms text NOT NULL
        CONSTRAINT kms_journal_kms_is_named CHECK (kms <> ''),
    step smallint NOT NULL
        CONSTRAINT kms_journal_step_known CHECK (step IN (0, 1, 2)),
    kms_key_id text,
    spec smallint NOT NULL,
    usages smallint,
    name text
        CONSTRAINT kms_journal_name_length CHECK (octet_length(name) BETWEEN 1 AND 900),
    created_at bigint NOT NULL,
    data_key_id bytea NOT NULL
        CONSTRAINT kms_journal_data_key REFERENCES data_keys (data_key_id),
    mac bytea NOT NULL
        CONSTRAINT kms_journal_mac_length CHECK (length(mac) = 32),
    CONSTRAINT kms_journal_key_is_known_once_created CHECK ((step <> 0) = (kms_key_id IS NOT NULL)),
    CONSTRAINT kms_journal_usages_are_for_signing CHECK ((spec < 129) = (usages IS NOT NULL))
);
