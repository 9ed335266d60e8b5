"""Drives every operation of the AWS face with Amazon's own client, and checks what comes back.

usage: aws_scenario.py ENDPOINT CONTROL_ENDPOINT
"""

import hashlib
import json
import os
import sys
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError
from cryptography.hazmat.primitives import hashes, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

ENDPOINT, CONTROL = sys.argv[1:3]
ACCOUNT = "111122223333"
HOME, ABROAD = "eu-central-1", "us-east-1"


def client(region):
    return boto3.client(
        "kms",
        region_name=region,
        endpoint_url=ENDPOINT,
        aws_access_key_id="AKIATEST",
        aws_secret_access_key="secret",
        # What is wrong is to be refused by the simulator, not here.
        config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
    )


def control(resource, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(f"{CONTROL}/control/{resource}", data=data) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def fails(code, call, **members):
    try:
        answer = call(**members)
    except ClientError as error:
        found = error.response["Error"]["Code"]
        assert found == code, f"{code} was expected, not {error}"
        wanted = {"KMSInternalException": 500, "UnknownOperationException": 404}.get(code, 400)
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == wanted
        return error
    raise AssertionError(f"{code} was expected, not {answer}")


kms = client(HOME)
abroad = client(ABROAD)


def new_key(api=kms, **members):
    return api.create_key(**members)["KeyMetadata"]["KeyId"]


def keys_are_made_as_they_were_wished():
    metadata = kms.create_key(
        Description="a wrapper key", Tags=[{"TagKey": "purpose", "TagValue": "test"}]
    )["KeyMetadata"]
    key = metadata["KeyId"]
    assert metadata["Arn"] == f"arn:aws:kms:{HOME}:{ACCOUNT}:key/{key}"
    assert metadata["AWSAccountId"] == ACCOUNT
    assert metadata["Description"] == "a wrapper key"
    assert metadata["Enabled"] and metadata["KeyState"] == "Enabled"
    assert metadata["KeySpec"] == metadata["CustomerMasterKeySpec"] == "SYMMETRIC_DEFAULT"
    assert metadata["KeyUsage"] == "ENCRYPT_DECRYPT" and metadata["Origin"] == "AWS_KMS"
    assert metadata["EncryptionAlgorithms"] == ["SYMMETRIC_DEFAULT"]
    assert metadata["KeyManager"] == "CUSTOMER" and not metadata["MultiRegion"]
    assert metadata["CreationDate"].year >= 2026
    assert kms.describe_key(KeyId=key)["KeyMetadata"] == metadata
    for spec, usage, member, algorithm in [
        ("ECC_NIST_P256", "SIGN_VERIFY", "SigningAlgorithms", "ECDSA_SHA_256"),
        ("ECC_NIST_P384", "SIGN_VERIFY", "SigningAlgorithms", "ECDSA_SHA_384"),
        ("ECC_SECG_P256K1", "SIGN_VERIFY", "SigningAlgorithms", "ECDSA_SHA_256"),
        ("ECC_NIST_EDWARDS25519", "SIGN_VERIFY", "SigningAlgorithms", "ED25519_SHA_512"),
        ("ML_DSA_65", "SIGN_VERIFY", "SigningAlgorithms", "ML_DSA_SHAKE_256"),
        ("RSA_2048", "ENCRYPT_DECRYPT", "EncryptionAlgorithms", "RSAES_OAEP_SHA_256"),
    ]:
        metadata = kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]
        assert metadata["KeySpec"] == spec and metadata["KeyUsage"] == usage
        assert metadata[member] == [algorithm], metadata
        public = kms.get_public_key(KeyId=metadata["KeyId"])
        assert public["KeySpec"] == spec and public["KeyUsage"] == usage
        assert public["KeyId"] == metadata["Arn"] and public[member] == [algorithm]
        assert public["PublicKey"][0] == 0x30
    fails("ValidationException", kms.create_key, KeySpec="ECC_NIST_P256")
    fails("ValidationException", kms.create_key, KeySpec="RSA_1024")
    fails("ValidationException", kms.create_key, KeyUsage="SIGN_VERIFY")
    fails("UnsupportedOperationException", kms.create_key, KeySpec="RSA_4096")
    fails("UnsupportedOperationException", kms.create_key, Origin="EXTERNAL")
    fails("UnsupportedOperationException", kms.create_key, Origin="AWS_CLOUDHSM")
    fails("ValidationException", kms.create_key, Origin="elsewhere")
    fails("ValidationException", kms.create_key, Description="x" * 8193)
    twice = [{"TagKey": "a", "TagValue": "1"}, {"TagKey": "a", "TagValue": "2"}]
    fails("TagException", kms.create_key, Tags=twice)
    fails("TagException", kms.create_key, Tags=[{"TagKey": "aws:a", "TagValue": ""}])
    fails("NotFoundException", kms.describe_key, KeyId="00000000-0000-0000-0000-000000000000")
    fails("UnsupportedOperationException", kms.get_public_key, KeyId=key)
    kms.update_key_description(KeyId=key, Description="another")
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["Description"] == "another"


def lists_come_page_by_page():
    made = {new_key() for _ in range(5)}
    seen, marker = [], {}
    while True:
        page = kms.list_keys(Limit=3, **marker)
        assert len(page["Keys"]) <= 3
        seen += page["Keys"]
        if not page["Truncated"]:
            assert "NextMarker" not in page
            break
        marker = {"Marker": page["NextMarker"]}
    ids = [key["KeyId"] for key in seen]
    assert made <= set(ids) and len(set(ids)) == len(ids)
    assert all(key["KeyArn"].endswith(f":key/{key['KeyId']}") for key in seen)
    pages = kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 2})
    assert [key["KeyId"] for page in pages for key in page["Keys"]] == ids
    fails("InvalidMarkerException", kms.list_keys, Marker="nonsense")


def ciphertexts_are_bound_to_key_and_context():
    key, other = new_key(), new_key()
    arn = kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"]
    context = {"vault": "1", "key": "2"}
    sealed = kms.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext=context)
    assert sealed["KeyId"] == arn and sealed["EncryptionAlgorithm"] == "SYMMETRIC_DEFAULT"
    blob = sealed["CiphertextBlob"]
    again = kms.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext=context)
    assert blob != again["CiphertextBlob"]
    for named in [{}, {"KeyId": key}, {"KeyId": arn}]:
        opened = kms.decrypt(CiphertextBlob=blob, EncryptionContext=context, **named)
        assert opened["Plaintext"] == b"secret" and opened["KeyId"] == arn
        assert len(opened["KeyMaterialId"]) == 64
    for wrong in [{}, {"vault": "1"}, {"vault": "2", "key": "1"}, {**context, "z": ""}]:
        fails("InvalidCiphertextException", kms.decrypt, CiphertextBlob=blob, EncryptionContext=wrong)
    fails("IncorrectKeyException", kms.decrypt, CiphertextBlob=blob, EncryptionContext=context, KeyId=other)
    fails("InvalidCiphertextException", kms.decrypt, CiphertextBlob=b"nonsense")
    fails("InvalidCiphertextException", kms.decrypt, CiphertextBlob=blob[:-1], EncryptionContext=context)
    fails("AccessDeniedException", abroad.decrypt, CiphertextBlob=blob, EncryptionContext=context)
    largest = bytes(4096)
    blob = kms.encrypt(KeyId=key, Plaintext=largest)["CiphertextBlob"]
    assert len(blob) <= 6144
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == largest
    fails("ValidationException", kms.encrypt, KeyId=key, Plaintext=bytes(4097))
    fails("ValidationException", kms.encrypt, KeyId=key, Plaintext=b"")
    fails("ValidationException", kms.decrypt, CiphertextBlob=bytes(6145))
    fails("DryRunOperationException", kms.encrypt, KeyId=key, Plaintext=b"x", DryRun=True)
    fails("DryRunOperationException", kms.decrypt, CiphertextBlob=blob, DryRun=True)


def a_ciphertext_moves_to_another_key_inside():
    old, new = new_key(), new_key()
    blob = kms.encrypt(KeyId=old, Plaintext=b"secret", EncryptionContext={"a": "1"})["CiphertextBlob"]
    moved = kms.re_encrypt(
        CiphertextBlob=blob,
        SourceEncryptionContext={"a": "1"},
        DestinationKeyId=new,
        DestinationEncryptionContext={"b": "2"},
    )
    assert moved["SourceKeyId"].endswith(old) and moved["KeyId"].endswith(new)
    kms.disable_key(KeyId=old)
    opened = kms.decrypt(
        CiphertextBlob=moved["CiphertextBlob"], EncryptionContext={"b": "2"}, KeyId=new
    )
    assert opened["Plaintext"] == b"secret"
    move = dict(CiphertextBlob=blob, SourceEncryptionContext={"a": "1"}, DestinationKeyId=new)
    fails("DisabledException", kms.re_encrypt, **move)
    kms.enable_key(KeyId=old)
    fails("IncorrectKeyException", kms.re_encrypt, **move, SourceKeyId=new)
    fails("InvalidCiphertextException", kms.re_encrypt, CiphertextBlob=blob, DestinationKeyId=new)


def data_keys_and_random_bytes():
    key = new_key()
    for size, members in [(32, {"KeySpec": "AES_256"}), (16, {"KeySpec": "AES_128"}), (64, {"NumberOfBytes": 64})]:
        made = kms.generate_data_key(KeyId=key, EncryptionContext={"a": "1"}, **members)
        assert len(made["Plaintext"]) == size
        opened = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext={"a": "1"})
        assert opened["Plaintext"] == made["Plaintext"]
    fails("ValidationException", kms.generate_data_key, KeyId=key)
    fails("ValidationException", kms.generate_data_key, KeyId=key, KeySpec="AES_256", NumberOfBytes=32)
    drawn = {kms.generate_random(NumberOfBytes=1024)["Plaintext"] for _ in range(2)}
    assert [len(one) for one in drawn] == [1024, 1024]
    fails("ValidationException", kms.generate_random, NumberOfBytes=1025)


def rsa_keys_encrypt_and_decrypt():
    key = new_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    oaep = {"KeyId": key, "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    largest = bytes(range(190))
    blob = kms.encrypt(Plaintext=largest, **oaep)["CiphertextBlob"]
    assert len(blob) == 256
    assert kms.decrypt(CiphertextBlob=blob, **oaep)["Plaintext"] == largest
    fails("ValidationException", kms.encrypt, Plaintext=bytes(191), **oaep)
    fails("ValidationException", kms.encrypt, Plaintext=b"x", EncryptionContext={"a": "1"}, **oaep)
    fails("InvalidCiphertextException", kms.decrypt, CiphertextBlob=blob[:-1], **oaep)
    changed = blob[:-1] + bytes([blob[-1] ^ 1])
    fails("InvalidCiphertextException", kms.decrypt, CiphertextBlob=changed, **oaep)
    fails("InvalidKeyUsageException", kms.encrypt, KeyId=key, Plaintext=b"x")
    fails("InvalidKeyUsageException", kms.decrypt, KeyId=key, CiphertextBlob=blob)
    without_key = {"EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    fails("ValidationException", kms.decrypt, CiphertextBlob=blob, **without_key)


def signatures_verify():
    for spec, algorithm, hashing in [
        ("ECC_NIST_P256", "ECDSA_SHA_256", hashlib.sha256),
        ("ECC_NIST_P384", "ECDSA_SHA_384", hashlib.sha384),
        ("ECC_SECG_P256K1", "ECDSA_SHA_256", hashlib.sha256),
        ("ECC_NIST_EDWARDS25519", "ED25519_SHA_512", None),
        ("ML_DSA_65", "ML_DSA_SHAKE_256", None),
    ]:
        key, other = (new_key(KeySpec=spec, KeyUsage="SIGN_VERIFY") for _ in range(2))
        ask = {"KeyId": key, "SigningAlgorithm": algorithm}
        message = b"m" * 4096
        signed = kms.sign(Message=message, MessageType="RAW", **ask)
        assert signed["SigningAlgorithm"] == algorithm and signed["KeyId"].endswith(key)
        signature = signed["Signature"]
        verdict = kms.verify(Message=message, Signature=signature, **ask)
        assert verdict["SignatureValid"] and verdict["SigningAlgorithm"] == algorithm
        wrong = "KMSInvalidSignatureException"
        fails(wrong, kms.verify, Message=b"other", Signature=signature, **ask)
        fails(wrong, kms.verify, Message=message, Signature=signature, **{**ask, "KeyId": other})
        fails(wrong, kms.verify, Message=message, Signature=b"nonsense", **ask)
        fails("ValidationException", kms.sign, Message=message + b"m", **ask)
        fails("InvalidKeyUsageException", kms.encrypt, KeyId=key, Plaintext=b"x")
        fails("DryRunOperationException", kms.sign, Message=message, DryRun=True, **ask)
        if hashing is None:
            fails("ValidationException", kms.sign, Message=bytes(32), MessageType="DIGEST", **ask)
            continue
        digest = hashing(message).digest()
        # The digest is signed as it is: both ways of signing are one.
        kms.verify(Message=digest, MessageType="DIGEST", Signature=signature, **ask)
        signature = kms.sign(Message=digest, MessageType="DIGEST", **ask)["Signature"]
        kms.verify(Message=message, MessageType="RAW", Signature=signature, **ask)
        fails("ValidationException", kms.sign, Message=digest[1:], MessageType="DIGEST", **ask)
    fails("InvalidKeyUsageException", kms.sign, KeyId=key, Message=b"x", SigningAlgorithm="ECDSA_SHA_384")
    fails("InvalidKeyUsageException", kms.sign, KeyId=new_key(), Message=b"x", SigningAlgorithm="ECDSA_SHA_256")


def tags_are_added_replaced_and_removed():
    key = new_key(Tags=[{"TagKey": "a", "TagValue": "1"}])
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": k, "TagValue": "2"} for k in "ab"])
    kms.untag_resource(KeyId=key, TagKeys=["b", "never there"])
    tags = kms.list_resource_tags(KeyId=key)
    assert tags["Tags"] == [{"TagKey": "a", "TagValue": "2"}] and not tags["Truncated"]
    many = [{"TagKey": f"t{n:02}", "TagValue": ""} for n in range(50)]
    fails("LimitExceededException", kms.tag_resource, KeyId=key, Tags=many)
    fails("TagException", kms.tag_resource, KeyId=key, Tags=many + [{"TagKey": "x", "TagValue": ""}])


def aliases_stand_for_keys():
    key, other = new_key(), new_key()
    kms.create_alias(AliasName="alias/vault", TargetKeyId=key)
    fails("AlreadyExistsException", kms.create_alias, AliasName="alias/vault", TargetKeyId=other)
    blob = kms.encrypt(KeyId="alias/vault", Plaintext=b"x")["CiphertextBlob"]
    arn = f"arn:aws:kms:{HOME}:{ACCOUNT}:alias/vault"
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyId"] == key
    entry = kms.list_aliases(KeyId=key)["Aliases"][0]
    assert entry["AliasName"] == "alias/vault" and entry["AliasArn"] == arn
    assert entry["TargetKeyId"] == key
    kms.update_alias(AliasName="alias/vault", TargetKeyId=other)
    assert kms.describe_key(KeyId="alias/vault")["KeyMetadata"]["KeyId"] == other
    fails("IncorrectKeyException", kms.decrypt, KeyId="alias/vault", CiphertextBlob=blob)
    signer = new_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    fails("ValidationException", kms.update_alias, AliasName="alias/vault", TargetKeyId=signer)
    fails("NotFoundException", kms.disable_key, KeyId="alias/vault")
    fails("NotFoundException", abroad.describe_key, KeyId="alias/vault")
    kms.delete_alias(AliasName="alias/vault")
    fails("NotFoundException", kms.describe_key, KeyId="alias/vault")
    fails("NotFoundException", kms.delete_alias, AliasName="alias/vault")
    fails("NotFoundException", kms.update_alias, AliasName="alias/vault", TargetKeyId=key)
    fails("ValidationException", kms.create_alias, AliasName="vault", TargetKeyId=key)
    fails("ValidationException", kms.create_alias, AliasName="alias/aws/vault", TargetKeyId=key)
    fails("InvalidAliasNameException", kms.create_alias, AliasName="alias/a b", TargetKeyId=key)
    assert not kms.list_aliases()["Aliases"]


def states_are_kept():
    key = new_key()
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.disable_key(KeyId=key)
    metadata = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert metadata["KeyState"] == "Disabled" and not metadata["Enabled"]
    fails("DisabledException", kms.encrypt, KeyId=key, Plaintext=b"x")
    fails("DisabledException", kms.decrypt, CiphertextBlob=blob)
    fails("DisabledException", kms.generate_data_key, KeyId=key, KeySpec="AES_256")
    kms.enable_key(KeyId=key)
    kms.decrypt(CiphertextBlob=blob)
    fails("KMSInvalidStateException", kms.cancel_key_deletion, KeyId=key)
    fails("ValidationException", kms.schedule_key_deletion, KeyId=key, PendingWindowInDays=6)
    fails("ValidationException", kms.schedule_key_deletion, KeyId=key, PendingWindowInDays=31)
    scheduled = kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert scheduled["KeyState"] == "PendingDeletion" and scheduled["PendingWindowInDays"] == 7
    assert scheduled["KeyId"].endswith(key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["DeletionDate"] == scheduled["DeletionDate"]
    for call, members in [
        (kms.encrypt, {"Plaintext": b"x"}),
        (kms.decrypt, {"CiphertextBlob": blob}),
        (kms.enable_key, {}),
        (kms.disable_key, {}),
        (kms.schedule_key_deletion, {}),
        (kms.update_key_description, {"Description": "x"}),
        (kms.tag_resource, {"Tags": []}),
    ]:
        fails("KMSInvalidStateException", call, KeyId=key, **members)
    kms.cancel_key_deletion(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"
    kms.enable_key(KeyId=key)
    kms.decrypt(CiphertextBlob=blob)
    signer = new_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    kms.disable_key(KeyId=signer)
    ask = {"KeyId": signer, "Message": b"x", "SigningAlgorithm": "ECDSA_SHA_256"}
    fails("DisabledException", kms.sign, **ask)
    fails("DisabledException", kms.verify, Signature=b"x", **ask)
    fails("DisabledException", kms.get_public_key, KeyId=signer)


def keys_rotate():
    key = new_key()
    assert not kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    status = kms.get_key_rotation_status(KeyId=key)
    assert status["KeyRotationEnabled"] and status["RotationPeriodInDays"] == 90
    created = kms.describe_key(KeyId=key)["KeyMetadata"]["CreationDate"]
    assert (status["NextRotationDate"] - created).days == 90
    blobs = [kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]]
    for _ in range(2):
        kms.rotate_key_on_demand(KeyId=key)
        blobs.append(kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"])
    materials = [kms.decrypt(CiphertextBlob=blob)["KeyMaterialId"] for blob in blobs]
    assert len(set(materials)) == 3
    rotations = kms.list_key_rotations(KeyId=key)["Rotations"]
    assert [one["RotationType"] for one in rotations] == ["ON_DEMAND"] * 2
    assert [one["KeyMaterialId"] for one in rotations] == materials[1:]
    everything = kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
    assert [one["KeyMaterialId"] for one in everything] == materials
    assert everything[-1]["KeyMaterialState"] == "CURRENT"
    page = kms.list_key_rotations(KeyId=key, Limit=1)
    assert page["Truncated"] and len(page["Rotations"]) == 1
    kms.disable_key_rotation(KeyId=key)
    assert not kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]
    fails("ValidationException", kms.enable_key_rotation, KeyId=key, RotationPeriodInDays=89)
    signer = new_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    for call in [kms.enable_key_rotation, kms.rotate_key_on_demand, kms.get_key_rotation_status]:
        fails("UnsupportedOperationException", call, KeyId=signer)
    kms.disable_key(KeyId=key)
    fails("DisabledException", kms.rotate_key_on_demand, KeyId=key)


def regions_share_what_was_replicated():
    key = new_key(MultiRegion=True)
    assert key.startswith("mrk-")
    fails("NotFoundException", abroad.describe_key, KeyId=key)
    replica = kms.replicate_key(
        KeyId=key, ReplicaRegion=ABROAD, Description="copy", Tags=[{"TagKey": "a", "TagValue": "1"}]
    )
    metadata = replica["ReplicaKeyMetadata"]
    assert metadata["KeyId"] == key and metadata["Description"] == "copy"
    assert metadata["Arn"] == f"arn:aws:kms:{ABROAD}:{ACCOUNT}:key/{key}"
    assert replica["ReplicaTags"] == [{"TagKey": "a", "TagValue": "1"}]
    configuration = kms.describe_key(KeyId=key)["KeyMetadata"]["MultiRegionConfiguration"]
    assert configuration["MultiRegionKeyType"] == "PRIMARY"
    assert configuration["PrimaryKey"]["Region"] == HOME
    assert [one["Region"] for one in configuration["ReplicaKeys"]] == [ABROAD]
    configuration = abroad.describe_key(KeyId=key)["KeyMetadata"]["MultiRegionConfiguration"]
    assert configuration["MultiRegionKeyType"] == "REPLICA"
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert abroad.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    kms.disable_key(KeyId=key)
    assert abroad.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    fails("DisabledException", kms.replicate_key, KeyId=key, ReplicaRegion="eu-west-1")
    kms.enable_key(KeyId=key)
    fails("AlreadyExistsException", kms.replicate_key, KeyId=key, ReplicaRegion=ABROAD)
    fails("ValidationException", kms.replicate_key, KeyId=key, ReplicaRegion="elsewhere")
    fails("UnsupportedOperationException", abroad.replicate_key, KeyId=key, ReplicaRegion="eu-west-1")
    fails("UnsupportedOperationException", kms.replicate_key, KeyId=new_key(), ReplicaRegion=ABROAD)
    scheduled = kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert scheduled["KeyState"] == "PendingReplicaDeletion" and "DeletionDate" not in scheduled
    metadata = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert metadata["PendingDeletionWindowInDays"] == 7


def waiting(spec="ECC_NIST_P256", usage="SIGN_VERIFY"):
    """A key without material, and what it takes to import some."""
    metadata = kms.create_key(KeySpec=spec, KeyUsage=usage, Origin="EXTERNAL")["KeyMetadata"]
    assert metadata["Origin"] == "EXTERNAL" and metadata["KeyState"] == "PendingImport"
    assert not metadata["Enabled"] and "ExpirationModel" not in metadata
    return metadata["KeyId"]


def parameters(key, size="RSA_4096"):
    answer = kms.get_parameters_for_import(
        KeyId=key, WrappingAlgorithm="RSA_AES_KEY_WRAP_SHA_256", WrappingKeySpec=size
    )
    assert answer["KeyId"].endswith(key)
    day = answer["ParametersValidTo"] - kms.describe_key(KeyId=key)["KeyMetadata"]["CreationDate"]
    assert 0.99 < day.total_seconds() / 86400 < 1.01
    return serialization.load_der_public_key(answer["PublicKey"]), answer["ImportToken"]


def pkcs8(private):
    return private.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def wrapped(wrapping_key, material):
    """RSA-OAEP with SHA-256 and AES-KWP, as another library does them."""
    kek = os.urandom(32)
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    return wrapping_key.encrypt(kek, oaep) + keywrap.aes_key_wrap_with_padding(kek, material)


def give(key, material, **members):
    wrapping_key, token = parameters(key)
    return {
        "KeyId": key,
        "ImportToken": token,
        "EncryptedKeyMaterial": wrapped(wrapping_key, material),
        "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
        **members,
    }


def material_is_imported():
    for spec, private, algorithm in [
        ("ECC_NIST_P256", ec.generate_private_key(ec.SECP256R1()), "ECDSA_SHA_256"),
        ("ECC_NIST_P384", ec.generate_private_key(ec.SECP384R1()), "ECDSA_SHA_384"),
        ("ECC_SECG_P256K1", ec.generate_private_key(ec.SECP256K1()), "ECDSA_SHA_256"),
        ("ECC_NIST_EDWARDS25519", ed25519.Ed25519PrivateKey.generate(), "ED25519_SHA_512"),
    ]:
        key = waiting(spec)
        question = {"KeyId": key, "Message": b"x", "SigningAlgorithm": algorithm}
        fails("KMSInvalidStateException", kms.sign, **question)
        fails("KMSInvalidStateException", kms.get_public_key, KeyId=key)
        fails("KMSInvalidStateException", kms.enable_key, KeyId=key)
        answer = kms.import_key_material(**give(key, pkcs8(private)))
        assert answer["KeyId"].endswith(key)
        metadata = kms.describe_key(KeyId=key)["KeyMetadata"]
        assert metadata["Enabled"] and metadata["KeyState"] == "Enabled"
        assert metadata["ExpirationModel"] == "KEY_MATERIAL_DOES_NOT_EXPIRE"
        published = kms.get_public_key(KeyId=key)["PublicKey"]
        assert published == private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        signature = kms.sign(**question)["Signature"]
        public = private.public_key()
        if spec == "ECC_NIST_EDWARDS25519":
            public.verify(signature, b"x")
        else:
            digest = hashes.SHA384() if spec == "ECC_NIST_P384" else hashes.SHA256()
            public.verify(signature, b"x", ec.ECDSA(digest))
    private = rsa.generate_private_key(65537, 2048)
    key = waiting("RSA_2048", "ENCRYPT_DECRYPT")
    kms.import_key_material(**give(key, pkcs8(private)))
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    opened = kms.decrypt(
        KeyId=key,
        CiphertextBlob=private.public_key().encrypt(b"x", oaep),
        EncryptionAlgorithm="RSAES_OAEP_SHA_256",
    )
    assert opened["Plaintext"] == b"x"


def a_key_takes_its_own_material_only():
    private, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    key = waiting()
    for wrong in [pkcs8(ec.generate_private_key(ec.SECP384R1())), b"nonsense"]:
        fails("IncorrectKeyMaterialException", kms.import_key_material, **give(key, wrong))
    request = give(key, pkcs8(private))
    cut = {**request, "EncryptedKeyMaterial": request["EncryptedKeyMaterial"][:-1]}
    fails("InvalidCiphertextException", kms.import_key_material, **cut)
    bogus = {**request, "ImportToken": b"nonsense"}
    fails("InvalidImportTokenException", kms.import_key_material, **bogus)
    another = {**request, "KeyId": waiting()}
    fails("InvalidImportTokenException", kms.import_key_material, **another)
    expiring = {**request, "ExpirationModel": "KEY_MATERIAL_EXPIRES"}
    fails("ValidationException", kms.import_key_material, **expiring)
    fails("ValidationException", kms.import_key_material, **{**request, "ValidTo": 1})
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingImport"
    kms.import_key_material(**request)
    # The same again changes nothing, and another never comes in.
    kms.import_key_material(**give(key, pkcs8(private)))
    fails("IncorrectKeyMaterialException", kms.import_key_material, **give(key, pkcs8(other)))
    kms.delete_imported_key_material(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingImport"
    fails("IncorrectKeyMaterialException", kms.import_key_material, **give(key, pkcs8(other)))
    kms.import_key_material(**give(key, pkcs8(private)))
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"
    made = new_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    request = {"WrappingAlgorithm": "RSA_AES_KEY_WRAP_SHA_256", "WrappingKeySpec": "RSA_4096"}
    fails("UnsupportedOperationException", kms.get_parameters_for_import, KeyId=made, **request)
    fails("UnsupportedOperationException", kms.delete_imported_key_material, KeyId=made)
    empty = waiting()
    kms.schedule_key_deletion(KeyId=empty, PendingWindowInDays=7)
    fails("KMSInvalidStateException", kms.get_parameters_for_import, KeyId=empty, **request)
    kms.cancel_key_deletion(KeyId=empty)
    assert kms.describe_key(KeyId=empty)["KeyMetadata"]["KeyState"] == "PendingImport"
    for member, wrong in [("WrappingKeySpec", "RSA_1024"), ("WrappingAlgorithm", "ROT13")]:
        asked = {**request, "KeyId": empty, member: wrong}
        fails("ValidationException", kms.get_parameters_for_import, **asked)


def the_client_sees_the_weather():
    control("weather", {"quotas": {"operations": {"ListKeys": 1.0}}})
    kms.list_keys()
    error = fails("ThrottlingException", kms.list_keys)
    assert error.response["ResponseMetadata"]["RequestId"]
    control("weather", {"faults": [{"error": "expired-credentials", "times": 1}]})
    fails("ExpiredTokenException", kms.list_keys)
    control("weather", {"outages": [{"kind": "internal-error"}]})
    fails("KMSInternalException", kms.list_keys)
    control("weather", {"lost-answers": [{"operation": "CreateKey"}]})
    before = len(control("state")["keys"])
    try:
        kms.create_key()
        raise AssertionError("an answer came")
    except ConnectionClosedError:
        pass
    assert len(control("state")["keys"]) == before + 1
    control("weather", {"visibility-delay-ms": 60000})
    key = new_key()
    fails("NotFoundException", kms.describe_key, KeyId=key)
    control("advance-clock", {"milliseconds": 60000})
    kms.describe_key(KeyId=key)
    control("weather", {})
    # Botocore signs with the machine's clock.
    control("advance-clock", {"milliseconds": 10 * 60 * 1000})
    fails("InvalidSignatureException", kms.list_keys)


SCENES = [
    keys_are_made_as_they_were_wished,
    lists_come_page_by_page,
    ciphertexts_are_bound_to_key_and_context,
    a_ciphertext_moves_to_another_key_inside,
    data_keys_and_random_bytes,
    rsa_keys_encrypt_and_decrypt,
    signatures_verify,
    tags_are_added_replaced_and_removed,
    aliases_stand_for_keys,
    states_are_kept,
    keys_rotate,
    regions_share_what_was_replicated,
    material_is_imported,
    a_key_takes_its_own_material_only,
    the_client_sees_the_weather,
]

for scene in SCENES:
    scene()
    print(scene.__name__.replace("_", " "))
