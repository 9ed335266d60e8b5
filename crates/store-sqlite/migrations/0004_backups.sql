CREATE TABLE backups (
    backup_id BLOB NOT NULL PRIMARY KEY
        CONSTRAINT backups_id_length CHECK (length(backup_id) = 16),
    created_at INTEGER NOT NULL,
    generation INTEGER NOT NULL
        CONSTRAINT backups_generation_is_positive CHECK (generation > 0),
    file_hash BLOB NOT NULL
        CONSTRAINT backups_file_hash_length CHECK (length(file_hash) = 32),
    -- The ids of data keys, one after the other: they may be gone from this vault.
    needs BLOB NOT NULL
        CONSTRAINT backups_needs_length CHECK (length(needs) > 0 AND length(needs) % 16 = 0),
    verified_at INTEGER,
    data_key_id BLOB NOT NULL REFERENCES data_keys (data_key_id),
    mac BLOB NOT NULL
        CONSTRAINT backups_mac_length CHECK (length(mac) = 32)
) STRICT, WITHOUT ROWID;
