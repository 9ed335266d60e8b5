-- A key that was moved into a KMS is still here, sealed, until it is given up: custody external with a sealed key.

ALTER TABLE private_keys
    DROP CONSTRAINT private_keys_custody_fits,
    -- clear; envelope under the data key; envelope by the KMS itself; external; external with a copy under the data key.
    ADD CONSTRAINT private_keys_custody_fits CHECK (
        CASE custody * 10 + sealing
            WHEN 0 THEN wrapper_key_id IS NULL AND stored_key IS NOT NULL
            WHEN 11 THEN wrapper_key_id IS NULL AND stored_key IS NOT NULL
            WHEN 12 THEN wrapper_key_id IS NOT NULL AND stored_key IS NOT NULL
            WHEN 20 THEN wrapper_key_id IS NULL AND stored_key IS NULL
            WHEN 21 THEN wrapper_key_id IS NULL AND stored_key IS NOT NULL
            ELSE false
        END
        AND (kms IS NOT NULL) = (custody = 2)
        AND (kms_key_id IS NOT NULL) = (custody = 2)
    );

-- The key of the vault that is being brought into the KMS; none for one that the KMS makes.
ALTER TABLE kms_journal ADD COLUMN imports bytea
    CONSTRAINT kms_journal_imports_length CHECK (length(imports) = 32);
