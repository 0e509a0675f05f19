//! The page: a file each for HTML, CSS and JavaScript, sent as one document.
//!
//! *Owns* how they are joined, and which parts of the files a browser does not need.
//! *Knows nothing of* requests.

use std::sync::LazyLock;

use super::script;

const HTML: &str = include_str!("page.html");
const CSS: &str = include_str!("page.css");
const JS: &str = include_str!("page.js");

/// Where style and script go in the HTML.
const MARKS: [&str; 2] = ["<!--STYLE-->", "<!--SCRIPT-->"];

/// How comments of several lines begin and end in HTML and CSS. In these files, no code shares a line with a comment.
const COMMENTS: [(&str, &str); 2] = [("/*", "*/"), ("<!-- ", "-->")];

/// Blanks and long names in the CSS, and what replaces them.
const SPACED_CSS: [(&str, &str); 22] = [
    ("}\n", "}"),
    (",\n", ","),
    ("{\n", "{"),
    (" {", "{"),
    ("{ ", "{"),
    (";\n", ";"),
    ("; }", "}"),
    (": ", ":"),
    ("; ", ";"),
    (", ", ","),
    (";}", "}"),
    (" > ", ">"),
    ("--own", "--o"),
    ("--ink", "--i"),
    ("--accent", "--a"),
    ("--paper", "--p"),
    ("--line", "--l"),
    ("--mention", "--m"),
    ("--muted", "--n"),
    ("--error", "--r"),
    ("--panel", "--q"),
    ("--edge", "--e"),
];

/// The document in three parts; the nonce goes between them. Comments and indentation, a fifth of the files, are not
/// sent.
static PARTS: LazyLock<[String; 3]> = LazyLock::new(|| {
    let css = SPACED_CSS.iter().fold(bare(CSS), |css, (spaced, tight)| css.replace(spaced, tight));
    let js = script::tight(JS);
    let html = bare(HTML).replace(">\n<", "><");
    let (top, rest) = html.split_once(MARKS[0]).unwrap_or((&html, ""));
    let (middle, bottom) = rest.split_once(MARKS[1]).unwrap_or((rest, ""));
    [
        format!("{top}<style nonce=\""),
        format!("\">\n{css}</style>{middle}<script nonce=\""),
        format!("\">\n{js}</script>{bottom}"),
    ]
});

/// The page. Only the style and script with this nonce take effect.
pub(super) fn page(nonce: &str) -> String {
    PARTS.join(nonce)
}

/// A file without its comments, its indentation and its empty lines.
fn bare(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut comment = None;
    for line in text.lines().map(str::trim) {
        comment = comment.or_else(|| COMMENTS.iter().find(|(start, _)| line.starts_with(start)));
        match comment {
            Some((_, end)) if line.ends_with(end) => comment = None,
            Some(_) => {}
            None if line.is_empty() => {}
            None => {
                out.push_str(line);
                out.push('\n');
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::{CSS, HTML, JS, bare, page};

    #[test]
    fn comments_and_indentation_are_not_sent() {
        let css = "/* All. */\n\nbody {\n  margin: 0;\n}\n/* Of\n   two lines. */\np { }\n";
        assert_eq!(bare(css), "body {\nmargin: 0;\n}\np { }\n");
        assert_eq!(bare("<!-- Why,\n  and how. -->\n<p>x</p>\n<!--MARK-->\n"), "<p>x</p>\n<!--MARK-->\n");
    }

    #[test]
    fn the_page_is_one_document_of_at_most_60_kilobytes() {
        let nonce = "0123456789abcdef0123456789abcdef";
        let page = page(nonce);
        println!("{} bytes", page.len());
        assert!(page.len() <= 60 * 1000, "{} bytes", page.len());
        assert_eq!(page.matches(nonce).count(), 2);
        assert_eq!((page.matches("<style").count(), page.matches("<script").count()), (1, 1));
        assert!(!page.contains("<!--") && !page.contains("/*"), "a mark or a comment is left");
        assert!(!CSS.contains("</") && !JS.contains("</script"), "the HTML around it would end there");
    }

    #[test]
    fn text_never_becomes_elements_or_code() {
        let ways = Regex::new(
            r"innerHTML|outerHTML|insertAdjacent|doc(?:ument)?\.write|eval|Function\(|DOMParser|srcdoc|javascript:|setAttribute\('on",
        )
        .expect("a pattern");
        for (file, text) in [("html", HTML), ("css", CSS), ("js", JS)] {
            let found: Vec<_> = ways.find_iter(text).map(|found| found.as_str()).collect();
            assert!(found.is_empty(), "page.{file} has {found:?}");
        }
        let attributes = Regex::new(r#"\s(?:on\w+|style)="#).expect("a pattern");
        assert!(!attributes.is_match(HTML), "script and style stand in their files");
    }
}
