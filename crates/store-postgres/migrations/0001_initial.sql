-- Times are microseconds since 1970, as in every store: a row has one encoding, over which its MAC is computed.
-- Every rule has a name, by which a refusal is reported. Texts that rows are ordered by compare byte by byte.

CREATE TABLE strongroom_schema (
    only_row smallint NOT NULL
        CONSTRAINT strongroom_schema_has_one_row PRIMARY KEY
        CONSTRAINT strongroom_schema_is_row_one CHECK (only_row = 1),
    version integer NOT NULL
);

-- Who may write. The row is locked FOR SHARE by every transaction that writes, and updated by whoever takes over.
CREATE TABLE lease (
    only_row smallint NOT NULL
        CONSTRAINT lease_has_one_row PRIMARY KEY
        CONSTRAINT lease_is_row_one CHECK (only_row = 1),
    token bigint NOT NULL,
    holder bytea
        CONSTRAINT lease_holder_length CHECK (length(holder) = 16),
    step_down boolean NOT NULL
);

INSERT INTO lease VALUES (1, 0, NULL, false);

-- By the clock of the server.
CREATE TABLE replicas (
    replica_id bytea NOT NULL
        CONSTRAINT replicas_are_unique PRIMARY KEY
        CONSTRAINT replicas_id_length CHECK (length(replica_id) = 16),
    name text NOT NULL,
    version text NOT NULL,
    started_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    generation bigint NOT NULL,
    degraded text
);

CREATE TABLE data_keys (
    data_key_id bytea NOT NULL
        CONSTRAINT data_keys_are_unique PRIMARY KEY
        CONSTRAINT data_keys_id_length CHECK (length(data_key_id) = 16),
    commitment bytea NOT NULL
        CONSTRAINT data_keys_commitment_length CHECK (length(commitment) = 32),
    state smallint NOT NULL
        CONSTRAINT data_keys_state_known CHECK (state IN (0, 1)),
    created_at bigint NOT NULL,
    mac bytea NOT NULL
        CONSTRAINT data_keys_mac_length CHECK (length(mac) = 32)
);

CREATE TABLE vault (
    only_row smallint NOT NULL
        CONSTRAINT vault_has_one_row PRIMARY KEY
        CONSTRAINT vault_is_row_one CHECK (only_row = 1),
    vault_id bytea NOT NULL
        CONSTRAINT vault_id_length CHECK (length(vault_id) = 16),
    created_at bigint NOT NULL,
    current_data_key bytea NOT NULL
        CONSTRAINT vault_data_key REFERENCES data_keys (data_key_id),
    state bytea NOT NULL
);

CREATE TABLE wraps (
    data_key_id bytea NOT NULL
        CONSTRAINT wraps_data_key REFERENCES data_keys (data_key_id),
    kms text COLLATE "C" NOT NULL,
    wrapper_key_id text COLLATE "C" NOT NULL,
    ciphertext bytea NOT NULL,
    created_at bigint NOT NULL,
    CONSTRAINT wraps_are_unique PRIMARY KEY (data_key_id, kms, wrapper_key_id)
);

CREATE TABLE public_keys (
    fingerprint bytea NOT NULL
        CONSTRAINT public_keys_are_unique PRIMARY KEY
        CONSTRAINT public_keys_fingerprint_length CHECK (length(fingerprint) = 32),
    spec smallint NOT NULL,
    usages smallint,
    spki bytea NOT NULL,
    name text
        CONSTRAINT public_keys_name_length CHECK (octet_length(name) BETWEEN 1 AND 900),
    created_at bigint NOT NULL,
    data_key_id bytea NOT NULL
        CONSTRAINT public_keys_data_key REFERENCES data_keys (data_key_id),
    mac bytea NOT NULL
        CONSTRAINT public_keys_mac_length CHECK (length(mac) = 32),
    -- Signing specs are numbered below 129, encryption specs from there on.
    CONSTRAINT public_keys_usages_are_for_signing CHECK ((spec < 129) = (usages IS NOT NULL))
);

CREATE TABLE private_keys (
    fingerprint bytea NOT NULL
        CONSTRAINT private_keys_are_unique PRIMARY KEY
        CONSTRAINT private_keys_public_key REFERENCES public_keys (fingerprint)
        CONSTRAINT private_keys_fingerprint_length CHECK (length(fingerprint) = 32),
    custody smallint NOT NULL,
    sealing smallint NOT NULL,
    state smallint NOT NULL
        CONSTRAINT private_keys_state_known CHECK (state IN (0, 1)),
    exposed boolean NOT NULL,
    wrapper_key_id text,
    data_key_id bytea NOT NULL
        CONSTRAINT private_keys_data_key REFERENCES data_keys (data_key_id),
    stored_key bytea,
    created_at bigint NOT NULL,
    mac bytea NOT NULL
        CONSTRAINT private_keys_mac_length CHECK (length(mac) = 32),
    -- clear; envelope under the data key; envelope by the KMS itself; external.
    CONSTRAINT private_keys_custody_fits CHECK (
        CASE custody * 10 + sealing
            WHEN 0 THEN wrapper_key_id IS NULL AND stored_key IS NOT NULL
            WHEN 11 THEN wrapper_key_id IS NULL AND stored_key IS NOT NULL
            WHEN 12 THEN wrapper_key_id IS NOT NULL AND stored_key IS NOT NULL
            WHEN 20 THEN wrapper_key_id IS NULL AND stored_key IS NULL
            ELSE false
        END
    )
);

CREATE TABLE audit (
    sequence bigint NOT NULL
        CONSTRAINT audit_is_unique PRIMARY KEY
        CONSTRAINT audit_sequence_positive CHECK (sequence > 0),
    body bytea NOT NULL,
    hash bytea NOT NULL
        CONSTRAINT audit_hash_length CHECK (length(hash) = 32)
);
