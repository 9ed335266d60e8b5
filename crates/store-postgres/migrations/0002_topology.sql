CREATE TABLE topology (
    store text COLLATE "C" NOT NULL
        CONSTRAINT topology_store_is_named CHECK (store <> ''),
    ordinal bigint NOT NULL
        CONSTRAINT topology_ordinal_in_range CHECK (ordinal > 0),
    sequenced bigint NOT NULL,
    valid_from bigint NOT NULL,
    valid_until bigint,
    operation smallint NOT NULL
        CONSTRAINT topology_operation_known CHECK (operation IN (1, 2)),
    mapping_code smallint NOT NULL
        CONSTRAINT topology_mapping_code_in_range CHECK (mapping_code BETWEEN 1 AND 255),
    serial bigint NOT NULL
        CONSTRAINT topology_serial_in_range CHECK (serial BETWEEN 1 AND 2147483647),
    -- UTF-8, as bytes: what others sent may have characters that a text of this server cannot have.
    namespace bytea NOT NULL,
    identifier bytea NOT NULL,
    unique_key bytea NOT NULL
        CONSTRAINT topology_unique_key_length CHECK (length(unique_key) = 32),
    transaction_hash bytea NOT NULL
        CONSTRAINT topology_transaction_hash_length CHECK (length(transaction_hash) = 32),
    proposal boolean NOT NULL,
    rejection bytea
        CONSTRAINT topology_rejection_length CHECK (length(rejection) <= 1200),
    data_key_id bytea NOT NULL
        CONSTRAINT topology_data_key REFERENCES data_keys (data_key_id),
    mac bytea NOT NULL
        CONSTRAINT topology_mac_length CHECK (length(mac) = 32),
    signed_transaction bytea NOT NULL
        CONSTRAINT topology_signed_transaction_is_there CHECK (length(signed_transaction) > 0),
    CONSTRAINT topology_is_unique PRIMARY KEY (store, ordinal),
    CONSTRAINT topology_ends_after_it_begins CHECK (valid_until >= valid_from)
);

CREATE TABLE identity (
    only_row smallint NOT NULL
        CONSTRAINT identity_has_one_row PRIMARY KEY
        CONSTRAINT identity_is_row_one CHECK (only_row = 1),
    member text NOT NULL
        CONSTRAINT identity_member_is_named CHECK (member <> ''),
    created_at bigint NOT NULL,
    data_key_id bytea NOT NULL
        CONSTRAINT identity_data_key REFERENCES data_keys (data_key_id),
    mac bytea NOT NULL
        CONSTRAINT identity_mac_length CHECK (length(mac) = 32)
);

-- Both keys have an index, by which the deletion of a public key finds out whether it may go.
CREATE TABLE rotations (
    old_key bytea NOT NULL
        CONSTRAINT rotations_are_unique PRIMARY KEY
        CONSTRAINT rotations_public_key_old REFERENCES public_keys (fingerprint)
        CONSTRAINT rotations_old_key_length CHECK (length(old_key) = 32),
    new_key bytea NOT NULL
        CONSTRAINT rotations_new_key_is_unique UNIQUE
        CONSTRAINT rotations_public_key_new REFERENCES public_keys (fingerprint)
        CONSTRAINT rotations_new_key_length CHECK (length(new_key) = 32),
    member text NOT NULL
        CONSTRAINT rotations_member_is_named CHECK (member <> ''),
    position bigint NOT NULL
        CONSTRAINT rotations_position_in_range CHECK (position BETWEEN 0 AND 4294967295),
    created_at bigint NOT NULL,
    data_key_id bytea NOT NULL
        CONSTRAINT rotations_data_key REFERENCES data_keys (data_key_id),
    mac bytea NOT NULL
        CONSTRAINT rotations_mac_length CHECK (length(mac) = 32),
    CONSTRAINT rotations_are_between_two_keys CHECK (old_key <> new_key)
);
