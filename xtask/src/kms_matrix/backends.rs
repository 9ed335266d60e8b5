//! The KMSs that the suite runs on.

/// A KMS, and the tests that judge it.
#[derive(Debug)]
pub(super) struct Backend {
    /// The head of its column.
    pub(super) title: &'static str,
    pub(super) package: &'static str,
    /// The module of its tests, which begins with the name of the test binary.
    pub(super) subject: &'static str,
    /// What it is, in a sentence.
    pub(super) about: &'static str,
}

impl Backend {
    pub(super) fn binary(&self) -> &'static str {
        self.parts().0
    }

    /// What libtest is told to run.
    pub(super) fn filter(&self) -> &'static str {
        self.parts().1
    }

    fn parts(&self) -> (&'static str, &'static str) {
        self.subject.split_once("::").unwrap_or((self.subject, ""))
    }
}

/// In the order of the columns.
pub(super) const BACKENDS: &[Backend] = &[
    Backend {
        title: "local",
        package: "strongroom-kms-local",
        subject: "local_kms::conformance::with_a_passphrase",
        about: "The key file, under a passphrase.",
    },
    Backend {
        title: "local, metered",
        package: "strongroom-kms-local",
        subject: "local_kms::conformance::behind_decorators",
        about: "The same behind the meter and the fault injector of the tests.",
    },
    Backend {
        title: "local, surrounded",
        package: "strongroom-kms-local",
        subject: "local_kms::conformance::surrounded_by_everything",
        about: "The same behind deadlines, retries, hedge, budget, breaker, audit log and meter.",
    },
    Backend {
        title: "AWS, simulator",
        package: "strongroom-kms-aws",
        subject: "kms_aws::simulator::keeps_the_rules",
        about: "The adapter of AWS, with Amazon's client, on our simulator.",
    },
    Backend {
        title: "AWS, moto",
        package: "strongroom-kms-aws",
        subject: "kms_aws::moto",
        about: "The same on moto, a simulator that others wrote.",
    },
    Backend {
        title: "GCP, HSM",
        package: "strongroom-kms-gcp",
        subject: "kms_gcp::simulator::keeps_the_rules",
        about: "The adapter of Google Cloud, with Google's client, on our simulator: protection level HSM, one region.",
    },
    Backend {
        title: "GCP, software",
        package: "strongroom-kms-gcp",
        subject: "kms_gcp::simulator::keeps_the_rules_in_software_and_in_many_regions",
        about: "The same with protection level software, in a location of many regions.",
    },
    Backend {
        title: "SoftHSM",
        package: "strongroom-kms-pkcs11",
        subject: "pkcs11::conformance::on_softhsm",
        about: "The adapter of PKCS#11 on SoftHSM.",
    },
    Backend {
        title: "kryoptic",
        package: "strongroom-kms-pkcs11",
        subject: "pkcs11::conformance::on_kryoptic",
        about: "The same on kryoptic, with the OpenSSL of the system.",
    },
    Backend {
        title: "driver",
        package: "strongroom-kms-driver",
        subject: "kms_driver::conformance",
        about: "The driver protocol over a socket, with the local KMS at its other end.",
    },
    Backend {
        title: "driver, kryoptic",
        package: "strongroom-kms-pkcs11",
        subject: "pkcs11::conformance::behind_a_driver_on_kryoptic",
        about: "The driver protocol over a socket, with the adapter of PKCS#11 on kryoptic at its other end.",
    },
    Backend {
        title: "simulator alone",
        package: "strongroom-kms-sim",
        subject: "kms_sim::conformance",
        about: "Our simulator of AWS by a bare client, which does not look for tags.",
    },
];
