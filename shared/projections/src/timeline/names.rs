//! Words that come again and again, each kept once: a row of the timeline holds a number instead.

use std::collections::HashMap;
use std::sync::Arc;

use crate::bounded::OTHER;

/// How many distinct words are told apart; the rest is `other`. Agents and tasks are named by callers.
const WORDS_MAX: usize = 1 << 18;

/// A word's number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(u32);

/// The words by number, and the numbers by word. Number 0 is the empty word: nobody, nothing.
#[derive(Clone, Debug)]
pub struct Names {
    words: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, Name>,
}

impl Default for Names {
    fn default() -> Self {
        let empty: Arc<str> = Arc::from("");
        Self { words: vec![empty.clone()], numbers: HashMap::from([(empty, Name(0))]) }
    }
}

impl Names {
    /// The number of a word; of `other` when there are too many.
    pub fn number(&mut self, word: &str) -> Name {
        if let Some(known) = self.numbers.get(word) {
            return *known;
        }
        let full = self.words.len() >= WORDS_MAX && word != OTHER;
        if full {
            return self.number(OTHER);
        }
        let number = Name(u32::try_from(self.words.len()).unwrap_or(0));
        let word: Arc<str> = Arc::from(word);
        self.words.push(word.clone());
        self.numbers.insert(word, number);
        number
    }

    /// The number of a word that may be missing.
    pub fn maybe(&mut self, word: Option<&str>) -> Name {
        word.map_or(Name(0), |word| self.number(word))
    }

    /// The number of a word that is already known.
    pub fn find(&self, word: &str) -> Option<Name> {
        self.numbers.get(word).copied()
    }

    /// The word of a number.
    pub fn word(&self, name: Name) -> &str {
        self.words.get(name.0 as usize).map_or("", |word| word)
    }
}

impl Name {
    /// Whether there is a word at all.
    pub fn is_some(self) -> bool {
        self.0 != 0
    }
}
