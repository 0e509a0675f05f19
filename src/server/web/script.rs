//! Shortens a script by what a browser does not need: comments, blanks that separate nothing, separators made redundant
//! by a closing bracket, long names, `const`, `true` and `false`, and `let` where it repeats the statement before.
//!
//! It knows enough of ECMAScript to tell code from strings, templates and regular expressions (ECMA-262, section 12), and
//! relies on statements that end with `;` or `}`, and on there being no empty ones.
//!
//! *Knows nothing of* what the script does.

use std::collections::{HashMap, HashSet};
use std::iter::Peekable;
use std::str::Chars;

/// Characters beside which no blank is needed. `+` and `-` need a closer look.
const SIGNS: &str = "{}()[];,<>=+-*/%&|!?:~^.'\"`";

/// Characters after which a statement continues, or the next one can follow on the same line.
const GOES_ON: &str = "{(,;[=&|?:<>*";

/// Characters that do not begin a statement.
const CONTINUES: &str = "}).]?:&|=*,;";

/// Characters after which `/` begins a regular expression and is not a division.
const BEFORE_PATTERN: &str = "(,=:[!&|?{};\n";

/// Shorter names are kept.
const SHORT: usize = 4;

/// The script in its compact form for sending.
pub(super) fn tight(script: &str) -> String {
    let mut first = Scanner::new(script, HashMap::new());
    first.code(None);
    let mut second = Scanner::new(script, short_names(&first.words));
    second.code(None);
    second.out
}

/// A word of the code, and where it stands.
struct Word {
    name: String,
    /// The characters around it, ignoring blanks.
    before: char,
    after: char,
    /// A function or value of the whole script is declared here.
    is_declared: bool,
}

impl Word {
    /// Whether it is, or might be, the name of a property, which may be written as a string elsewhere.
    fn may_be_property(&self) -> bool {
        self.before == '.' || self.after == ':' || ("{,".contains(self.before) && ",}=(".contains(self.after))
    }
}

/// Short names for the functions and values of the whole script.
fn short_names(words: &[Word]) -> HashMap<String, String> {
    let used: HashSet<_> = words.iter().map(|word| word.name.as_str()).collect();
    let properties: HashSet<_> =
        words.iter().filter(|word| word.may_be_property()).map(|word| word.name.as_str()).collect();
    let long = |word: &&Word| word.is_declared && word.name.len() >= SHORT && !properties.contains(word.name.as_str());
    let short = ['_', '$'].into_iter().flat_map(|sign| ('a'..='z').chain('A'..='Z').map(move |c| format!("{sign}{c}")));
    let short = short.filter(|name| !used.contains(name.as_str()));
    words.iter().filter(long).map(|word| word.name.clone()).zip(short).collect()
}

struct Scanner<'a> {
    rest: Peekable<Chars<'a>>,
    out: String,
    words: Vec<Word>,
    names: HashMap<String, String>,
    /// The next word is declared, by a `let` that was left out.
    declares: bool,
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

impl Scanner<'_> {
    fn new(script: &str, names: HashMap<String, String>) -> Scanner<'_> {
        let (rest, out) = (script.chars().peekable(), String::with_capacity(script.len()));
        Scanner { rest, out, words: Vec::new(), names, declares: false }
    }

    /// Copies code, in a template up to the brace that ends it.
    fn code(&mut self, end: Option<char>) {
        let (mut blank, mut line, mut depth) = (false, false, 0_usize);
        // Within each open bracket, whether the statement there, or the last one, is a `let`.
        let mut lets = vec![false];
        while let Some(c) = self.rest.next() {
            if c.is_whitespace() {
                (blank, line) = (true, line || c == '\n');
                continue;
            }
            let next = self.rest.peek().copied();
            if c == '/' && next == Some('/') {
                (blank, line) = (true, true);
                self.rest.find(|c| *c == '\n');
                continue;
            }
            if c == '/' && next == Some('*') {
                blank = true;
                let mut before = ' ';
                self.rest.next();
                self.rest.find(|c| std::mem::replace(&mut before, *c) == '*' && *c == '/');
                continue;
            }
            if std::mem::take(&mut blank) {
                self.separate(c, std::mem::take(&mut line));
            }
            let begins = self.last() == ';';
            if let Some(is_let) = lets.last_mut().filter(|_| is_word(c)) {
                *is_let = self.word(c, depth == 0 && end.is_none(), *is_let);
                continue;
            }
            lets.last_mut().filter(|_| begins).into_iter().for_each(|is_let| *is_let = false);
            let mut before = self.last();
            if (before == ';' && c == '}') || (before == ',' && "}])".contains(c)) {
                self.out.pop();
                before = self.last();
            }
            self.out.push(c);
            if "([{".contains(c) {
                lets.push(false);
            } else if ")]}".contains(c) && lets.len() > 1 {
                lets.pop();
            }
            match c {
                '\'' | '"' => self.quoted(c),
                '`' => self.template(),
                '/' if BEFORE_PATTERN.contains(before) => self.pattern(),
                '{' => depth += 1,
                '}' if depth == 0 && end == Some('}') => return,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    fn last(&self) -> char {
        self.out.chars().next_back().unwrap_or('\n')
    }

    /// A name, a number or a word of the language. `is_let`, and the result: whether the statement is a `let`.
    fn word(&mut self, first: char, is_outside: bool, is_let: bool) -> bool {
        let mut name = String::from(first);
        while let Some(c) = self.rest.next_if(|c| is_word(*c)) {
            name.push(c);
        }
        let code = self.out.trim_end();
        // As if the `let` were there.
        let before = if self.declares { 't' } else { code.chars().next_back().unwrap_or('\n') };
        let after = self.rest.clone().find(|c| !c.is_whitespace()).unwrap_or('\n');
        let is_declared = is_outside && (self.declares || ["function", "let"].iter().any(|word| code.ends_with(word)));
        self.declares = false;
        let (begins, lets) = (before == ';', before != '.' && (name == "const" || name == "let"));
        if begins && lets && is_let {
            self.out.pop();
            self.out.push(',');
            self.declares = true;
            return true;
        }
        match self.names.get(&name) {
            Some(short) => self.out.push_str(short),
            None if name == "const" && before != '.' => self.out.push_str("let"),
            None if name == "true" && after != ':' => self.out.push_str("!0"),
            None if name == "false" && after != ':' => self.out.push_str("!1"),
            None => self.out.push_str(&name),
        }
        self.words.push(Word { name, before, after, is_declared });
        lets || (is_let && !begins)
    }

    /// Writes what must separate the code so far from `next`: a new line, a blank, or nothing.
    fn separate(&mut self, next: char, is_line: bool) {
        let Some(before) = self.out.chars().next_back() else { return };
        // `a + +b` is not `a++b`.
        let is_doubled = before == next && "+-".contains(next);
        if is_line && !GOES_ON.contains(before) && !CONTINUES.contains(next) {
            self.out.push('\n');
        } else if is_doubled || !(SIGNS.contains(before) || SIGNS.contains(next)) {
            self.out.push(' ');
        }
    }

    fn quoted(&mut self, end: char) {
        while let Some(c) = self.rest.next() {
            self.out.push(c);
            match c {
                '\\' => self.out.extend(self.rest.next()),
                c if c == end => return,
                _ => {}
            }
        }
    }

    fn template(&mut self) {
        while let Some(c) = self.rest.next() {
            self.out.push(c);
            match c {
                '\\' => self.out.extend(self.rest.next()),
                '`' => return,
                '$' if self.rest.peek() == Some(&'{') => {
                    self.out.extend(self.rest.next());
                    self.code(Some('}'));
                }
                _ => {}
            }
        }
    }

    /// A regular expression, in whose classes `/` stands for itself.
    fn pattern(&mut self) {
        let mut in_class = false;
        while let Some(c) = self.rest.next() {
            self.out.push(c);
            match c {
                '\\' => self.out.extend(self.rest.next()),
                '[' => in_class = true,
                ']' => in_class = false,
                '/' if !in_class => return,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::tight;

    #[test]
    fn blanks_and_comments_are_removed_where_they_do_not_matter() {
        for (script, expected) in [
            ("const a = b ? 1 : 2; // why\nlet c;\n", "let a=b?1:2,c;"),
            ("/* All. */\n/** Of\n  two lines. */\nf( a , b );", "f(a,b);"),
            ("a + +b; a - -b; a + b", "a+ +b;a- -b;a+b"),
            ("return x;\n}\n\nfunction f() {\n  go();\n}\nlet y", "return x}\nfunction f(){go()}\nlet y"),
            ("const f = x => {\n  a();\n};\nb()\n  .c()", "let f=x=>{a()};b().c()"),
            ("if (a) b();\nelse c();", "if(a)b();else c();"),
            ("x = a in b, typeof c", "x=a in b,typeof c"),
            ("f([a, b,], {\n  c,\n});", "f([a,b],{c});"),
            ("a.const; aconst; const d", "a.const;aconst;let d"),
            ("a = true; f({ b: false, true: 1 });\nreturn false;", "a=!0;f({b:!1,true:1});return !1;"),
            ("const { a } = b;\nlet [c] = d;\nf();\nlet e;", "let{a}=b,[c]=d;f();let e;"),
            (
                "const f = () => {\n  let a;\n  let b;\n};\nlet c;\nif (d) {\n  e();\n}\nlet g;",
                "let f=()=>{let a,b},c;if(d){e()}\nlet g;",
            ),
            ("for (let a = 0; a < 1;) b();\nlet c;", "for(let a=0;a<1;)b();let c;"),
            ("let a = 1;\n(b)();\nlet c;", "let a=1;(b)();let c;"),
        ] {
            assert_eq!(tight(script), expected);
        }
    }

    #[test]
    fn texts_templates_and_patterns_stay_as_they_are() {
        for script in [
            "a('x , y // z');",
            r#"a("it's = 'x' ; ");"#,
            r"a('\' , /* ');",
            "a(`x , ${b[`y , ${{c:1}.c} `]} // z`);",
            r#"a(/[/'] , "+/g,b/c/d);"#,
            r"a=/\/ , x/;",
        ] {
            assert_eq!(tight(script), script);
        }
        assert_eq!(tight("a(`x  ${ b + c }  y`)"), "a(`x  ${b+c}  y`)");
    }

    #[test]
    fn names_of_the_whole_script_are_shortened_and_those_of_properties_are_not() {
        for (script, expected) in [
            (
                "function greet(name) {\n  return greet('greet', `${1 + greet} greet`);\n}",
                "function _a(name){return _a('greet',`${1+_a} greet`)}",
            ),
            ("const wide = 1, high = 2;\nf(wide + high);", "let _a=1,high=2;f(_a+high);"),
            ("const _a = 1;\nconst long_one = _a;", "let _a=1,_b=_a;"),
            ("const name = 1;\nx = { name };\ny(name);", "let name=1;x={name};y(name);"),
            ("const size = 1;\nx.size = size;", "let size=1;x.size=size;"),
            ("const rest = [];\nf(...rest);", "let rest=[];f(...rest);"),
            ("function draw() {}\nx = { draw() {} };", "function draw(){}\nx={draw(){}};"),
            ("function f() {\n  const inner = 1;\n}", "function f(){let inner=1}"),
        ] {
            assert_eq!(tight(script), expected);
        }
    }
}
