//! Plays a case: the server, the people, their inputs and their screens. *Owns* the order of events.

use std::time::{Duration, Instant};

use super::pattern::Names;
use super::person::Person;
use super::screen::Screen;
use super::script::{Kind, Script, Step};
use crate::support::{PATIENCE, Server};

/// A case under way. The people are dropped before the server, so that it has nobody to wait for when it stops.
pub struct World {
    /// In the order in which they came.
    pub people: Vec<Person>,
    /// The values of placeholders.
    pub names: Names,
    server: Option<Server>,
    stopping: bool,
    patience: Duration,
}

impl World {
    /// A server without people.
    pub fn new(script: &Script, patience: Duration) -> World {
        let server = Some(Server::with(&script.config));
        World { people: Vec::new(), names: Names::default(), server, stopping: false, patience }
    }

    fn server(&self) -> &Server {
        self.server.as_ref().expect("it is taken on dropping only")
    }

    /// The present deadline.
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.patience
    }

    /// The person of that name. A new one logs in on the plain listener.
    pub fn person(&mut self, name: &str) -> Result<usize, String> {
        if let Some(index) = self.people.iter().position(|person| person.name == name) {
            return Ok(index);
        }
        let deadline = self.deadline();
        let mut person = Person::connect(name, self.server().address());
        let asked = person.wait(deadline, |person| person.screen.has_prompt());
        person.type_bytes(format!("{name}\r\n").as_bytes());
        if !asked || !person.wait(deadline, |person| person.screen.row() == "> ") {
            return Err(format!("{name} did not get in: {:?}, {:?}", person.screen.lines, person.screen.row()));
        }
        person.screen.lines.clear();
        self.people.push(person);
        Ok(self.people.len() - 1)
    }

    /// Performs a step, unless it is an expectation, and waits for the answer.
    pub fn act(&mut self, kind: &Kind) -> Result<(), String> {
        for person in &mut self.people {
            person.look();
        }
        let answered = |person: &Person| person.screen.has_prompt();
        match kind {
            Kind::Connect { who, quick } => {
                if self.people.iter().any(|person| person.name == *who && !person.over) {
                    return Err(format!("{who} is connected already"));
                }
                self.people.retain(|person| person.name != *who);
                let address = if *quick { self.server().quick_address() } else { self.server().address() };
                let mut person = Person::connect(who, address);
                person.wait(self.deadline(), answered);
                self.people.push(person);
            }
            Kind::Typed { who, line } => {
                let line = self.names.fill(line)?;
                self.send(who, format!("{line}\r\n").as_bytes())?;
            }
            Kind::Sent { who, bytes } => self.send(who, bytes)?,
            Kind::Finish { who } => {
                let index = self.person(who)?;
                self.people[index].finish();
            }
            Kind::Reload(config) => {
                let limits = if config.contains("[limits]") { "" } else { "[limits]\nmessages_per_second = 0\n" };
                self.server().reconfigure(&format!("shutdown_delay = 0\n{config}\n{limits}"));
            }
            Kind::Stop => {
                self.stopping = true;
                self.server().ask_to_stop();
            }
            Kind::Remark | Kind::Line { .. } | Kind::Prompt { .. } | Kind::End { .. } => {}
        }
        Ok(())
    }

    fn send(&mut self, who: &str, bytes: &[u8]) -> Result<(), String> {
        let (index, deadline) = (self.person(who)?, self.deadline());
        let person = &mut self.people[index];
        if person.over {
            return Err(format!("{who} is not connected any more"));
        }
        person.type_bytes(bytes);
        let lines = bytes.contains(&b'\n');
        if lines && !person.wait(deadline, |person| person.screen.has_prompt()) && !person.over {
            return Err(format!("{who} got no prompt, but {:?}", person.screen.row()));
        }
        Ok(())
    }

    fn expect(&mut self, kind: &Kind) -> Result<(), String> {
        let deadline = self.deadline();
        match kind {
            Kind::Line { who, pattern } => {
                let index = self.person(who)?;
                let person = &mut self.people[index];
                person.wait(deadline, |person| !person.screen.lines.is_empty());
                match person.screen.lines.front() {
                    Some(line) if self.names.matches(pattern, line) => {
                        person.screen.lines.pop_front();
                        Ok(())
                    }
                    Some(line) => Err(format!("seen: {line}")),
                    None if person.over => Err("the connection is over".to_owned()),
                    None => Err(format!("no line came; the row is {:?}", person.screen.row())),
                }
            }
            Kind::Prompt { who, prompt } => {
                let index = self.person(who)?;
                let person = &mut self.people[index];
                let stands = |person: &Person| person.screen.row().trim_end() == prompt;
                let found = person.wait(deadline, |person| stands(person) || !person.screen.lines.is_empty());
                match person.screen.lines.front() {
                    Some(line) => Err(format!("seen before it: {line}")),
                    None if found => Ok(()),
                    None => Err(format!("the prompt is {:?}", person.screen.row())),
                }
            }
            Kind::End { who } => {
                let index = self.person(who)?;
                let person = &mut self.people[index];
                person.wait(deadline, |person| person.over);
                match person.screen.lines.front() {
                    Some(line) => Err(format!("seen before it: {line}")),
                    None if person.over => Ok(()),
                    None => Err(format!("it is not over; the row is {:?}", person.screen.row())),
                }
            }
            _ => Ok(()),
        }
    }

    /// Asks a person something with a known answer, and waits for it: everything sent before is then on the screen.
    pub fn settle(&mut self, index: usize) -> Result<(), String> {
        let deadline = self.deadline();
        let person = &mut self.people[index];
        person.look();
        person.wait(deadline, |person| person.screen.has_prompt());
        if person.over {
            return Ok(());
        }
        let is_time = |line: &String| line.starts_with("* It is ");
        if person.screen.takes_commands() {
            let before = person.screen.lines.iter().filter(|line| is_time(line)).count();
            let arrived = |screen: &Screen| screen.lines.iter().filter(|line| is_time(line)).count() > before;
            person.type_bytes(b"/time\r\n");
            if !person.wait(deadline, |person| arrived(&person.screen) && person.screen.has_prompt()) && !person.over {
                return Err(format!("{} got no answer to /time, but {:?}", person.name, person.screen.lines));
            }
            let last = person.screen.lines.iter().rposition(is_time);
            person.screen.lines.remove(last.unwrap_or(usize::MAX));
        } else {
            // An empty line gives just the prompt, or cancels a question for a password.
            person.type_bytes(b"\r\n");
            person.wait(deadline, |person| person.screen.has_prompt());
        }
        Ok(())
    }

    /// What is on the screens and was not expected, in the syntax of a case.
    fn rest(&mut self) -> String {
        let mut rest = String::new();
        for person in &mut self.people {
            person.look();
            for line in &person.screen.lines {
                rest += &format!("{}> {}\n", person.name, self.names.write(line, None, &|_| false));
            }
            rest += &match person.over {
                true => format!("{}- end\n", person.name),
                false => format!("{}| {}\n", person.name, person.screen.row()),
            };
        }
        rest
    }

    /// Checks that nobody has received anything else, and that no connection is over unless the case says so.
    fn expect_nothing_more(&mut self, steps: &[Step]) -> Result<(), String> {
        let mut problems = String::new();
        for index in 0..self.people.len() {
            self.settle(index)?;
            let person = &self.people[index];
            for line in &person.screen.lines {
                problems += &format!("not expected: {}> {line}\n", person.name);
            }
            let end = Kind::End { who: person.name.clone() };
            if person.over && !self.stopping && !steps.iter().any(|step| step.kind == end) {
                problems += &format!("not expected: {}- end\n", person.name);
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.people.clear();
        if let Some(server) = self.server.take().filter(|_| self.stopping) {
            server.join();
        }
    }
}

/// Plays a case.
pub fn play(script: &Script) -> Result<(), String> {
    play_within(script, PATIENCE)
}

/// Plays a case with its own deadline for every wait.
pub fn play_within(script: &Script, patience: Duration) -> Result<(), String> {
    let mut world = World::new(script, patience);
    let mut seen = String::new();
    for step in &script.steps {
        let went = if step.kind.expects() { world.expect(&step.kind) } else { world.act(&step.kind) };
        if let Err(problem) = went {
            if !step.kind.expects() {
                seen += &format!("{}\n", step.text);
            }
            seen += &world.rest();
            return Err(format!("line {}: {}\n{problem}\n-- seen so far:\n{seen}", step.number, step.text));
        }
        seen += &format!("{}\n", step.text);
    }
    world
        .expect_nothing_more(&script.steps)
        .map_err(|problem| format!("at the end\n{problem}-- seen:\n{seen}{}", world.rest()))
}
