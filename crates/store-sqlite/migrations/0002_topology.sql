-- Topology rows are not clustered by their key (no WITHOUT ROWID), unlike keys: such a table moves what is beyond a
-- quarter of a page into pages of their own, one row each, and a signed transaction often is. With 100 000 rows of one
-- KB clustering triples the space and the time to insert them.

CREATE TABLE topology (
    store TEXT NOT NULL
        CONSTRAINT topology_store_is_named CHECK (store <> ''),
    ordinal INTEGER NOT NULL
        CONSTRAINT topology_ordinal_in_range CHECK (ordinal > 0),
    sequenced INTEGER NOT NULL,
    valid_from INTEGER NOT NULL,
    valid_until INTEGER,
    operation INTEGER NOT NULL
        CONSTRAINT topology_operation_known CHECK (operation IN (1, 2)),
    mapping_code INTEGER NOT NULL
        CONSTRAINT topology_mapping_code_in_range CHECK (mapping_code BETWEEN 1 AND 255),
    serial INTEGER NOT NULL
        CONSTRAINT topology_serial_in_range CHECK (serial BETWEEN 1 AND 2147483647),
    namespace TEXT NOT NULL,
    identifier TEXT NOT NULL,
    unique_key BLOB NOT NULL
        CONSTRAINT topology_unique_key_length CHECK (length(unique_key) = 32),
    transaction_hash BLOB NOT NULL
        CONSTRAINT topology_transaction_hash_length CHECK (length(transaction_hash) = 32),
    proposal INTEGER NOT NULL
        CONSTRAINT topology_proposal_known CHECK (proposal IN (0, 1)),
    rejection TEXT
        CONSTRAINT topology_rejection_length CHECK (octet_length(rejection) <= 1200),
    data_key_id BLOB NOT NULL REFERENCES data_keys (data_key_id),
    mac BLOB NOT NULL
        CONSTRAINT topology_mac_length CHECK (length(mac) = 32),
    signed_transaction BLOB NOT NULL
        CONSTRAINT topology_signed_transaction_is_there CHECK (length(signed_transaction) > 0),
    PRIMARY KEY (store, ordinal),
    CONSTRAINT topology_ends_after_it_begins CHECK (valid_until >= valid_from)
) STRICT;

CREATE TABLE identity (
    only_row INTEGER NOT NULL PRIMARY KEY
        CONSTRAINT identity_has_one_row CHECK (only_row = 1),
    member TEXT NOT NULL
        CONSTRAINT identity_member_is_named CHECK (member <> ''),
    created_at INTEGER NOT NULL,
    data_key_id BLOB NOT NULL REFERENCES data_keys (data_key_id),
    mac BLOB NOT NULL
        CONSTRAINT identity_mac_length CHECK (length(mac) = 32)
) STRICT;

-- Both keys have an index, by which the deletion of a public key finds out whether it may go.
CREATE TABLE rotations (
    old_key BLOB NOT NULL PRIMARY KEY REFERENCES public_keys (fingerprint)
        CONSTRAINT rotations_old_key_length CHECK (length(old_key) = 32),
    new_key BLOB NOT NULL UNIQUE REFERENCES public_keys (fingerprint)
        CONSTRAINT rotations_new_key_length CHECK (length(new_key) = 32),
    member TEXT NOT NULL
        CONSTRAINT rotations_member_is_named CHECK (member <> ''),
    position INTEGER NOT NULL
        CONSTRAINT rotations_position_in_range CHECK (position BETWEEN 0 AND 4294967295),
    created_at INTEGER NOT NULL,
    data_key_id BLOB NOT NULL REFERENCES data_keys (data_key_id),
    mac BLOB NOT NULL
        CONSTRAINT rotations_mac_length CHECK (length(mac) = 32),
    CONSTRAINT rotations_are_between_two_keys CHECK (old_key <> new_key)
) STRICT, WITHOUT ROWID;
