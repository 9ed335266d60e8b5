//! Rust source, taken apart into code and comments as far as the rules need it.

/// Source text twice: once with everything but code blanked, once with everything but comments blanked.
///
/// Blanking keeps line breaks, so a line has the same number in both and in the file. String and character literals
/// are blanked in both.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) code: String,
    pub(super) comments: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

impl Code {
    pub(super) fn of(text: &str) -> Self {
        let mut taken = Self {
            code: String::with_capacity(text.len()),
            comments: String::with_capacity(text.len()),
        };
        let mut rest = text;
        let mut after_word = false;
        while !rest.is_empty() {
            let (length, kind) = next_piece(rest, after_word);
            let (piece, remaining) = rest.split_at_checked(length).unwrap_or((rest, ""));
            taken.push(piece, kind);
            after_word = kind == Kind::Code && piece.ends_with(is_word);
            rest = remaining;
        }
        taken
    }

    /// The number, from 1, of the line that holds byte `offset` of the code.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.code
            .bytes()
            .take(offset)
            .filter(|byte| *byte == b'\n')
            .count()
            + 1
    }

    /// Blanks the code of items that only tests compile, and names the modules among them that have their own file.
    pub(super) fn blank_tests(&mut self) -> Vec<String> {
        let mut modules = Vec::new();
        let mut from = 0;
        while let Some(attribute) = next_attribute(&self.code, from) {
            from = attribute.end;
            if !attribute.is_test_gate() {
                continue;
            }
            let end = if attribute.inner {
                self.code.len()
            } else {
                item_end(&self.code, attribute.end)
            };
            let item = self.code.get(attribute.end..end).unwrap_or_default();
            modules.extend(external_module(item));
            let range = attribute.start..end;
            let blanked = blanked(self.code.get(range.clone()).unwrap_or_default());
            self.code.replace_range(range, &blanked);
            from = end;
        }
        modules
    }

    fn push(&mut self, piece: &str, kind: Kind) {
        let blanks = blanked(piece);
        self.code
            .push_str(if kind == Kind::Code { piece } else { &blanks });
        self.comments.push_str(if kind == Kind::Comment {
            piece
        } else {
            &blanks
        });
    }
}

/// An attribute in blanked code.
#[derive(Debug)]
pub(super) struct Attribute<'a> {
    pub(super) start: usize,
    pub(super) end: usize,
    /// `#![..]`
    inner: bool,
    /// What is between the brackets.
    pub(super) text: &'a str,
}

impl Attribute<'_> {
    /// Whether what it stands on is compiled for tests only.
    fn is_test_gate(&self) -> bool {
        let text: String = self.text.split_whitespace().collect();
        text == "cfg(test)" || text.starts_with("cfg(all(test,")
    }
}

/// The first attribute of `code` at or after byte `from`.
pub(super) fn next_attribute(code: &str, from: usize) -> Option<Attribute<'_>> {
    let mut start = from;
    loop {
        start += code.get(start..)?.find('#')?;
        let rest = code.get(start + 1..)?;
        let inner = rest.starts_with('!');
        let open = start + 1 + usize::from(inner);
        if code.get(open..)?.starts_with('[') {
            let end = open + bracketed(code.get(open..)?);
            return Some(Attribute {
                start,
                end,
                inner,
                text: code.get(open + 1..end - 1)?,
            });
        }
        start += 1;
    }
}

/// Words of `code`, each with its byte offset: identifiers, keywords and numbers.
pub(super) fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = code;
    std::iter::from_fn(move || {
        let skipped = rest.find(is_word)?;
        let word = rest.get(skipped..)?;
        let length = word.find(|c| !is_word(c)).unwrap_or(word.len());
        let offset = code.len() - rest.len() + skipped;
        let (word, remaining) = word.split_at_checked(length)?;
        rest = remaining;
        Some((offset, word))
    })
}

pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Length of the bracketed text that `text` starts with; all of it when the bracket stays open.
pub(super) fn bracketed(text: &str) -> usize {
    let mut depth = 0_usize;
    for (offset, c) in text.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return offset + c.len_utf8();
        }
    }
    text.len()
}

/// Where the item ends that starts at `start`, further attributes included: at its `;` or its closing brace.
fn item_end(code: &str, start: usize) -> usize {
    let mut at = start;
    while let Some(rest) = code.get(at..)
        && let Some(c) = rest.chars().next()
    {
        match c {
            ';' => return at + 1,
            '{' => {
                let end = at + bracketed(rest);
                return end
                    + usize::from(code.get(end..).is_some_and(|after| after.starts_with(';')));
            }
            '(' | '[' => at += bracketed(rest),
            _ => at += c.len_utf8(),
        }
    }
    code.len()
}

/// The name in `mod name;`.
fn external_module(item: &str) -> Option<String> {
    let item = item.trim().strip_suffix(';')?;
    let mut words = words(item)
        .map(|(_, word)| word)
        .skip_while(|word| *word != "mod")
        .skip(1);
    words.next().map(str::to_owned)
}

/// Length in bytes and kind of the piece of source that `rest` starts with.
fn next_piece(rest: &str, after_word: bool) -> (usize, Kind) {
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), Kind::Comment);
    }
    if rest.starts_with("/*") {
        return (block_comment(rest), Kind::Comment);
    }
    if !after_word && let Some(length) = raw_string(rest) {
        return (length, Kind::Literal);
    }
    if let Some(inside) = rest.strip_prefix('"') {
        return (1 + quoted(inside, '"'), Kind::Literal);
    }
    if let Some(inside) = rest.strip_prefix('\'') {
        return character(inside).map_or((1, Kind::Code), |length| (1 + length, Kind::Literal));
    }
    (rest.chars().next().map_or(1, char::len_utf8), Kind::Code)
}

/// Block comments nest.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..)
        && !rest.is_empty()
    {
        let step = match rest {
            _ if rest.starts_with("/*") => {
                depth += 1;
                2
            }
            _ if rest.starts_with("*/") => {
                depth -= 1;
                2
            }
            _ => rest.chars().next().map_or(1, char::len_utf8),
        };
        at += step;
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// Length of `r".."`, `br#".."#` and the like.
fn raw_string(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "r"]
        .into_iter()
        .find(|prefix| text.starts_with(prefix))?;
    let after = text.get(prefix.len()..)?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let inside = after.get(hashes..)?.strip_prefix('"')?;
    let closing = format!("\"{}", "#".repeat(hashes));
    let length = inside
        .find(&closing)
        .map_or(inside.len(), |end| end + closing.len());
    Some(prefix.len() + hashes + 1 + length)
}

/// Length of a literal after its opening quote, closing quote included.
fn quoted(inside: &str, quote: char) -> usize {
    let mut escaped = false;
    for (offset, c) in inside.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return offset + c.len_utf8(),
            _ => {}
        }
    }
    inside.len()
}

/// The same for a character literal; none for a lifetime.
fn character(inside: &str) -> Option<usize> {
    let mut chars = inside.chars();
    let first = chars.next()?;
    (first == '\\' || chars.next() == Some('\'')).then(|| quoted(inside, '\''))
}

/// Spaces and line breaks, as many bytes as `text` has, so that offsets stay.
fn blanked(text: &str) -> String {
    let blanks: String = text
        .chars()
        .map(|c| if c == '\n' { '\n' } else { ' ' })
        .collect();
    format!("{}{blanks}", " ".repeat(text.len() - blanks.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn squeezed(text: &str) -> String {
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_and_literals_are_no_code() {
        let cases = [
            ("a // b\nc", "a c", "// b"),
            ("a /* b /* c */ d */ e", "a e", "/* b /* c */ d */"),
            (r#"f("unsafe \" // x") // y"#, "f( )", "// y"),
            (r##"r#"a " b"# c"##, "c", ""),
            (r#"br"\" c"#, "c", ""),
            ("'a' 'b: '\\'' \"'\" c", "'b: c", ""),
            ("&'a str /// doc", "&'a str", "/// doc"),
            ("bar\"x\" b", "bar b", ""),
        ];
        for (text, code, comments) in cases {
            let taken = Code::of(text);
            assert_eq!(squeezed(&taken.code), code, "{text}");
            assert_eq!(squeezed(&taken.comments), comments, "{text}");
        }
    }

    #[test]
    fn offsets_and_lines_stay() {
        let text = "\"zwölf\nübrig\" fn a() {} // ß\nfn b() {}";
        let taken = Code::of(text);
        assert_eq!(taken.code.len(), text.len());
        assert_eq!(taken.comments.len(), text.len());
        let offset = taken.code.find("fn b").unwrap();
        assert_eq!(taken.line(offset), 3);
        assert_eq!(text.find("fn b"), Some(offset));
    }

    #[test]
    fn items_for_tests_are_blanked_and_their_files_named() {
        let text = "fn a() {}\n#[cfg(test)]\nmod inline { fn b() {} }\n#[cfg(test)]\n#[path_like]\npub(crate) mod outside;\n\
                    #[cfg(not(test))]\nfn c() {}\n#[cfg(all(test, unix))] use x::{y, z}; fn d() {}";
        let mut taken = Code::of(text);
        assert_eq!(taken.blank_tests(), ["outside"]);
        assert_eq!(
            squeezed(&taken.code),
            "fn a() {} #[cfg(not(test))] fn c() {} fn d() {}"
        );
        assert_eq!(taken.code.len(), text.len());
    }

    #[test]
    fn a_file_for_tests_is_blanked_whole() {
        let mut taken = Code::of("//! Tests.\n#![cfg(test)]\nfn a() {}");
        taken.blank_tests();
        assert_eq!(squeezed(&taken.code), "");
    }

    #[test]
    fn words_have_offsets() {
        assert_eq!(
            words("a::b_2(c)").collect::<Vec<_>>(),
            [(0, "a"), (3, "b_2"), (7, "c")]
        );
    }
}
