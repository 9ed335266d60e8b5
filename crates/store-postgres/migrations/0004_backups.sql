CREATE TABLE backups (
    backup_id bytea NOT NULL
        CONSTRAINT backups_are_unique PRIMARY KEY
        CONSTRAINT backups_id_length CHECK (length(backup_id) = 16),
    created_at bigint NOT NULL,
    generation bigint NOT NULL
        CONSTRAINT backups_generation_is_positive CHECK (generation > 0),
    file_hash bytea NOT NULL
        CONSTRAINT backups_file_hash_length CHECK (length(file_hash) = 32),
    -- The ids of data keys, one after the other: they may be gone from this vault.
    needs bytea NOT NULL
        CONSTRAINT backups_needs_length CHECK (length(needs) > 0 AND length(needs) % 16 = 0),
    verified_at bigint,
    data_key_id bytea NOT NULL
        CONSTRAINT backups_data_key REFERENCES data_keys (data_key_id),
    mac bytea NOT NULL
        CONSTRAINT backups_mac_length CHECK (length(mac) = 32)
);
