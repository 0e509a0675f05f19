//! What was true when somebody asked to come in, and is not any more when they come in.
