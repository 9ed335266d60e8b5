//! Members and physical synchronizers.

use strongroom_errors::Coded;
use strongroom_topology::{
    IdentifierError, Member, MemberCode, PhysicalSynchronizerId, ProtocolVersion,
};

use crate::support::{member, uid};

#[test]
fn a_member_of_each_kind_survives() {
    for (code, letters, name) in [
        (MemberCode::Participant, "PAR", "participant"),
        (MemberCode::Sequencer, "SEQ", "sequencer"),
        (MemberCode::Mediator, "MED", "mediator"),
    ] {
        let text = format!("{letters}::{}", uid("node"));
        let read: Member = text.parse().unwrap();
        assert_eq!(read, member(code, "node"));
        assert_eq!(read.to_string(), text);
        assert_eq!((code.code(), code.name()), (letters, name));
        assert_eq!(code.to_string(), name);
        assert_eq!(letters.parse(), Ok(code));
        assert_eq!(name.parse(), Ok(code));
    }
}

#[test]
fn what_is_no_member_is_refused() {
    for text in [
        "",
        "PAR",
        "PAR:",
        "par::a::b",
        "DOM::a::b",
        "PARTICIPANT::a::b",
        "participant::a::b",
        "PA::a::b",
        "a::b",
    ] {
        let expected = IdentifierError::Member {
            text: text.to_owned(),
        };
        assert_eq!(text.parse::<Member>(), Err(expected), "{text:?}");
    }
    // Behind the code the errors are those of names.
    assert_eq!("PAR::".parse::<Member>(), Err(IdentifierError::Empty));
    let check = |text: &str, expected: &str| {
        assert_eq!(text.parse::<Member>().unwrap_err().to_string(), expected);
    };
    check(
        "PAR::a",
        "Invalid unique identifier `a` with missing namespace.",
    );
    check(
        "PAR::::a",
        "Invalid unique identifier `::a` with empty identifier.",
    );
    let error = "sequencers".parse::<MemberCode>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"sequencers\" is no kind of node: participant, sequencer or mediator"
    );
    assert_eq!(error.code().name(), "TOPOLOGY_MEMBER_KIND_UNKNOWN");
    let error = "PAR".parse::<Member>().unwrap_err();
    assert_eq!(error.code().name(), "TOPOLOGY_IDENTIFIER_INVALID");
}

#[test]
fn members_order_by_kind_and_then_by_name() {
    let mut members = [
        member(MemberCode::Mediator, "a"),
        member(MemberCode::Participant, "b"),
        member(MemberCode::Sequencer, "a"),
        member(MemberCode::Participant, "a"),
    ];
    members.sort();
    let codes = members.map(|it| (it.code.code(), it.uid.identifier().to_owned()));
    let expected = [("PAR", "a"), ("PAR", "b"), ("SEQ", "a"), ("MED", "a")];
    assert_eq!(codes, expected.map(|(code, name)| (code, name.to_owned())));
}

#[test]
fn a_physical_synchronizer_survives() {
    let check = |tail: &str, protocol_version, serial| {
        let text = format!("{}::{tail}", uid("da"));
        let read: PhysicalSynchronizerId = text.parse().unwrap();
        assert_eq!(
            read,
            PhysicalSynchronizerId {
                synchronizer: uid("da"),
                protocol_version,
                serial
            }
        );
        assert_eq!(read.to_string(), text);
    };
    check("34-0", ProtocolVersion::Number(34), 0);
    check("0-7", ProtocolVersion::Number(0), 7);
    check("dev-2147483647", ProtocolVersion::Dev, 2_147_483_647);
}

#[test]
fn what_is_no_physical_synchronizer_is_refused() {
    let name = uid("da").to_string();
    for tail in [
        "34",
        "34-",
        "-0",
        "34--1",
        "34-2147483648",
        "34-99999999999999999999",
        "034-0",
        "34-00",
        "+34-0",
        "34-+1",
        "Dev-0",
        "34-0-0",
        " 34-0",
        "34-0 ",
        "３４-0",
    ] {
        let text = format!("{name}::{tail}");
        let expected = IdentifierError::PhysicalSynchronizer { text: text.clone() };
        assert_eq!(
            text.parse::<PhysicalSynchronizerId>(),
            Err(expected),
            "{tail}"
        );
    }
    // A logical name is not a physical one, and the part in front has the errors of names.
    let error = name.parse::<PhysicalSynchronizerId>().unwrap_err();
    assert_eq!(error.code().name(), "TOPOLOGY_SYNCHRONIZER_INVALID");
    assert!(
        error
            .code()
            .advice()
            .contains("NAME::NAMESPACE::VERSION-SERIAL")
    );
    assert!("".parse::<PhysicalSynchronizerId>().is_err());
    assert_eq!(
        "da::34-0".parse::<PhysicalSynchronizerId>(),
        Err(IdentifierError::MissingNamespace {
            text: "da".to_owned()
        })
    );
}
