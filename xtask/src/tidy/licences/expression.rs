//! SPDX licence expressions (SPDX 2.3, annex D), and the older form with a slash.

/// A licence expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expression {
    /// An identifier, with its exception if there is one: `Apache-2.0 WITH LLVM-exception`.
    Licence(String),
    /// All of them bind.
    All(Vec<Expression>),
    /// One of them may be chosen.
    Any(Vec<Expression>),
}

impl Expression {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let spaced = text
            .replace('(', " ( ")
            .replace(')', " ) ")
            .replace('/', " OR ");
        let mut tokens: Vec<_> = spaced.split_whitespace().rev().collect();
        let expression = any(&mut tokens)?;
        tokens.is_empty().then_some(expression)
    }

    pub(super) fn is_satisfied_by(&self, allowed: &[String]) -> bool {
        match self {
            Self::Licence(name) => allowed.contains(name),
            Self::All(parts) => parts.iter().all(|part| part.is_satisfied_by(allowed)),
            Self::Any(parts) => parts.iter().any(|part| part.is_satisfied_by(allowed)),
        }
    }
}

/// Tokens are a stack: the next one is the last.
fn any(tokens: &mut Vec<&str>) -> Option<Expression> {
    Some(Expression::Any(separated(tokens, "OR", all)?))
}

/// AND binds more tightly than OR.
fn all(tokens: &mut Vec<&str>) -> Option<Expression> {
    Some(Expression::All(separated(tokens, "AND", single)?))
}

fn separated(
    tokens: &mut Vec<&str>,
    separator: &str,
    part: fn(&mut Vec<&str>) -> Option<Expression>,
) -> Option<Vec<Expression>> {
    let mut parts = vec![part(tokens)?];
    while tokens.pop_if(|token| *token == separator).is_some() {
        parts.push(part(tokens)?);
    }
    Some(parts)
}

fn single(tokens: &mut Vec<&str>) -> Option<Expression> {
    match tokens.pop()? {
        "(" => {
            let inside = any(tokens)?;
            tokens.pop_if(|token| *token == ")").map(|_closing| inside)
        }
        ")" | "AND" | "OR" | "WITH" => None,
        name => match tokens.pop_if(|token| *token == "WITH") {
            None => Some(Expression::Licence(name.to_owned())),
            Some(_with) => tokens
                .pop()
                .map(|exception| Expression::Licence(format!("{name} WITH {exception}"))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn satisfied(text: &str) -> Option<bool> {
        let allowed = ["MIT", "Apache-2.0", "ISC", "BSD-3-Clause"].map(str::to_owned);
        Expression::parse(text).map(|expression| expression.is_satisfied_by(&allowed))
    }

    #[test]
    fn a_choice_needs_one_and_a_sum_needs_all() {
        let cases = [
            ("MIT", true),
            ("GPL-2.0", false),
            ("GPL-2.0 OR MIT", true),
            ("GPL-2.0/MIT", true),
            ("MIT AND GPL-2.0", false),
            ("MIT AND GPL-2.0 OR ISC", true),
            ("MIT AND (GPL-2.0 OR ISC)", true),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", false),
            (
                "ISC AND (Apache-2.0 OR ISC) AND MIT AND BSD-3-Clause AND (Apache-2.0 OR ISC OR MIT-0)",
                true,
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(satisfied(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn an_exception_belongs_to_its_licence() {
        assert_eq!(satisfied("Apache-2.0 WITH LLVM-exception"), Some(false));
        assert_eq!(
            satisfied("Apache-2.0 WITH LLVM-exception OR MIT"),
            Some(true)
        );
    }

    #[test]
    fn nonsense_is_no_expression() {
        for text in [
            "", "MIT OR", "MIT ISC", "(MIT", "MIT)", "AND MIT", "MIT WITH",
        ] {
            assert_eq!(satisfied(text), None, "{text}");
        }
    }
}
