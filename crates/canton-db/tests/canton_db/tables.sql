-- The tables of keys, as Canton's migrations make them in PostgreSQL (reference: private key stores, section 2).
create table common_crypto_private_keys (
    key_id varchar collate "C" primary key,
    wrapper_key_id varchar collate "C",
    purpose smallint not null,
    data bytea not null,
    name varchar collate "C"
);
create table common_crypto_public_keys (
    key_id varchar collate "C" primary key,
    purpose smallint not null,
    data bytea not null,
    name varchar collate "C"
);
create table common_kms_metadata_store (
    fingerprint varchar collate "C" primary key,
    kms_key_id varchar collate "C" not null,
    purpose smallint not null,
    key_usage integer array
);
