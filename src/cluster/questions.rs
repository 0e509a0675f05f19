//! Questions to the archives and their answers, through lists in Redis. Each is a text.
//!
//! *Owns* the names of the lists, and how large a text may be.
//! *Knows nothing of* what the texts say.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::bus::Cluster;
use super::engine::{Call, Engine, Reply};
use super::reader::ReadLogError;
use super::values::NodeName;

/// Longest text in bytes: a thousand long messages.
const LONGEST: usize = 8 * 1024 * 1024;

/// Where archives wait for questions.
const ASK: &str = "ask";

/// A connection for them.
pub struct QuestionLine {
    engine: Box<dyn Engine>,
}

impl fmt::Debug for QuestionLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuestionLine").finish_non_exhaustive()
    }
}

fn answers_for(node: &NodeName) -> String {
    format!("answer:{node}")
}

impl Cluster {
    /// Connects for questions and answers.
    ///
    /// # Errors
    ///
    /// Redis cannot be reached.
    pub fn question_line(self: &Arc<Self>) -> Result<QuestionLine, ReadLogError> {
        Ok(QuestionLine { engine: self.connect_for_reading()? })
    }
}

impl QuestionLine {
    fn push(&mut self, list: &str, text: &str) -> Result<bool, ReadLogError> {
        if text.len() > LONGEST {
            return Ok(false);
        }
        let call = Call::Push { list: list.into(), text: text.into() };
        Ok(self.engine.call(&[call])?.first() == Some(&Reply::Pushed(true)))
    }

    fn pop(&mut self, list: &str, wait: Duration) -> Result<Option<String>, ReadLogError> {
        Ok(self.engine.pop(list, wait)?.filter(|text| text.len() <= LONGEST))
    }

    /// Asks. False if too many questions wait already.
    ///
    /// # Errors
    ///
    /// Redis cannot be reached.
    pub fn ask(&mut self, question: &str) -> Result<bool, ReadLogError> {
        self.push(ASK, question)
    }

    /// The next question of any node.
    ///
    /// # Errors
    ///
    /// Redis cannot be reached.
    pub fn next_question(&mut self, wait: Duration) -> Result<Option<String>, ReadLogError> {
        self.pop(ASK, wait)
    }

    /// Answers a node. False if it takes no answers any more.
    ///
    /// # Errors
    ///
    /// Redis cannot be reached.
    pub fn answer(&mut self, node: &NodeName, answer: &str) -> Result<bool, ReadLogError> {
        self.push(&answers_for(node), answer)
    }

    /// The next answer for a node.
    ///
    /// # Errors
    ///
    /// Redis cannot be reached.
    pub fn next_answer(&mut self, node: &NodeName, wait: Duration) -> Result<Option<String>, ReadLogError> {
        self.pop(&answers_for(node), wait)
    }
}
