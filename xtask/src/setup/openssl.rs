//! Is the program `openssl` new enough?

/// The oldest version that writes and reads what the tests exchange with it.
const OLDEST: (u32, u32) = (3, 0);

/// Judges the output of `openssl version`.
pub(super) fn check(output: Option<&str>) -> Result<String, String> {
    let Some(output) = output else {
        return Err("'openssl' does not run".to_owned());
    };
    let found = output.lines().next().unwrap_or_default();
    match version(found) {
        Some(version) if version >= OLDEST => Ok(found.to_owned()),
        Some(_) => Err(format!("'{found}' is older than 3.0")),
        // LibreSSL calls its program openssl too, and differs in what the tests need.
        None => Err(format!("'{found}' is not OpenSSL")),
    }
}

fn version(line: &str) -> Option<(u32, u32)> {
    let mut parts = line.strip_prefix("OpenSSL ")?.split([' ', '.']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_three_and_newer_will_do() {
        for good in [
            "OpenSSL 3.0.19 27 Jan 2026 (Library: OpenSSL 3.0.19)\n",
            "OpenSSL 3.5.4 1 Oct 2025",
            "OpenSSL 4.0 x",
        ] {
            assert!(check(Some(good)).is_ok(), "{good}");
        }
    }

    #[test]
    fn older_ones_other_programs_and_none_will_not() {
        let cases = [
            (
                Some("OpenSSL 1.1.1w  11 Sep 2023"),
                "'OpenSSL 1.1.1w  11 Sep 2023' is older than 3.0",
            ),
            (Some("LibreSSL 3.8.2"), "'LibreSSL 3.8.2' is not OpenSSL"),
            (None, "'openssl' does not run"),
        ];
        for (output, wrong) in cases {
            assert_eq!(check(output), Err(wrong.to_owned()));
        }
    }
}
