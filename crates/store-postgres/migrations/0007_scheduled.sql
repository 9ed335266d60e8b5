-- A key that has left the vault is destroyed in its KMS when it is due, and not before.

ALTER TABLE kms_journal
    ADD COLUMN due_at bigint,
    DROP CONSTRAINT kms_journal_step_known,
    ADD CONSTRAINT kms_journal_step_known CHECK (step IN (0, 1, 2, 3)),
    ADD CONSTRAINT kms_journal_due_if_scheduled CHECK ((step = 3) = (due_at IS NOT NULL));
