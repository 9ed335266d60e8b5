CREATE TABLE approvals (
    approval_id bytea NOT NULL
        CONSTRAINT approvals_are_unique PRIMARY KEY
        CONSTRAINT approvals_id_length CHECK (length(approval_id) = 16),
    -- What was asked for, by whom, and what became of it, as the vault encodes it.
    body bytea NOT NULL
        CONSTRAINT approvals_body_length CHECK (length(body) BETWEEN 1 AND 16384),
    data_key_id bytea NOT NULL
        CONSTRAINT approvals_data_key REFERENCES data_keys (data_key_id),
    mac bytea NOT NULL
        CONSTRAINT approvals_mac_length CHECK (length(mac) = 32)
);
