//! The names in a certificate that was verified.

use std::sync::Arc;

use x509_cert::{
    Certificate,
    der::{Decode as _, asn1::ObjectIdentifier},
    ext::pkix::{SubjectAltName, name::DirectoryString, name::GeneralName},
};

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// Its names, each with its kind: `dns:…` in lower case, `uri:…`, `email:…`, `cn:…`. Names that cannot be read make it have
/// none at all: what remained might be somebody else.
pub(crate) fn names_of(der: &[u8]) -> Arc<[String]> {
    read(der).unwrap_or_default().into()
}

fn read(der: &[u8]) -> Option<Vec<String>> {
    let certificate = Certificate::from_der(der).ok()?;
    let subject = certificate.tbs_certificate();
    let mut names = Vec::new();
    if let Some((_critical, alternatives)) = subject.get_extension::<SubjectAltName>().ok()? {
        let read = alternatives.0.iter().filter_map(|name| match name {
            GeneralName::DnsName(name) => {
                Some(format!("dns:{}", name.to_string().to_ascii_lowercase()))
            }
            GeneralName::UniformResourceIdentifier(name) => Some(format!("uri:{name}")),
            GeneralName::Rfc822Name(name) => Some(format!("email:{name}")),
            _ => None,
        });
        names.extend(read);
    }
    for part in subject.subject().iter() {
        if part.oid == COMMON_NAME {
            let name = DirectoryString::try_from(&part.value).ok()?;
            names.push(format!("cn:{}", name.value()));
        }
    }
    Some(names)
}
