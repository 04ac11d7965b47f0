//! Bytes to whole documents, for the importers of profiles.

use super::draft::Draft;
use super::{ImportError, Imported, Other, Source};

/// A larger text is no profile.
const MAX_DOCUMENT: usize = 4 << 20;

/// What a document of one format means.
pub(super) trait Form {
    /// Whether what looks like another format may be of this one.
    fn takes(&self, _: Other) -> bool {
        false
    }
    /// Reads a document.
    fn read(&mut self, text: &str, draft: &mut Draft);
}

/// Reads documents of one format.
pub(super) struct Documents<F> {
    form: F,
    draft: Draft,
    text: Vec<u8>,
    large: bool,
}

impl<F: Form> Documents<F> {
    /// A reader of documents of this form.
    pub(super) fn new(form: F, draft: Draft) -> Self {
        Self { form, draft, text: Vec::new(), large: false }
    }
}

impl<F: Form> Source for Documents<F> {
    fn begin(&mut self, file: &str, _: Option<u32>) {
        self.draft.begin(file);
    }

    fn feed(&mut self, bytes: &[u8]) {
        self.draft.take(bytes);
        let room = MAX_DOCUMENT.saturating_sub(self.text.len());
        self.large |= bytes.len() > room;
        self.text.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn end(&mut self) {
        let bytes = std::mem::take(&mut self.text);
        // What Windows writes before UTF-8 is no part of the text.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        if self.large {
            return self.draft.invalid(format!("larger than {} MiB: no profile", MAX_DOCUMENT >> 20));
        }
        // What looks like something else gets an error that says so, rather than one about commas.
        if self.draft.other().is_some_and(|other| !self.form.takes(other)) {
            return self.draft.not_this();
        }
        match std::str::from_utf8(bytes) {
            Ok(text) if text.trim().is_empty() => {}
            Ok(text) => self.form.read(text, &mut self.draft),
            Err(error) => self.draft.invalid(format!("not UTF-8 text (byte {})", error.valid_up_to())),
        }
    }

    fn finish(self: Box<Self>) -> Result<Imported, ImportError> {
        self.draft.finish()
    }
}
