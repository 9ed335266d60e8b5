"""Drives every operation of the Google face with Google's own client over REST, and checks what comes back.

usage: gcp_scenario.py ENDPOINT CONTROL_ENDPOINT
"""

import datetime
import hashlib
import json
import os
import sys
import urllib.request

from cryptography.hazmat.primitives import hashes, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, padding
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import InvalidOperation
from google.cloud import kms
from google.cloud.kms_v1.services.key_management_service.transports import (
    KeyManagementServiceRestTransport,
)
from google.cloud.location import locations_pb2
from google.protobuf import duration_pb2, field_mask_pb2, timestamp_pb2

ENDPOINT, CONTROL = sys.argv[1:3]
HOST = ENDPOINT.removeprefix("http://")
LOCATION = "projects/strongroom/locations/europe-west6"
RING = f"{LOCATION}/keyRings/vault"

Purpose = kms.CryptoKey.CryptoKeyPurpose
Algorithm = kms.CryptoKeyVersion.CryptoKeyVersionAlgorithm
State = kms.CryptoKeyVersion.CryptoKeyVersionState
Level = kms.ProtectionLevel

api = kms.KeyManagementServiceClient(
    transport=KeyManagementServiceRestTransport(
        host=HOST, url_scheme="http", credentials=AnonymousCredentials()
    )
)


def control(resource, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(f"{CONTROL}/control/{resource}", data=data) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def crc32c(data):
    """CRC-32C (RFC 3720, B.4), bit by bit."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def fails(kind, status, call, **request):
    try:
        # What is wrong is to be seen, not tried again.
        answer = call(request=request, retry=None)
    except exceptions.GoogleAPICallError as error:
        assert type(error) is kind, f"{kind} was expected, not {error!r}"
        document = error.response.json()["error"]
        assert document["status"] == status, f"{status} was expected, not {document}"
        assert document["code"] == error.response.status_code == error.code
        return error
    raise AssertionError(f"{status} was expected, not {answer}")


def invalid(call, **request):
    return fails(exceptions.BadRequest, "INVALID_ARGUMENT", call, **request)


def unusable(call, **request):
    return fails(exceptions.BadRequest, "FAILED_PRECONDITION", call, **request)


def new_key(name, purpose=Purpose.ENCRYPT_DECRYPT, algorithm=None, level=Level.HSM, **members):
    key = {"purpose": purpose, "version_template": {"protection_level": level}, **members}
    if algorithm is not None:
        key["version_template"]["algorithm"] = algorithm
    return api.create_crypto_key(
        request={"parent": RING, "crypto_key_id": name, "crypto_key": key}
    )


def signer(name, algorithm):
    return new_key(name, Purpose.ASYMMETRIC_SIGN, algorithm).name + "/cryptoKeyVersions/1"


def mask(*paths):
    return field_mask_pb2.FieldMask(paths=list(paths))


def the_time():
    return datetime.datetime.fromtimestamp(control("state")["now"], datetime.timezone.utc)


def locations_are_there():
    parent = locations_pb2.ListLocationsRequest(name="projects/strongroom")
    ids = [location.location_id for location in api.list_locations(parent).locations]
    assert "global" in ids and "europe-west6" in ids
    one = api.get_location(locations_pb2.GetLocationRequest(name=LOCATION))
    assert (one.name, one.location_id) == (LOCATION, "europe-west6")
    metadata = kms.LocationMetadata.pb()()
    assert one.metadata.Unpack(metadata) and metadata.hsm_available
    nowhere = {"parent": "projects/strongroom/locations/nowhere", "key_ring_id": "a", "key_ring": {}}
    fails(exceptions.NotFound, "NOT_FOUND", api.create_key_ring, **nowhere)


def key_rings_are_made_once():
    wishes = {"parent": LOCATION, "key_ring_id": "vault", "key_ring": {}}
    ring = api.create_key_ring(request=wishes)
    assert ring.name == RING
    assert abs(ring.create_time - the_time()) < datetime.timedelta(minutes=1)
    assert api.get_key_ring(name=RING) == ring
    fails(exceptions.Conflict, "ALREADY_EXISTS", api.create_key_ring, **wishes)
    fails(exceptions.NotFound, "NOT_FOUND", api.get_key_ring, name=RING + "2")
    invalid(api.create_key_ring, **{**wishes, "key_ring_id": "a b"})
    assert [ring.name for ring in api.list_key_rings(parent=LOCATION)] == [RING]
    assert list(api.list_key_rings(parent=LOCATION.replace("west6", "west1"))) == []


def keys_are_made_as_they_were_wished():
    key = new_key("wished", labels={"owner": "ops"})
    assert key.name == f"{RING}/cryptoKeys/wished"
    assert key.purpose == Purpose.ENCRYPT_DECRYPT
    assert key.version_template.algorithm == Algorithm.GOOGLE_SYMMETRIC_ENCRYPTION
    assert key.version_template.protection_level == Level.HSM
    assert dict(key.labels) == {"owner": "ops"}
    assert key.destroy_scheduled_duration == datetime.timedelta(days=30)
    assert key.primary.name == key.name + "/cryptoKeyVersions/1"
    assert key.primary.state == State.ENABLED
    assert key.primary.protection_level == Level.HSM
    assert api.get_crypto_key(name=key.name) == key
    again = {"purpose": Purpose.ENCRYPT_DECRYPT}
    request = {"parent": RING, "crypto_key_id": "wished", "crypto_key": again}
    fails(exceptions.Conflict, "ALREADY_EXISTS", api.create_crypto_key, **request)
    request["crypto_key_id"] = "not a key"
    invalid(api.create_crypto_key, **request)
    request["crypto_key_id"] = "other"
    request["parent"] = RING + "2"
    fails(exceptions.NotFound, "NOT_FOUND", api.create_crypto_key, **request)
    request["parent"] = RING
    for wrong in [
        {},
        {"purpose": Purpose.ASYMMETRIC_SIGN},
        {"purpose": Purpose.MAC},
        {
            "purpose": Purpose.ASYMMETRIC_SIGN,
            "version_template": {"algorithm": Algorithm.RSA_DECRYPT_OAEP_2048_SHA256},
        },
        {"purpose": Purpose.ENCRYPT_DECRYPT, "labels": {"Big": "x"}},
    ]:
        invalid(api.create_crypto_key, **{**request, "crypto_key": wrong})
    fails(exceptions.NotFound, "NOT_FOUND", api.get_crypto_key, name=key.name + "2")
    changed = api.update_crypto_key(
        request={
            "crypto_key": {"name": key.name, "labels": {"owner": "dev"}},
            "update_mask": mask("labels"),
        }
    )
    assert dict(changed.labels) == {"owner": "dev"}


def a_key_may_begin_without_versions():
    request = {
        "parent": RING,
        "crypto_key_id": "empty",
        "crypto_key": {"purpose": Purpose.ENCRYPT_DECRYPT},
        "skip_initial_version_creation": True,
    }
    key = api.create_crypto_key(request=request)
    assert not key.primary.name
    assert list(api.list_crypto_key_versions(parent=key.name)) == []
    unusable(api.encrypt, name=key.name, plaintext=b"x")
    version = api.create_crypto_key_version(parent=key.name, crypto_key_version={})
    assert version.name == key.name + "/cryptoKeyVersions/1"
    key = api.update_crypto_key_primary_version(name=key.name, crypto_key_version_id="1")
    assert key.primary.name == version.name
    api.encrypt(name=key.name, plaintext=b"x")


def lists_come_page_by_page():
    for number in range(5):
        new_key(f"page-{number}")
    pages = list(api.list_crypto_keys(request={"parent": RING, "page_size": 2}).pages)
    names = [key.name for page in pages for key in page.crypto_keys]
    assert all(len(page.crypto_keys) <= 2 for page in pages) and len(pages) > 2
    assert names == sorted(set(names)) and len(names) == pages[0].total_size >= 5
    invalid(api.list_crypto_keys, parent=RING, page_token="x")


def ciphertexts_are_bound_to_key_and_data():
    key, other = new_key("wrapper").name, new_key("other-wrapper").name
    sealed = api.encrypt(
        request={
            "name": key,
            "plaintext": b"secret",
            "plaintext_crc32c": crc32c(b"secret"),
            "additional_authenticated_data": b"about",
            "additional_authenticated_data_crc32c": crc32c(b"about"),
        }
    )
    assert sealed.name == key + "/cryptoKeyVersions/1"
    assert sealed.verified_plaintext_crc32c
    assert sealed.verified_additional_authenticated_data_crc32c
    assert sealed.ciphertext_crc32c == crc32c(sealed.ciphertext)
    assert sealed.protection_level == Level.HSM
    request = {
        "name": key,
        "ciphertext": sealed.ciphertext,
        "ciphertext_crc32c": crc32c(sealed.ciphertext),
        "additional_authenticated_data": b"about",
        "additional_authenticated_data_crc32c": crc32c(b"about"),
    }
    opened = api.decrypt(request=request)
    assert opened.plaintext == b"secret" and opened.used_primary
    assert opened.plaintext_crc32c == crc32c(b"secret")
    without = api.encrypt(name=key, plaintext=b"secret")
    assert not without.verified_plaintext_crc32c
    assert api.decrypt(name=key, ciphertext=without.ciphertext).plaintext == b"secret"
    tampered = bytearray(sealed.ciphertext)
    tampered[-1] ^= 1
    del request["ciphertext_crc32c"]
    for wrong in [
        {"name": other},
        {"ciphertext": bytes(tampered)},
        {"ciphertext": b"nonsense"},
        {"additional_authenticated_data": b"else", "additional_authenticated_data_crc32c": None},
        {"ciphertext_crc32c": 1},
        {"additional_authenticated_data_crc32c": 1},
    ]:
        invalid(api.decrypt, **{**request, **wrong})
    invalid(api.encrypt, name=key, plaintext=b"secret", plaintext_crc32c=1)
    invalid(api.encrypt, name=key, plaintext=b"x" * 8193)
    soft = new_key("soft-wrapper", level=Level.SOFTWARE).name
    api.encrypt(name=soft, plaintext=b"x" * 65536)
    invalid(api.encrypt, name=soft, plaintext=b"x" * 65537)


def older_versions_go_on_decrypting():
    key = new_key("versions").name
    first = api.encrypt(name=key, plaintext=b"old").ciphertext
    second = api.create_crypto_key_version(parent=key, crypto_key_version={})
    assert second.name == key + "/cryptoKeyVersions/2"
    assert api.get_crypto_key(name=key).primary.name.endswith("/1"), "not by itself"
    api.update_crypto_key_primary_version(name=key, crypto_key_version_id="2")
    assert api.encrypt(name=key, plaintext=b"new").name == second.name
    opened = api.decrypt(name=key, ciphertext=first)
    assert opened.plaintext == b"old" and not opened.used_primary
    by_version = api.encrypt(name=key + "/cryptoKeyVersions/1", plaintext=b"x")
    assert by_version.name.endswith("/1")
    missing = {"name": key, "crypto_key_version_id": "9"}
    fails(exceptions.NotFound, "NOT_FOUND", api.update_crypto_key_primary_version, **missing)
    names = [version.name for version in api.list_crypto_key_versions(parent=key)]
    assert names == [f"{key}/cryptoKeyVersions/{number}" for number in (1, 2)]


def keys_rotate():
    day = datetime.timedelta(days=1)
    key = new_key("rotating").name
    period = duration_pb2.Duration(seconds=2 * 86400)
    due = timestamp_pb2.Timestamp()
    due.FromDatetime(the_time() + day)
    change = {"name": key, "rotation_period": period, "next_rotation_time": due}
    paths = mask("rotation_period", "next_rotation_time")
    changed = api.update_crypto_key(request={"crypto_key": change, "update_mask": paths})
    assert changed.rotation_period == 2 * day
    control("advance-clock", {"milliseconds": 86400_000})
    rotated = api.get_crypto_key(name=key)
    assert rotated.primary.name.endswith("/2")
    assert rotated.next_rotation_time - changed.next_rotation_time == 2 * day
    short = {"name": key, "rotation_period": duration_pb2.Duration(seconds=60)}
    invalid(api.update_crypto_key, crypto_key=short, update_mask=mask("rotation_period"))
    signs = signer("rotating-signer", Algorithm.EC_SIGN_ED25519).rsplit("/", 2)[0]
    invalid(api.update_crypto_key, crypto_key={**change, "name": signs}, update_mask=paths)


def public_key(version):
    answer = api.get_public_key(name=version)
    assert answer.name == version and answer.protection_level == Level.HSM
    assert answer.pem_crc32c == crc32c(answer.pem.encode())
    return answer.algorithm, serialization.load_pem_public_key(answer.pem.encode())


def digests_are_signed():
    message = b"message"
    for name, algorithm, field, hash in [
        ("p256", Algorithm.EC_SIGN_P256_SHA256, "sha256", hashes.SHA256()),
        ("p384", Algorithm.EC_SIGN_P384_SHA384, "sha384", hashes.SHA384()),
        ("k256", Algorithm.EC_SIGN_SECP256K1_SHA256, "sha256", hashes.SHA256()),
    ]:
        version = signer(name, algorithm)
        found, public = public_key(version)
        assert found == algorithm
        digest = hashlib.new(field, message).digest()
        request = {"name": version, "digest": {field: digest}, "digest_crc32c": crc32c(digest)}
        signed = api.asymmetric_sign(request=request)
        public.verify(signed.signature, message, ec.ECDSA(hash))
        assert signed.verified_digest_crc32c and not signed.verified_data_crc32c
        assert signed.signature_crc32c == crc32c(signed.signature)
        assert signed.name == version
        by_data = api.asymmetric_sign(request={"name": version, "data": message})
        public.verify(by_data.signature, message, ec.ECDSA(hash))
        invalid(api.asymmetric_sign, **{**request, "digest_crc32c": 1})
        invalid(api.asymmetric_sign, name=version, digest={"sha512": b"x" * 64})
        invalid(api.asymmetric_sign, name=version, digest={field: digest[1:]})
        invalid(api.asymmetric_sign, name=version)
    invalid(api.asymmetric_sign, name=version, digest={"sha384": b"x" * 48})


def data_is_signed():
    ed25519 = signer("ed25519", Algorithm.EC_SIGN_ED25519)
    request = {"name": ed25519, "data": b"message", "data_crc32c": crc32c(b"message")}
    signed = api.asymmetric_sign(request=request)
    assert signed.verified_data_crc32c
    public_key(ed25519)[1].verify(signed.signature, b"message")
    invalid(api.asymmetric_sign, **{**request, "data_crc32c": 1})
    invalid(api.asymmetric_sign, name=ed25519, digest={"sha256": b"x" * 32})
    ml_dsa = signer("ml-dsa", Algorithm.PQ_SIGN_ML_DSA_65)
    signed = api.asymmetric_sign(request={**request, "name": ml_dsa})
    assert len(signed.signature) == 3309
    invalid(api.get_public_key, name=ml_dsa)
    form = kms.PublicKey.PublicKeyFormat.NIST_PQC
    public = api.get_public_key(request={"name": ml_dsa, "public_key_format": form})
    assert public.algorithm == Algorithm.PQ_SIGN_ML_DSA_65 and public.public_key_format == form
    assert len(public.public_key.data) == 1952
    assert public.public_key.crc32c_checksum == crc32c(public.public_key.data)
    key = mldsa.MLDSA65PublicKey.from_public_bytes(public.public_key.data)
    key.verify(signed.signature, b"message")
    wrapper = f"{RING}/cryptoKeys/wrapper"
    invalid(api.get_public_key, name=wrapper + "/cryptoKeyVersions/1")
    invalid(api.asymmetric_sign, name=wrapper + "/cryptoKeyVersions/1", data=b"x")
    invalid(api.encrypt, name=ed25519.rsplit("/", 2)[0], plaintext=b"x")


def rsa_keys_decrypt():
    algorithm = Algorithm.RSA_DECRYPT_OAEP_2048_SHA256
    version = new_key("rsa", Purpose.ASYMMETRIC_DECRYPT, algorithm).name + "/cryptoKeyVersions/1"
    _, public = public_key(version)
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    sealed = public.encrypt(b"secret", oaep)
    request = {"name": version, "ciphertext": sealed, "ciphertext_crc32c": crc32c(sealed)}
    opened = api.asymmetric_decrypt(request=request)
    assert opened.plaintext == b"secret" and opened.verified_ciphertext_crc32c
    assert opened.plaintext_crc32c == crc32c(b"secret")
    assert opened.protection_level == Level.HSM
    invalid(api.asymmetric_decrypt, **{**request, "ciphertext_crc32c": 1})
    invalid(api.asymmetric_decrypt, name=version, ciphertext=sealed[1:])


def new_job(name, level=Level.HSM, method=kms.ImportJob.ImportMethod.RSA_OAEP_4096_SHA256_AES_256):
    return api.create_import_job(
        request={
            "parent": RING,
            "import_job_id": name,
            "import_job": {"import_method": method, "protection_level": level},
        }
    )


def empty_key(name, algorithm, purpose=Purpose.ASYMMETRIC_SIGN):
    request = {
        "parent": RING,
        "crypto_key_id": name,
        "skip_initial_version_creation": True,
        "crypto_key": {
            "purpose": purpose,
            "import_only": True,
            "version_template": {"algorithm": algorithm, "protection_level": Level.HSM},
        },
    }
    key = api.create_crypto_key(request=request)
    assert key.import_only and not key.primary.name
    assert list(api.list_crypto_key_versions(parent=key.name)) == []
    return key.name


def wrapped(job, private):
    """RSA-OAEP with SHA-256 and AES-KWP, as another library does them."""
    material = private.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    kek = os.urandom(32)
    wrapping_key = serialization.load_pem_public_key(job.public_key.pem.encode())
    assert wrapping_key.key_size == 4096
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    return wrapping_key.encrypt(kek, oaep) + keywrap.aes_key_wrap_with_padding(kek, material)


def keys_are_imported():
    job = new_job("days")
    JobState = kms.ImportJob.ImportJobState
    assert job.state == JobState.ACTIVE and job.name == f"{RING}/importJobs/days"
    assert (job.expire_time - job.create_time).days == 3
    assert api.get_import_job(name=job.name) == job
    assert [found.name for found in api.list_import_jobs(parent=RING)] == [job.name]
    fails(exceptions.Conflict, "ALREADY_EXISTS", api.create_import_job, parent=RING, import_job_id="days", import_job={"import_method": 4, "protection_level": 2})
    for spec, private in [
        (Algorithm.EC_SIGN_P256_SHA256, ec.generate_private_key(ec.SECP256R1())),
        (Algorithm.EC_SIGN_P384_SHA384, ec.generate_private_key(ec.SECP384R1())),
        (Algorithm.EC_SIGN_SECP256K1_SHA256, ec.generate_private_key(ec.SECP256K1())),
        (Algorithm.EC_SIGN_ED25519, ed25519.Ed25519PrivateKey.generate()),
    ]:
        key = empty_key(f"imported-{spec.name.lower().replace('_', '-')}", spec)
        request = {
            "parent": key,
            "algorithm": spec,
            "import_job": job.name,
            "wrapped_key": wrapped(job, private),
        }
        version = api.import_crypto_key_version(request=request)
        assert version.state == State.ENABLED and version.import_job == job.name
        assert version.import_time and not version.generate_time
        data = api.asymmetric_sign(request={"name": version.name, "data": b"x"})
        if spec == Algorithm.EC_SIGN_ED25519:
            private.public_key().verify(data.signature, b"x")
        else:
            digest = hashes.SHA384() if "384" in spec.name else hashes.SHA256()
            private.public_key().verify(data.signature, b"x", ec.ECDSA(digest))
        fails(exceptions.BadRequest, "FAILED_PRECONDITION", api.create_crypto_key_version, parent=key, crypto_key_version={})
        # What is of another algorithm, or was cut, becomes a version that failed.
        others = ec.generate_private_key(ec.SECP521R1())
        for wrong in [wrapped(job, others), request["wrapped_key"][:-1]]:
            failed = api.import_crypto_key_version(request={**request, "wrapped_key": wrong})
            assert failed.state == State.IMPORT_FAILED and failed.import_failure_reason
            unusable(api.asymmetric_sign, name=failed.name, data=b"x")
    invalid(api.import_crypto_key_version, **{**request, "wrapped_key": b""})
    soft = new_job("soft", Level.SOFTWARE)
    invalid(api.import_crypto_key_version, **{**request, "import_job": soft.name})
    missing = {**request, "import_job": f"{RING}/importJobs/missing"}
    fails(exceptions.NotFound, "NOT_FOUND", api.import_crypto_key_version, **missing)
    control("weather", {"visibility-delay-ms": 60000})
    slow = new_job("slow")
    assert slow.state == JobState.PENDING_GENERATION and not slow.public_key.pem
    version = api.import_crypto_key_version(request=request)
    assert version.state == State.PENDING_IMPORT
    unusable(api.asymmetric_sign, name=version.name, data=b"x")
    unusable(api.import_crypto_key_version, **{**request, "import_job": slow.name})
    control("advance-clock", {"milliseconds": 60000})
    assert api.get_import_job(name=slow.name).state == JobState.ACTIVE
    assert api.get_crypto_key_version(name=version.name).state == State.ENABLED
    control("weather", {})
    control("advance-clock", {"milliseconds": 3 * 24 * 60 * 60 * 1000})
    expired = api.get_import_job(name=job.name)
    assert expired.state == JobState.EXPIRED and not expired.public_key.pem
    unusable(api.import_crypto_key_version, **request)


def random_bytes_are_random():
    request = {"location": LOCATION, "length_bytes": 32, "protection_level": Level.HSM}
    one, other = (api.generate_random_bytes(request=request) for _ in range(2))
    assert len(one.data) == 32 and one.data != other.data
    assert one.data_crc32c == crc32c(one.data)
    invalid(api.generate_random_bytes, **{**request, "length_bytes": 7})
    invalid(api.generate_random_bytes, **{**request, "protection_level": Level.SOFTWARE})


def change_state(version, state):
    change = {"name": version, "state": state}
    return {"crypto_key_version": change, "update_mask": mask("state")}


def states_are_kept():
    version = signer("states", Algorithm.EC_SIGN_P256_SHA256)
    sign = {"name": version, "data": b"x"}
    changed = api.update_crypto_key_version(request=change_state(version, State.DISABLED))
    assert changed.state == State.DISABLED
    assert "DISABLED" in unusable(api.asymmetric_sign, **sign).message
    unusable(api.get_public_key, name=version)
    api.update_crypto_key_version(request=change_state(version, State.ENABLED))
    api.asymmetric_sign(request=sign)
    invalid(api.update_crypto_key_version, **change_state(version, State.DESTROYED))
    destroyed = api.destroy_crypto_key_version(name=version)
    assert destroyed.state == State.DESTROY_SCHEDULED
    days = destroyed.destroy_time - the_time()
    assert abs(days - datetime.timedelta(days=30)) < datetime.timedelta(minutes=1)
    unusable(api.asymmetric_sign, **sign)
    unusable(api.destroy_crypto_key_version, name=version)
    unusable(api.update_crypto_key_version, **change_state(version, State.ENABLED))
    assert api.restore_crypto_key_version(name=version).state == State.DISABLED
    unusable(api.restore_crypto_key_version, name=version)
    scheduled = api.destroy_crypto_key_version(name=version)
    control("advance-clock", {"milliseconds": 31 * 86400_000})
    gone = api.get_crypto_key_version(name=version)
    assert gone.state == State.DESTROYED
    assert gone.destroy_event_time == scheduled.destroy_time
    assert "DESTROYED" in unusable(api.asymmetric_sign, **sign).message
    unusable(api.restore_crypto_key_version, name=version)
    missing = {"name": version[:-1] + "7", "data": b"x"}
    fails(exceptions.NotFound, "NOT_FOUND", api.asymmetric_sign, **missing)


def the_client_sees_the_weather():
    wrapper = f"{RING}/cryptoKeys/wrapper"
    for fault, kind, status in [
        ("access-denied", exceptions.Forbidden, "PERMISSION_DENIED"),
        ("throttled", exceptions.TooManyRequests, "RESOURCE_EXHAUSTED"),
        ("limit-exceeded", exceptions.TooManyRequests, "RESOURCE_EXHAUSTED"),
        ("key-unavailable", exceptions.ServiceUnavailable, "UNAVAILABLE"),
        ("internal", exceptions.InternalServerError, "INTERNAL"),
        ("timed-out", exceptions.GatewayTimeout, "DEADLINE_EXCEEDED"),
    ]:
        hit = {"error": fault, "operation": "Encrypt", "key": "wrapper", "times": 1}
        control("weather", {"faults": [hit]})
        fails(kind, status, api.encrypt, name=wrapper, plaintext=b"x")
        api.encrypt(name=wrapper, plaintext=b"x")
    control("weather", {"faults": [{"error": "expired-credentials", "times": 1}]})
    try:
        api.get_crypto_key(name=wrapper)
    except InvalidOperation as error:
        # The client takes the error as it should: it wants new credentials, and has none.
        assert "refreshed" in str(error)
    else:
        raise AssertionError("credentials that expired were good enough")
    control("weather", {"outages": [{"kind": "internal-error", "region": "europe-west6"}]})
    fails(exceptions.InternalServerError, "INTERNAL", api.get_crypto_key, name=wrapper)
    control("weather", {"visibility-delay-ms": 60000})
    late = signer("late", Algorithm.EC_SIGN_P256_SHA256)
    assert api.get_crypto_key_version(name=late).state == State.PENDING_GENERATION
    assert "PENDING_GENERATION" in unusable(api.asymmetric_sign, name=late, data=b"x").message
    unusable(api.destroy_crypto_key_version, name=late)
    control("advance-clock", {"milliseconds": 60000})
    assert api.get_crypto_key_version(name=late).state == State.ENABLED
    api.asymmetric_sign(request={"name": late, "data": b"x"})
    control("weather", {})
    assert control("state")["calls"]["AsymmetricDecrypt"] == {
        "arrived": 3,
        "succeeded": 1,
        "failed": 2,
        "lost": 0,
    }


SCENES = [
    locations_are_there,
    key_rings_are_made_once,
    keys_are_made_as_they_were_wished,
    a_key_may_begin_without_versions,
    lists_come_page_by_page,
    ciphertexts_are_bound_to_key_and_data,
    older_versions_go_on_decrypting,
    keys_rotate,
    digests_are_signed,
    data_is_signed,
    rsa_keys_decrypt,
    random_bytes_are_random,
    keys_are_imported,
    states_are_kept,
    the_client_sees_the_weather,
]

for scene in SCENES:
    scene()
    print(scene.__name__.replace("_", " "))
