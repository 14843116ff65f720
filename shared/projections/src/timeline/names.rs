//! Words that come again and again, each kept once: a row of the timeline holds a number instead.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::bounded::OTHER;

/// How many distinct words are told apart; the rest is `other`. Agents are named by callers.
pub(super) const WORDS_MAX: usize = 1 << 18;

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

/// Words that come and go with the rows that say them, each kept once: sandboxes and tasks, of which there is no end.
#[derive(Clone, Debug, Default)]
pub struct Passing(HashSet<Arc<str>>);

impl Passing {
    /// A word, for a row to keep.
    pub fn kept(&mut self, word: Option<&str>) -> Option<Arc<str>> {
        let word = word.filter(|word| !word.is_empty())?;
        if let Some(known) = self.0.get(word) {
            return Some(known.clone());
        }
        let word: Arc<str> = Arc::from(word);
        self.0.insert(word.clone());
        Some(word)
    }

    /// A row says it no more; the last one takes it along.
    pub fn let_go(&mut self, word: Option<Arc<str>>) {
        // Two hold it then: this set, and who calls.
        if let Some(word) = word.filter(|word| Arc::strong_count(word) <= 2) {
            self.0.remove(&word);
        }
    }
}

impl Name {
    /// Whether there is a word at all.
    pub fn is_some(self) -> bool {
        self.0 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passing_word_is_kept_once_and_goes_with_the_last_that_says_it() {
        let mut words = Passing::default();
        let (one, other) = (words.kept(Some("s1")), words.kept(Some("s1")));
        assert!(Arc::ptr_eq(one.as_ref().unwrap(), other.as_ref().unwrap()));
        words.let_go(one);
        assert_eq!(words.0.len(), 1);
        words.let_go(other);
        assert_eq!((words.0.len(), words.kept(Some("")), words.kept(None)), (0, None, None));
    }
}
