use super::{
    model::{DelegatedKey, MemberKey, MemberView, Owners},
    *,
};

fn key(name: &str, level: Option<usize>, parent: Option<&str>) -> DelegatedKey {
    DelegatedKey {
        fingerprint: name.to_owned(),
        label: KeyLabel {
            name: Some(format!("{name} & co")),
            private_key: Some("active"),
        },
        level,
        dangling: level.is_none(),
        is_root: level == Some(1),
        restriction: "all",
        may_sign: Vec::new(),
        signed_by: vec![parent.unwrap_or("nobody").to_owned()],
        parent: parent.filter(|_| level.is_some()).map(str::to_owned),
    }
}

fn member(name: &str, parent: Option<&str>) -> MemberView {
    MemberView {
        kind: "participant",
        name: name.to_owned(),
        threshold: None,
        signed_by: parent.into_iter().map(str::to_owned).collect(),
        parent: parent.map(str::to_owned),
        keys: vec![MemberKey {
            fingerprint: format!("{name}-key"),
            label: KeyLabel::default(),
            purpose: "encryption",
            usage: Vec::new(),
            spec: "ec-p-256",
        }],
    }
}

fn graph_of(keys: Vec<DelegatedKey>, members: Vec<MemberView>, owners: Option<Owners>) -> Graph {
    Graph {
        store: "authorized".to_owned(),
        at: None,
        namespaces: vec![NamespaceView {
            namespace: "root".to_owned(),
            has_root: true,
            decentralized: owners,
            keys,
            members,
        }],
    }
}

/// A root with two keys below, one of which has let a third sign and announces a node; and one key that dangles.
fn usual() -> Graph {
    let keys = vec![
        key("root", Some(1), None),
        key("a", Some(2), Some("root")),
        key("b", Some(2), Some("root")),
        key("c", Some(3), Some("a")),
        key("d", None, Some("b")),
    ];
    graph_of(keys, vec![member("PAR::n::root", Some("a"))], None)
}

fn tree_of(graph: &Graph) -> String {
    let mut text = Vec::new();
    write_tree(graph, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn what_hangs_on_a_key_stands_below_it() {
    let tree = tree_of(&usual());
    let expected = "\
namespace root
├─ root root  (root & co, here)
│     level 1, may sign everything, and delegate
│  ├─ key a  (a & co, here)
│  │     level 2, may sign everything, and delegate
│  │  ├─ key c  (c & co, here)
│  │  │     level 3, may sign everything, and delegate
│  │  └─ participant PAR::n::root
│  │        PAR::n::root-key  ec-p-256 encryption
│  └─ key b  (b & co, here)
│        level 2, may sign everything, and delegate
└─ DANGLING d  (d & co, here)
      may sign nothing: its delegation is signed by b, which may not delegate
";
    // `also signed by` only where there is somebody else.
    let tree: String = tree
        .lines()
        .filter(|line| !line.contains("also signed by nobody"))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(tree, expected);
}

#[test]
fn a_namespace_of_several_owners_names_them() {
    let owners = Owners {
        threshold: 2,
        owners: vec!["x".to_owned(), "y".to_owned(), "z".to_owned()],
    };
    let graph = graph_of(Vec::new(), vec![member("PAR::n::root", None)], Some(owners));
    let tree = tree_of(&graph);
    assert!(
        tree.contains("├─ 2 of these namespaces must agree:\n│     namespace x\n"),
        "{tree}"
    );
    assert!(tree.contains("└─ participant PAR::n::root\n"), "{tree}");
    assert!(svg(&graph).contains(">2 of 3 owners must agree</text>"));
}

#[test]
fn delegations_however_deep_are_drawn_in_bounded_space() {
    const DEEP: usize = 20_000;
    let name = |level: usize| format!("k{level}");
    let keys = (1..=DEEP).map(|level| {
        let parent = name(level - 1);
        key(
            &name(level),
            Some(level),
            (level > 1).then_some(parent.as_str()),
        )
    });
    let graph = graph_of(keys.collect(), Vec::new(), None);
    let tree = tree_of(&graph);
    assert!(tree.lines().all(|line| line.chars().count() < 300));
    assert!(tree.contains(&format!("level {DEEP}, ")));
    assert_eq!(svg(&graph).matches("<rect class=\"box\"").count(), DEEP - 1);
}

/// Every element is closed in its order, and no ampersand stands alone.
fn assert_well_formed(document: &str) {
    let mut open: Vec<&str> = Vec::new();
    let body = document.split_once("?>").unwrap().1;
    let (before, rest) = body.split_once('<').unwrap();
    assert_eq!(before.trim(), "");
    for part in rest.split('<') {
        let (tag, text) = part.split_once('>').unwrap();
        assert!(
            !text.contains('>') || open.last() == Some(&"style"),
            "{part}"
        );
        for entity in text.split('&').skip(1).chain(tag.split('&').skip(1)) {
            let name = entity.split(';').next().unwrap();
            assert!(["amp", "lt", "gt", "quot"].contains(&name), "{part}");
        }
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{part}");
        } else if !tag.ends_with('/') {
            open.push(tag.split(' ').next().unwrap());
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn the_drawing_is_well_formed_whatever_things_are_called() {
    let mut graph = usual();
    assert_well_formed(&svg(&graph));
    for name in ["<script>", "a & b", "\"", "\u{1b}[1m", "]]>", "\u{fffe}"] {
        graph.namespaces[0].keys[1].label.name = Some(name.to_owned());
        let drawing = svg(&graph);
        assert_well_formed(&drawing);
        let forbidden = |c: char| (c.is_control() && c != '\n') || c == '\u{fffe}';
        assert!(
            !drawing.contains(forbidden) && !drawing.contains("<script>"),
            "{name:?}"
        );
    }
}

/// The rectangles of one class: left, top, right, bottom.
fn rectangles(svg: &str, class: &str) -> Vec<[usize; 4]> {
    let number = |part: &str, name: &str| -> usize {
        let rest = part.split_once(&format!(" {name}=\"")).unwrap().1;
        rest.split('"').next().unwrap().parse().unwrap()
    };
    svg.split(&format!("<rect class=\"{class}\""))
        .skip(1)
        .map(|part| {
            let (x, y) = (number(part, "x"), number(part, "y"));
            [x, y, x + number(part, "width"), y + number(part, "height")]
        })
        .collect()
}

#[test]
fn headings_have_room_and_the_legend_names_what_is_drawn() {
    let mut graph = usual();
    graph.namespaces[0].namespace = "1220".repeat(17);
    graph.namespaces[0].has_root = false;
    graph.store = format!("synchronizer:da::{}::34-0", "1220".repeat(17));
    let drawing = svg(&graph);
    let width: usize = {
        let (_, rest) = drawing.split_once("width=\"").unwrap();
        rest.split('"').next().unwrap().parse().unwrap()
    };
    // Bold letters of 18 pixels are 11 wide on the average, digits 12.
    assert!(width > graph.store.len() * 11, "{width}");
    for what in ["root key", "key", "dangling", "node, party", "signed"] {
        assert!(drawing.contains(&format!(">{what}</text>")), "{what}");
    }
    // What is small is drawn small.
    let small = graph_of(vec![key("root", Some(1), None)], Vec::new(), None);
    let (_, rest) = svg(&small)
        .split_once("width=\"")
        .map(|(a, b)| (a.len(), b.to_owned()))
        .unwrap();
    let narrow: usize = rest.split('"').next().unwrap().parse().unwrap();
    assert!(narrow < 800, "{narrow}");
}

#[test]
fn boxes_do_not_cover_each_other_and_go_from_left_to_right() {
    let drawing = svg(&usual());
    let mut boxes = Vec::new();
    for class in ["root", "box", "dangling", "member"] {
        boxes.extend(rectangles(&drawing, class));
    }
    assert_eq!(boxes.len(), 6);
    for (place, one) in boxes.iter().enumerate() {
        for other in &boxes[place + 1..] {
            let beside = one[2] <= other[0] || other[2] <= one[0];
            let above = one[3] <= other[1] || other[3] <= one[1];
            assert!(beside || above, "{one:?} covers {other:?}");
        }
    }
    let (root, member) = (
        rectangles(&drawing, "root")[0],
        rectangles(&drawing, "member")[0],
    );
    assert!(root[2] < member[0]);
}

#[test]
fn graphviz_gets_an_edge_for_each_signature_of_a_key_that_is_there() {
    let mut text = Vec::new();
    write_dot(&usual(), &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let edges: Vec<_> = text.lines().filter(|line| line.contains(" -> ")).collect();
    assert_eq!(
        edges,
        [
            "  \"0/root\" -> \"0/a\";",
            "  \"0/root\" -> \"0/b\";",
            "  \"0/a\" -> \"0/c\";",
            "  \"0/b\" -> \"0/d\" [style=dashed, color=red];",
            "  \"0/a\" -> \"0/PAR::n::root\";",
        ]
    );
    assert!(
        text.contains("label=\"d\\nd & co\\ndangling\", color=red"),
        "{text}"
    );
}
