//! Questions to the archives, and their answers, sent through lists in Redis as text.
//!
//! *Owns* the lists' names and the size limit of a text.
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

/// The list that archives wait on for questions.
const ASK: &str = "ask";

/// A connection for questions and answers.
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
    /// Opens a connection for questions and answers.
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

    /// Sends a question. False if too many are already waiting.
    ///
    /// # Errors
    ///
    /// Redis cannot be reached.
    pub fn ask(&mut self, question: &str) -> Result<bool, ReadLogError> {
        self.push(ASK, question)
    }

    /// Waits for the next question from any node.
    ///
    /// # Errors
    ///
    /// Redis cannot be reached.
    pub fn next_question(&mut self, wait: Duration) -> Result<Option<String>, ReadLogError> {
        self.pop(ASK, wait)
    }

    /// Sends an answer to a node. False if too many are waiting there.
    ///
    /// # Errors
    ///
    /// Redis cannot be reached.
    pub fn answer(&mut self, node: &NodeName, answer: &str) -> Result<bool, ReadLogError> {
        self.push(&answers_for(node), answer)
    }

    /// Waits for the next answer to a node.
    ///
    /// # Errors
    ///
    /// Redis cannot be reached.
    pub fn next_answer(&mut self, node: &NodeName, wait: Duration) -> Result<Option<String>, ReadLogError> {
        self.pop(&answers_for(node), wait)
    }
}
